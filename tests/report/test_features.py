"""Simple features: known numbers of known objects, gaps as NaN, and nothing learnt from other objects."""

from __future__ import annotations

import numpy as np
import pytest

from starbolt.archives import Dense, Ragged
from starbolt.data.sources import Source
from starbolt.report.features import simple_features
from starbolt.store.store import Modality


def dense(kind: str, x: np.ndarray) -> Source:
    channels = tuple(f"c{i}" for i in range(x.shape[1]))
    return Source(Modality(kind, channels, ("",) * len(channels), x.shape[1:], False, Dense(x.astype("f4"))))


def series(times: list[np.ndarray], values: list[np.ndarray]) -> Source:
    offsets = np.cumsum([0] + [len(t) for t in times])
    ragged = Ragged(offsets, np.concatenate(times).astype("f8"), np.concatenate(values).astype("f4")[:, None])
    return Source(Modality("series", ("v",), ("mag",), (1, max(map(len, times))), True, ragged))


def test_table_gives_its_columns_and_says_what_is_missing() -> None:
    source = dense("table", np.array([[1.0, 2.0], [3.0, np.nan]]))
    np.testing.assert_equal(simple_features(source, np.array([1, 0])), [[3, np.nan, 0, 1], [1, 2, 0, 0]])


def test_image_blocks_stand_where_the_source_stands() -> None:
    image = np.random.default_rng(0).normal(size=(1, 1, 32, 32))
    image[0, 0, 8:12, 20:24] += 100
    blocks = simple_features(dense("image", image), np.array([0]))[0, :64].reshape(8, 8)
    assert np.unravel_index(blocks.argmax(), (8, 8)) == (2, 5)


def test_image_blocks_do_not_depend_on_gain_or_sky_which_have_their_own_numbers() -> None:
    image = np.random.default_rng(0).normal(size=(1, 1, 16, 16))
    plain, changed = (simple_features(dense("image", x), np.array([0]))[0] for x in (image, 100 * image + 5000))
    np.testing.assert_allclose(plain[:64], changed[:64], atol=1e-3)
    assert changed[65] == pytest.approx(plain[65] + 2, abs=1e-3)  # the logarithm of the noise


def test_unmeasured_block_of_an_image_is_nan() -> None:
    image = np.random.default_rng(0).normal(size=(1, 1, 16, 16))
    image[0, 0, :2, :2] = np.nan
    assert np.flatnonzero(np.isnan(simple_features(dense("image", image), np.array([0]))[0])).tolist() == [0]


def test_series_numbers_are_those_of_numpy() -> None:
    random = np.random.default_rng(0)
    time, value = np.sort(random.uniform(0, 100, 50)), random.normal(18, 1, 50)
    features = simple_features(series([time], [value]), np.array([0]))[0]
    away = value - value.mean()
    skewness = (away**3).mean() / value.std() ** 3
    moments = [np.log10(51), value.mean(), value.std(), skewness, np.polyfit(time, value, 1)[0]]
    order = [value.min(), value.max(), *np.quantile(value, [0.05, 0.25, 0.5, 0.75, 0.95])]
    expected = [*moments, *order, 0.0, np.ptp(time), np.median(np.sort(np.diff(time))[:25])]
    np.testing.assert_allclose(features[:13], expected[:13], rtol=1e-4, atol=1e-4)
    assert features[13] == pytest.approx(np.ptp(time), rel=1e-5)
    assert np.diff(time).min() < features[14] < np.diff(time).max()


def test_series_features_do_not_depend_on_longer_neighbours() -> None:
    random = np.random.default_rng(0)
    times = [np.sort(random.uniform(0, 100, n)) for n in (5, 200)]
    source = series(times, [random.normal(size=len(t)) for t in times])
    together, alone = simple_features(source, np.array([0, 1])), simple_features(source, np.array([0]))
    np.testing.assert_allclose(together[0], alone[0], rtol=1e-6)
