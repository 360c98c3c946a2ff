"""Densities made of others: put right by a warp, or told in the quantity instead of its logarithm."""

from __future__ import annotations

import math
from functools import cached_property

import torch
from torch import Tensor

from starbolt.tasks.density.base import Density
from starbolt.tasks.density.mixture import Mixture
from starbolt.tasks.warp import Warp

LN10 = math.log(10)


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


class Bent(Warped):
    """Single Gaussians under one warp for all: in normal scores they are one distribution, whose moments all share."""

    base: Mixture

    @cached_property
    def _scores(self) -> Density:
        """The distribution of the normal scores, [1, K]."""
        one = torch.ones_like(self.warp.shift)
        return Warped(Mixture(one, torch.zeros_like(one), one), self.warp)

    def mean(self) -> Tensor:
        return self._moved(self._scores.mean())

    def std(self) -> Tensor:
        return self.base.width[..., 0] * self._scores.std()

    def mode(self) -> Tensor:
        return self._moved(self._scores.mode())

    def _moved(self, z: Tensor) -> Tensor:
        return self.base.centre[..., 0] + self.base.width[..., 0] * z


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


def warped_alike(base: Density, warp: Warp) -> Density:
    """The same under one warp for all objects, of 1 row."""
    made = warped(base, warp)
    alone = isinstance(base, Mixture) and base.centre.shape[2] == 1
    return Bent(base, warp) if type(made) is Warped and alone else made
