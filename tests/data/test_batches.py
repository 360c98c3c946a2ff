"""An epoch hands out every row exactly once, and can be left and taken up again."""

import itertools

import numpy as np
import pytest
import torch

from starbolt.archives import Dense, Ragged
from starbolt.data.batches import Batches
from starbolt.data.sources import Source
from starbolt.store.store import Modality

N = 103
ROWS = np.arange(3, N, 2)


def table():
    return {"table": Source(Modality("table", ("a",), ("",), (1,), True, Dense(np.arange(N, dtype="f4")[:, None])))}


def curves(seed=0):
    lengths = np.random.default_rng(seed).integers(1, 60, N)
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    points = offsets[-1]
    data = Ragged(offsets, np.arange(points, dtype=float), np.ones((points, 1), "f4"))
    return {"series": Source(Modality("series", ("b",), ("",), (1, 60), False, data))}


def loader(sources=None, rows=ROWS, size=8, **options):
    return Batches(sources or table(), rows, np.arange(N) * 2, np.ones(N, "f4"), size, **options)


def rows_of(batches):
    return [row for batch in batches for row in batch.row.tolist()]


@pytest.mark.parametrize("make", [table, curves])
@pytest.mark.parametrize("shuffle", [True, False])
def test_every_row_once_an_epoch(make, shuffle):
    batches = loader(make(), shuffle=shuffle)
    for _ in range(3):
        epoch = list(batches)
        assert len(epoch) == len(batches) == 7
        assert sorted(rows_of(epoch)) == ROWS.tolist()


def test_a_batch_belongs_together():
    for batch in loader(shuffle=True):
        assert torch.equal(batch.y, batch.row * 2)
        assert torch.equal(batch.inputs["table"].x[:, 0], batch.row.float())


@pytest.mark.parametrize("make", [table, curves])
def test_epochs_differ_and_are_reproducible(make):
    one, two, other = loader(make(), shuffle=True), loader(make(), shuffle=True), loader(make(), shuffle=True, seed=1)
    first, second = rows_of(one), rows_of(one)
    assert first != second
    assert (first, second) == (rows_of(two), rows_of(two))
    assert rows_of(other) != first


def test_epochs_differ_where_the_last_batch_is_not_run_past():
    """As Lightning does: it counts batches and never asks for one too many."""
    batches = loader(shuffle=True)

    def counted():
        iterator = iter(batches)
        return rows_of(next(iterator) for _ in range(len(batches)))

    assert counted() != counted()


def test_an_epoch_left_early_is_not_continued_by_the_next():
    """The sanity check looks at two validation batches; validation then begins with the first."""
    batches = loader()
    iterator = iter(batches)
    next(iterator), next(iterator)
    assert rows_of(batches) == ROWS.tolist()


@pytest.mark.parametrize("make", [table, curves])
@pytest.mark.parametrize("handed", [1, 3, 6, 7])
@pytest.mark.parametrize("epoch", [0, 2])
def test_a_saved_place_is_continued_exactly(make, handed, epoch):
    whole = loader(make(), shuffle=True)
    orders = [rows_of(whole) for _ in range(5)]
    left = loader(make(), shuffle=True)
    for _ in range(epoch):
        list(left)
    iterator = iter(left)
    before = rows_of(next(iterator) for _ in range(handed))
    taken_up = loader(make(), shuffle=True)
    taken_up.load_state_dict(left.state_dict())
    if handed == 7:
        assert rows_of(taken_up) == orders[epoch + 1]
    else:
        assert before + rows_of(taken_up) == orders[epoch]
        assert rows_of(taken_up) == orders[epoch + 1]


@pytest.mark.parametrize("make", [table, curves])
@pytest.mark.parametrize("world", [2, 3])
def test_ranks_share_without_repeats(make, world):
    training = [loader(make(), shuffle=True, rank=rank, world=world) for rank in range(world)]
    epochs = [list(batches) for batches in training]
    assert len({len(epoch) for epoch in epochs} | {len(batches) for batches in training}) == 1
    seen = [row for epoch in epochs for row in rows_of(epoch)]
    assert len(seen) == len(set(seen))
    assert len(seen) > len(ROWS) - 8 * world
    scored = [rows_of(loader(make(), rank=rank, world=world)) for rank in range(world)]
    assert sorted(itertools.chain(*scored)) == ROWS.tolist()


def test_no_rank_is_left_without_a_batch_in_training():
    for rank in range(4):
        batches = loader(rows=ROWS[:10], shuffle=True, rank=rank, world=4)
        assert len(list(batches)) == len(batches) == 1


def test_batches_of_series_are_of_like_length():
    padded = [b.inputs["series"].x.shape[2] * len(b.row) for b in loader(curves(), shuffle=True)]
    lengths = np.diff(curves()["series"].modality.data.offsets)[ROWS]
    assert sum(padded) < 1.25 * lengths.sum()
    blocks = np.random.default_rng(0).permutation(lengths)
    unsorted = sum(len(b) * b.max() for b in np.array_split(blocks, 7))
    assert sum(padded) < 0.8 * unsorted
