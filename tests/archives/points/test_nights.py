"""Merging by nights and by bins of any width, worked by hand."""

from __future__ import annotations

import numpy as np

from starbolt.archives.points.measured import Points
from starbolt.archives.points.nights import merge_bins


def points(time, value, err=None, limit=None, band=None):
    count = len(time)
    return Points(
        np.zeros(count, np.int64),
        np.array(time),
        np.array(value, float),
        np.zeros(count, np.int64) if band is None else np.array(band),
        None if err is None else np.array(err, float),
        None if limit is None else np.array(limit, bool),
    )


def test_values_are_weighted_by_inverse_variance():
    merged = merge_bins(points([100.0, 100.5, 101.2], [10, 16, 5], [1, 2, 3]), 1.0)
    np.testing.assert_allclose(merged.value, [(10 + 16 / 4) / 1.25, 5])
    np.testing.assert_allclose(merged.err, [1 / np.sqrt(1.25), 3])
    np.testing.assert_allclose(merged.time, [100.25, 101.2])


def test_without_errors_it_is_the_plain_mean():
    merged = merge_bins(points([1.1, 1.3, 1.5], [1, 2, 6]), 1.0)
    assert merged.value.tolist() == [3.0]
    assert merged.err is None


def test_the_night_breaks_where_the_shift_says():
    assert len(merge_bins(points([1.4, 1.6], [0, 0]), 1.0, 0.5).time) == 2
    assert len(merge_bins(points([1.6, 2.4], [0, 0]), 1.0, 0.5).time) == 1


def test_the_bands_of_a_night_share_its_mean_time():
    merged = merge_bins(points([7.0, 7.2, 7.7], [1, 2, 3], band=[1, 0, 1]), 1.0)
    np.testing.assert_allclose(merged.time, [7.3, 7.3])
    assert merged.band.tolist() == [0, 1]
    assert merged.value.tolist() == [2.0, 2.0]
    assert merged.time[0] == merged.time[1]


def test_limits_count_only_where_nothing_was_measured():
    merged = merge_bins(points([1.0, 1.1, 2.0, 2.1], [20, 15, 21, 22], [np.nan, 1, np.nan, np.nan], [1, 0, 1, 1]), 1.0)
    assert merged.limit is not None
    assert merged.err is not None
    assert merged.value.tolist() == [15.0, 21.5]
    assert merged.limit.tolist() == [0, 1]
    assert merged.err[0] == 1
    assert np.isnan(merged.err[1])


def test_bins_of_any_width_keep_their_own_edges():
    merged = merge_bins(points([3600.0, 3601.9, 3602.0, 3605.5], [1, 3, 7, 9], [1, 1, 1, 2]), 2.0)
    np.testing.assert_allclose(merged.time, [3600.95, 3602.0, 3605.5])
    np.testing.assert_allclose(merged.value, [2, 7, 9])
    np.testing.assert_allclose(merged.err, [np.sqrt(0.5), 1, 2])


def test_merging_does_not_depend_on_the_unit_of_time():
    time, value, err = [10.1, 10.2, 11.4, 11.45], [1, 2, 3, 4], [1, 2, 1, 3]
    days, seconds = (merge_bins(points(np.array(time) * k, value, err), k) for k in (1.0, 86400.0))
    np.testing.assert_allclose(days.time * 86400, seconds.time)
    np.testing.assert_allclose(days.value, seconds.value)


def test_no_points_stay_no_points():
    assert len(merge_bins(points([], []), 1.0).time) == 0
