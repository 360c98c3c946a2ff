"""Whatever the lengths, the order and the gaps: a gathered batch holds what each object holds alone."""

from __future__ import annotations

import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from starbolt.archives import Dense, Ragged
from starbolt.data.sources import Source
from starbolt.store.store import Modality


@st.composite
def ragged(draw):
    """(Source, rows): up to 8 series of 0 to 12 points in up to 3 channels, and some rows, repeated or not."""
    lengths = draw(st.lists(st.integers(0, 12), min_size=1, max_size=8))
    channels, seed = draw(st.integers(1, 3)), draw(st.integers(0, 10_000))
    random, points = np.random.default_rng(seed), sum(lengths)
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    time = np.concatenate([[], *(np.sort(random.uniform(5e4, 6e4, n)) for n in lengths)])
    x = random.normal(size=(points, channels)).astype(np.float32)
    x[random.random(x.shape) < 0.3] = np.nan
    err = random.uniform(0.1, 1, x.shape).astype(np.float32) if draw(st.booleans()) else None
    limit = random.random(x.shape) < 0.2 if draw(st.booleans()) else None
    names = tuple(f"b{i}" for i in range(channels))
    shape = (channels, max(lengths))
    modality = Modality("series", names, ("",) * channels, shape, False, Ragged(offsets, time, x, err, limit))
    rows = draw(st.lists(st.integers(0, len(lengths) - 1), min_size=1, max_size=6))
    return Source(modality), torch.tensor(rows)


@settings(max_examples=200, deadline=None)
@given(ragged())
def test_a_ragged_gather_is_what_each_series_is(case):
    source, rows = case
    block, data = source.gather(rows), source.modality.data
    for i, row in enumerate(rows.tolist()):
        a, b = data.offsets[row], data.offsets[row + 1]
        assert block.length[i] == b - a
        x = data.x[a:b].T
        np.testing.assert_array_equal(block.mask[i, 1:, : b - a], np.isfinite(x))
        np.testing.assert_array_equal(block.x[i, 1:, : b - a], np.nan_to_num(x, nan=0.0))
        np.testing.assert_array_equal(
            block.x[i, 0, : b - a], (data.time[a:b] - data.time[a : a + 1]).astype(np.float32)
        )
        assert not block.mask[i, :, b - a :].any()
        assert not block.x[i, :, b - a :].any()
        if data.err is not None:
            np.testing.assert_array_equal(block.err[i, 1:, : b - a], np.where(np.isfinite(x), data.err[a:b].T, 0))
        if data.limit is not None:
            np.testing.assert_array_equal(block.limit[i, 1:, : b - a], data.limit[a:b].T & np.isfinite(x))


@settings(max_examples=100, deadline=None)
@given(ragged())
def test_a_series_among_others_is_the_series_alone(case):
    source, rows = case
    together = source.gather(rows)
    for i, row in enumerate(rows):
        alone = source.gather(row[None])
        n = int(alone.length[0])
        for plane, own in zip(together[:4], alone[:4], strict=True):
            if plane is not None:
                assert torch.equal(plane[i, :, :n], own[0, :, :n])


@settings(max_examples=100, deadline=None)
@given(st.integers(1, 30), st.integers(1, 4), st.integers(0, 10_000), st.booleans())
def test_a_dense_gather_is_what_each_row_is(count, channels, seed, absent):
    random = np.random.default_rng(seed)
    x = random.normal(size=(count, channels, 3, 2)).astype(np.float16)
    x[random.random(x.shape) < 0.2] = np.nan
    names = tuple(f"b{i}" for i in range(channels))
    places = random.permutation(count) if not absent else random.integers(-1, count, count)
    modality = Modality("image", names, ("",) * channels, x.shape[1:], False, Dense(x))
    rows = torch.from_numpy(random.integers(0, count, 7))
    block = Source(modality, rows=places.astype(np.int64)).gather(rows)
    for i, place in enumerate(places[rows.numpy()]):
        wanted = x[place] if place >= 0 else np.full(x.shape[1:], np.nan)
        np.testing.assert_array_equal(block.x[i], np.nan_to_num(wanted, nan=0.0).astype(np.float32))
        np.testing.assert_array_equal(block.mask[i], np.isfinite(wanted))
