"""From what a network says to its answer, in steps that can be traced: no loop over objects, no look at a value.

The formulas are those of `tasks`; only how a quantile of a mixture is sought is another, for a graph grows with each
step of a search, and not with what is done in a step.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from starbolt.tasks import Regression
from starbolt.tasks.calibration import QuantityCalibration
from starbolt.tasks.density import Density, Histogram, Logarithmic, Mixture, ndtr, warped
from starbolt.tasks.warp import Warp

NAMES = ("prob", "set", "code", "mean", "sigma", "mode", "low", "high", "epistemic")  # of what a file tells
PARTS, ROUNDS = 64, 7  # of the bracket in which a quantile is sought, and how often it is parted: 2^-42 remains


def answer(task: Any, raw: Mapping[str, Tensor], fit: Any) -> dict[str, Tensor]:
    """What `task.answer` tells for objects of no group, those of `NAMES`."""
    n = next(iter(raw.values())).shape[0]
    nobody = torch.full((n,), -1)
    if isinstance(task, Regression) and "mean" not in raw:
        told = {**raw, **_quantities(task, raw, fit, nobody)}
    else:
        told = task.answer(raw, fit, nobody)
    return {name: told[name] for name in NAMES if name in told}


def _quantities(
    task: Regression, raw: Mapping[str, Tensor], fit: QuantityCalibration | None, groups: Tensor
) -> dict[str, Tensor]:
    base = _density(raw)
    whole, ends = _of_quantity(task, base), {}
    if fit is not None:
        ends = fit.ends(whole, groups)
        whole = _of_quantity(task, warped(base, _warp(fit, groups.shape[0])))
    ends = {name: ends[name] for name in ("low", "high") if name in ends}
    return {"mean": whole.mean().float(), "sigma": whole.std().float(), "mode": whole.mode().float(), **ends}


def _density(raw: Mapping[str, Tensor]) -> Density:
    if "weight" in raw:
        return Sections(*(raw[name].double() for name in ("weight", "centre", "width")))
    return Histogram(raw["edges"].double(), raw["mass"].double())


def _of_quantity(task: Regression, density: Density) -> Density:
    return Logarithmic(density) if task.log else density


class Sections(Mixture):
    """A mixture whose quantiles are sought in few rounds, each of which looks at many places at once."""

    def at(self, z: Tensor) -> Tensor:
        each = self.centre[:, :, None] + self.width[:, :, None] * z[..., None]
        if self.centre.shape[2] == 1:
            return each[..., 0]
        low, high, wanted = each.amin(3), each.amax(3), ndtr(z)[..., None]
        share = torch.arange(1, PARTS).to(z) / PARTS
        for _ in range(ROUNDS):
            places = low[..., None] + (high - low)[..., None] * share
            below = (self.weight[:, :, None] * ndtr(self._scaled(places.flatten(2)))).sum(3)
            passed = (below.unflatten(2, places.shape[2:]) < wanted).sum(3)
            step = (high - low) / PARTS
            low = low + passed * step
            high = low + step
        return (low + high) / 2


class Still(Warp):
    """A warp that is known to change nothing, without a look at its numbers."""

    affine, identity = True, True


class Affine(Warp):
    """One that is known to only move and stretch."""

    affine, identity = True, False


class Bent(Warp):
    """One that is known to do more."""

    affine, identity = False, False


def _warp(fit: QuantityCalibration, n: int) -> Warp:
    if all(numbers == (0, 1, 0, 1) for numbers in fit.warp):
        return Still.of(fit.warp_of(n))
    straight = all((skew, tail) == (0, 1) for _, _, skew, tail in fit.warp)
    return (Affine if straight else Bent).of(fit.warp_of(n))
