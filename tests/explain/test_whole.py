"""All explanations at once: for every kind of data, the same each time, and of ensembles too."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest
import torch
from torch import nn

from starbolt.ensemble import Ensemble
from starbolt.explain import explain, write_explanation
from starbolt.explain.whole import TYPICAL, WRONG
from starbolt.learner import Learner
from starbolt.models import CNN, GRU, MLP
from starbolt.tasks import Classification, Regression

CPU = torch.device("cpu")
LATENT = {
    "latent_row",
    "latent_xy",
    "latent_score",
    "latent_train_row",
    "latent_train_xy",
    "latent_trained",
    "latent_share",
}
ALWAYS = LATENT | {"row", "id", "wrong", "code", "unusual", "reasons"}
IMAGE = {"filters", "channels", "maps", "maps_filter", "channel_share", "cam", "picture"}
TABLE = {"rise", "channels", "loss", "rows", "rho", "partner"}
SERIES = {"change", "first", "last", "answer", "time", "x", "err"}


class Flat(nn.Module):
    """An encoder of images without a convolution."""

    def __init__(self, shape: tuple[int, ...]) -> None:
        super().__init__()
        self.out_dim = 3
        self.layer = nn.Linear(int(np.prod(shape)), 3)

    def forward(self, block):
        return self.layer(block.x.flatten(1))


def told(data, encoder, task, member=lambda learner: learner):
    torch.manual_seed(0)
    learner = Learner(data.open(task.target), encoder, task)
    test = data.parts["test"]
    return explain(member(learner), data, test[5:9], test, device=CPU)


def keys(name: str, plain: set[str]) -> set[str]:
    return {f"{key}_{name}" for key in plain}


def test_images_and_the_context_beside_them(images):
    found = told(images(2, context=["z"]), partial(CNN, width=4, stages=2), Classification)
    assert set(found) == ALWAYS | keys("image", IMAGE) | keys("context", TABLE)
    assert found["reasons"].tolist() == []
    assert found["cam_image"].shape == (8, 8, 8)
    assert found["picture_image"].shape == (8, 2, 16, 16)


def test_tables(table):
    found = told(table, partial(MLP, width=8), Regression)
    assert set(found) == ALWAYS | keys("table", TABLE)
    assert found["code"].tolist() == [0] * 8


def test_series(series):
    found = told(series, partial(GRU, width=4), Classification)
    assert set(found) == ALWAYS | keys("series", SERIES)


def test_images_without_a_convolution_say_why(images):
    found = told(images(1), Flat, Classification)
    assert set(found) == ALWAYS
    assert "image: its encoder has no convolution" in found["reasons"][0]


def test_chosen_objects_are_the_most_wrong_and_typical_others(images):
    data = images(1)
    found = told(data, partial(CNN, width=4, stages=1), Classification)
    test = data.parts["test"]
    assert found["row"][:WRONG].tolist() == test[5:9].tolist()
    assert found["wrong"].tolist() == [True] * WRONG + [False] * TYPICAL
    others = found["row"][WRONG:]
    assert len(set(others) - set(test[5:9])) == TYPICAL
    assert set(others) <= set(test)
    assert sorted(data.y[others]) == [0, 0, 1, 1]  # of each class in turn
    assert found["id"].tolist() == data.ids[found["row"]].tolist()


def test_the_strangest_come_first_and_belong_to_the_part(images):
    data = images(1)
    found = told(data, partial(CNN, width=4, stages=1), Classification)
    score = dict(zip(found["latent_row"].tolist(), found["latent_score"], strict=True))
    assert [score[row] for row in found["unusual"]] == sorted(score.values(), reverse=True)
    assert set(found["latent_row"]) == set(data.parts["test"])
    assert set(found["latent_train_row"]) <= set(data.parts["train"])


def test_it_is_the_same_each_time_and_leaves_the_random_state_alone(table):
    state = torch.get_rng_state()
    first, second = (told(table, partial(MLP, width=8), Regression) for _ in range(2))
    for name, values in first.items():
        np.testing.assert_array_equal(values, second[name])
    torch.set_rng_state(state)
    torch.manual_seed(0)
    learner = Learner(table.open("quantity"), partial(MLP, width=8), Regression)
    before = torch.get_rng_state()
    explain(learner, table, table.parts["test"][:4], table.parts["test"], device=CPU)
    assert torch.equal(before, torch.get_rng_state())


def test_of_an_ensemble_the_first_member_is_explained(table):
    alone = told(table, partial(MLP, width=8), Regression)
    other = Learner(table.open("quantity"), partial(MLP, width=8), Regression)
    together = told(table, partial(MLP, width=8), Regression, member=lambda learner: Ensemble([learner, other]))
    for name, values in alone.items():
        np.testing.assert_array_equal(values, together[name])


def test_no_gradient_is_left_behind(images):
    data = images(1)
    learner = Learner(data.open("class"), partial(CNN, width=4, stages=1), Classification)
    explain(learner, data, data.parts["test"][:4], data.parts["test"], device=CPU)
    assert all(p.grad is None for p in learner.parameters())
    assert not any(layer._forward_hooks for layer in learner.modules())


@pytest.mark.parametrize("count", [0, 2])
def test_fewer_objects_than_asked_for(images, count):
    data = images(1)
    learner = Learner(data.open("class"), partial(CNN, width=4, stages=1), Classification)
    test = data.parts["test"][:3]
    found = explain(learner, data, test[:count], test, device=CPU)
    assert len(found["row"]) == 3
    assert found["wrong"].sum() == count


def test_what_is_written_is_read_back(table, tmp_path):
    found = told(table, partial(MLP, width=8), Regression)
    path = write_explanation(tmp_path, found)
    assert [file.name for file in tmp_path.iterdir()] == ["explain.npz"]
    with np.load(path) as arrays:
        for name, values in found.items():
            np.testing.assert_array_equal(arrays[name], values)
