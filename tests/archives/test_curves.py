"""One file per object: found below the root of its part, read by its own column names."""

from __future__ import annotations

import pyarrow as pa
import pytest

from starbolt.archives.base import PART
from starbolt.archives.conditions import terms
from starbolt.archives.curves import Curves
from starbolt.archives.matching import Named
from starbolt.archives.observations import Observations


@pytest.fixture
def curves(tmp_path):
    for part in ("train", "test"):
        (tmp_path / part).mkdir()
        (tmp_path / part / "s1.dat").write_text(f"1.0 10.0 0.1 g\n2.0 {11 if part == 'train' else 12}.0 0.5 r\n")
    roots = {part: str(tmp_path / part) for part in ("train", "test")}
    return Curves("{star}.dat", roots, ["t", "v", "e", "f"], None, Observations("t", "v", "e", band="f"))


def test_the_part_says_which_root(curves):
    assert curves.points({"star": "s1"}, ["g", "r"], all_bands=True).value.tolist() == [10, 11]
    assert curves.points({"star": "s1", PART: "test"}, ["g", "r"], all_bands=True).value.tolist() == [10, 12]


def test_conditions_on_the_files_columns_are_taken_on(curves):
    objects = Named(pa.table({"star": ["s1"], "kind": ["a"]}), "cat")
    curves.ask(terms("kind == 'a' & e < 0.2"), objects, *curves.look(objects))
    assert curves.points({"star": "s1"}, ["g", "r"], all_bands=True).value.tolist() == [10]


def test_a_band_nobody_asked_for_is_marked_or_refused(curves):
    assert curves.points({"star": "s1"}, ["g"], all_bands=False).band.tolist() == [0, -1]
    with pytest.raises(ValueError, match=r"s1\.dat has band 'r'.*data\.bands=\[g,r\]"):
        curves.points({"star": "s1"}, ["g"], all_bands=True)
