"""An epoch hands out every row exactly once, and can be left and taken up again."""

import itertools

import numpy as np
import pyarrow as pa
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from starbolt.archives import Dense, Ragged
from starbolt.data import batches as module
from starbolt.data import order as order_module
from starbolt.data.batches import Batches, block_of
from starbolt.data.order import BLOCKS
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
    counted = [b.row[b.weight > 0].tolist() for epoch in epochs for b in epoch]
    assert sorted(itertools.chain(*counted)) == ROWS.tolist()
    scored = [rows_of(loader(make(), rank=rank, world=world)) for rank in range(world)]
    assert sorted(itertools.chain(*scored)) == ROWS.tolist()


@pytest.mark.parametrize("make", [table, curves])
@pytest.mark.parametrize("world", [2, 3, 4])
def test_ranks_take_the_steps_of_one_process_with_batches_of_all_of_them(make, world):
    """Per step the mean over ranks of their weighted means is the mean of the one process, the last step included."""
    alone = list(loader(make(), size=4 * world, shuffle=True))
    together = [list(loader(make(), size=4, shuffle=True, rank=rank, world=world)) for rank in range(world)]
    assert {len(ranks) for ranks in together} == {len(alone)}
    for whole, *shares in zip(alone, *together, strict=True):
        assert len({len(share.row) for share in shares}) == 1
        means = [(share.row.double() * share.weight).mean() for share in shares]
        torch.testing.assert_close(torch.stack(means).mean(), whole.row.double().mean())


def test_no_rank_is_left_without_a_batch_in_training():
    for rank in range(4):
        batches = loader(rows=ROWS[:2], shuffle=True, rank=rank, world=4)
        assert len(list(batches)) == len(batches) == 1


def test_batches_of_series_are_of_like_length():
    padded = [b.inputs["series"].x.shape[2] * len(b.row) for b in loader(curves(), shuffle=True)]
    lengths = np.diff(curves()["series"].modality.data.offsets)[ROWS]
    assert sum(padded) < 1.25 * lengths.sum()
    blocks = np.random.default_rng(0).permutation(lengths)
    unsorted = sum(len(b) * b.max() for b in np.array_split(blocks, 7))
    assert sum(padded) < 0.8 * unsorted


@given(
    count=st.integers(1, 300),
    size=st.integers(1, 40),
    block=st.integers(0, 9),
    world=st.integers(1, 3),
    epoch=st.integers(0, 3),
    series=st.booleans(),
)
def test_blocks_lose_and_repeat_no_row(count, size, block, world, epoch, series):
    """Whatever the sizes: each row has a weight exactly once an epoch over all ranks."""
    rows = np.flatnonzero(np.random.default_rng(count).random(N) < 0.7)[:count]
    make = curves if series else table
    seen = []
    for rank in range(world):
        batches = loader(make(), rows, size, shuffle=True, block=block, rank=rank, world=world)
        batches.epoch = epoch
        seen += [row for batch in batches for row in batch.row[batch.weight > 0].tolist()]
    assert sorted(seen) == rows.tolist()


def wide(rows=6400):
    data = Dense(np.arange(rows, dtype="f4")[:, None])
    sources = {"table": Source(Modality("table", ("a",), ("",), (1,), True, data))}
    return lambda **more: Batches(
        sources, np.arange(rows), np.zeros(rows, int), np.ones(rows, "f4"), 16, shuffle=True, **more
    )


