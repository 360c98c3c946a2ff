"""Learning-rate schedules: (optimizer, steps of the whole training) -> scheduler, stepped with every batch."""

from __future__ import annotations

import math

from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR, ReduceLROnPlateau


def cosine(optimizer: Optimizer, steps: int, *, warmup: float = 0.05) -> LambdaLR:
    """Linear rise over the fraction `warmup` of the steps, then half a cosine down to 0.

    Loshchilov & Hutter 2017, arXiv:1608.03983.
    """
    rise = max(1, round(warmup * steps))

    def factor(step: int) -> float:
        if step < rise:
            return (step + 1) / rise
        return 0.5 * (1 + math.cos(math.pi * min(1.0, (step - rise) / max(1, steps - rise))))

    return LambdaLR(optimizer, factor)


def onecycle(optimizer: Optimizer, steps: int, *, rise: float = 0.25) -> LambdaLR:
    """Up from a 25th of the rate over the fraction `rise` of the steps, then down to almost nothing, in half cosines.

    Smith & Topin 2019, doi:10.1117/12.2520589; the momentum stays as the optimiser has it. Unlike torch's OneCycleLR it
    keeps no count of the steps, so that a run continued for more epochs follows the longer curve.
    """
    top = max(1e-9, rise * (steps + 1) - 1)

    def factor(step: int) -> float:
        if step <= top:
            return _between(1 / 25, 1, step / top)
        return _between(1, 1 / 250_000, min(1.0, (step - top) / max(1e-9, steps - top)))

    return LambdaLR(optimizer, factor)


def plateau(optimizer: Optimizer, steps: int, *, factor: float = 0.3, patience: int = 5) -> ReduceLROnPlateau:
    """The rate times `factor` whenever val/loss has not improved for `patience` epochs."""
    return ReduceLROnPlateau(optimizer, factor=factor, patience=patience)


def _between(start: float, end: float, way: float) -> float:
    """Half a cosine from `start` to `end`, `way` in [0, 1]."""
    return end + (start - end) / 2 * (1 + math.cos(math.pi * way))
