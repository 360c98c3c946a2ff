"""Columns play their roles: bands from a column or from columns of their own, conditions on each."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from starbolt.archives.points.observations import Observations, in_order, recoded
from starbolt.archives.reading.conditions import terms

WIDE = pa.table(
    {"t": [1.0, 2.0], "g": [10.0, None], "r": [20.0, 21.0], "dg": [0.1, 0.2], "dr": [0.3, 0.4], "air": [1.0, 3.0]}
)
ROLES = Observations("t", {"g": "g", "r": "r"}, {"g": "dg", "r": "dr"})


def test_a_wide_table_has_a_point_per_row_and_band():
    points, bands, _ = ROLES.read(WIDE, "wide")
    assert bands == ["g", "r"]
    assert ROLES.channels(bands) == ("g", "r")
    np.testing.assert_array_equal(points.value, [10, np.nan, 20, 21])
    np.testing.assert_array_equal(points.err, [0.1, 0.2, 0.3, 0.4])
    assert points.band.tolist() == [0, 0, 1, 1]
    assert points.owner.tolist() == [0, 1, 0, 1]


def test_a_condition_on_one_bands_column_leaves_the_others():
    roles = Observations("t", {"g": "g", "r": "r"}, {"g": "dg", "r": "dr"}, terms=terms("dr > 0.35 & air < 5"))
    assert roles.read(WIDE, "wide")[0].value[[0, 2]].tolist() == [10, 21]


def test_bands_of_any_type_are_named_and_missing_ones_are_marked():
    table = pa.table({"t": [1, 2, 3], "v": [1, 2, 3], "f": pa.array([2.0, None, 1.0])})
    points, bands, _ = Observations("t", "v", band="f").read(table, "long")
    assert recoded(points, bands, ["1", "2"]).band.tolist() == [1, -1, 0]
    assert recoded(points, bands, ["1"]).band.tolist() == [-1, -1, 0]


def test_bands_sort_as_numbers_where_they_are():
    assert in_order({"10", "9"}) == ["9", "10"]
    assert in_order({"r", "g", "10"}) == ["10", "g", "r"]


def test_roles_that_disagree_on_the_bands_are_refused():
    with pytest.raises(ValueError, match=r"data.time has the bands \['g'\], data.value \['g', 'r'\]"):
        Observations({"g": "t"}, {"g": "g", "r": "r"})


def test_bands_that_configuration_reads_as_numbers_are_names():
    points, bands, _ = Observations("t", {1: "g", 2: "r"}).read(WIDE, "wide")
    assert bands == ["1", "2"]
    np.testing.assert_array_equal(points.value, [10, np.nan, 20, 21])
