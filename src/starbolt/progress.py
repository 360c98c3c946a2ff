"""How a training is followed: by a bar in a terminal or a notebook, by a line now and then in a log."""

from __future__ import annotations

import time
from typing import Any, TextIO

from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.utilities import rank_zero_only
from tqdm import tqdm

from starbolt.messages import screen

LOSSES = ("train/loss", "val/loss")


class Bar(Callback):
    """One bar for the whole training, with the time left and the last losses, drawn ten times a second at most."""

    between_strides = True
    FORMAT = "{desc}: {percentage:3.0f}%|{bar}| {elapsed}<{remaining}{postfix}"
    ENDLESS = "{desc}: {elapsed}{postfix}"  # of a training without a last epoch

    def __init__(self, file: TextIO | None = None) -> None:
        self.file = file
        self.bar: tqdm[Any] | None = None

    @rank_zero_only
    def on_train_start(self, trainer: Trainer, learner: LightningModule) -> None:
        last = trainer.max_epochs if trainer.max_epochs and trainer.max_epochs > 0 else None
        words = {"total": last, "bar_format": self.FORMAT if last else self.ENDLESS, "dynamic_ncols": True}
        self.bar = tqdm(initial=trainer.current_epoch, desc=_epoch(trainer), file=self.file, **words)

    @rank_zero_only
    def on_train_batch_end(self, trainer: Trainer, learner: LightningModule, out: Any, batch: Any, index: int) -> None:
        if self.bar is not None:
            share = (index + 1) / trainer.num_training_batches
            self.bar.update(trainer.current_epoch + min(share, 1.0) - self.bar.n)

    @rank_zero_only
    def on_train_epoch_end(self, trainer: Trainer, learner: LightningModule) -> None:
        if self.bar is not None:
            found = {name: float(trainer.callback_metrics[name]) for name in LOSSES if name in trainer.callback_metrics}
            self.bar.set_description_str(_epoch(trainer), refresh=False)
            self.bar.set_postfix_str(", ".join(f"{name} {value:.4g}" for name, value in found.items()), refresh=False)
            self.bar.update(0)

    @rank_zero_only
    def on_train_end(self, trainer: Trainer, learner: LightningModule) -> None:
        if self.bar is not None:
            self.bar.close()

    def on_exception(self, trainer: Trainer, learner: LightningModule, exception: BaseException) -> None:
        self.on_train_end(trainer, learner)


class Lines(Callback):
    """A line per epoch, at most every ten seconds, for logs that are not a terminal."""

    def __init__(self, monitor: str, every: float = 10.0) -> None:
        self.monitor, self.every, self.last = monitor, every, time.monotonic()

    @rank_zero_only
    def on_train_epoch_end(self, trainer: Trainer, learner: LightningModule) -> None:
        if time.monotonic() - self.last < self.every:
            return
        self.last = time.monotonic()
        value = trainer.callback_metrics.get(self.monitor)
        score = "" if value is None else f"  {self.monitor} {float(value):.4g}"
        print(f"{_epoch(trainer)}{score}", flush=True)


def followed(monitor: str) -> Callback:
    """How a training is followed: by a bar in terminals and notebooks, elsewhere by lines with the monitored score."""
    file = screen()
    return Lines(monitor) if file is None else Bar(file)


def _epoch(trainer: Trainer) -> str:
    last = "" if trainer.max_epochs == -1 else f" of {trainer.max_epochs}"
    return f"epoch {trainer.current_epoch + 1}{last}"
