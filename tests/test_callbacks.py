"""callbacks: history.csv tells every epoch once and keeps what a continued run had; piped output stays short."""

from __future__ import annotations

import csv
from types import SimpleNamespace

import pytest
import torch

from starbolt.callbacks import Bar, History, Lines, Settled


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


def test_a_training_without_a_last_epoch_names_none(capsys):
    trainer = FakeTrainer(0)
    trainer.max_epochs = -1
    Lines("val/loss", every=0).on_train_epoch_end(trainer, None)
    assert capsys.readouterr().out == "epoch 1\n"


@pytest.mark.parametrize(("every", "lines"), [(0.0, 3), (3600.0, 0)])
def test_lines_come_no_faster_than_asked(every, lines, capsys):
    speaker = Lines("val/loss", every=every)
    for epoch in range(3):
        speaker.on_train_epoch_end(FakeTrainer(epoch, val_loss=0.25), None)
    said = capsys.readouterr().out.splitlines()
    assert len(said) == lines
    assert not said or said[-1] == "epoch 3 of 9  val/loss 0.25"


def test_the_bar_is_drawn_by_time_and_not_by_batches(monkeypatch):
    drawn, clock = [], iter(i / 1000 for i in range(1, 2001))
    monkeypatch.setattr("starbolt.callbacks.time.monotonic", lambda: next(clock))
    bar = Bar()
    bar.progress = SimpleNamespace(refresh=lambda: drawn.append("hard"), soft_refresh=lambda: drawn.append("soft"))
    for _ in range(1000):
        bar.refresh()
    assert 9 <= len(drawn) <= 11, "a second, a thousand batches, ten pictures"
    bar.refresh(hard=True)
    assert drawn[-1] == "hard"
