"""Optimisers at their full speed: one fused kernel for all parameters, and no search for a driver at each step."""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any

import torch
from torch import nn
from torch.optim import Adam, AdamW, Optimizer

FUSED_ON = ("cpu", "cuda", "mps")


def fused(optim: Callable[..., Any], parameters: Iterable[nn.Parameter], scaled: bool) -> Callable[..., Any]:
    """`optim` with fused=True, where it knows that word, was not told otherwise and can: the same steps in less time.

    parameters: all that it will hold. scaled: gradients are scaled (precision 16-mixed), which a fused one undoes
    itself and so cannot be clipped.
    """
    made, told = (optim.func, optim.keywords) if isinstance(optim, partial) else (optim, {})
    signature, parameters = inspect.signature(made).parameters if inspect.isclass(made) else {}, list(parameters)
    known, on_cuda = "fused" in signature, all(p.device.type == "cuda" for p in parameters)
    able = all(p.is_floating_point() and p.device.type in FUSED_ON for p in parameters)
    chosen = {"fused", "foreach", "capturable", "differentiable"} & set(told)
    if not known or not able or chosen or scaled:
        return optim
    recorded = {"capturable": True} if on_cuda and "capturable" in signature else {}  # see `recording`
    return partial(optim, fused=True, **recorded)


def let_clip(optimizer: Optimizer) -> None:
    """Have Lightning clip the gradients of a fused optimiser under bf16-mixed as well: it takes them for scaled."""
    optimizer._step_supports_amp_scaling = False  # type: ignore[attr-defined]


def straight(optimizer: Optimizer) -> Callable[[], object]:
    """The step of an optimiser; of a fused Adam on a CPU without torch's own way to its kernel.

    For a small network that way takes longer than the kernel. The numbers are the same, bit for bit.
    """
    groups = optimizer.param_groups
    parameters = [p for group in groups for p in group["params"]]
    hooked = optimizer._optimizer_step_pre_hooks or optimizer._optimizer_step_post_hooks  # whoever waits for a step
    fit = (
        type(optimizer) in (Adam, AdamW)
        and not hooked
        and all(p.is_cpu and p.dtype == torch.float32 for p in parameters)
    )
    if not fit or not all(g["fused"] and isinstance(g["lr"], float) and not g["amsgrad"] for g in groups):
        return optimizer.step

    def step() -> None:
        if any(p.grad is None or p not in optimizer.state for p in parameters):
            optimizer.step()
            return
        for group in groups:
            _adam(group, optimizer.state)

    return step


@torch.no_grad()
def _adam(group: Mapping[str, Any], state: Mapping[Any, Any]) -> None:
    states = [state[p] for p in group["params"]]
    averages, squares, steps = ([each[key] for each in states] for key in ("exp_avg", "exp_avg_sq", "step"))
    torch._foreach_add_(steps, 1)
    beta1, beta2 = group["betas"]
    words = {key: group[key] for key in ("lr", "weight_decay", "eps", "maximize", "amsgrad")}
    gradients = [p.grad for p in group["params"]]
    kernel = torch._fused_adamw_ if group["decoupled_weight_decay"] else torch._fused_adam_
    kernel(group["params"], gradients, averages, squares, [], steps, beta1=beta1, beta2=beta2, **words)


def leave_the_driver_alone() -> None:
    """Importing lightning has torch.cuda.is_available() ask the driver anew each time; optimisers ask at each step."""
    os.environ["PYTORCH_NVML_BASED_CUDA_CHECK"] = "0"
