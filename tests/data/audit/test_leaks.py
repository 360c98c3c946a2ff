"""How well one feature alone tells the target: measured as others measure it, and only where objects are enough."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from starbolt.contract import TargetSpec
from starbolt.data.audit.leaks import class_areas, told

CLASSES = TargetSpec(("kind",), classes=("a", "b"), counts=(1, 1))
QUANTITY = TargetSpec(("z",))


def test_the_area_is_the_usual_one_in_either_direction():
    random = np.random.default_rng(0)
    y = random.integers(0, 2, 3000)
    x = (random.normal(size=3000) + 2.66 * y).round(1)
    expected = roc_auc_score(y, x)
    assert expected == pytest.approx(0.97, abs=0.01)
    for sign in (1, -1):
        assert told(sign * x, y, CLASSES) == pytest.approx(expected, abs=1e-3)


def test_classes_that_alternate_along_a_feature_are_told_by_its_neighbours():
    x = np.random.default_rng(0).permutation(np.linspace(0, 6, 3000))
    assert told(x, np.floor(x).astype(int) % 2, CLASSES) > 0.995


def test_each_class_must_be_told():
    y = np.arange(900) % 3
    areas = class_areas((y == 1) * 1.0, y, 3)
    assert areas[1] == 1
    assert min(areas.values()) < 0.8


def test_a_rare_class_is_left_aside():
    y = np.where(np.arange(1000) < 5, 2, np.arange(1000) % 2)
    assert len(class_areas(np.random.default_rng(0).normal(size=1000), y, 3)) == 2


@pytest.mark.parametrize("share", [0.5, 0.9, 0.99])
def test_r2_is_that_of_the_smooth_part(share):
    random = np.random.default_rng(0)
    x = random.normal(size=10_000)
    y = np.sqrt(share) * x + np.sqrt(1 - share) * random.normal(size=10_000)
    assert told(x, y[:, None], QUANTITY) == pytest.approx(share, abs=0.03)


@pytest.mark.parametrize("copy", [lambda z: 3 * z - 1, np.exp, lambda z: -np.log(z - z.min() + 1)])
def test_any_smooth_copy_of_a_quantity_is_told(copy):
    z = np.random.default_rng(0).lognormal(size=3000)
    assert told(copy(np.minimum(z, 20)), z[:, None], QUANTITY) > 0.995


def test_what_is_constant_unknown_or_of_few_objects_tells_nothing():
    y = np.arange(100.0)[:, None]
    assert told(np.full(30, 1.0), y[:30], QUANTITY) == 0
    assert told(np.full(100, np.nan), y, QUANTITY) == 0
    shuffled = np.random.default_rng(0).permutation(y)
    assert told(np.ones(100), shuffled, QUANTITY) < 0.5
