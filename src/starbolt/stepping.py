"""When a Learner may take several steps of the optimiser within one of Lightning's, and how they are counted."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import torch
from lightning.pytorch import Callback, Trainer
from lightning.pytorch.callbacks import EarlyStopping, LearningRateMonitor, ModelCheckpoint, ProgressBar, Timer
from lightning.pytorch.core.optimizer import LightningOptimizer
from lightning.pytorch.strategies import SingleDeviceStrategy
from torch import Tensor

from starbolt.contract import Batch
from starbolt.data.strides import Stride
from starbolt.optimisers import straight
from starbolt.recording import Recorder, recordable

BY_BATCH = ("on_train_batch_start", "on_train_batch_end", "on_before_zero_grad", "on_before_backward",
            "on_after_backward", "on_before_optimizer_step")  # fmt: skip
PRECISIONS = ("32-true", "bf16-mixed")  # whose gradients need no scaling


def unseen(trainer: Trainer) -> bool:
    """Whether nothing in a training counts or looks at single batches: one process, Lightning's usual settings, and no
    callback but those that are known to ask for nothing between two steps."""
    plain = type(trainer.strategy) is SingleDeviceStrategy and trainer.precision in PRECISIONS
    counts = (
        trainer.accumulate_grad_batches == 1
        and trainer.limit_train_batches == 1.0
        and trainer.overfit_batches == 0  # type: ignore[attr-defined]
        and trainer.max_steps == -1
        and trainer.val_check_interval in (1.0, None)
        and not trainer.fast_dev_run  # type: ignore[attr-defined]
    )
    return plain and counts and all(map(_content, trainer.callbacks))  # type: ignore[attr-defined]


class Stepper:
    """Takes the steps of a stride: what Lightning does around one, without the hooks that `unseen` found unused.

    learner: a `Learner`, with its trainer. On a GPU a step is recorded where that is possible, see `recording`.
    """

    def __init__(self, learner: Any) -> None:
        optimizer, self.trainer = learner.optimizers(), learner.trainer
        assert isinstance(optimizer, LightningOptimizer)
        self.learner, self.optimizer, self.scheduler = learner, optimizer, learner.lr_schedulers()
        self.parameters = [p for group in optimizer.param_groups for p in group["params"]]
        self.step = straight(optimizer.optimizer)
        able = recordable(learner, optimizer.optimizer)
        self.recorder = Recorder(self._alone, optimizer.optimizer, learner.device) if able else None

    def __call__(self, stride: Stride) -> tuple[list[Tensor], list[int]]:
        """A step for each of the parts; returns their mean losses, and their objects."""
        losses, objects = [], []
        for loss, count in self._recorded(stride.parts) if self.recorder else self._stepped(stride):
            self.optimizer._on_after_step()
            if self.scheduler is not None:
                self.scheduler.step()
            losses.append(loss)
            objects.append(count)
        return losses, objects

    def _stepped(self, stride: Stride) -> Iterator[tuple[Tensor, int]]:
        for losses in self.learner.losses_of_parts(stride):
            self.optimizer._on_before_step()  # it and its counterpart count the step for Lightning
            yield self._step(losses), len(losses)

    def _recorded(self, parts: Iterable[Batch]) -> Iterator[tuple[Tensor, int]]:
        assert self.recorder is not None
        for part in parts:
            self.optimizer._on_before_step()
            yield self.recorder(part), len(part.row)

    def _alone(self, batch: Batch) -> Tensor:
        return self._step(self.learner.losses_of(batch))

    def _step(self, losses: Tensor) -> Tensor:
        """A step for the mean of losses [B], and that mean."""
        loss = losses.mean()
        for parameter in self.parameters:
            parameter.grad = None
        loss.backward()
        if clip := self.trainer.gradient_clip_val:
            self.learner.clip_gradients(self.optimizer.optimizer, clip, self.trainer.gradient_clip_algorithm)
        self.step()
        torch.clear_autocast_cache()  # it holds the weights of before the step
        return loss.detach()


def _content(callback: Callback) -> bool:
    """Whether a callback does its work between strides as well."""
    if isinstance(callback, ModelCheckpoint):
        return not callback._every_n_train_steps and not callback._train_time_interval
    if isinstance(callback, LearningRateMonitor):
        return callback.logging_interval == "epoch"
    if isinstance(callback, EarlyStopping | ProgressBar | Timer) or getattr(callback, "between_strides", False):
        return True
    return all(getattr(type(callback), hook) is getattr(Callback, hook) for hook in BY_BATCH)


class EpochLoss:
    """The mean loss over the objects of an epoch so far; `seen`: their sum and number, as `state` told them."""

    def __init__(self, seen: tuple[Tensor, int] | None = None) -> None:
        self.seen = seen
        self.losses: list[Tensor] = []
        self.objects: list[int] = []

    def add(self, losses: Sequence[Tensor], objects: Sequence[int]) -> None:
        """The mean losses of batches of so many objects."""
        self.losses += losses
        self.objects += objects

    def state(self) -> tuple[Tensor, int] | None:
        """Sum and number; None of an epoch that has not begun."""
        if self.losses:
            means = torch.stack(self.losses)
            means = means if means.device.type == "mps" else means.double()
            sums = means * torch.tensor(self.objects, dtype=means.dtype, device=means.device)
            total, count = self.seen or (sums.new_zeros(()), 0)
            whole = torch.cat([total[None].to(sums.device), sums]).cumsum(0)[-1]  # one by one, whoever asks how often
            self.seen = whole, count + sum(self.objects)
            self.losses, self.objects = [], []
        return self.seen

    def mean(self) -> Tensor:
        """float32 []."""
        seen = self.state()
        assert seen is not None
        return (seen[0] / seen[1]).float()


def tell_step(trainer: Trainer, step: int) -> None:
    """Loggers draw scores over the steps of the optimiser; Lightning would count strides."""
    trainer.fit_loop.epoch_loop._batches_that_stepped = step


def one_count(checkpoint: Mapping[str, Any]) -> None:
    """Steps taken count, in a checkpoint, whoever took them: Lightning counts its own and a module's apart.

    A run may go on with other callbacks, or as several processes.
    """
    if "loops" not in checkpoint:  # of weights alone
        return
    loop = checkpoint["loops"]["fit_loop"]
    own = loop["epoch_loop.automatic_optimization.optim_progress"]["optimizer"]["step"]
    ours = loop["epoch_loop.manual_optimization.optim_step_progress"]
    for which in ("total", "current"):
        for key in own[which]:
            steps = max(own[which][key], ours[which][key])
            own[which][key] = ours[which][key] = steps
