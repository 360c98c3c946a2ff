"""Objects that an exported file is tried on: drawn at random over the range of the training, gaps and nothing included."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from starbolt.contract import Batch, Block, InputSpec, Spec
from starbolt.stretch import LN10

REACH = 2.0  # training spreads about the training mean
POINTS = 40  # of a series at most


def random_batches(spec: Spec, sizes: Sequence[int] = (2, 1, 9)) -> Iterator[Batch]:
    """Unlabelled batches of so many objects; the last object of each but those of one has no measurement at all."""
    random = torch.Generator().manual_seed(0)
    for n in sizes:
        inputs = {name: _block(about, n, random) for name, about in spec.inputs.items()}
        yield Batch(inputs, nothing_known(spec, n), torch.ones(n), torch.arange(n))


def nothing_known(spec: Spec, n: int) -> Tensor:
    """The y of n unlabelled objects."""
    if spec.target.classes:
        return torch.full((n,), -1)
    return torch.full((n, len(spec.target.names)), torch.nan)


def _block(about: InputSpec, n: int, random: torch.Generator) -> Block:
    shape = (n, *about.shape)
    if about.kind == "series":
        shape = (*shape[:2], max(min(shape[2], POINTS), 2))
    x, per = _physical(about, _spread(about.mean, about.spread, shape, random))
    gaps = torch.tensor(about.missing).nan_to_num(1.0).view(-1, *(1,) * (len(shape) - 2))
    mask = torch.rand(shape, generator=random) >= gaps
    length = None
    if about.kind == "series":
        x, mask, length = _in_time(about, x, mask, random)
    elif n > 1:
        mask[-1] = False
    err = _spread(about.err_mean, about.err_spread, shape, random) if about.err_mean else None
    limit = (torch.rand(shape, generator=random) < 0.1) & mask if about.limits else None
    if err is not None:
        err = torch.where(mask, 10**err * per, 0.0)
    if about.kind == "series":
        err, limit = _without_times(err), _without_times(limit)
    return Block(torch.where(mask, x, 0.0), mask, err, limit, length)


def _spread(mean: Sequence[float], spread: Sequence[float], shape: Sequence[int], random: torch.Generator) -> Tensor:
    """Numbers with the training's mean and spread, by channel."""
    middle, width = (torch.tensor(v).nan_to_num(0.0).view(-1, *(1,) * (len(shape) - 2)) for v in (mean, spread))
    return middle + width * torch.randn(*shape, generator=random).clamp(-REACH, REACH)


def _physical(about: InputSpec, v: Tensor) -> tuple[Tensor, Tensor]:
    """Values in their units from transformed ones, and by how much they change with these."""
    zero = about.zero or (0.0,) * len(about.channels)
    pairs = [
        _channel(v[:, i], kind if kind != "linear" else f"stretch {about.stretch}", zero[i], about.soft[i])
        for i, kind in enumerate(about.transform)
    ]
    x, per = zip(*pairs, strict=True)
    return torch.stack(x, 1), torch.stack(per, 1)


def _channel(v: Tensor, curve: str, zero: float, soft: float) -> tuple[Tensor, Tensor]:
    if curve == "log":
        return 10**v, 10**v * LN10
    if curve in ("asinh", "stretch asinh"):
        return (0.0 if curve == "asinh" else zero) + soft * v.sinh(), soft * v.cosh()
    if curve == "stretch log":
        above = (10**v - 1).clamp(min=0)
        return zero + soft * above, LN10 * (1 + above) * soft
    if curve == "stretch zscale":
        return zero + soft * v, torch.full_like(v, soft)
    return v, torch.ones_like(v)


def _in_time(about: InputSpec, x: Tensor, mask: Tensor, random: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:
    """Points in their order and of any number; of none in the last of several series."""
    n, _, points = x.shape
    time = x[:, :1].sort(2).values
    if about.axis == "time":
        time = time - time[:, :, :1]
    length = torch.randint(1, points + 1, (n,), generator=random)
    length[-1] = 0 if n > 1 else points
    inside = (torch.arange(points) < length[:, None])[:, None]
    return torch.cat([time, x[:, 1:]], 1), torch.cat([inside, mask[:, 1:] & inside], 1), length


def _without_times(plane: Tensor | None) -> Tensor | None:
    return None if plane is None else torch.cat([torch.zeros_like(plane[:, :1]), plane[:, 1:]], 1)
