"""Strides: several steps at a time give, bit for bit, what one at a time gives, and only where nobody looks between."""

from __future__ import annotations

from functools import partial
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from lightning.pytorch import Callback, Trainer, seed_everything
from lightning.pytorch.callbacks import LearningRateMonitor, ModelCheckpoint
from lightning.pytorch.loggers import CSVLogger

import starbolt
from starbolt.data.strides import Stride, Strides
from starbolt.models import CNN, GRU, MLP
from starbolt.schedules import cosine, plateau
from starbolt.tasks import Classification, Regression

ROWS = 300
pytestmark = pytest.mark.filterwarnings("ignore:Checkpoint directory .* exists")


def table(**more):
    random = np.random.default_rng(0)
    x = random.normal(size=(ROWS, 3)).astype(np.float32)
    x[::7, 1] = np.nan
    columns = {"a": x[:, 0], "b": x[:, 1], "c": x[:, 2], "err_a": np.full(ROWS, 0.1, np.float32)}
    columns["y"] = x[:, 0] ** 2 + x[:, 2]
    words = {"target": "y", "features": ["a", "b", "c"], "batch_size": 16, **more}
    return starbolt.TableDataModule(columns, **words)


def images(**more):
    random = np.random.default_rng(0)
    catalogue = {"row": np.arange(ROWS), "kind": np.array(["a", "b", "c"] * 100)}
    stack = random.normal(size=(ROWS, 1, 8, 8)).astype(np.float32)
    return starbolt.ImageDataModule(catalogue, stack=stack, target="kind", file="row", batch_size=16, **more)


def series(**more):
    random = np.random.default_rng(0)
    counts = random.integers(3, 30, ROWS)
    name = np.repeat(np.arange(ROWS), counts)
    points = {"name": name, "mjd": random.uniform(0, 100, len(name)), "mag": random.normal(20, 1, len(name))}
    objects = {"name": np.arange(ROWS), "kind": np.array(["a", "b", "c"] * 100)}
    words = {"target": "kind", "id": "name", "time": "mjd", "value": "mag", "batch_size": 16, **more}
    return starbolt.SeriesDataModule(points, objects=objects, **words)


class Watch(Callback):
    """Looks at each batch, so that each is a step of Lightning's."""

    def __init__(self):
        self.seen = []

    def on_train_batch_end(self, trainer, learner, outputs, batch, index):
        self.seen.append(trainer.global_step)


def fit(data, encoder, task, folder, *, callbacks=(), epochs=3, resume=None, options=None, logger=False, **more):
    seed_everything(0, verbose=False)
    learner = starbolt.Learner.for_data(data, encoder, task, waive=["target"], **(options or {}))
    trainer = Trainer(
        max_epochs=epochs, accelerator="cpu", logger=logger, enable_progress_bar=False, enable_model_summary=False,
        callbacks=[ModelCheckpoint(folder, save_last=True), *callbacks], default_root_dir=folder,
        log_every_n_steps=1, num_sanity_val_steps=0, **more,
    )  # fmt: skip
    trainer.fit(learner, datamodule=data, ckpt_path=resume, weights_only=True)
    return learner, trainer


def same(one, other):
    mine, theirs = one.state_dict(), other.state_dict()
    return mine.keys() == theirs.keys() and all(torch.equal(mine[key], theirs[key]) for key in mine)


