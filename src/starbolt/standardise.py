"""From measured physical numbers to a network's inputs, inside the network: nothing to forget when it is applied."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from starbolt.contract import Block, InputSpec

CLIP = {"table": 5.0, "series": 10.0, "image": float("inf")}  # spreads: one absurd number must not rule a whole object
LN10 = 2.302585092994046


class Standardise(nn.Module):
    """A measured Block -> the Block a network sees; unmeasured numbers become 0.

    Channels out, in this order: for series the scaled time and the scaled time step; the values scaled by the training
    rows' mean and spread ("global", "both") and by the object's own median and scale ("object", "both"), followed by
    these two numbers; the logarithm of the errors, where there are errors; 1 at limits, where there are limits; a mask,
    where values can be missing.
    Scaled values are clipped at 5 spreads in tables and 10 in series. Table errors are columns like any other.
    `shape` is what comes out, for one object.
    """

    mean: Tensor
    spread: Tensor
    soft: Tensor
    err_mean: Tensor
    err_spread: Tensor

    def __init__(self, spec: InputSpec) -> None:
        super().__init__()
        self.spec, self.is_series = spec, spec.kind == "series"
        first = 1 if self.is_series else 0
        self.values = slice(first, None)
        dims = (-1,) + (1,) * (len(spec.shape) - 1)
        for name in ("mean", "spread", "soft", "err_mean", "err_spread"):
            numbers = torch.tensor(getattr(spec, name), dtype=torch.float32)
            self.register_buffer(name, numbers.view(dims) if len(numbers) else numbers, persistent=False)
        self.transform, self.clip = spec.transform, CLIP[spec.kind]
        several = self.is_series and len(spec.channels) > 2
        self.masked = tuple(i for i, m in enumerate(spec.missing) if i >= first and (m > 0 or several))
        self.per_object = spec.scaling in ("object", "both")
        self.globally = spec.scaling in ("global", "both")
        count = len(spec.channels) - first
        channels = 2 * first + count * (self.globally + 3 * self.per_object + bool(spec.err_mean) + spec.limits)
        channels += self._mask_count()
        self.shape = (channels, *spec.shape[1:])

    def forward(self, block: Block) -> Block:
        mask = block.mask.expand_as(block.x)
        x, derivative = self._transformed(block.x)
        ok = mask & torch.isfinite(x)
        x = torch.where(ok, x, 0.0)
        parts = []
        if self.is_series:
            parts += self._times(block, mask)
        values, seen = x[:, self.values], ok[:, self.values]
        mean, spread = self.mean[self.values], self.spread[self.values]
        if self.globally:
            parts.append(((values - mean) / spread).clamp(-self.clip, self.clip) * seen)
        if self.per_object:
            parts += _by_object(values, seen, mean, spread)
        if block.err is not None and self.spec.err_mean:
            parts.append(self._errors(block.err, derivative, seen))
        if self.spec.limits:
            parts.append((torch.zeros_like(seen) if block.limit is None else block.limit[:, self.values]).float())
        if self.masked:
            parts.append(self._masks(ok).to(x.dtype))
        return block._replace(x=torch.cat([part.float() for part in parts], 1), mask=mask[:, :1])

    def _mask_count(self) -> int:
        return min(len(self.masked), 1) if self.spec.kind == "image" else len(self.masked)

    def _masks(self, ok: Tensor) -> Tensor:
        chosen = ok[:, list(self.masked)]
        return chosen.all(1, keepdim=True) if self.spec.kind == "image" else chosen

    def _transformed(self, x: Tensor) -> tuple[Tensor, Tensor | None]:
        """Values after log or asinh, and the derivative that scales their errors (None: 1 everywhere)."""
        if all(kind == "linear" for kind in self.transform):
            return x, None
        out, slope = list(x.unbind(1)), list(torch.ones_like(x).unbind(1))
        for i, kind in enumerate(self.transform):
            soft = self.soft.flatten()[i]
            if kind == "log":
                slope[i] = 1 / (out[i] * LN10)
                out[i] = torch.where(out[i] > 0, out[i], torch.nan).log10()
            elif kind == "asinh":
                slope[i] = 1 / torch.hypot(out[i], soft)
                out[i] = torch.asinh(out[i] / soft)
        return torch.stack(out, 1), torch.stack(slope, 1)

    def _times(self, block: Block, mask: Tensor) -> list[Tensor]:
        time, inside = block.x[:, :1], mask[:, :1]
        step = torch.diff(time, dim=2, prepend=time[:, :, :1])
        scaled = ((time - self.mean[:1]) / self.spread[:1]) * inside
        return [scaled, torch.asinh(step / self.soft[:1]) * inside]

    def _errors(self, err: Tensor, derivative: Tensor | None, seen: Tensor) -> Tensor:
        err = err[:, self.values]
        if derivative is not None:
            err = err * derivative[:, self.values]
        good = seen & (err > 0)
        logs = torch.where(good, err, 1.0).log10()
        return ((logs - self.err_mean[self.values]) / self.err_spread[self.values]).clamp(-5, 5) * good


def _by_object(values: Tensor, seen: Tensor, mean: Tensor, spread: Tensor) -> list[Tensor]:
    """Values less the object's median over its scale (1.4826 MAD), then that median and the log of that scale."""
    flat = torch.where(seen, values, torch.nan).flatten(2)
    middle = flat.nanmedian(2, keepdim=True).values
    scale = 1.4826 * (flat - middle).abs().nanmedian(2, keepdim=True).values
    dims = values.shape[:2] + (1,) * (values.ndim - 2)
    middle, scale = middle.nan_to_num(0.0).view(dims), scale.nan_to_num(0.0).view(dims)
    floor = 1e-3 * spread
    scale = torch.maximum(scale, floor)
    some = seen.flatten(2).any(2).view(dims)
    inside = seen.any(1, keepdim=True) if values.ndim == 3 else torch.ones_like(seen[:, :1])
    numbers = [((middle - mean) / spread) * some, (scale / spread).log10() * some]
    own = ((values - middle) / scale).clamp(-10, 10) * seen
    return [own, *(number.expand_as(values) * inside for number in numbers)]
