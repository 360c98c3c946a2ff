"""Equal rows and series are copies only where chance would hardly make them."""

from __future__ import annotations

import numpy as np
import pytest

from starbolt.archives import Dense, Ragged
from starbolt.data.audit.copies import hashed_series, rows, series
from starbolt.data.audit.sides import Sides
from starbolt.data.sources import Source
from starbolt.store.store import Modality


def sides(n):
    part = (np.arange(n) >= n - n // 4).astype(np.int8)
    return Sides(np.arange(n), part, ("train", "test"), np.arange(n).astype(str))


def table(x, places=None):
    channels = tuple(map(str, range(x.shape[1])))
    return Source(Modality("table", channels, channels, x.shape[1:], False, Dense(x)), places)


def curves(lengths, values):
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    data = Ragged(offsets, np.arange(len(values)) * 1.0, values.astype(np.float32))
    return Source(Modality("series", ("r",), ("mag",), (1, max(lengths)), False, data))


def magnitudes(n, decimals):
    """Five correlated magnitudes and their colours, as catalogues print them."""
    random = np.random.default_rng(0)
    mags = random.normal(17, 1, (n, 1)) + random.normal(0, 0.3, (n, 5))
    mags = mags.round(decimals)
    return np.concatenate([mags, -np.diff(mags, axis=1)], 1).astype(np.float32)


@pytest.mark.parametrize("decimals", [5, 2])
def test_a_copied_row_among_magnitudes_is_found(decimals):
    x = magnitudes(2000, decimals)
    assert rows(sides(2000), "table", table(x)) is None
    x[1900] = x[3]
    assert rows(sides(2000), "table", table(x)).offenders == (("3 (train)", "1900 (test)"),)


def test_a_table_of_flags_and_codes_has_equal_rows_by_nature():
    random = np.random.default_rng(0)
    x = random.integers(0, 4, (2000, 6)).astype(np.float32)
    x = np.concatenate([x, x[:, :3] > 1], 1)  # that go together
    assert len(sides(2000).shared(np.unique(x, axis=0, return_inverse=True)[1].ravel())) > 100
    assert rows(sides(2000), "table", table(x)) is None


def test_unmeasured_rows_and_absent_objects_have_no_copies():
    x = magnitudes(400, 5)
    x[::3] = np.nan
    places = np.where(np.arange(400) % 2, np.arange(400), -1)
    assert rows(sides(400), "table", table(x)) is None
    assert rows(sides(400), "table", table(x, places)) is None


def test_a_copy_with_the_same_gaps_is_found():
    x = magnitudes(400, 5)
    x[7, :4] = np.nan
    x[390] = x[7]
    assert rows(sides(400), "table", table(x)).count == 1


def test_series_are_hashed_by_their_values_in_order():
    values = np.array([[1.0], [2], [3], [3], [2], [1], [1], [2], [3], [1], [2]])
    first, second, third, empty, fourth = hashed_series(curves([3, 3, 3, 0, 2], values).modality.data)
    assert first == third
    assert len({int(h) for h in (first, second, fourth, empty)}) == 4


def test_short_and_coarse_series_are_equal_by_nature():
    random = np.random.default_rng(0)
    short = curves([2] * 400, random.normal(18, 1, (800, 1)).round(1))
    assert series(sides(400), "series", short) is None
    values = random.normal(18, 1, (4000, 1)).round(2)
    values[3900:3910] = values[30:40]
    assert series(sides(400), "series", curves([10] * 400, values)).offenders == (("3 (train)", "390 (test)"),)