def test_a_pool_reads_few_blocks_and_an_epoch_begins_anywhere(monkeypatch):
    monkeypatch.setattr(order_module, "BLOCKS", 8)
    make = wide()
    batches = make(block=50)
    order = np.concatenate(batches.order(0))
    for start in range(0, 6400, 400):
        assert len(set(order[start : start + 400] // 50)) == 8, "a pool of 400 rows holds 8 blocks whole"
    assert len(set(order[:400] // 800)) > 4, "from all over the store"
    assert (np.diff(order[:400]) == 1).mean() < 0.05, "and shuffled"
    assert not np.array_equal(order, np.concatenate(batches.order(1)))


def test_few_blocks_are_shuffled_as_one():
    order = np.concatenate(wide(1000)(block=1000 // BLOCKS).order(0))
    assert abs(np.corrcoef(order, np.arange(1000))[0, 1]) < 0.1


@pytest.mark.parametrize("handed", [0, 7, 30])
def test_each_batch_is_announced_once_before_it_is_gathered(monkeypatch, handed):
    monkeypatch.setattr(order_module, "BLOCKS", 4)
    batches, announced = wide()(block=32), []
    batches._announce = lambda some: announced.extend(tuple(rows) for rows in some)
    batches.load_state_dict({"epoch": 0, "handed": handed, "block": 32})
    for i, rows in enumerate(map(tuple, (batch.row.tolist() for batch in batches))):
        assert announced[i] == rows
        assert len(announced) <= i + 1 + 2 * 8, "no more than a pool ahead of the batch that is being gathered"
    assert len(announced) == len(batches) - handed


def test_reading_ahead_reaches_the_store_s_file(tmp_path, monkeypatch, boxed_store):
    asked = []
    monkeypatch.setattr(
        "starbolt.store.store.os.posix_fadvise", lambda file, start, size, how: asked.append((start, size))
    )
    modality = boxed_store.modalities["image"]
    modality.announce(np.array([0, 1, 2, 50, 90]))
    assert sum(size for _, size in asked) >= 5 * 40_000
    begin = asked[0][0]
    covered = np.zeros(100 * 40_000, bool)
    for start, size in asked:
        covered[start - begin : start - begin + size] = True
    for row in (0, 1, 2, 50, 90):
        assert covered[row * 40_000 : (row + 1) * 40_000].all()
    assert not covered[60 * 40_000 : 80 * 40_000].any()


@pytest.fixture
def boxed_store(tmp_path):
    from starbolt.archives import Archive
    from starbolt.store import pack

    class Blank(Archive):
        channels = ("g",)

        def read(self):
            return pa.table({"row": np.arange(100)})

        def load(self, row):
            return np.full((1, 100, 100), row["row"], np.float32)

    return pack(Blank(), cache=tmp_path)


def test_blocks_are_chosen_where_the_store_is_larger_than_half_the_memory(monkeypatch):
    assert block_of(table(), N) == 0
    monkeypatch.setattr(module.os, "sysconf", lambda name: 1)
    assert block_of(table(), N) == module.BLOCK // 4
    assert loader(shuffle=True).whole.block == module.BLOCK // 4


def test_a_resumed_run_keeps_its_order_on_a_larger_machine():
    make = wide()
    before = make(block=50)
    iterator = iter(before)
    next(iterator)
    after = make(block=0)
    after.load_state_dict(before.state_dict())
    assert rows_of(after) == rows_of(iterator)


def test_the_next_epoch_is_begun_while_the_last_batch_of_this_one_is_looked_at(monkeypatch):
    batches, begun = loader(shuffle=True), []
    original = Batches.order
    monkeypatch.setattr(Batches, "order", lambda self, epoch: begun.append(epoch) or original(self, epoch))
    epochs = [[batch.row.tolist() for batch in batches] for _ in range(3)]
    next(iter(batches))
    assert begun == [0, 1, 2, 3], "each order is drawn once, wherever it was begun"
    assert epochs == [[rows.tolist() for rows in original(batches, epoch)] for epoch in range(3)]


def test_what_was_begun_is_forgotten_where_another_place_is_given_back():
    batches, other = loader(shuffle=True), loader(shuffle=True)
    list(batches)
    batches.load_state_dict({"epoch": 4, "handed": 2, "block": 0})
    assert [batch.row.tolist() for batch in batches] == [rows.tolist() for rows in other.order(4)[2:]]
