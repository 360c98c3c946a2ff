"""What the calibration objects taught about a network's predictions: plain numbers that live in its checkpoint.

Both kinds hold two things that know nothing of each other: a smooth correction of the predicted probabilities (a
temperature, or a warp), and thresholds of split-conformal sets or intervals, overall and for each declared group.
Groups are coded 0 to G - 1; -1 is an object of no group, which has the overall threshold, as has a group with too few
calibration objects to tell.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from starbolt.tasks.conformal import ends, least
from starbolt.tasks.density import Density
from starbolt.tasks.temperature import Temperature, fit_temperature
from starbolt.tasks.warp import fit_warp

Numbers = tuple[tuple[float, ...], ...]


@dataclass(frozen=True)
class ClassCalibration:
    """temperature, power: see `Temperature`. lowest: per group, the overall one last, the least probability (as the
    network gave it) at which each of K classes enters the set. working: per class the probability (calibrated) at
    which purity and completeness are told. counts: calibration objects of each class. level: wanted coverage.
    """

    temperature: float
    power: float
    lowest: Numbers
    counts: tuple[int, ...]
    level: float
    working: tuple[float, ...] = ()

    @classmethod
    def of(cls, prob: Tensor, y: Tensor, weight: Tensor, groups: Tensor, level: float) -> ClassCalibration:
        """From probabilities [n, K], classes int64 [n], class weights of the loss [K] and group codes int64 [n].

        Each class has thresholds of its own, so that the rare ones are covered as often as the common.
        """
        found, k = fit_temperature(prob, y, weight), prob.shape[1]
        mine = prob.double().numpy()[np.arange(len(y)), y.numpy()]
        codes, label = groups.numpy(), y.numpy()

        def lowest(among: np.ndarray) -> tuple[float, ...]:
            return tuple(least(mine[among & (label == c)], level) for c in range(k))

        overall = lowest(np.ones(len(label), bool))
        each = [_or(lowest(codes == g), overall) for g in range(int(codes.max(initial=-1)) + 1)]
        counts = tuple(int(n) for n in np.bincount(label, minlength=k))
        return cls(found.temperature, found.power, (*each, overall), counts, level)

    def apply(self, prob: Tensor, weight: Tensor, groups: Tensor | None) -> dict[str, Tensor]:
        """prob [n, K], calibrated, and set, bool [n, K]."""
        edge = torch.tensor(self.lowest, dtype=prob.dtype, device=prob.device)
        codes = torch.full((len(prob),), -1, device=prob.device) if groups is None else groups
        return {"prob": Temperature(self.temperature, self.power)(prob, weight), "set": prob >= edge[codes]}

    def with_working_point(self, working: tuple[float, ...]) -> ClassCalibration:
        return replace(self, working=working)


@dataclass(frozen=True)
class QuantityCalibration:
    """warp: per quantity shift, scale, skew and tail, see `Warp`; empty for predictions without a distribution.
    low, high: per group, the overall one last, per quantity the ends of the interval: normal scores of the predicted
    distribution or, without one, distances from the prediction in the quantity's unit. counts: calibration objects
    with a known truth, per quantity. level: wanted coverage.
    """

    warp: Numbers
    low: Numbers
    high: Numbers
    counts: tuple[int, ...]
    level: float

    @classmethod
    def of_densities(cls, density: Density, y: Tensor, groups: Tensor, level: float) -> QuantityCalibration:
        """From predicted distributions, truths [n, K] (NaN where unknown) and group codes int64 [n]."""
        known = torch.isfinite(y)
        safe = torch.where(known, y, density.mean())
        z = density.normal(safe[..., None])[..., 0].masked_fill(~known, torch.nan).numpy()
        warp = tuple(fit_warp(column) for column in z.T)
        return cls(warp, *_ends(z, groups.numpy(), level), _known(z), level)

    @classmethod
    def of_points(cls, mean: Tensor, y: Tensor, groups: Tensor, level: float) -> QuantityCalibration:
        """The same for predictions without a distribution."""
        away = (y - mean).double().numpy()
        return cls((), *_ends(away, groups.numpy(), level), _known(away), level)

    def ends(self, density: Density, groups: Tensor) -> dict[str, Tensor]:
        """low and high [n, K] of predicted (not yet warped) distributions."""
        low, high = self._of(groups)
        z = torch.stack([low, high], 2)
        return _pair(density.at(z.clamp(-30, 30)).float(), z)

    def about(self, mean: Tensor, groups: Tensor | None) -> dict[str, Tensor]:
        """low and high [n, K] about predicted numbers."""
        low, high = self._of(torch.full((len(mean),), -1) if groups is None else groups)
        return {"low": (mean + low).to(mean.dtype), "high": (mean + high).to(mean.dtype)}

    def warp_of(self, n: int) -> Tensor:
        """The warp's numbers for n objects, [n, K, 4]."""
        return torch.tensor(self.warp, dtype=torch.float64).expand(n, -1, -1)

    def _of(self, groups: Tensor) -> tuple[Tensor, Tensor]:
        low, high = (torch.tensor(numbers, dtype=torch.float64) for numbers in (self.low, self.high))
        return low[groups], high[groups]


Calibration = ClassCalibration | QuantityCalibration


def as_plain(calibration: Calibration) -> dict[str, Any]:
    """Plain values that a checkpoint can carry."""
    return {"kind": type(calibration).__name__, **asdict(calibration)}


def from_plain(state: Mapping[str, Any]) -> Calibration:
    """The inverse of `as_plain`, also after a trip through JSON."""
    kinds: dict[str, Callable[..., Calibration]] = {k.__name__: k for k in (ClassCalibration, QuantityCalibration)}
    return kinds[state["kind"]](**{key: _tuples(value) for key, value in state.items() if key != "kind"})


def _tuples(value: Any) -> Any:
    return tuple(map(_tuples, value)) if isinstance(value, list | tuple) else value


def _ends(values: np.ndarray, codes: np.ndarray, level: float) -> tuple[Numbers, Numbers]:
    """Lower and upper thresholds, per group (the overall one last) and quantity, of values [n, K]."""
    among = [*(codes == g for g in range(int(codes.max(initial=-1)) + 1)), np.ones(len(codes), bool)]
    rows = [np.array([ends(v[rows & np.isfinite(v)], level) for v in values.T]) for rows in among]  # each [K, 2]
    low, high = (tuple(_or(row[:, s].tolist(), rows[-1][:, s].tolist()) for row in rows) for s in (0, 1))
    return low, high


def _or(values: Sequence[float], otherwise: Sequence[float]) -> tuple[float, ...]:
    """The values, or the others where there is none."""
    return tuple(v if math.isfinite(v) else other for v, other in zip(values, otherwise, strict=True))


def _known(values: np.ndarray) -> tuple[int, ...]:
    return tuple(int(n) for n in np.isfinite(values).sum(0))


def _pair(values: Tensor, z: Tensor) -> dict[str, Tensor]:
    """low and high, infinite where their normal scores are."""
    values = torch.where(torch.isfinite(z), values, z.to(values))
    return {"low": values[..., 0], "high": values[..., 1]}
