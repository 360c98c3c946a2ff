"""checkpoints/last.ckpt: what a run needs to go on as if it had never stopped."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import Checkpoint

from starbolt.endurance import randomness, signals
from starbolt.endurance.signals import Stopped

OFTEN = 2.0  # [s] less work than that is done again sooner than kept
APART = 10  # steps between two agreements of the ranks on a device whose queue each agreement drains


class Last(Checkpoint):
    """Keeps last.ckpt: after each epoch, within one every so often, and where the run is asked to stop.

    After epochs of less than OFTEN seconds it is kept after some of them, and after the last.
    minutes: between two checkpoints within an epoch. steps: between two of them, where given, instead of a time.
    It carries the states of all random generators of all ranks. Raises Stopped once a run that was asked to has a
    checkpoint; the ranks of a run agree, so that all of them stop after the same step.
    """

    def __init__(self, *, minutes: float = 5.0, steps: int | None = None) -> None:
        self.minutes, self.steps = minutes, steps
        self.dirpath = "checkpoints"  # build gives the run's
        self._kept, self._step = time.monotonic(), 0
        self._states: list[dict[str, Any]] = []
        self._trainer: Trainer | None = None

    @property
    def between_strides(self) -> bool:
        """Whether it asks for nothing between the steps of a stride, see `stepping.unseen`."""
        return self.steps is None

    def setup(self, trainer: Trainer, learner: LightningModule, stage: str) -> None:
        self._trainer = trainer
        for left in Path(self.dirpath).glob(".*.ckpt.*.part"):  # of a process that was killed while it wrote
            if trainer.is_global_zero:
                left.unlink(missing_ok=True)

    def on_train_start(self, trainer: Trainer, learner: LightningModule) -> None:
        signals.take_back()
        self._kept, self._step = time.monotonic(), trainer.global_step
        if len(self._states) == trainer.world_size:
            randomness.restore(self._states[trainer.global_rank], trainer.strategy.root_device)
        elif trainer.global_rank:  # other draws than those of the first rank
            torch.manual_seed(torch.initial_seed() + trainer.global_rank)
        self._states = []

    def on_train_batch_end(self, trainer: Trainer, learner: LightningModule, out: Any, batch: Any, index: int) -> None:
        if _validates(trainer, index) or (index + 1) % trainer.accumulate_grad_batches:
            return  # a checkpoint of here would skip the validation that follows, or lose the gradients gathered so far
        stop, due = self._agreed(trainer, signals.asked(), self._due(trainer))
        if stop or due:
            self._keep(trainer)
        if stop:
            raise Stopped(stop)

    def on_train_epoch_end(self, trainer: Trainer, learner: LightningModule) -> None:
        soon = self.steps is None and time.monotonic() - self._kept < OFTEN
        stop, late = self._agreed(trainer, signals.asked(), not soon or _ends(trainer), epoch=True)
        if stop or late:
            self._keep(trainer)
        if stop:
            raise Stopped(stop)

    def state_dict(self) -> dict[str, Any]:
        """The random states of each rank; every rank asks for it at the same time."""
        trainer = self._trainer
        if trainer is None:
            return {}
        mine = randomness.states(trainer.strategy.root_device)
        if trainer.world_size == 1:
            return {"random": [mine]}
        boxes: list[Any] = [None] * trainer.world_size
        torch.distributed.all_gather_object(boxes, mine)
        return {"random": boxes}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self._states = list(state.get("random", ()))

    def on_load_checkpoint(self, trainer: Trainer, learner: LightningModule, checkpoint: dict[str, Any]) -> None:
        """A run folder may have been moved: ModelCheckpoint would forget the best score with its old place."""
        for name, state in checkpoint.get("callbacks", {}).items():
            if name.startswith("ModelCheckpoint") and state.get("dirpath"):
                _moved(state, state["dirpath"], str(self.dirpath))

    def _due(self, trainer: Trainer) -> bool:
        if self.steps:
            return trainer.global_step - self._step >= self.steps
        return time.monotonic() - self._kept > 60 * self.minutes

    def _keep(self, trainer: Trainer) -> None:
        trainer.save_checkpoint(Path(self.dirpath) / "last.ckpt")
        self._kept, self._step = time.monotonic(), trainer.global_step

    def _agreed(self, trainer: Trainer, stop: int, due: bool, *, epoch: bool = False) -> tuple[int, bool]:
        """The largest number of a signal that any rank heard, and whether any finds a checkpoint due."""
        device = trainer.strategy.root_device
        if trainer.world_size == 1:
            return stop, due
        if device.type != "cpu" and not epoch and trainer.global_step % APART:
            return 0, False
        told = torch.tensor([stop, int(due)], device=device)
        torch.distributed.all_reduce(told, torch.distributed.ReduceOp.MAX)
        return int(told[0]), bool(told[1])


def _validates(trainer: Trainer, index: int) -> bool:
    """Whether validation or the end of the epoch follows the batch of this index."""
    every = getattr(trainer, "val_check_batch", None)  # infinite where it is never counted in batches
    return trainer.is_last_batch or bool(every and every != float("inf") and (index + 1) % every == 0)


def _ends(trainer: Trainer) -> bool:
    """Whether the training ends with this epoch."""
    last = trainer.max_epochs is not None and 0 < trainer.max_epochs <= trainer.current_epoch + 1
    return trainer.should_stop or last or 0 < trainer.max_steps <= trainer.global_step


def _moved(state: dict[str, Any], old: str, new: str) -> None:
    state["dirpath"] = new
    for key in ("best_model_path", "kth_best_model_path", "last_model_path"):
        state[key] = str(state.get(key) or "").replace(old, new)
    state["best_k_models"] = {path.replace(old, new): score for path, score in state.get("best_k_models", {}).items()}
