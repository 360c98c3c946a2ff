"""What happens beside a training: its history is kept, its best weights too, it stops early."""

from __future__ import annotations

import csv
import difflib
import time
from pathlib import Path
from typing import Any

from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.callbacks import EarlyStopping
from lightning.pytorch.utilities import rank_zero_only
from torch import Tensor

from starbolt.aside import aside
from starbolt.compose import forget_before
from starbolt.direction import mode_of


class History(Callback):
    """A row per epoch with epoch, step, seconds, lr and the scores measured in it: `history["val/loss"]`, `rows`.

    folder: of a run, whose history.csv is written, and continued when the run is.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self.path = folder / "history.csv" if folder else None
        self.rows: list[dict[str, Any]] = []
        self.started = time.monotonic()
        self.before = 0.0
        self.stale: dict[str, Any] = {}  # what an earlier epoch measured

    def __getitem__(self, name: str) -> list[float]:
        """One column, an epoch after the other, nan where an epoch did not measure it; KeyError where none did."""
        if not any(name in row for row in self.rows):
            known = sorted({name for row in self.rows for name in row})
            raise KeyError(f"no epoch measured {name}; there are {', '.join(known) or 'no epochs yet'}")
        return [float("nan" if row.get(name) in (None, "") else row[name]) for row in self.rows]

    @rank_zero_only
    def on_train_start(self, trainer: Trainer, learner: LightningModule) -> None:  # on_fit_start is too early: epoch 0
        if self.path and trainer.current_epoch and self.path.exists():
            with self.path.open(newline="") as file:
                self.rows = [row for row in csv.DictReader(file) if int(row["epoch"]) < trainer.current_epoch]
            self.before = float(self.rows[-1]["seconds"]) if self.rows else 0.0
        self.started = time.monotonic()

    def on_train_epoch_start(self, trainer: Trainer, learner: LightningModule) -> None:
        self.stale = dict(trainer.callback_metrics)

    @rank_zero_only
    def on_train_epoch_end(self, trainer: Trainer, learner: LightningModule) -> None:
        seconds = self.before + time.monotonic() - self.started
        measured = {k: v for k, v in trainer.callback_metrics.items() if v is not self.stale.get(k)}
        scores = {name: float(value) for name, value in measured.items() if "/" in name}
        lr = trainer.optimizers[0].param_groups[-1]["lr"]
        row = {
            "epoch": trainer.current_epoch,
            "step": trainer.global_step,
            "seconds": round(seconds, 3),
            "lr": lr,
            **scores,
        }
        self.rows.append(row)
        if self.path:
            self._write(self.path)

    def _write(self, path: Path) -> None:
        names = list(dict.fromkeys(name for row in self.rows for name in row))
        with aside(path) as beside, beside.open("w", newline="") as file:
            writer = csv.DictWriter(file, names)
            writer.writeheader()
            writer.writerows(self.rows)


class Rate(Callback):
    """Tells the loggers the learning rate of each epoch, as `lr`."""

    @rank_zero_only
    def on_train_epoch_start(self, trainer: Trainer, learner: LightningModule) -> None:
        rate = {"lr": trainer.optimizers[0].param_groups[-1]["lr"], "epoch": trainer.current_epoch}
        for logger in trainer.loggers:
            logger.log_metrics(rate, step=trainer.global_step)


class Settled(Callback):
    """Forgets what a run was told before (see `write_config`), once a checkpoint is of what it is told now."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @rank_zero_only
    def on_save_checkpoint(self, trainer: Trainer, learner: LightningModule, checkpoint: dict[str, Any]) -> None:
        forget_before(self.folder)


class Monitored(Callback):
    """ValueError after the first validation where no score has the name that is monitored."""

    def __init__(self, monitor: str, word: str = "monitor") -> None:
        self.monitor, self.word = monitor, word

    def on_validation_end(self, trainer: Trainer, learner: LightningModule) -> None:
        known = sorted({"train/loss", *(name for name in trainer.callback_metrics if "/" in name)})
        if self.monitor not in known:
            near = difflib.get_close_matches(self.monitor, known, 1)
            hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(known)}"
            raise ValueError(f"{self.word}={self.monitor} is the name of no score; {hint}")


class Best(Callback):
    """In the end the learner has the weights of the epoch whose monitored score was best, and not those of the last."""

    def __init__(self, monitor: str) -> None:
        self.monitor, self.sign = monitor, -1.0 if mode_of(monitor) == "min" else 1.0
        self.score = float("-inf")
        self.weights: dict[str, Tensor] = {}

    def on_train_epoch_end(self, trainer: Trainer, learner: LightningModule) -> None:
        if self.monitor not in trainer.callback_metrics:  # an epoch without validation
            return
        score = self.sign * float(trainer.callback_metrics[self.monitor])
        if score > self.score:
            self.score = score
            self.weights = {name: value.detach().clone() for name, value in learner.state_dict().items()}

    def on_train_end(self, trainer: Trainer, learner: LightningModule) -> None:
        if self.weights:
            learner.load_state_dict(self.weights)


class Patience(EarlyStopping):
    """Stops where the monitored score has not improved for `patience` epochs in a row.

    min_delta: what counts as an improvement. Lightning's EarlyStopping, but a run that goes on takes the patience it is
    given now, and one that had stopped stays so.
    """

    def __init__(self, monitor: str, *, patience: int = 20, min_delta: float = 0.0, mode: str = "min") -> None:
        super().__init__(monitor, patience=patience, min_delta=min_delta, mode=mode)

    def load_state_dict(self, state: dict[str, Any]) -> None:
        super().load_state_dict(state | {"patience": self.patience})

    def on_train_start(self, trainer: Trainer, learner: LightningModule) -> None:
        if self.wait_count >= self.patience:
            trainer.should_stop = True

    def on_train_epoch_end(self, trainer: Trainer, learner: LightningModule) -> None:
        if self.monitor in trainer.callback_metrics:  # not where trainer.max_steps ends within the first epoch
            super().on_train_epoch_end(trainer, learner)
