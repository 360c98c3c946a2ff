"""A training is followed by one bar with the time left, drawn by time, and in logs by few lines."""

from __future__ import annotations

import io
import sys
import time

import pytest
import torch

from starbolt.progress import Bar, Lines, followed


class FakeTrainer:
    """As much of a Trainer as is read: a training of nine epochs of 1,000 batches."""

    num_training_batches, max_epochs = 1000, 9

    def __init__(self, epoch: int, **scores: float) -> None:
        self.current_epoch = epoch
        self.callback_metrics = {name.replace("_", "/"): torch.tensor(value) for name, value in scores.items()}


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


def drawn(trainer, batches, pause=0.0) -> list[str]:
    """What the bar shows while these batches of one epoch go by, picture by picture."""
    file = io.StringIO()
    bar = Bar(file)
    bar.on_train_start(trainer, None)
    for index in batches:
        bar.on_train_batch_end(trainer, None, None, None, index)
        time.sleep(pause)
    bar.on_train_epoch_end(trainer, None)
    bar.on_train_end(trainer, None)
    return [picture for picture in file.getvalue().split("\r") if picture.strip()]


def test_the_bar_is_of_the_whole_training_with_the_last_losses():
    last = drawn(FakeTrainer(3, train_loss=0.5, val_loss=0.25), range(1000))[-1]
    assert last.startswith("epoch 4 of 9:  44%")
    assert "train/loss 0.5, val/loss 0.25" in last


def test_the_bar_is_drawn_by_time_and_not_by_batches():
    fast, slow = drawn(FakeTrainer(0), range(1000)), drawn(FakeTrainer(0), range(0, 1000, 100), pause=0.12)
    assert len(fast) <= 8
    assert len(slow) >= 10


def test_the_bar_of_a_training_without_an_end_counts_epochs():
    trainer = FakeTrainer(4, val_loss=0.25)
    trainer.max_epochs = -1
    assert drawn(trainer, range(10))[-1].startswith("epoch 5: ")


def test_a_bar_in_a_terminal_and_in_a_notebook_lines_in_a_log(monkeypatch):
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    monkeypatch.setattr(sys, "stderr", io.StringIO())
    monkeypatch.delitem(sys.modules, "ipykernel", raising=False)
    assert isinstance(followed("val/loss"), Lines)
    monkeypatch.setitem(sys.modules, "ipykernel", sys)
    assert followed("val/loss").file is sys.stdout
    monkeypatch.setattr(sys, "stderr", Terminal())
    assert followed("val/loss").file is sys.stderr
