"""When a Learner may take several steps of the optimiser within one of Lightning's, and how they are counted."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.callbacks import EarlyStopping, LearningRateMonitor, ModelCheckpoint, ProgressBar, Timer
from lightning.pytorch.core.optimizer import LightningOptimizer
from lightning.pytorch.strategies import SingleDeviceStrategy
from torch import Tensor

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


def stride(learner: LightningModule, losses: Iterable[Tensor]) -> tuple[list[Tensor], list[int]]:
    """A step for the mean of each of the losses [B], computed one by one; returns the means, and B of each.

    It does what Lightning does around a step, without the hooks that `unseen` found unused.
    """
    optimizer, scheduler, trainer = learner.optimizers(), learner.lr_schedulers(), learner.trainer
    assert isinstance(optimizer, LightningOptimizer)
    step, clip = optimizer.optimizer.step, trainer.gradient_clip_val
    parameters = [p for group in optimizer.param_groups for p in group["params"]]
    means, objects = [], []
    for each in losses:
        loss = each.mean()
        means.append(loss.detach())
        objects.append(len(each))
        for parameter in parameters:
            parameter.grad = None
        loss.backward()
        if clip:
            learner.clip_gradients(optimizer.optimizer, clip, trainer.gradient_clip_algorithm)
        optimizer._on_before_step()  # these two count it for Lightning
        step()
        optimizer._on_after_step()
        torch.clear_autocast_cache()  # it holds the weights of before the step
        if scheduler is not None:
            scheduler.step()  # type: ignore[union-attr, call-arg]
    return means, objects


def _content(callback: Callback) -> bool:
    """Whether a callback does its work between strides as well."""
    if isinstance(callback, ModelCheckpoint):
        return not callback._every_n_train_steps and not callback._train_time_interval
    if isinstance(callback, LearningRateMonitor):
        return callback.logging_interval == "epoch"
    if isinstance(callback, EarlyStopping | ProgressBar | Timer) or getattr(callback, "between_strides", False):
        return True
    return all(getattr(type(callback), hook) is getattr(Callback, hook) for hook in BY_BATCH)


def one_count(checkpoint: Mapping[str, Any]) -> None:
    """Steps taken count, in a checkpoint, whoever took them: Lightning counts its own and a module's apart.

    A run may go on with other callbacks, or as several processes.
    """
    loop = checkpoint["loops"]["fit_loop"]
    own = loop["epoch_loop.automatic_optimization.optim_progress"]["optimizer"]["step"]
    ours = loop["epoch_loop.manual_optimization.optim_step_progress"]
    for which in ("total", "current"):
        for key in own[which]:
            steps = max(own[which][key], ours[which][key])
            own[which][key] = ours[which][key] = steps
