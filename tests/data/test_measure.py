"""Only training rows are measured, and NaN is nothing."""

import numpy as np
import pytest

from starbolt.archives import Dense, Ragged
from starbolt.data import measure
from starbolt.data.measure import measure_input, measure_target, transformed
from starbolt.store.store import Modality


def table(x, err=None, names=None):
    names = names or tuple(f"c{i}" for i in range(x.shape[1]))
    return Modality("table", names, ("mag",) * x.shape[1], x.shape[1:], False, Dense(x, err))


def images(x, err=None):
    return Modality("image", ("g",) * x.shape[1], ("",) * x.shape[1], x.shape[1:], False, Dense(x, err))


def series(lengths, time, x, err=None):
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    data = Ragged(offsets, np.asarray(time, float), np.asarray(x, np.float32), err)
    return Modality("series", ("b",), ("mag",), (1, max(lengths)), False, data)


def gaussian(*shape, seed=0):
    return np.random.default_rng(seed).normal(5, 2, shape).astype(np.float32)


@pytest.mark.parametrize("kind", ["table", "image", "series"])
def test_other_rows_change_nothing(kind):
    train = np.arange(0, 40, 2)
    make = {
        "table": lambda x: table(x[:, :, 0, 0], np.abs(x[:, :, 0, 0])),
        "image": lambda x: images(x, np.abs(x)),
        "series": lambda x: series([3] * 40, np.cumsum(np.abs(x[:, 0].ravel()[:120])), x[:, 1].ravel()[:120, None]),
    }[kind]
    x = gaussian(40, 2, 3, 3)
    before = measure_input(make(x), train, asinh=("c0", "g", "b"))
    if kind == "series":
        loud = make(x)
        for row in range(1, 40, 2):
            loud.data.x[3 * row : 3 * row + 3], loud.data.time[3 * row : 3 * row + 3] = 1e30, [0, 1e9, 2e9]
    else:
        x[1::2] = 1e30
        loud = make(x)
    assert measure_input(loud, train, asinh=("c0", "g", "b")) == before
    assert measure_input(loud, np.arange(40)) != before  # so the line above can fail


def test_mean_spread_and_missing_ignore_nan():
    x = gaussian(1000, 2)
    x[::4, 1] = np.nan
    found = measure_input(table(x), np.arange(1000))
    assert found.mean == pytest.approx(np.nanmean(x, 0), rel=1e-5)
    assert found.spread == pytest.approx(np.nanstd(x, 0), rel=1e-5)
    assert found.missing == (0, 0.25)
    assert (found.kind, found.shape, found.units, found.scaling) == ("table", (2,), ("mag", "mag"), "global")


def test_transformed_channels_are_measured_transformed():
    x = 10 ** gaussian(500, 3)
    x[0, 0], x[1, 0] = 0, -1
    found = measure_input(table(x), np.arange(500), log=("c0",), asinh=("c1",))
    assert found.transform == ("log", "asinh", "linear")
    assert found.mean[0] == pytest.approx(np.log10(x[2:, 0].astype(float)).mean())
    assert found.missing[0] == pytest.approx(2 / 500)
    assert found.soft[0] == found.soft[2] == 1
    assert found.spread[1] == pytest.approx(np.arcsinh(x[:, 1] / found.soft[1]).std(), rel=1e-4)


def test_asinh_softens_at_the_median_error():
    x, err = gaussian(500, 1), np.full((500, 1), 0.25, np.float32)
    err[::3] = np.nan
    assert measure_input(table(x, err), np.arange(500), asinh=("c0",)).soft == (0.25,)


@pytest.mark.parametrize("kind", ["linear", "log", "asinh"])
def test_errors_are_measured_as_the_network_sees_them(kind):
    x, step = np.abs(gaussian(400, 1)) + 1, 1e-4
    err = np.full((400, 1), 0.1, np.float32)
    err[0], err[1] = np.inf, 0
    options = {} if kind == "linear" else {kind: ("c0",)}
    found = measure_input(table(x, err), np.arange(400), **options)
    wide = x[2:, 0].astype(float)
    slope = (transformed(wide + step, kind, found.soft[0]) - transformed(wide - step, kind, found.soft[0])) / (2 * step)
    assert found.err_mean[0] == pytest.approx(np.log10(0.1 * np.abs(slope)).mean(), abs=1e-4)
    assert np.isfinite(found.err_spread[0])


@pytest.mark.parametrize("value", [0.1, 2.4e6, 0.0, -7.3])
def test_a_constant_channel_has_spread_one(value):
    """0.1 a thousand times has a standard deviation of 1e-17, which would blow the next value up."""
    x = np.full((1000, 1), value)
    assert measure_input(table(x), np.arange(1000)).spread == (1.0,)
    assert measure_target(("z",), ("",), (), x.astype(np.float32)).spread == (1.0,)


def test_an_unmeasured_channel_is_refused():
    x = gaussian(10, 2)
    x[:5, 1] = np.nan
    with pytest.raises(ValueError, match=r"'c1' is unmeasured.*data\.exclude=\[c1\]"):
        measure_input(table(x), np.arange(5))


def test_series_have_a_time_channel_first():
    found = measure_input(series([3, 2], [10, 11, 14, 50, 52], [[1], [2], [3], [4], [np.nan]]), np.arange(2))
    assert found.channels == ("time", "b")
    assert found.units == ("d", "mag")
    assert found.shape == (2, 3)
    assert found.mean == (pytest.approx((0 + 1 + 4 + 0 + 2) / 5), pytest.approx(2.5))
    assert found.soft[0] == pytest.approx(2)  # median of 1, 3, 2
    assert found.missing == (0, 0.2)


def test_an_empty_series_has_no_time():
    found = measure_input(series([0, 3, 0], [1, 2, 3], [[1], [2], [3]]), np.arange(3))
    assert found.mean[0] == 1


def test_large_images_are_measured_in_little_memory(monkeypatch):
    x = gaussian(50, 1, 8, 8)
    whole = measure_input(images(x), np.arange(50))
    monkeypatch.setattr(measure, "NUMBERS", 64 * 10)
    seen = []
    monkeypatch.setattr(
        measure, "_pixels", lambda data, rows: (seen.append(len(rows)), (x[rows].reshape(-1, 1), None))[1]
    )
    few = measure_input(images(x), np.arange(50))
    assert seen == [10]
    assert few.mean == pytest.approx(whole.mean, rel=0.1)


def test_targets_are_counted_or_measured():
    classes = measure_target(("t",), ("",), ("a", "b"), np.array([0, 1, 1]))
    assert classes.counts == (1, 2)
    with pytest.raises(ValueError, match=r"class 'b' has no training row.*data\.min_count="):
        measure_target(("t",), ("",), ("a", "b", "c"), np.array([0, 0, 2]))
    y = np.array([[1, -1], [10, 1], [100, np.nan]], np.float32)
    found = measure_target(("p", "q"), ("", ""), (), y)
    assert found.mean == (pytest.approx(37), 0)
    assert found.log_mean[0] == pytest.approx(1)
    assert found.log_spread[0] == pytest.approx(np.std([0, 1, 2]))
    assert np.isnan(found.log_mean[1])


def test_an_unknown_target_is_not_a_negative_one():
    y = np.array([[1.0], [np.nan], [100.0]], np.float32)
    assert measure_target(("p",), ("",), (), y).log_mean == (pytest.approx(1),)
