"""History tells every epoch once, in memory and in history.csv, and keeps what a continued run had."""

from __future__ import annotations

import csv

import pytest
import torch

from starbolt.callbacks import History, Settled


class FakeTrainer:
    """As much of a Trainer as the callbacks read."""

    def __init__(self, epoch: int, **scores: float) -> None:
        self.current_epoch, self.global_step, self.max_epochs = epoch, 10 * (epoch + 1), 9
        self.callback_metrics = {name.replace("_", "/"): torch.tensor(value) for name, value in scores.items()}
        self.callback_metrics["not a score"] = torch.tensor(1.0)
        self.optimizers = [torch.optim.SGD([torch.zeros(1)], lr=0.5)]


def rows(folder):
    with (folder / "history.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def test_a_row_per_epoch_with_every_score(tmp_path):
    history = History(tmp_path)
    for epoch in range(3):
        history.on_train_epoch_end(FakeTrainer(epoch, val_loss=epoch / 2, train_loss=1.0), None)
    assert [row["epoch"] for row in rows(tmp_path)] == ["0", "1", "2"]
    assert [row["val/loss"] for row in rows(tmp_path)] == ["0.0", "0.5", "1.0"]
    assert {"epoch", "step", "seconds", "lr", "val/loss", "train/loss"} == set(rows(tmp_path)[0])
    assert [path.name for path in tmp_path.iterdir()] == ["history.csv"]


def test_a_score_that_comes_later_gets_its_column(tmp_path):
    history = History(tmp_path)
    history.on_train_epoch_end(FakeTrainer(0, train_loss=1.0), None)
    history.on_train_epoch_end(FakeTrainer(1, train_loss=1.0, val_f1=0.5), None)
    assert [row["val/f1"] for row in rows(tmp_path)] == ["", "0.5"]


def test_a_continued_run_keeps_the_epochs_that_it_goes_on_from(tmp_path):
    first = History(tmp_path)
    for epoch in range(4):
        first.on_train_epoch_end(FakeTrainer(epoch, val_loss=1.0), None)
    second = History(tmp_path)
    second.on_train_start(FakeTrainer(2), None)
    second.on_train_epoch_end(FakeTrainer(2, val_loss=7.0), None)
    assert [(row["epoch"], row["val/loss"]) for row in rows(tmp_path)] == [("0", "1.0"), ("1", "1.0"), ("2", "7.0")]


def test_a_fresh_run_forgets_an_old_history(tmp_path):
    (tmp_path / "history.csv").write_text("epoch,val/loss\n0,3\n1,4\n")
    history = History(tmp_path)
    history.on_train_start(FakeTrainer(0), None)
    history.on_train_epoch_end(FakeTrainer(0, val_loss=1.0), None)
    assert len(rows(tmp_path)) == 1


def test_a_score_of_an_earlier_epoch_is_left_out(tmp_path):
    history, trainer = History(tmp_path), FakeTrainer(0, val_loss=1.0, train_loss=3.0)
    history.on_train_epoch_end(trainer, None)
    history.on_train_epoch_start(trainer, None)
    trainer.current_epoch = 1
    trainer.callback_metrics["train/loss"] = torch.tensor(3.0)  # measured again, and equal
    history.on_train_epoch_end(trainer, None)
    assert [(row["train/loss"], row["val/loss"]) for row in rows(tmp_path)] == [("3.0", "1.0"), ("3.0", "")]


def test_a_checkpoint_makes_what_the_run_is_told_now_count(tmp_path):
    for name in (".before.config.yaml", ".before.command.txt", "config.yaml"):
        (tmp_path / name).write_text("")
    Settled(tmp_path).on_save_checkpoint(None, None, {})
    assert [path.name for path in tmp_path.iterdir()] == ["config.yaml"]


def test_without_a_folder_the_history_is_read_in_python(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    history = History()
    history.on_train_epoch_end(FakeTrainer(0, train_loss=1.0), None)
    history.on_train_epoch_end(FakeTrainer(1, train_loss=0.5, val_f1=0.25), None)
    assert history["train/loss"] == [1.0, 0.5]
    assert str(history["val/f1"]) == "[nan, 0.25]"
    with pytest.raises(KeyError, match="no epoch measured val/f2; there are epoch, lr, seconds, step, train/loss"):
        history["val/f2"]
    assert not list(tmp_path.iterdir())
