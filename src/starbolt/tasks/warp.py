"""A smooth map of normal scores that puts a predicted distribution right: how its places were really occupied.

If objects of known truth stand at normal scores z = Phi^-1(F(y)) that are not distributed as a standard normal, the
predicted distributions are shifted, too narrow, skew or light in the tails, and the map z -> g(z) whose outcome is
standard normal mends all of them at once (the recalibration of Kuleshov et al. 2018, arXiv:1807.00263, with a smooth
map of at most four numbers instead of a staircase as noisy as the calibration part is small).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

LIMIT = (
    5.0  # robust spreads beyond which normal scores are clipped before a map is fitted: one absurd truth must not rule
)
FEWEST = 30  # calibration objects below which nothing is fitted


class Warp(NamedTuple):
    """g(z) = sinh(tail asinh((z - shift) / scale) - skew): Jones & Pewsey 2009, doi:10.1093/biomet/asp053.

    Each [..., 1] and broadcast against z; shift 0, scale 1, skew 0, tail 1 change nothing. scale above 1: the predicted
    widths were too small. tail below 1: outliers are commoner than predicted.
    """

    shift: Tensor
    scale: Tensor
    skew: Tensor
    tail: Tensor

    def __call__(self, z: Tensor) -> Tensor:
        away = (z - self.shift) / self.scale
        return away if self.affine else torch.sinh(self.tail * torch.asinh(away) - self.skew)

    def inverse(self, z: Tensor) -> Tensor:
        away = z if self.affine else torch.sinh((torch.asinh(z) + self.skew) / self.tail)
        return self.shift + self.scale * away

    def slope(self, z: Tensor) -> Tensor:
        """dg/dz."""
        away = (z - self.shift) / self.scale
        if self.affine:
            return torch.ones_like(away) / self.scale
        bent = torch.cosh(self.tail * torch.asinh(away) - self.skew)
        return bent * self.tail / torch.sqrt(1 + away.square()) / self.scale

    @property
    def affine(self) -> bool:
        """Whether it only moves and stretches."""
        return bool((self.skew == 0).all() and (self.tail == 1).all())

    @property
    def identity(self) -> bool:
        """Whether it changes nothing."""
        return self.affine and bool((self.shift == 0).all() and (self.scale == 1).all())

    @classmethod
    def of(cls, numbers: Tensor) -> Warp:
        """From numbers [..., 4]."""
        return cls(*numbers.unsqueeze(-2).unbind(-1))


def fit_warp(z: np.ndarray) -> tuple[float, float, float, float]:
    """Shift, scale, skew and tail of the map for normal scores z [n], as many of them as the scores bear out.

    By maximum likelihood; of the nested maps (none, scale or shift, both, with tail, with skew) the one of the least
    Akaike information criterion (Akaike 1974, doi:10.1109/TAC.1974.1100705): the best on objects yet to come.
    """
    from scipy.optimize import minimize

    z, best = z[np.isfinite(z)], (0.0, 1.0, 0.0, 1.0)
    if len(z) < FEWEST:
        return best
    middle = float(np.median(z))
    reach = LIMIT * max(1.4826 * float(np.median(np.abs(z - middle))), 1e-3)
    z = np.clip(z, middle - reach, middle + reach)
    lowest = 2 * _unlikely(np.zeros(4), z)
    begin = np.array([0.0, np.log(max(z.std(), 1e-3)), 0.0, 0.0])
    for free in ([1], [0], [0, 1], [0, 1, 3], [0, 1, 2, 3]):
        start = np.array([z.mean() if 0 in free else 0.0, begin[1], 0.0, 0.0])
        found = minimize(_of_free, start[free], args=(free, z), method="Nelder-Mead", options={"xatol": 1e-4})
        score = 2 * (found.fun + len(free))
        if score < lowest:
            lowest, best = score, _numbers(found.x, free)
    return best


def _of_free(values: np.ndarray, free: list[int], z: np.ndarray) -> float:
    whole = np.zeros(4)
    whole[free] = values
    return _unlikely(whole, z)


def _unlikely(whole: np.ndarray, z: np.ndarray) -> float:
    """Minus the logarithm of the likelihood of z under shift, log scale, skew, log tail; without constants."""
    shift, scale, skew, tail = whole[0], np.exp(whole[1]), whole[2], np.exp(whole[3])
    away = (z - shift) / scale
    inner = np.clip(tail * np.arcsinh(away) - skew, -50, 50)
    slope = np.log(np.cosh(inner)) + np.log(tail) - 0.5 * np.log1p(away**2) - np.log(scale)
    return float((0.5 * np.sinh(inner) ** 2 - slope).sum())


def _numbers(values: np.ndarray, free: list[int]) -> tuple[float, float, float, float]:
    whole = np.zeros(4)
    whole[free] = values
    return float(whole[0]), float(np.exp(whole[1])), float(whole[2]), float(np.exp(whole[3]))
