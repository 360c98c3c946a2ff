"""run=: a run goes on with what may change, refuses what it has settled, and a failure leaves it as it was."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from astropy.table import Table
from omegaconf import OmegaConf

from starbolt import build, cli, run
from starbolt.compose import UserError, write_config
from starbolt.endurance import lease
from starbolt.resume import PLACES, continued

TOLD = ("config.yaml", "command.txt")


@pytest.fixture
def begun(trained, tmp_path, monkeypatch) -> Path:
    """A run in which two epochs were trained."""
    monkeypatch.setattr(os, "execv", lambda program, words: run.main(words[-1]))  # stay in this process
    folder = shutil.copytree(trained("mlp"), tmp_path / "run")
    (folder / "command.txt").write_text("starbolt train data=table\n")
    return folder


def told(folder: Path) -> list[bytes]:
    return [(folder / name).read_bytes() for name in TOLD]


def hidden(folder: Path) -> list[Path]:
    return [*folder.glob(".before*"), *folder.glob("*.part"), *folder.glob(".*.part")]


def test_a_saved_run_goes_on_with_changed_settings(trained, tmp_path):
    folder = tmp_path / "run"
    folder.mkdir()
    shutil.copy(trained("mlp") / "config.yaml", folder)
    cfg = continued(["trainer.max_epochs=7", "model.width=3", f"run={folder}"])  # nothing was trained in this copy
    assert (cfg.trainer.max_epochs, cfg.model.width) == (7, 3)
    assert Path(cfg.run) == folder
    assert continued([f"run={tmp_path / 'new'}"]) is None
    assert continued(["data=table", f"run={folder}"]) is None


@pytest.mark.parametrize("word", [
    "model.width=64", "task.loss=mse", "split.seed=3", "optim.lr=0.5", "+schedule.rise=0.1", "seed=4",
    "data.weight=u", "data.batch_size=7", "data.target=u", "model=cnn", "optim=sgd",
])  # fmt: skip
def test_what_a_checkpoint_has_settled_is_refused(begun, word):
    with pytest.raises(UserError) as caught:
        continued([word, f"run={begun}"])
    key = word.lstrip("+").split("=")[0]
    assert str(caught.value) == (
        f"{key} is settled in a run that has begun; begin a new one with it: starbolt train like={begun} {word}"
    )


def test_what_comes_after_and_where_files_lie_may_change(begun):
    words = [
        "trainer.max_epochs=9", "callbacks.patience.patience=3", "test=false", "report=false", "name=new",
        "card.use=none", "slices=[u]", "calibration.level=0.9", "mc_dropout=0", "data.path=there.fits",
        "data.cache=here", "+logger.a=1",
    ]  # fmt: skip
    cfg = continued([*words, f"run={begun}"])
    assert (cfg.trainer.max_epochs, cfg.data.path) == (9, "there.fits")
    same = OmegaConf.load(begun / "config.yaml")
    assert continued([f"model.width={same.model.width}", f"seed={same.seed}", f"run={begun}"]).model == same.model


def test_every_word_that_names_a_catalogue_names_a_place():
    assert set(build.FILES) <= set(PLACES)


def test_a_whole_command_does_not_begin_anew(begun):
    for word in ("data=table", "experiment=eros1"):
        with pytest.raises(UserError, match=rf"{word} begins one; go on without it: starbolt train run={begun}"):
            continued([word, f"run={begun}", "model=mlp"])


def test_a_run_that_is_in_training_is_told_nothing(begun):
    before = told(begun)
    with lease.held(begun), pytest.raises(UserError, match=f"executed already .process {os.getpid()}."):
        cli.train([f"run={begun}", "trainer.max_epochs=9"])
    assert told(begun) == before


@pytest.mark.usefixtures("unreported")
def test_a_refused_word_leaves_a_run_that_goes_on(begun):
    before = told(begun)
    for word in ("model.width=64", "seed=3", "trainer.accelerator=cqu", "callbacks.patience.patience=[]",
                 "data.path=/nowhere/cat.fits", "+trainer.bogus=1", "slices=[nothing]"):  # fmt: skip
        with pytest.raises((UserError, ValueError, OSError, TypeError)):
            cli.train([word, f"run={begun}", "trainer.max_epochs=3"])
        assert told(begun) == before
        assert not hidden(begun)
    cli.train([f"run={begun}", "trainer.max_epochs=3"])
    assert OmegaConf.load(begun / "config.yaml").trainer.max_epochs == 3
    assert (begun / "history.csv").read_text().count("\n") == 4
    assert not hidden(begun)


@pytest.mark.usefixtures("unreported")
def test_data_may_move_and_may_not_change(begun, sky, tmp_path):
    table = Table.read(sky["catalogue"])
    table["u"] += np.linspace(0, 3, len(table))
    table.write(tmp_path / "other.fits")
    table[:150].write(tmp_path / "fewer.fits")
    before = told(begun)
    for name, words in (("other", "other values"), ("fewer", "other objects in the parts of the split")):
        with pytest.raises(ValueError, match=f"{words}; give it those") as caught:
            cli.train([f"run={begun}", f"data.path={tmp_path / name}.fits"])
        assert "\n" not in str(caught.value)
        assert told(begun) == before
    shutil.copy(sky["catalogue"], tmp_path / "moved.fits")
    cli.train([f"run={begun}", f"data.path={tmp_path / 'moved.fits'}", "trainer.max_epochs=3"])
    assert OmegaConf.load(begun / "config.yaml").data.path == str(tmp_path / "moved.fits")


def test_what_was_told_before_outlives_attempts_that_were_cut_off(begun):
    before = told(begun)
    for epochs in (5, 6):  # written, and killed before anything was trained
        write_config(continued([f"run={begun}", f"trainer.max_epochs={epochs}"]), ["a"])
    with pytest.raises(ValueError, match="cqu"):
        cli.train([f"run={begun}", "trainer.accelerator=cqu"])
    assert told(begun) == before
    assert not hidden(begun)


def test_a_run_that_has_not_begun_keeps_nothing_aside(begun):
    (begun / "checkpoints" / "last.ckpt").unlink()
    write_config(continued([f"run={begun}", "trainer.max_epochs=5"]))
    assert not hidden(begun)
