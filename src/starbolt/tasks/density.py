"""Predicted distributions of a quantity, all asked the same questions: where a value stands, and what stands where.

Places within a distribution are told as normal scores, z = Phi^-1(F(t)): the median is 0, the 84th percentile 1. Of a
Gaussian they are (t - mean) / sigma, without loss however far out t lies, which a probability near 1 has lost.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from functools import cached_property
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.special import ndtri

from starbolt.tasks.warp import Warp

POINTS = 41  # at which a Gaussian component is summed up, by Gauss and Hermite: odd, so that its centre is among them
INSIDE = 4  # points that stand for a bin
HALVINGS = 45  # of the bracket in which a quantile of a mixture is sought: to the last digit of float64
CLIMB = 12  # steps of the mean shift to a mode
LN10 = math.log(10)


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


class Mixture(Density):
    """Gaussian components: weight (sum 1), centre and width, each [n, K, M]."""

    def __init__(self, weight: Tensor, centre: Tensor, width: Tensor) -> None:
        self.weight, self.centre, self.width = weight, centre, width

    @cached_property
    def sample(self) -> tuple[Tensor, Tensor]:
        points, shares = (torch.from_numpy(a).to(self.centre) for a in np.polynomial.hermite_e.hermegauss(POINTS))
        values = self.centre[..., None] + self.width[..., None] * points
        return values.flatten(2), (self.weight[..., None] * (shares / shares.sum())).flatten(2)

    def normal(self, t: Tensor) -> Tensor:
        z = self._scaled(t)
        if self.centre.shape[2] == 1:
            return z[..., 0]
        below, above = (_tiny((self.weight[:, :, None] * ndtr(sign * z)).sum(3)) for sign in (1, -1))
        return torch.where(below < above, ndtri(below), -ndtri(above))

    def at(self, z: Tensor) -> Tensor:
        each = self.centre[:, :, None] + self.width[:, :, None] * z[..., None]
        if self.centre.shape[2] == 1:
            return each[..., 0]
        low, high, wanted = each.amin(3), each.amax(3), ndtr(z)
        for _ in range(HALVINGS):
            middle = (low + high) / 2
            short = (self.weight[:, :, None] * ndtr(self._scaled(middle))).sum(3) < wanted
            low, high = torch.where(short, middle, low), torch.where(short, high, middle)
        return (low + high) / 2

    def pdf(self, t: Tensor) -> Tensor:
        return (self.weight[:, :, None] * _phi(self._scaled(t)) / self.width[:, :, None]).sum(3)

    def mean(self) -> Tensor:
        return (self.weight * self.centre).sum(2)

    def std(self) -> Tensor:
        away = self.centre - self.mean()[..., None]
        return (self.weight * (self.width.square() + away.square())).sum(2).sqrt()

    def mode(self) -> Tensor:
        """By mean shift from the best of the centres: Carreira-Perpinan 2000, doi:10.1109/34.888716."""
        place = self.centre.gather(2, self.pdf(self.centre).argmax(2, keepdim=True))
        if self.centre.shape[2] == 1:
            return place[..., 0]
        for _ in range(CLIMB):
            share = self.weight * _phi((place - self.centre) / self.width) / self.width**3 + 1e-300
            place = (share * self.centre).sum(2, keepdim=True) / share.sum(2, keepdim=True)
        return place[..., 0]

    def crps(self, y: Tensor) -> Tensor:
        """In closed form: Grimit et al. 2006, doi:10.1256/qj.05.235, eq. 2."""
        near = (self.weight * _absolute(y[..., None] - self.centre, self.width)).sum(2)
        return near - 0.5 * (self._pairs() * _absolute(*self._apart())).sum((2, 3))

    def cde(self, y: Tensor) -> Tensor:
        away, width = self._apart()
        return (self._pairs() * _phi(away / width) / width).sum((2, 3)) - 2 * self.pdf(y[..., None])[..., 0]

    def _scaled(self, t: Tensor) -> Tensor:
        return (t[..., None] - self.centre[:, :, None]) / self.width[:, :, None]

    def _pairs(self) -> Tensor:
        return self.weight[..., None] * self.weight[:, :, None]

    def _apart(self) -> tuple[Tensor, Tensor]:
        """Distance and common width of each pair of components, [n, K, M, M]."""
        away = self.centre[..., None] - self.centre[:, :, None]
        return away, torch.hypot(self.width[..., None], self.width[:, :, None])


class Histogram(Density):
    """Constant density between edges [n, K, Q + 1]: mass [n, K, Q], sum 1."""

    def __init__(self, edges: Tensor, mass: Tensor) -> None:
        self.edges, self.mass, self.width = edges.contiguous(), mass, edges.diff(dim=2)
        below = torch.cat([torch.zeros_like(mass[..., :1]), mass.cumsum(2)], 2)
        self.below = (below / below[..., -1:]).contiguous()

    @cached_property
    def sample(self) -> tuple[Tensor, Tensor]:
        places = ((torch.arange(INSIDE) + 0.5) / INSIDE).to(self.mass)
        values = self.edges[..., :-1, None] + self.width[..., None] * places
        return values.flatten(2), (self.mass / INSIDE).repeat_interleave(INSIDE, 2)

    def normal(self, t: Tensor) -> Tensor:
        t = t.expand(*self.mass.shape[:2], -1).contiguous()
        bin_ = self._bin(self.edges, t)
        share = ((t - self.edges.gather(2, bin_)) / self.width.gather(2, bin_)).clamp(0, 1)
        return ndtri((self.below.gather(2, bin_) + share * self.mass.gather(2, bin_)).clamp(1e-12, 1 - 1e-12))

    def at(self, z: Tensor) -> Tensor:
        wanted = ndtr(z).expand(*self.mass.shape[:2], -1).contiguous()
        bin_ = self._bin(self.below, wanted)
        share = (wanted - self.below.gather(2, bin_)) / self.mass.gather(2, bin_).clamp(min=1e-30)
        return self.edges.gather(2, bin_) + share.clamp(0, 1) * self.width.gather(2, bin_)

    def pdf(self, t: Tensor) -> Tensor:
        t = t.expand(*self.mass.shape[:2], -1).contiguous()
        inside = (t >= self.edges[..., :1]) & (t <= self.edges[..., -1:])
        return (self.mass / self.width).gather(2, self._bin(self.edges, t)) * inside

    def mean(self) -> Tensor:
        return (self.mass * self._middles).sum(2)

    def std(self) -> Tensor:
        away = self._middles - self.mean()[..., None]
        return (self.mass * (away.square() + self.width.square() / 12)).sum(2).sqrt()

    def mode(self) -> Tensor:
        highest = (self.mass / self.width).argmax(2, keepdim=True)
        return self._middles.gather(2, highest)[..., 0]

    def cde(self, y: Tensor) -> Tensor:
        return (self.mass.square() / self.width).sum(2) - 2 * self.pdf(y[..., None])[..., 0]

    @property
    def _middles(self) -> Tensor:
        return self.edges[..., :-1] + self.width / 2

    def _bin(self, edges: Tensor, t: Tensor) -> Tensor:
        return (torch.searchsorted(edges, t, right=True) - 1).clamp(0, self.mass.shape[2] - 1)


class Warped(Density):
    """Another density whose normal scores are put right by a `Warp`."""

    def __init__(self, base: Density, warp: Warp) -> None:
        self.base, self.warp = base, warp

    @cached_property
    def sample(self) -> tuple[Tensor, Tensor]:
        values, share = self.base.sample
        share = share * self._gain(self.base.normal(values))
        return values, share / share.sum(2, keepdim=True)

    def normal(self, t: Tensor) -> Tensor:
        return self.warp(self.base.normal(t))

    def at(self, z: Tensor) -> Tensor:
        return self.base.at(self.warp.inverse(z))

    def pdf(self, t: Tensor) -> Tensor:
        return self.base.pdf(t) * self._gain(self.base.normal(t))

    def _gain(self, z: Tensor) -> Tensor:
        """Density under the warp over that without it, where the base stands at the normal scores z."""
        return ((z.square() - self.warp(z).square()) / 2).clamp(max=300).exp() * self.warp.slope(z)


class Logarithmic(Density):
    """A density of the decimal logarithm, told in the quantity itself. Mean and mode are those of the logarithm."""

    def __init__(self, base: Density) -> None:
        self.base = base

    @cached_property
    def sample(self) -> tuple[Tensor, Tensor]:
        values, share = self.base.sample
        return 10**values, share

    def normal(self, t: Tensor) -> Tensor:
        return self.base.normal(t.clamp(min=1e-300).log10())

    def at(self, z: Tensor) -> Tensor:
        return 10 ** self.base.at(z)

    def pdf(self, t: Tensor) -> Tensor:
        return torch.where(t > 0, self.base.pdf(t.clamp(min=1e-300).log10()) / (t.clamp(min=1e-300) * LN10), 0.0)

    def mean(self) -> Tensor:
        return 10 ** self.base.mean()

    def std(self) -> Tensor:
        return self.base.std() * self.mean() * LN10

    def mode(self) -> Tensor:
        return 10 ** self.base.mode()


def warped(base: Density, warp: Warp) -> Density:
    """The density under the warp; of a single Gaussian that is only moved and stretched, a Gaussian."""
    if warp.identity:
        return base
    if isinstance(base, Mixture) and base.centre.shape[2] == 1 and warp.affine:
        return Mixture(base.weight, base.at(warp.shift), base.width * warp.scale)
    return Warped(base, warp)


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


def _phi(z: Tensor) -> Tensor:
    return torch.exp(-z.square() / 2) / math.sqrt(2 * math.pi)


def _absolute(away: Tensor, width: Tensor) -> Tensor:
    """Expected distance from 0 of a Gaussian with this mean and width."""
    z = away / width
    return away * (2 * ndtr(z) - 1) + 2 * width * _phi(z)


def _tiny(p: Tensor) -> Tensor:
    return p.clamp(min=torch.finfo(p.dtype).tiny)
