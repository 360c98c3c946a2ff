"""Predicted distributions of a quantity, all asked the same questions: where a value stands, and what stands where.

Places within a distribution are told as normal scores, z = Phi^-1(F(t)): the median is 0, the 84th percentile 1. Of a
Gaussian they are (t - mean) / sigma, without loss however far out t lies, which a probability near 1 has lost.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from functools import cached_property
from typing import NamedTuple

import torch
from torch import Tensor


class Density(ABC):
    """Distributions of K quantities of n objects; t and z are [n, K, G], or [G] for the same of all."""

    @abstractmethod
    def normal(self, t: Tensor) -> Tensor:
        """Normal scores [n, K, G] of the values t."""

    @abstractmethod
    def at(self, z: Tensor) -> Tensor:
        """Values [n, K, G] at the normal scores z."""

    @abstractmethod
    def pdf(self, t: Tensor) -> Tensor:
        """Probability density [n, K, G] at t, per unit of the quantity."""

    @cached_property
    @abstractmethod
    def sample(self) -> tuple[Tensor, Tensor]:
        """Values [n, K, S] that stand for the distribution, and the share of each (sum 1): expectations are sums."""

    def mean(self) -> Tensor:
        """Expected values [n, K]."""
        values, share = self.sample
        return (values * share).sum(2)

    def std(self) -> Tensor:
        """Standard deviations [n, K]."""
        values, share = self.sample
        return ((values - self.mean()[..., None]).square() * share).sum(2).sqrt()

    def mode(self) -> Tensor:
        """Most probable values [n, K]."""
        values, _ = self.sample
        return values.gather(2, self.pdf(values).argmax(2, keepdim=True))[..., 0]

    def crps(self, y: Tensor) -> Tensor:
        """Continuous ranked probability score [n, K] of the truths y [n, K], in the unit of the quantity.

        E|X - y| - E|X - X'| / 2: Gneiting & Raftery 2007, doi:10.1198/016214506000001437, eq. 21.
        """
        values, share = self.sample
        rising, order = values.sort(2)
        below = share.gather(2, order).cumsum(2)[..., :-1]
        spread = (below * (1 - below) * rising.diff(dim=2)).sum(2)  # half the expected distance of two draws
        return ((values - y[..., None]).abs() * share).sum(2) - spread

    def cde(self, y: Tensor) -> Tensor:
        """CDE loss [n, K], the integral of f^2 minus 2 f(y): Izbicki & Lee 2017, doi:10.1214/17-EJS1302."""
        values, share = self.sample
        return (self.pdf(values) * share).sum(2) - 2 * self.pdf(y[..., None])[..., 0]


class Judged(NamedTuple):
    """What a density is worth against the truth, each [n, K], NaN where the truth is unknown."""

    pit: Tensor
    crps: Tensor
    cde: Tensor


def judged(density: Density, y: Tensor) -> Judged:
    """PIT values, CRPS and CDE losses against truths y [n, K]."""
    known = torch.isfinite(y)
    safe = torch.where(known, y, density.mean())
    values = (ndtr(density.normal(safe[..., None])[..., 0]), density.crps(safe), density.cde(safe))
    return Judged(*(value.masked_fill(~known, torch.nan) for value in values))


def ndtr(z: Tensor) -> Tensor:
    """Phi(z); torch's own is 0 below -8."""
    return torch.erfc(-z / math.sqrt(2)) / 2


def phi(z: Tensor) -> Tensor:
    return torch.exp(-z.square() / 2) / math.sqrt(2 * math.pi)
