"""What ONNX lacks, or ONNX Runtime lacks in double precision, in terms of what they have.

Each formula stands for an operator of torch while a program is turned into ONNX, and agrees with it to 1e-11.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import torch
from numpy.polynomial import chebyshev
from torch import Tensor

aten = torch.ops.aten

EVEN, CENTRE = 18, 3.75  # degree, and where the map from [0, inf] to [-1, 1] is 0: of erfc
LEAST, MOST, MIDDLE = math.sqrt(2 * math.log(2)), 37.6, 4.0  # of sqrt(-2 log p), for p from 1/2 down to 1e-307


def _fitted(function: Callable[[Tensor], Tensor], degree: int) -> list[float]:
    """Coefficients of a polynomial on [-1, 1], lowest first."""
    found: Any = chebyshev.chebinterpolate(lambda t: function(torch.from_numpy(t)).numpy(), degree)  # type: ignore
    return chebyshev.cheb2poly(found).tolist()


def _scaled_erfc(t: Tensor) -> Tensor:
    x = CENTRE * (1 + t) / (1 - t)
    return (1 + 2 * x) * torch.special.erfcx(x)


def _depth(s: Tensor) -> Tensor:
    """From [LEAST, MOST] to [-1, 1]."""
    low, high = ((end - MIDDLE) / (end + MIDDLE) for end in (LEAST, MOST))
    return ((s - MIDDLE) / (s + MIDDLE) - (low + high) / 2) / ((high - low) / 2)


def _short_of(u: Tensor) -> Tensor:
    """sqrt(-2 log p) less the normal score, where `_depth` is u."""
    low, high = ((end - MIDDLE) / (end + MIDDLE) for end in (LEAST, MOST))
    t = (low + high) / 2 + u * (high - low) / 2
    s = MIDDLE * (1 + t) / (1 - t)
    return s + torch.special.ndtri((-s * s / 2).exp())


ERFC, NDTRI = _fitted(_scaled_erfc, EVEN), _fitted(_short_of, 26)


def erfc(x: Tensor) -> Tensor:
    """By one polynomial: Shepherd & Laframboise 1981, doi:10.1090/S0025-5718-1981-0595058-X, refitted."""
    a = x.abs()
    y = (-a * a).exp() * _polynomial(ERFC, (a - CENTRE) / (a + CENTRE)) / (1 + 2 * a)
    return torch.where(x < 0, 2 - y, y)


def ndtri(p: Tensor) -> Tensor:
    """Normal scores of probabilities of at least 1e-307, from the nearer tail."""
    s = (-2 * torch.minimum(p, 1 - p).log()).sqrt()
    z = s - _polynomial(NDTRI, _depth(s))
    return torch.where(p < 0.5, -z, z)


def asinh(x: Tensor) -> Tensor:
    a = x.abs()
    return x.sign() * (a + (a * a + 1).sqrt()).log()


def sinh(x: Tensor) -> Tensor:
    return (x.exp() - (-x).exp()) / 2


def cosh(x: Tensor) -> Tensor:
    return (x.exp() + (-x).exp()) / 2


def entr(p: Tensor) -> Tensor:
    return torch.where(p > 0, -p * torch.where(p > 0, p, 1.0).log(), 0.0)


def searchsorted(edges: Tensor, t: Tensor, *, right: bool = False, **others: Any) -> Tensor:
    """How many edges [..., Q] lie below t [..., G], or at it where `right`."""
    edges, t = edges[..., None, :], t[..., None]
    return ((edges <= t) if right else (edges < t)).sum(-1)


def nanmedian(x: Tensor, dim: int, keepdim: bool = False) -> tuple[Tensor, Tensor]:
    """The lower median of what is known, and its place."""
    known = ~torch.isnan(x)
    count = known.sum(dim, keepdim=True)
    rising, order = torch.where(known, x, torch.inf).sort(dim)
    middle = ((count - 1) // 2).clamp(min=0)
    value, place = torch.where(count > 0, rising.gather(dim, middle), torch.nan), order.gather(dim, middle)
    return (value, place) if keepdim else (value.squeeze(dim), place.squeeze(dim))


def _doubled(formula: Callable[[Tensor], Tensor]) -> Callable[[Tensor], Tensor]:
    """The formula, worked in double precision."""
    return lambda x: formula(x.double()).to(x.dtype)


TABLE: dict[Any, Callable[..., Any]] = {
    aten.erfc.default: _doubled(erfc),
    aten.special_erfc.default: _doubled(erfc),
    aten.special_ndtri.default: _doubled(ndtri),
    aten.special_entr.default: entr,
    aten.asinh.default: _doubled(asinh),
    aten.sinh.default: _doubled(sinh),
    aten.cosh.default: _doubled(cosh),
    aten.searchsorted.Tensor: searchsorted,
    aten.nanmedian.dim: nanmedian,
}


def _polynomial(coefficients: Sequence[float], t: Tensor) -> Tensor:
    value = t * coefficients[-1] + coefficients[-2]
    for coefficient in coefficients[-3::-1]:
        value = value * t + coefficient
    return value
