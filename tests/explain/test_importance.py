"""Permutation importance: the only useful column has it, a useless one has none, and no test row is touched."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest
import torch
from scipy.stats import spearmanr

from starbolt.contract import Block
from starbolt.explain import importance
from starbolt.explain.importance import REPEATS, permutation_importance, strongest
from starbolt.learner import Learner
from starbolt.models import CNN, MLP
from starbolt.tasks import Classification, Regression

CPU = torch.device("cpu")
MSE = partial(Regression, loss="mse")
MSE.target = Regression.target


def test_the_only_useful_column_has_it_all(table, reading):
    learner = reading(table, MSE, lambda block: block.x[:, 1])
    found = permutation_importance(learner, table, "table", CPU)
    assert found["channels"].tolist() == list("abcd")
    assert found["rise"].shape == (REPEATS, 4)
    assert found["loss"] == pytest.approx(0, abs=1e-9)
    assert (found["rise"][:, 1] > 0.5).all()  # 2 on average: the variance of a difference of two scaled targets
    assert np.abs(found["rise"][:, [0, 2, 3]]).max() < 1e-9
    assert len(set(found["rise"][:, 1])) == REPEATS  # each a shuffle of its own


def test_that_a_value_is_missing_is_shuffled_with_it(table, reading):
    """The network reads the mask of column a alone, which half of the objects lack."""
    learner = reading(table, MSE, lambda block: 3 * block.x[:, 4])
    found = permutation_importance(learner, table, "table", CPU)
    mask = table.y[table.parts["val"], 0]
    assert np.abs(found["rise"][:, 0]).max() > 0.1 * mask.std()
    assert np.abs(found["rise"][:, 1:]).max() < 1e-9


def test_a_column_moves_with_its_error_and_limit():
    x = torch.arange(12.0).view(4, 3)
    block = Block(x, x > 2, x / 10, x > 8)
    order = torch.tensor([2, 0, 3, 1])
    moved = importance._shuffled(block, 1, order)
    for plane, before in zip(moved[:4], block[:4], strict=True):
        assert torch.equal(plane[:, 1], before[order, 1])
        assert torch.equal(plane[:, [0, 2]], before[:, [0, 2]])


def test_only_validation_rows_are_read(table, reading, monkeypatch):
    """The values of all others could as well be anything."""
    learner = reading(table, MSE, lambda block: block.x[:, 1])
    before = permutation_importance(learner, table, "table", CPU)
    others = np.setdiff1d(np.arange(len(table.ids)), table.parts["val"])
    seen = []
    source = type(table.sources["table"])
    gather = source.gather
    monkeypatch.setattr(
        source, "gather", lambda self, rows, *more: seen.extend(rows.tolist()) or gather(self, rows, *more)
    )
    after = permutation_importance(learner, table, "table", CPU)
    assert not set(seen) & set(others.tolist())
    np.testing.assert_array_equal(before["rise"], after["rise"])


def test_context_beside_an_image_counts(images):
    data = images(1, context=["z"])
    torch.manual_seed(0)
    learner = Learner(data.open("class"), partial(CNN, width=4, stages=1), Classification).eval()
    found = permutation_importance(learner, data, "context", CPU)
    assert found["channels"].tolist() == ["z"]
    assert np.abs(found["rise"]).max() > 0
    assert found["partner"].tolist() == [-1]  # there is no other column


def test_closest_companions_are_those_of_scipy():
    random = np.random.default_rng(0)
    x = random.normal(size=(200, 3))
    x = np.column_stack([x, -np.exp(x[:, 0]), x[:, 1].round(), np.full(200, 7.0)])
    rho, partner = strongest(x)
    wanted = spearmanr(x[:, :5]).statistic
    assert partner.tolist()[:2] == [3, 4]
    assert rho[0] == pytest.approx(-1)
    assert rho[1] == pytest.approx(wanted[1, 4])
    assert rho[5] == 0  # a constant says nothing about any other


def test_what_is_missing_does_not_count_in_a_correlation():
    x = np.array([[1.0, 2, 3, 4, np.nan], [2, 4, 6, 8, np.nan]]).T
    rho, _ = strongest(x)
    assert rho == pytest.approx([1, 1])


def test_of_wide_tables_the_first_columns_are_tried(table, monkeypatch):
    monkeypatch.setattr(importance, "COLUMNS", 2)
    learner = Learner(table.open("quantity"), partial(MLP, width=8), Regression).eval()
    found = permutation_importance(learner, table, "table", CPU)
    assert found["rise"].shape[1] == len(found["channels"]) == len(found["rho"]) == 2
