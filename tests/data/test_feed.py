"""What is made ahead comes in order, and what a courier brings is what is gathered here."""

from __future__ import annotations

import random
import time

import numpy as np
import pytest
import torch

from starbolt.archives import Dense, Ragged
from starbolt.data import feed
from starbolt.data.batches import ROUND, Batches
from starbolt.data.feed import Courier, ahead
from starbolt.data.sources import Source
from starbolt.store.store import Modality

N = 50


def sources(kind="f2"):
    draw = np.random.default_rng(0)
    x = draw.normal(0, 50, (N, 2, 3, 3)).astype(kind)
    if x.dtype.kind == "f":
        x[draw.random(x.shape) < 0.1] = np.nan
    dense = Dense(x, draw.uniform(1, 2, x.shape).astype("f4"), draw.random(x.shape) < 0.2)
    lengths = draw.integers(1, 9, N)
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    series = Ragged(offsets, np.arange(offsets[-1], dtype=float), draw.normal(size=(offsets[-1], 1)).astype("f4"))
    places = np.where(np.arange(N) % 7 == 0, -1, np.arange(N)[::-1])  # some have no stamp
    return {
        "image": Source(Modality("image", ("g", "r"), ("", ""), (2, 3, 3), False, dense), rows=places),
        "series": Source(Modality("series", ("b",), ("",), (1, 9), False, series)),
    }


def loader(kind="f2", **options):
    return Batches(sources(kind), np.arange(N), np.arange(N), np.ones(N, "f4"), 8, **options)


def same(one, other):
    for name, block in one.inputs.items():
        for a, b in zip(block, other.inputs[name], strict=True):
            assert (a is None) == (b is None)
            assert a is None or (a.dtype == b.dtype and torch.equal(a.cpu(), b.cpu()))
    assert all(torch.equal(a.cpu(), b.cpu()) for a, b in zip(one[1:], other[1:], strict=True))


@pytest.mark.parametrize("workers", [1, 2, 5])
def test_several_hands_keep_the_order(workers):
    def slow(item):
        time.sleep(random.random() / 200)
        return item * 10

    assert list(ahead(slow, iter(range(40)), workers)) == [10 * item for item in range(40)]


@pytest.mark.parametrize("workers", [1, 3])
def test_no_more_is_made_than_one_each_ahead(workers):
    begun, taken = [], 0
    for _ in ahead(begun.append, iter(range(20)), workers):
        taken += 1
        assert len(begun) <= taken + workers
    assert len(begun) == taken == 20


def test_what_fails_ahead_fails_where_it_is_wanted():
    with pytest.raises(ZeroDivisionError):
        list(ahead(lambda item: 1 / item, [2, 1, 0, 1], 2))


@pytest.mark.parametrize("kind", ["f2", "f4", "i2", "u1"])
def test_a_courier_fetches_what_is_gathered_here(monkeypatch, kind):
    """Without a GPU: the memory is not pinned, the device is the CPU."""
    empty = torch.empty
    monkeypatch.setattr(feed.torch, "empty", lambda *size, pin_memory=False, **words: empty(*size, **words))
    courier = object.__new__(Courier)
    courier.device = torch.device("cpu")
    batches, rows = loader(kind), np.array([3, 7, 7, 49, 0])
    same(batches.gather(rows), batches.gather(rows, courier))


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="torch sees no CUDA device")
@pytest.mark.parametrize("kind", ["f2", "f4", "f8", "i2", "u1"])
@pytest.mark.parametrize("hands", [1, 4])
def test_a_courier_brings_to_the_gpu_what_is_gathered_here(monkeypatch, kind, hands):
    monkeypatch.setattr(feed, "HANDS", hands)
    there = loader(kind, shuffle=True, device=torch.device("cuda", 0))
    here = loader(kind, shuffle=True, steps=ROUND)  # to which a GPU's series are padded
    for _ in range(3):
        for one, other in zip(here, there, strict=True):
            assert other.inputs["image"].x.is_cuda
            same(one, other)
