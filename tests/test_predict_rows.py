"""What is predicted of an object depends neither on who computes beside it nor on how many do."""

from __future__ import annotations

import sys
from functools import partial

import numpy as np
import pytest
import torch

from starbolt import MLP, Learner, Regression, TableDataModule, pieces
from starbolt.data.feed import split
from starbolt.pieces import at_once, parts_of
from starbolt.predict import predict_rows, streams

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """500 objects, a tenth of whose numbers are unmeasured."""
    random = np.random.default_rng(0)
    columns = {name: random.normal(size=500).astype(np.float32) for name in "abz"}
    columns["b"][::10] = np.nan
    features = {"target": "z", "features": ["a", "b"], "batch_size": 16}
    return TableDataModule(columns, **features, cache=str(tmp_path_factory.mktemp("cache")))


@pytest.fixture(scope="module")
def learner(data):
    torch.manual_seed(0)
    return Learner.for_data(data, partial(MLP, width=8, dropout=0.5), Regression)


@pytest.fixture
def threads():
    """(number) -> torch takes so many, until the test is over."""
    before = torch.get_num_threads()
    yield torch.set_num_threads
    torch.set_num_threads(before)


@pytest.mark.parametrize("count", [1, 2, 3, 9])
def test_however_many_threads_the_answers_are_the_same_bits_by_row(data, learner, threads, monkeypatch, count):
    wanted = predict_rows(learner, data.loader(np.arange(500), size=100), device=CPU)
    monkeypatch.setattr(pieces, "ROWS", 25)
    threads(count)
    found = predict_rows(learner, data.loader(np.random.default_rng(0).permutation(500), size=100), device=CPU)
    assert torch.get_num_threads() == count
    assert found.keys() == wanted.keys()
    assert found["row"].tolist() == list(range(500))
    for name, value in found.items():
        assert torch.allclose(value, wanted[name], rtol=1e-5, equal_nan=True), name
    again = predict_rows(learner, data.loader(np.arange(500), size=100), device=CPU)
    threads(1)
    alone = predict_rows(learner, data.loader(np.arange(500), size=100), device=CPU)
    assert all(torch.equal(again[name].nan_to_num(), alone[name].nan_to_num()) for name in alone)


def test_progress_is_told_in_order_and_to_the_end(data, learner, threads, monkeypatch):
    monkeypatch.setattr(pieces, "ROWS", 10)
    threads(2)
    told = []
    predict_rows(learner, data.loader(np.arange(500)), device=CPU, progress=lambda *done: told.append(done))
    assert told == sorted(told)
    assert told[-1] == (500, 500)


def test_an_error_in_a_thread_comes_out_and_the_threads_are_as_before(data, learner, threads, monkeypatch):
    threads(2)
    monkeypatch.setattr(learner, "predict_batch", lambda batch: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        predict_rows(learner, data.loader(np.arange(500)), device=CPU)
    assert torch.get_num_threads() == 2


@pytest.mark.parametrize(
    ("size", "most", "wanted"), [(10, 20, [10]), (10, 9, [5, 5]), (21, 10, [7, 7, 7]), (0, 5, [0])]
)
def test_parts_are_of_like_size(data, size, most, wanted):
    batch = data.loader(np.arange(500)).gather(np.arange(size))
    parts = parts_of(batch, most)
    assert [len(part.row) for part in parts] == wanted
    assert torch.cat([part.row for part in parts]).tolist() == list(range(size))


def test_a_batch_is_not_cut_where_dropout_stays_on(data, learner, threads, monkeypatch):
    assert at_once(learner, CPU) == pieces.ROWS
    monkeypatch.setattr(pieces, "ROWS", 10)
    monkeypatch.setattr(learner, "mc_dropout", 3)
    assert at_once(learner, CPU) == sys.maxsize
    threads(2)
    with streams(CPU, at_once(learner, CPU)) as count:
        assert (count, torch.get_num_threads()) == (1, 2)
    first, again = (predict_rows(learner, data.loader(np.arange(500)), device=CPU)["centre"] for _ in range(2))
    assert torch.equal(first, again)


@pytest.mark.parametrize("known", [False, True])
def test_the_loss_of_who_has_no_label_is_none(data, learner, known):
    batch = data.loader(np.arange(500)).gather(np.arange(20))
    y = torch.full_like(batch.y, torch.nan)
    y[3] = 1.0 if known else torch.nan
    _, loss = learner.eval().predict_batch(batch._replace(y=y))
    assert loss.shape == (20,)
    assert torch.isfinite(loss).nonzero().flatten().tolist() == ([3] if known else [])


def test_neighbours_are_read_as_others_are(data):
    batches = data.loader(np.arange(500))
    near, mixed = batches.gather(np.arange(30, 50)), batches.gather(np.r_[np.arange(40, 50), np.arange(30, 40)])
    first, second = split(mixed, 10)
    for place in range(2):
        wanted = torch.cat([second.inputs["table"][place], first.inputs["table"][place]])
        assert torch.equal(near.inputs["table"][place], wanted)
    near.inputs["table"].x.zero_()  # a copy: the map is not written to
    assert batches.gather(np.arange(30, 50)).inputs["table"].x.any()
