"""On four real, public sets the audit raises no false alarm. Skipped where $STARBOLT_DATA is unset."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hydra.utils import get_object

from starbolt import build
from starbolt.compose import compose
from starbolt.data.audit import Audit

EXAMPLE = Path(__file__).parents[2] / "examples" / "ztf_alerts"
pytestmark = pytest.mark.skipif("STARBOLT_DATA" not in os.environ, reason="$STARBOLT_DATA is unset")


def findings(words, **options):
    cfg = compose(words)
    data = build.data(cfg)
    data.open(get_object(cfg.task._target_).target)
    return {finding.name: finding for finding in Audit(**options)(data).findings}


@pytest.mark.parametrize("experiment", ["sdss_photoz_errors", "efigi_class", "efigi_type", "eros1", "eros1_fused"])
def test_no_false_alarm(experiment):
    assert findings([f"experiment={experiment}"]) == {}


def test_alerts_of_one_object_are_one_group_and_without_it_they_leak(monkeypatch):
    monkeypatch.chdir(EXAMPLE)
    monkeypatch.syspath_prepend(str(EXAMPLE))
    place = ["experiment=rb", "+data.ra=ra", "+data.dec=dec"]
    assert findings(place) == {}
    assert findings([*place, "data.group=null"], radius=1.5)["positions"].count > 5


def test_a_redshift_among_the_features_is_found():
    features = "data.features=[u,g,r,i,z,zs]"
    assert findings(["experiment=sdss_photoz", features])["target"].offenders == (("table: zs (R2 1.0000)",),)
