"""Mixtures of Gaussians, a single one among them: nearly all is known in closed form."""

from __future__ import annotations

from functools import cached_property

import numpy as np
import torch
from torch import Tensor
from torch.special import ndtri

from starbolt.tasks.density.base import Density, ndtr, phi

POINTS = 41  # at which a Gaussian component is summed up, by Gauss and Hermite: odd, so that its centre is among them
HALVINGS = 45  # of the bracket in which a quantile of a mixture is sought: to the last digit of float64
CLIMB = 12  # steps of the mean shift to a mode


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
        return (self.weight[:, :, None] * phi(self._scaled(t)) / self.width[:, :, None]).sum(3)

    def mean(self) -> Tensor:
        return (self.weight * self.centre).sum(2)

    def std(self) -> Tensor:
        away = self.centre - self.mean()[..., None]
        return (self.weight * (self.width.square() + away.square())).sum(2).sqrt()

    def mode(self) -> Tensor:
        """By mean shift from the best of the centres: Carreira-Perpinan 2000, doi:10.1109/34.888716."""
        if self.centre.shape[2] == 1:
            return self.centre[..., 0]
        place = self.centre.gather(2, self.pdf(self.centre).argmax(2, keepdim=True))
        for _ in range(CLIMB):
            share = self.weight * phi((place - self.centre) / self.width) / self.width**3 + 1e-300
            place = (share * self.centre).sum(2, keepdim=True) / share.sum(2, keepdim=True)
        return place[..., 0]

    def crps(self, y: Tensor) -> Tensor:
        """In closed form: Grimit et al. 2006, doi:10.1256/qj.05.235, eq. 2."""
        near = (self.weight * _absolute(y[..., None] - self.centre, self.width)).sum(2)
        return near - 0.5 * (self._pairs() * _absolute(*self._apart())).sum((2, 3))

    def cde(self, y: Tensor) -> Tensor:
        away, width = self._apart()
        return (self._pairs() * phi(away / width) / width).sum((2, 3)) - 2 * self.pdf(y[..., None])[..., 0]

    def _scaled(self, t: Tensor) -> Tensor:
        return (t[..., None] - self.centre[:, :, None]) / self.width[:, :, None]

    def _pairs(self) -> Tensor:
        return self.weight[..., None] * self.weight[:, :, None]

    def _apart(self) -> tuple[Tensor, Tensor]:
        """Distance and common width of each pair of components, [n, K, M, M]."""
        away = self.centre[..., None] - self.centre[:, :, None]
        return away, torch.hypot(self.width[..., None], self.width[:, :, None])


def _absolute(away: Tensor, width: Tensor) -> Tensor:
    """Expected distance from 0 of a Gaussian with this mean and width."""
    z = away / width
    return away * (2 * ndtr(z) - 1) + 2 * width * phi(z)


def _tiny(p: Tensor) -> Tensor:
    return p.clamp(min=torch.finfo(p.dtype).tiny)