CASES = {
    "table": (table, partial(MLP, width=8, dropout=0.2), partial(Regression, loss="mse"), {}),
    "noisy": (
        partial(table, errors={"a": "err_a"}, noise=1.0), partial(MLP, width=8, dropout=0.2), Regression, {}
    ),
    "clipped": (table, partial(MLP, width=8), Regression, {"gradient_clip_val": 0.1}),
    "images": (images, partial(CNN, width=4, stages=2, dropout=0.1), Classification, {}),
    "series": (partial(series, drop=0.2), partial(GRU, width=8, dropout=0.1), Classification, {}),
    "bf16": (table, partial(MLP, width=8), Regression, {"precision": "bf16-mixed"}),
    "bf16 clipped": (
        table, partial(MLP, width=8), Regression, {"precision": "bf16-mixed", "gradient_clip_val": 0.1}
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_strides_change_no_bit_of_what_is_learnt(case, tmp_path):
    make, encoder, task, words = CASES[case]
    told = {"options": {"schedule": cosine}, **words}
    one, by_one = fit(make(), encoder, task, tmp_path / "one", callbacks=[Watch()], **told)
    data = make()
    many, by_strides = fit(data, encoder, task, tmp_path / "many", **told)
    assert (by_one.lightning_module.automatic_optimization, data.strides) == (True, True)
    assert len(data.train_dataloader()) < by_strides.global_step / 3, "several steps were one of Lightning's"
    assert by_strides.global_step == by_one.global_step
    assert same(one, many)
    scores, others = by_strides.callback_metrics, by_one.callback_metrics
    assert scores.keys() == others.keys()
    assert all(float(scores[k]) == pytest.approx(float(others[k]), rel=1e-6) for k in scores)


@pytest.mark.parametrize("first", ["strides", "single"])
def test_a_run_goes_on_in_the_other_way_with_one_count_of_steps(first, tmp_path):
    told = {"encoder": partial(MLP, width=8), "task": Regression, "options": {"schedule": None}}
    whole, trainer = fit(table(), folder=tmp_path / "whole", epochs=4, **told)
    steps, last = trainer.global_step, tmp_path / "run" / "last.ckpt"
    one, other = ([], [Watch()]) if first == "strides" else ([Watch()], [])
    fit(table(), folder=tmp_path / "run", epochs=2, callbacks=one, **told)
    rest, trainer = fit(table(), folder=tmp_path / "run", epochs=4, callbacks=other, resume=last, **told)
    assert trainer.global_step == steps
    assert same(whole, rest)


@pytest.mark.parametrize(
    ("words", "callbacks"),
    [
        ({"accumulate_grad_batches": 2}, []), ({"limit_train_batches": 3}, []), ({"overfit_batches": 2}, []),
        ({"val_check_interval": 4}, []), ({}, [Watch()]),
        ({}, [ModelCheckpoint(every_n_train_steps=3, filename="steps")]),
        ({}, [ModelCheckpoint(every_n_train_steps=5, filename="other")]),
    ],
)  # fmt: skip
def test_whoever_counts_batches_is_given_them_one_by_one(words, callbacks, tmp_path):
    data = table()
    for callback in callbacks:
        if isinstance(callback, ModelCheckpoint):
            callback.dirpath = str(tmp_path / "counted")
    fit(data, partial(MLP, width=4), Regression, tmp_path, epochs=1, callbacks=callbacks, **words)
    assert not data.strides


def test_whoever_looks_at_epochs_alone_does_not_slow_a_run(tmp_path):
    data = table()
    rate, logger = LearningRateMonitor(logging_interval="epoch"), CSVLogger(tmp_path / "log")
    fit(data, partial(MLP, width=4), Regression, tmp_path, callbacks=[rate], logger=logger)
    assert data.strides


def test_a_plateau_is_left_to_lightning(tmp_path):
    data = table()
    fit(data, partial(MLP, width=4), Regression, tmp_path, epochs=2, options={"schedule": plateau})
    assert not data.strides


@pytest.mark.parametrize("steps", [1, 7, 14, 20, 31])
def test_a_training_ends_after_exactly_so_many_steps(steps, tmp_path):
    one, _ = fit(
        table(), partial(MLP, width=4), Regression, tmp_path / "1", callbacks=[Watch()], epochs=-1, max_steps=steps
    )
    many, trainer = fit(table(), partial(MLP, width=4), Regression, tmp_path / "2", epochs=-1, max_steps=steps)
    assert trainer.global_step == steps
    assert same(one, many)


def test_a_stride_is_its_batches_in_their_order():
    data = table()
    data.open("quantity")
    batches, strides = (data.loader(data.parts["train"], shuffle=True, size=16) for _ in range(2))
    strides = Strides(strides, 5)
    rows = [batch.row.tolist() for batch in batches]
    pieces = list(strides)
    assert all(isinstance(piece, Stride) for piece in pieces)
    assert [len(piece.parts) for piece in pieces] == [5] * (len(rows) // 5) + [len(rows) % 5] * bool(len(rows) % 5)
    assert len(strides) == len(pieces)
    assert [part.row.tolist() for piece in pieces for part in piece.parts] == rows


def test_a_learner_is_trained_again_with_a_schedule_of_as_many_steps(tmp_path):
    """Lightning clips no gradients of a module that steps by itself, and strides are not batches."""
    told, data = [], table()

    def schedule(optimizer, steps):
        told.append(steps)
        return cosine(optimizer, steps)

    learner, trainer = fit(
        data, partial(MLP, width=4), Regression, tmp_path, gradient_clip_val=1.0, options={"schedule": schedule}
    )
    steps = trainer.global_step
    assert data.strides
    again = Trainer(
        max_epochs=3, accelerator="cpu", logger=False, enable_progress_bar=False, enable_model_summary=False,
        enable_checkpointing=False, gradient_clip_val=1.0, default_root_dir=tmp_path,
    )  # fmt: skip
    again.fit(learner, datamodule=data)
    assert told == [steps, steps] == [again.global_step] * 2


def test_a_checkpoint_of_weights_alone_is_scored(tmp_path):
    data = table()
    learner, trainer = fit(data, partial(MLP, width=4), Regression, tmp_path, epochs=1)
    trainer.save_checkpoint(tmp_path / "weights.ckpt", weights_only=True)
    found = trainer.validate(learner, datamodule=data, ckpt_path=tmp_path / "weights.ckpt", verbose=False)
    assert found[0]["val/loss"] > float("-inf")


@pytest.mark.parametrize(("device", "early"), [("cpu", True), ("mps", False)])
def test_batches_are_made_ready_only_where_the_network_is_on_the_cpu(device, early):
    data = table()
    data.open("quantity")
    progress = SimpleNamespace(current=SimpleNamespace(processed=0))
    strategy = SimpleNamespace(root_device=torch.device(device))
    data.trainer = SimpleNamespace(
        world_size=1, global_rank=0, strategy=strategy, accelerator=None, overfit_batches=0,
        fit_loop=SimpleNamespace(epoch_progress=progress),
    )  # fmt: skip
    data.strides, data.make_ready = True, lambda whole, size: []
    assert (data.train_dataloader().make_ready is not None) == early
