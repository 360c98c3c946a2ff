"""Optimisers at their full speed: one fused kernel for all parameters, and no search for a driver at each step."""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

from torch import nn

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


def leave_the_driver_alone() -> None:
    """Importing lightning has torch.cuda.is_available() ask the driver anew each time; optimisers ask at each step."""
    os.environ["PYTORCH_NVML_BASED_CUDA_CHECK"] = "0"
