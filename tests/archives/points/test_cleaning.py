"""The order of the steps: unusable points go first, nights are merged in time, bins in phase."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from starbolt.archives.points.cleaning import Cleaning
from starbolt.archives.points.folding import Folding
from starbolt.archives.points.measured import Points

NOBODY = pa.table({})


def points(time, value, err):
    return Points(np.zeros(len(time), int), np.array(time), np.array(value), np.zeros(len(time), int), np.array(err))


def test_unusable_points_are_counted_and_take_no_part_in_a_mean():
    cleaned, lost = Cleaning(nightly=True).clean(
        points([1.1, 1.2, 1.3], [4.0, 6.0, 99.0], [1.0, 1.0, 0.0]), NOBODY, "d"
    )
    assert lost == 1
    assert cleaned.value.tolist() == [5.0]


def test_nothing_asked_leaves_usable_points_as_they_are():
    cleaned, lost = Cleaning().clean(points([2.0, 1.0], [1.0, np.nan], [1.0, 1.0]), NOBODY, "d")
    assert (cleaned.time.tolist(), lost) == ([2.0], 1)


def test_nights_are_merged_before_the_fold_and_bins_after():
    observed = points([0.25, 0.75, 4.2], [1.0, 3.0, 7.0], [1.0, 1.0, 1.0])
    folded, _ = Cleaning(nightly=True, folding=Folding("P", 0.0)).clean(observed, pa.table({"P": [2.0]}), "d")
    np.testing.assert_allclose(folded.time, [0.25, 0.1])  # of the nights 0.5 and 4.2
    binned, _ = Cleaning(folding=Folding("P", 0.0), bin=0.25).clean(observed, pa.table({"P": [2.0]}), "d")
    np.testing.assert_allclose(binned.time, [(0.125 + 0.1) / 2, 0.375])
    np.testing.assert_allclose(binned.value, [4.0, 3.0])


def test_the_columns_of_the_fold_are_published():
    assert Cleaning(folding=Folding("P", "T0")).columns() == ["P", "T0"]
    assert Cleaning().columns() == []


@pytest.mark.parametrize("width", [0, -2.0])
def test_a_bin_needs_a_width(width):
    with pytest.raises(ValueError, match=r"is no width of a bin; give a positive number"):
        Cleaning(bin=width)
