"""Densities that are constant between edges: bins, and quantiles."""

from __future__ import annotations

from functools import cached_property

import torch
from torch import Tensor
from torch.special import ndtri

from starbolt.tasks.density.base import Density, ndtr

INSIDE = 4  # points that stand for a bin


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
