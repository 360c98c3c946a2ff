"""Gathered whole is what each object alone would give."""

import numpy as np
import pytest
import torch

from starbolt.archives import Dense, Ragged
from starbolt.contract import InputSpec
from starbolt.data.sources import Source
from starbolt.store.store import Modality


def light_curves(seed, n=20, bands=2):
    random = np.random.default_rng(seed)
    lengths = random.integers(0, 6, n)
    points = int(lengths.sum())
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    time = np.concatenate([np.sort(random.uniform(2.45e6, 2.46e6, k)) for k in lengths])
    x = random.normal(size=(points, bands)).astype(np.float32)
    x[random.random(x.shape) < 0.2] = np.nan
    err = random.uniform(0.1, 1, x.shape).astype(np.float32)
    err[random.random(x.shape) < 0.1] = np.nan
    data = Ragged(offsets, time, x, err, random.random(x.shape) < 0.3)
    return Source(Modality("series", ("b", "r")[:bands], ("",) * bands, (bands, 5), False, data))


def cutouts(dtype="f4", bad=None, n=6):
    x = (np.random.default_rng(0).normal(size=(n, 2, 3, 4)) * 50).astype(dtype)
    if bad is not None:
        x[1, 0, 0, 0] = bad
    complete = x.dtype.kind != "f" or bool(np.isfinite(x).all())
    return Source(Modality("image", ("g", "r"), ("", ""), (2, 3, 4), complete, Dense(x)))


@pytest.mark.parametrize("seed", range(8))
def test_series_gathered_together_are_those_gathered_alone(seed):
    source = light_curves(seed)
    rows = torch.from_numpy(np.random.default_rng(seed).integers(0, 20, 9))
    block = source.gather(rows)
    for i, row in enumerate(rows):
        alone = source.gather(row[None])
        steps = int(alone.length)
        assert int(block.length[i]) == steps
        for name in ("x", "mask", "err", "limit"):
            plane, single = getattr(block, name)[i], getattr(alone, name)[0]
            assert torch.equal(plane[:, :steps], single[:, :steps]), name
            assert not plane[:, steps:].any(), f"{name} of the padding is not zero"


@pytest.mark.parametrize("seed", range(4))
def test_series_are_the_stored_numbers(seed):
    source = light_curves(seed)
    data = source.modality.data
    block = source.gather(torch.arange(20))
    for i in range(20):
        a, b = data.offsets[i : i + 2]
        seen = np.isfinite(data.x[a:b].T)
        assert np.array_equal(block.mask[i, 1:, : b - a], seen)
        assert np.array_equal(block.x[i, 1:, : b - a], np.where(seen, data.x[a:b].T, 0))
        assert np.array_equal(block.limit[i, 1:, : b - a], data.limit[a:b].T & seen)
        err = np.where(seen & np.isfinite(data.err[a:b].T), data.err[a:b].T, 0)
        assert np.array_equal(block.err[i, 1:, : b - a], err)
        if b > a:
            assert np.array_equal(block.x[i, 0, : b - a], (data.time[a:b] - data.time[a]).astype(np.float32))
    assert block.x.dtype == block.err.dtype == torch.float32
    assert block.length.dtype == torch.int64


def test_a_batch_of_empty_series_has_one_masked_step():
    source = light_curves(0)
    empty = torch.from_numpy(np.flatnonzero(source.lengths(np.arange(20)) == 0))
    block = source.gather(empty)
    assert len(empty) > 0
    assert block.x.shape == (len(empty), 3, 1)
    assert not block.mask.any()


@pytest.mark.parametrize("dtype", ["u1", "i2", "u2", "i4", "u4", "f2", "f4", "f8"])
def test_any_dtype_becomes_float32(dtype):
    source = cutouts(dtype)
    block = source.gather(torch.tensor([4, 0, 4]))
    assert block.x.dtype == torch.float32
    assert np.array_equal(block.x, source.modality.data.x[[4, 0, 4]].astype("f4"))
    assert block.mask.shape == (3, 1, 1, 1)
    assert block.mask.all()


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_is_unmeasured_and_zero(bad):
    block = cutouts(bad=bad).gather(torch.arange(3))
    assert torch.isfinite(block.x).all()
    assert (~block.mask).nonzero().tolist() == [[1, 0, 0, 0]]
    assert block.x[1, 0, 0, 0] == 0


def test_an_absent_modality_is_unmeasured():
    for source in (cutouts(), light_curves(1)):
        joined = Source(source.modality, np.array([2, -1, 4]))
        block = joined.gather(torch.tensor([0, 1, 2]))
        there = source.gather(torch.tensor([2, 4]))
        assert torch.equal(block.x[[0, 2]], there.x)
        assert torch.equal(block.mask[[0, 2]], there.mask)
        assert not block.x[1].any()
        assert not block.mask[1].any()
        if block.length is not None:
            assert block.length[1] == 0


def spec(kind, channels, shape, errors=()):
    n = len(channels)
    one = (1.0,) * n
    return InputSpec(kind, channels, ("",) * n, shape, ("linear",) * n, one, one, one, one, errors, errors)


def test_channels_are_matched_by_name():
    wanted = cutouts().matching("image", spec("image", ("r", "g"), (2, 3, 4)))
    assert torch.equal(wanted.gather(torch.arange(3)).x, cutouts().gather(torch.arange(3)).x.flip(1))
    curves = light_curves(0)
    alone = curves.matching("series", spec("series", ("time", "r"), (2, 5))).gather(torch.arange(5))
    assert torch.equal(alone.x, curves.gather(torch.arange(5)).x[:, [0, 2]])
    assert torch.equal(alone.err, curves.gather(torch.arange(5)).err[:, [0, 2]])


@pytest.mark.parametrize(
    ("asked", "sentence"),
    [
        (spec("image", ("g", "z"), (2, 3, 4)), "needs channel 'z' of 'image'; these data have g, r"),
        (spec("table", ("g",), (1,)), "trained on a table named 'image', these data hold a image"),
        (spec("image", ("g", "r"), (2, 8, 8)), r"images of 8x8 pixels, these have 3x4; say data\.size=8"),
        (spec("image", ("g", "r"), (2, 3, 4), (0.0, 0.0)), "needs the errors of 'image'"),
    ],
)
def test_data_unlike_the_checkpoint_s_are_refused(asked, sentence):
    with pytest.raises(ValueError, match=sentence):
        cutouts().matching("image", asked)
