"""Recorded steps are the steps that they are records of."""

from __future__ import annotations

import runpy
from functools import partial
from pathlib import Path

import pytest
import torch
from lightning.pytorch import Trainer, seed_everything
from torch import nn

import starbolt
from starbolt import recording
from starbolt.contract import Batch, Block
from starbolt.models import CNN, GRU, MLP
from starbolt.recording import recordable, shape_of
from starbolt.schedules import onecycle
from starbolt.tasks import Classification, Regression

made_by_stepping = runpy.run_path(str(Path(__file__).with_name("test_stepping.py")))


def batch(size=4, points=5):
    block = Block(torch.randn(size, 2, points), torch.ones(size, 1, points).bool(), length=torch.full((size,), points))
    return Batch({"series": block}, torch.zeros(size).long(), torch.ones(size), torch.arange(size))


def test_shapes_are_told_apart_and_values_are_not():
    assert shape_of(batch()) == shape_of(batch())
    with_errors = batch()
    block = with_errors.inputs["series"]
    with_errors.inputs["series"] = block._replace(err=block.x)
    different = [batch(), batch(3), batch(4, 6), with_errors, batch()._replace(y=torch.zeros(4, 1))]
    assert len({shape_of(each) for each in different}) == len(different)


def test_on_a_cpu_nothing_is_recorded():
    network = nn.Linear(2, 1)
    assert not recordable(network, torch.optim.AdamW(network.parameters(), capturable=False))


def learnt(make, encoder, task, folder, precision):
    seed_everything(0, verbose=False)
    data = make()
    learner = starbolt.Learner.for_data(data, encoder, task, waive=["target"], schedule=onecycle)
    trainer = Trainer(
        max_epochs=4, accelerator="gpu", devices=1, logger=False, enable_progress_bar=False, gradient_clip_val=0.5,
        enable_model_summary=False, enable_checkpointing=False, default_root_dir=folder, precision=precision,
    )  # fmt: skip
    trainer.fit(learner, datamodule=data)
    return learner, len(learner._stepper.recorder.recorded), trainer.global_step


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="torch sees no CUDA device")
@pytest.mark.parametrize("precision", ["32-true", "bf16-mixed"])
@pytest.mark.parametrize("model", ["mlp", "cnn", "gru"])
@pytest.mark.filterwarnings("default")
def test_recorded_steps_learn_what_launched_ones_learn(model, precision, tmp_path, monkeypatch):
    images, series, table = (made_by_stepping[name] for name in ("images", "series", "table"))
    case = {
        "mlp": (table, partial(MLP, width=16), Regression),
        "cnn": (images, partial(CNN, width=8, stages=2), Classification),
        "gru": (partial(series, residency="mapped"), partial(GRU, width=8), Classification),
    }[model]
    recorded, shapes, steps = learnt(*case, tmp_path, precision)
    monkeypatch.setattr(recording, "MOST", 0)
    launched, none, others = learnt(*case, tmp_path, precision)
    assert shapes > 0 == none
    assert steps == others
    for name, value in launched.state_dict().items():
        torch.testing.assert_close(recorded.state_dict()[name], value, rtol=1e-3, atol=1e-4, msg=name)
