"""Points in any order become series sorted in time; rows of series can be taken in any order."""

from __future__ import annotations

import numpy as np

from starbolt.archives.points.measured import Points, joined, picked, to_series

RNG = np.random.default_rng(0)
POINTS = Points(
    RNG.integers(0, 5, 200),
    RNG.uniform(0, 9, 200),
    RNG.normal(size=200),
    RNG.integers(0, 3, 200),
    RNG.uniform(1, 2, 200),
)


def test_each_point_stands_once_in_its_object_band_and_place():
    series = to_series(POINTS, 6, 3)
    assert series.offsets[-1] == 200
    assert series.offsets[5] == series.offsets[6]
    for i in range(5):
        mine = slice(*series.offsets[i : i + 2])
        own = POINTS.pick(POINTS.owner == i).pick(np.argsort(POINTS.time[POINTS.owner == i]))
        np.testing.assert_array_equal(series.time[mine], own.time)
        rows = np.arange(len(own.time))
        np.testing.assert_array_equal(series.x[mine][rows, own.band], own.value.astype(np.float32))
        np.testing.assert_array_equal(np.isfinite(series.x[mine]).sum(1), 1)
        np.testing.assert_array_equal(series.err[mine][rows, own.band], own.err.astype(np.float32))


def test_two_halves_joined_are_the_whole():
    first = np.arange(200) < 77
    whole = joined([POINTS.pick(first), POINTS.pick(~first)])
    np.testing.assert_array_equal(to_series(whole, 5, 3).x, to_series(POINTS, 5, 3).x)


def test_rows_are_taken_in_the_order_asked_for():
    series = to_series(POINTS, 6, 3)
    some = picked(series, np.array([4, 5, 1]))
    assert np.diff(some.offsets).tolist() == np.diff(series.offsets)[[4, 5, 1]].tolist()
    np.testing.assert_array_equal(some.time[: some.offsets[1]], series.time[slice(*series.offsets[4:6])])
    np.testing.assert_array_equal(some.x[some.offsets[2] :], series.x[slice(*series.offsets[1:3])])


def test_usable_points_have_finite_numbers_and_a_positive_error():
    nan, inf = np.nan, np.inf
    points = Points(
        np.zeros(6),
        np.array([1, nan, 1, 1, 1, 1]),
        np.array([1, 1, inf, 1, 1, 1]),
        np.zeros(6),
        np.array([1, 1, 1, 0, nan, nan]),
        np.array([0, 0, 0, 0, 0, 1], bool),
    )
    assert points.usable().tolist() == [True, False, False, False, False, True]
