"""Calibrate: fitted to the calibration rows and to nothing else, kept in the checkpoint, applied where it is read."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest
import torch
from lightning.pytorch import Trainer, seed_everything

import starbolt
from starbolt import loading
from starbolt.data.splits import Column
from starbolt.models import MLP
from starbolt.predict import answered, predict_rows
from starbolt.tasks import Classification, Regression

N = 900
PARTS = np.array(["train"] * 200 + ["val"] * 100 + ["cal"] * 300 + ["test"] * 300)


def table(target="z", shift=None, **more):
    """A catalogue whose objects of the second half of each part are three times as uncertain; shift: {part: change}."""
    random = np.random.default_rng(0)
    a, b, faint = random.normal(size=N), random.normal(size=N), np.arange(N) % 2
    z = 0.5 * a + 0.2 * (1 + 2 * faint) * random.normal(size=N)
    for part, change in (shift or {}).items():
        z = np.where(part == PARTS, z + change, z)
    columns = {"name": np.arange(N).astype(str), "split": PARTS, "a": a, "b": b, "z": z, "faint": faint}
    columns["kind"] = np.where(z > 0.3, "far", "near")
    words = {"id": "name", "features": ["a", "b"], "split": Column(), "target": target}
    return starbolt.TableDataModule(columns, **{**words, **more})


def trained(data, task=Regression, epochs=3):
    seed_everything(0, verbose=False)
    learner = starbolt.Learner.for_data(data, partial(MLP, width=16), task)
    quiet = dict.fromkeys(("logger", "enable_checkpointing", "enable_progress_bar", "enable_model_summary"), False)
    trainer = Trainer(max_epochs=epochs, accelerator="cpu", **quiet)
    trainer.fit(learner, data)
    return learner, trainer


def test_only_calibration_rows_and_for_the_working_point_validation_rows_count():
    learner, _ = trained(table())
    fits = {}
    for name, shift in {"as it is": {}, "test": {"test": 5.0}, "cal": {"cal": 5.0}}.items():
        data = table(shift=shift)
        data.open("quantity")
        starbolt.Calibrate()(learner, data)
        fits[name] = learner.calibration
    assert fits["as it is"] == fits["test"]
    assert fits["as it is"] != fits["cal"]
    assert fits["as it is"].fit.counts == (300,)


@pytest.mark.parametrize(("target", "task"), [("z", Regression), ("kind", Classification)])
def test_it_lives_in_the_checkpoint_and_in_what_loads_it(tmp_path, target, task):
    data = table(target)
    learner, trainer = trained(data, task)
    assert starbolt.Calibrate(by=["faint"])(learner, data) == []
    trainer.save_checkpoint(tmp_path / "x.ckpt")
    loaded = loading.load_learner(tmp_path / "x.ckpt")
    assert loaded.calibration == learner.calibration
    found = predict_rows(loaded, data.test_dataloader(), device=torch.device("cpu"))
    mine, theirs = (answered(network, data.catalogue, found) for network in (learner, loaded))
    assert all(torch.equal(mine[name], theirs[name]) for name in mine)
    told = starbolt.load(tmp_path / "x.ckpt").predict(data)
    assert {"z_low", "z_high", "mask"} <= set(told.colnames) if target == "z" else "set_far" in told.colnames


def test_intervals_hold_the_truth_within_the_groups_that_are_named():
    data = table()
    learner, _ = trained(data, epochs=10)
    reached = {}
    for by in ((), ("faint",)):
        starbolt.Calibrate(by=by)(learner, data)
        found = predict_rows(learner, data.test_dataloader(), device=torch.device("cpu"))
        answer, faint = answered(learner, data.catalogue, found), found["row"] % 2
        inside = ((found["y"] >= answer["low"]) & (found["y"] <= answer["high"]))[:, 0]
        reached[by] = [float(inside[faint == g].double().mean()) for g in (0, 1)]
    assert reached[("faint",)] == pytest.approx([0.9, 0.9], abs=0.06)
    assert reached[()][0] - reached[()][1] > 0.1
    bare = answered(learner, data.catalogue.drop_columns(["faint"]), found)  # of a catalogue without the column
    assert torch.isfinite(bare["low"]).all()


def test_what_cannot_be_calibrated_is_told():
    data = table(split=Column(cal=0.0), where='split != "cal"')
    learner, _ = trained(data)
    notes = starbolt.Calibrate()(learner, data)
    assert notes == ["nothing is calibrated: the split has no calibration part (split.cal=0.1 makes one)"]
    assert learner.calibration is None
    with pytest.raises(ValueError, match=r"calibration\.level=90 is not between 0 and 1"):
        starbolt.Calibrate(level=90)
    with pytest.raises(ValueError, match=r"calibration\.bins=1 makes no groups"):
        starbolt.Calibrate(bins=1)
    with pytest.raises(ValueError, match="there is no column 'snr'"):
        starbolt.Calibrate(by=["snr"])(learner, table_opened())


def table_opened():
    data = table()
    data.open("quantity")
    return data


def test_few_objects_are_noted():
    data = table(where="faint == 1 & a > 0.5")
    learner, _ = trained(data)
    (note,) = starbolt.Calibrate()(learner, data)
    assert note.startswith("only ")
    assert "split.cal=" in note
