"""In Python a network is trained and scored in a line each: quietly, with its history, and nothing is written."""

from __future__ import annotations

import errno
from functools import partial

import numpy as np
import pytest
import torch
from lightning.pytorch import seed_everything
from lightning.pytorch.callbacks import ModelCheckpoint

import starbolt
from starbolt import MLP, Classification, Learner, Regression, TableDataModule
from starbolt.instrument import Instrument

N = 400


def table():
    random = np.random.default_rng(0)
    a, b = random.normal(size=(2, N))
    columns = {"name": np.arange(N).astype(str), "a": a, "b": b, "z": a * b + 0.1 * random.normal(size=N)}
    return TableDataModule(columns, id="name", target="z", batch_size=32)


def made(data, lr=3e-3):
    seed_everything(0, verbose=False)
    optim = partial(torch.optim.Adam, lr=lr)
    return Learner.for_data(data, partial(MLP, width=16), partial(Regression, loss="mse"), optim=optim, schedule=None)


def test_it_learns_tells_each_epoch_and_writes_nothing(tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    data = table()
    learner = made(data)
    history = starbolt.fit(learner, data, epochs=5, accelerator="cpu")
    assert history["epoch"] == [0, 1, 2, 3, 4]
    assert history["val/loss"][-1] < history["val/loss"][0]
    assert history["val/loss"][-1] == pytest.approx(starbolt.score(learner, data)["loss"], rel=1e-5)
    assert not list(tmp_path.iterdir())
    assert capfd.readouterr() == ("", "")


def test_the_best_epoch_is_what_remains_where_it_is_asked_for():
    data = table()
    learner = made(data, lr=0.1)  # so much that the loss goes up and down
    history = starbolt.fit(learner, data, epochs=12, best="val/loss", accelerator="cpu")
    lowest = min(history["val/loss"])
    assert history["val/loss"][-1] > 1.01 * lowest
    assert starbolt.score(learner, data)["loss"] == pytest.approx(lowest, rel=1e-5)
    last = made(data, lr=0.1)
    starbolt.fit(last, data, epochs=12, accelerator="cpu")
    assert starbolt.score(last, data)["loss"] == pytest.approx(history["val/loss"][-1], rel=1e-5)


def full(*_):
    """torch.save on a full disk."""
    raise OSError(errno.ENOSPC, "No space left on device")


def test_the_learner_is_kept_as_an_instrument(tmp_path, monkeypatch):
    data = table()
    learner = made(data)
    starbolt.fit(learner, data, epochs=1, bar=False, accelerator="cpu")
    starbolt.Calibrate()(learner, data)
    objects = {"name": ["x", "y"], "a": [0.5, -1.0], "b": [1.0, 2.0]}
    with monkeypatch.context() as patch:
        patch.setattr("torch.save", full)
        with pytest.raises(OSError, match="No space"):
            starbolt.save(learner, tmp_path / "z.ckpt")
    assert not list(tmp_path.iterdir())
    starbolt.save(learner, tmp_path / "z.ckpt")
    again, kept = starbolt.load(tmp_path / "z.ckpt").predict(objects), Instrument(learner).predict(objects)
    assert all(np.array_equal(again[name], kept[name]) for name in kept.colnames)
    assert {"z_low", "z_high"} <= set(kept.colnames)


def test_callbacks_and_words_of_lightning_are_taken(tmp_path):
    data = table()
    keep = ModelCheckpoint(tmp_path, monitor="val/loss")
    history = starbolt.fit(made(data), data, epochs=9, callbacks=[keep], max_steps=10, accelerator="cpu")
    assert len(history.rows) < 9
    assert list(tmp_path.glob("*.ckpt"))


def test_a_score_that_is_none_is_told_with_those_that_are():
    data = table()
    with pytest.raises(ValueError, match=r"best=val/los is the name of no score; did you mean val/loss\?"):
        starbolt.fit(made(data), data, epochs=2, best="val/los", accelerator="cpu")


def test_epochs_without_validation_are_passed_by():
    data = table()
    learner = made(data)
    words = {"epochs": 4, "best": "val/loss", "check_val_every_n_epoch": 2, "accelerator": "cpu"}
    history = starbolt.fit(learner, data, **words)
    measured = [loss for loss in history["val/loss"] if loss == loss]
    assert len(measured) == 2
    assert starbolt.score(learner, data)["loss"] == pytest.approx(min(measured), rel=1e-5)


def test_a_part_that_is_none_is_told_with_those_that_are():
    data = table()
    with pytest.raises(ValueError, match="part=valid is no part of the split; there are train, val, cal, test"):
        starbolt.score(made(data), data, "valid")


def test_answers_stand_beside_the_truth_with_what_they_are_worth(tmp_path):
    data = table()
    learner = Learner.for_data(data, partial(MLP, width=16), Regression)
    starbolt.fit(learner, data, epochs=2, bar=False, accelerator="cpu")
    told = starbolt.answers(learner, data, "test", columns=["a"], grid=np.linspace(-20, 20, 2001))
    assert told["row"].tolist() == data.parts["test"].tolist()
    assert np.array_equal(told["target"], np.asarray(data.catalogue["z"])[told["row"]].astype(np.float32))
    assert np.array_equal(told["a"], np.asarray(data.catalogue["a"])[told["row"]])
    assert told["z_density"].shape == (len(told), 2001)
    assert np.allclose(told["z_density"].sum(1) * 0.02, 1, atol=1e-3)
    assert ((told["z_pit"] >= 0) & (told["z_pit"] <= 1)).all()
    assert np.sqrt(np.mean((told["z"] - told["target"]) ** 2)) == pytest.approx(
        starbolt.score(learner, data, "test")["rms"], rel=1e-5
    )
    assert set(told["outside"]) <= {"", "a", "b"}


def test_answers_of_classes_are_words():
    a, b = np.random.default_rng(1).normal(size=(2, N))
    columns = {"a": a, "b": b, "kind": np.where(a * b > 0, "up", "down")}
    data = TableDataModule(columns, target="kind")
    learner = Learner.for_data(data, partial(MLP, width=16), Classification)
    told = starbolt.answers(learner, data)
    assert set(told["prediction"]) <= {"up", "down"}
    assert np.allclose(told["prob_up"] + told["prob_down"], 1, atol=1e-6)
    with pytest.raises(ValueError, match="predicts no density"):
        starbolt.answers(learner, data, grid=[0, 1])


def test_a_score_between_two_fits_changes_nothing():
    data, weights = table(), []
    for scored in (False, True):
        seed_everything(0, verbose=False)
        learner = Learner.for_data(data, partial(MLP, width=16, dropout=0.5), Regression)
        starbolt.fit(learner, data, epochs=1, bar=False, accelerator="cpu")
        if scored:
            starbolt.score(learner, data)
        assert learner.encoder.training
        seed_everything(1, verbose=False)
        starbolt.fit(learner, data, epochs=1, bar=False, accelerator="cpu")
        weights.append([p.detach().clone() for p in learner.parameters()])
    assert all(torch.equal(one, other) for one, other in zip(*weights, strict=True))
