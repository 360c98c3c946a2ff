"""Stretches: how the numbers of an image become shades, with constants of the whole training set or of each object.

f((x - zero) / soft), where f is the identity ("linear"), asinh ("asinh": Lupton et al. 1999,
https://doi.org/10.1086/301004), log10(1 + max(x, 0)) ("log") or a cut to [0, 1] ("zscale": the display limits of IRAF).
"""

from __future__ import annotations

import torch
from torch import Tensor

STRETCHES = ("linear", "asinh", "log", "zscale")
LN10 = 2.302585092994046

SAMPLES, CONTRAST, REJECT, SIGMAS, ROUNDS, LEAST = 1000, 0.25, 0.5, 2.5, 5, 5  # of zscale, as in IRAF and astropy


def stretched(x: Tensor, kind: str, zero: Tensor | float, soft: Tensor | float) -> tuple[Tensor, Tensor]:
    """Stretched values and the slope that turns an error of x into one of them, both like x.

    soft: positive. Never decreasing in x, and finite where x is; "zscale" keeps its slope outside the limits.
    """
    u = (x - zero) / soft
    if kind == "asinh":
        return torch.asinh(u), torch.hypot(u, torch.ones_like(u)).reciprocal() / soft
    if kind == "log":
        above = u.clamp(min=0)
        return torch.log1p(above) / LN10, 1 / (LN10 * (1 + above) * soft)
    flat = torch.ones_like(u) / soft
    return (u.clamp(0, 1) if kind == "zscale" else u), flat


@torch.no_grad()
def constants(x: Tensor, seen: Tensor, kind: str) -> tuple[Tensor, Tensor]:
    """zero and soft [B, C, 1] of each object's own channels: x [B, C, P] where seen (bool like x).

    Median and 1.4826 MAD, or for "zscale" the lower limit and the distance to the upper one; NaN where nothing is seen.
    """
    if kind == "zscale":
        low, high = zscale_limits(x.flatten(0, 1), seen.flatten(0, 1))
        return low.view(*x.shape[:2], 1), (high - low).view(*x.shape[:2], 1)
    flat = torch.where(seen, x, torch.nan)
    middle = flat.nanmedian(2, keepdim=True).values
    return middle, 1.4826 * (flat - middle).abs().nanmedian(2, keepdim=True).values


def zscale_limits(x: Tensor, seen: Tensor) -> tuple[Tensor, Tensor]:
    """IRAF's display limits z1, z2 [N] of the seen numbers of each row of x [N, P], all rows at once; NaN where none.

    A line is fitted to up to a thousand sorted samples, far ones are rejected, and its slope over the contrast is
    carried from the median to both ends (https://iraf.readthedocs.io/en/latest/tasks/images/tv/display.html). The
    answer is that of astropy's ZScaleInterval row by row, as far as float32 goes.
    """
    sample, count = _sorted_sample(x, seen)
    slope, good = _fitted_slope(sample, count)
    last = (count - 1).clamp(min=0)[:, None]
    low, high = sample[:, 0], sample.gather(1, last)[:, 0]
    median = (sample.gather(1, last // 2) + sample.gather(1, (last + 1) // 2))[:, 0] / 2
    centre = (count - 1).div(2, rounding_mode="floor")
    trusted = good >= _least(count)
    below, above = median - (centre - 1) * slope / CONTRAST, median + (count - centre) * slope / CONTRAST
    z1, z2 = torch.where(trusted, low.maximum(below), low), torch.where(trusted, high.minimum(above), high)
    none = count == 0
    return z1.masked_fill(none, torch.nan).to(x.dtype), z2.masked_fill(none, torch.nan).to(x.dtype)


def _sorted_sample(x: Tensor, seen: Tensor) -> tuple[Tensor, Tensor]:
    """Every k-th seen number of each row, sorted, [N, S] in float64 with inf behind, and how many there are [N]."""
    rank = seen.cumsum(1) - 1
    stride = (seen.sum(1, keepdim=True) // SAMPLES).clamp(min=1)
    slots = min(SAMPLES, x.shape[1])
    place = rank // stride
    taken = seen & (rank % stride == 0) & (place < slots)
    sample = torch.full((len(x), slots + 1), torch.inf, dtype=torch.float64, device=x.device)
    sample.scatter_(1, torch.where(taken, place, slots), torch.where(taken, x, torch.inf).double())
    return sample[:, :slots].sort(1).values, taken.sum(1)


def _least(count: Tensor) -> Tensor:
    return (count.double() * REJECT).long().clamp(min=LEAST)


def _fitted_slope(sample: Tensor, count: Tensor) -> tuple[Tensor, Tensor]:
    """Slope of the line through each row's good samples, and how many are good, both [N]."""
    x = torch.arange(sample.shape[1], device=sample.device).double()[None]
    inside = x < count[:, None]
    y = sample.masked_fill(~inside, 0.0)
    bad, good, last = ~inside, count, count + 1
    slope = torch.zeros(len(sample), dtype=torch.float64, device=sample.device)
    for _ in range(ROUNDS):
        going = (good < last) & (good >= _least(count))
        weight = (~bad).double()
        total = weight.sum(1, keepdim=True).clamp(min=1)
        dx, dy = x - (weight * x).sum(1, keepdim=True) / total, y - (weight * y).sum(1, keepdim=True) / total
        tilt = (weight * dx * dy).sum(1) / (weight * dx * dx).sum(1).clamp(min=1e-30)
        flat = dy - tilt[:, None] * dx
        far = flat.abs() > SIGMAS * ((weight * flat**2).sum(1, keepdim=True) / total).sqrt()
        wider = _grown((bad & inside) | (far & inside), count) & inside
        slope = torch.where(going, tilt, slope)
        bad = torch.where(going[:, None], wider | ~inside, bad)
        last, good = torch.where(going, good, last), torch.where(going, (~bad).sum(1), good)
    return slope, good


def _grown(bad: Tensor, count: Tensor) -> Tensor:
    """Bad samples [N, S] with their neighbours: a hundredth of the row's samples are marked around each."""
    width = (count.double() * 0.01).long().clamp(min=1)[:, None]
    place = torch.arange(bad.shape[1], device=bad.device)[None]
    total = torch.nn.functional.pad(bad.long().cumsum(1), (1, 0))
    first = (place - width // 2).clamp(min=0)
    end = (place + (width - 1) // 2 + 1).clamp(max=bad.shape[1])
    return total.gather(1, end) > total.gather(1, first)
