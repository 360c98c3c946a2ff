"""Only training rows are measured, and NaN is nothing."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from astropy.visualization import ZScaleInterval

from starbolt.archives import Dense, Ragged
from starbolt.data import measure, transforms
from starbolt.data.measure import measure_input, measure_target, rows_digest
from starbolt.data.transforms import transformed
from starbolt.store.store import Modality
from starbolt.stretch import stretched


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


def test_the_rows_measured_are_known_by_their_digest():
    x = gaussian(40, 2)
    found = measure_input(table(x), np.array([5, 3, 8]))
    assert found.measured == rows_digest(np.array([3, 5, 8])) != rows_digest(np.array([3, 5, 9]))
    assert len(found.measured) == 16


def test_a_wavelength_is_absolute_and_has_its_own_name_and_unit():
    modality = series([3, 2], [4000, 5000, 6000, 4100, 7000], [[1], [2], [3], [4], [5]])
    found = measure_input(replace(modality, axis="wavelength", axis_unit="Angstrom"), np.arange(2))
    assert (found.axis, found.channels[0], found.units[0]) == ("wavelength", "wavelength", "Angstrom")
    assert found.mean[0] == pytest.approx(5220)
    assert measure_input(modality, np.arange(2)).mean[0] == pytest.approx((0 + 1000 + 2000 + 0 + 2900) / 5)


@pytest.mark.parametrize("stretch", ["asinh", "log", "zscale"])
def test_the_constants_of_a_stretch_are_those_of_the_training_pixels(stretch):
    x = gaussian(30, 2, 8, 8)
    x[20:] = 1e6
    x[3, 0, :4] = np.nan
    found = measure_input(images(x), np.arange(20), stretch=stretch)
    for channel in range(2):
        seen = x[:20, channel][np.isfinite(x[:20, channel])].astype(float)
        middle = np.median(seen)
        wanted = [middle, 1.4826 * np.median(np.abs(seen - middle))]
        if stretch == "zscale":
            low, high = ZScaleInterval(n_samples=transforms.SAMPLE).get_limits(x[:20, channel].ravel())
            wanted = [low, high - low]
        assert [found.zero[channel], found.soft[channel]] == pytest.approx(wanted, rel=1e-5)
        made = stretched(torch.from_numpy(seen), stretch, *wanted)[0]
        assert found.mean[channel] == pytest.approx(float(made.mean()), abs=1e-5)
        assert found.spread[channel] == pytest.approx(float(made.std(correction=0)), rel=1e-4)
    assert (found.stretch, found.transform) == (stretch, ("linear", "linear"))


def test_zscale_looks_at_more_than_one_corner_of_the_images(monkeypatch):
    """Every 64th pixel of 8x8 images would be the first of each."""
    monkeypatch.setattr(transforms, "SAMPLE", 100)
    x = gaussian(100, 1, 8, 8)
    x[:, 0, 0, 0] = 0
    found = measure_input(images(x), np.arange(100), stretch="zscale")
    assert found.soft[0] > 1


def test_errors_are_measured_stretched():
    x = gaussian(20, 1, 5, 5)
    found = measure_input(images(x, np.full_like(x, 0.1)), np.arange(20), stretch="asinh")
    slope = stretched(torch.from_numpy(x.astype(float)), "asinh", found.zero[0], found.soft[0])[1]
    assert found.err_mean[0] == pytest.approx(float((0.1 * slope).log10().mean()), abs=1e-5)


def test_a_channel_with_a_word_of_its_own_is_not_stretched():
    x = np.abs(gaussian(20, 1, 5, 5)) + 1
    plain, mixed = (measure_input(images(x), np.arange(20), log=("g",), stretch=word) for word in ("linear", "zscale"))
    assert (plain.mean, plain.soft, plain.zero) == (mixed.mean, mixed.soft, mixed.zero)


def test_a_column_that_float32_would_blur_is_refused():
    days = 2_459_000.5 + np.random.default_rng(0).uniform(0, 1, (50, 1))
    with pytest.raises(ValueError, match=r"column 'c0' \(about 2459001.* too coarse in float32.*data\.context="):
        measure_input(table(days), np.arange(50))
    assert measure_input(table(days - 2_459_000), np.arange(50)).spread[0] > 0.1


def test_pixel_scale_and_zero_point_are_kept():
    found = measure_input(replace(images(gaussian(4, 1, 3, 3)), pixel_scale=0.2, zero_point=27.0), np.arange(4))
    assert (found.pixel_scale, found.zero_point) == (0.2, 27.0)
