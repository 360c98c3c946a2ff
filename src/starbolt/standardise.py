"""From measured physical numbers to a network's inputs, inside the network: nothing to forget when it is applied."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from starbolt.contract import Block, InputSpec
from starbolt.stretch import LN10, constants, stretched

CLIP = {"table": 5.0, "series": 10.0, "image": float("inf")}  # spreads: one absurd number must not rule a whole object


class Standardise(nn.Module):
    """A measured Block -> the Block a network sees; unmeasured numbers become 0.

    Channels out, in this order: for series the scaled time and the scaled time step; the values scaled by the training
    rows' mean and spread ("global", "both") and by the object's own median and scale ("object", "both"), followed by
    these two numbers; the logarithm of the errors, where there are errors; 1 at limits, where there are limits; a mask,
    where values can be missing.
    Scaled values are clipped at 5 spreads in tables and 10 in series. Limits count as unmeasured where the training
    data had none.
    A stretch takes its constants from the training rows before mean and spread ("global", "both"), or from the object
    instead of median and scale ("object", "both"); there they are the two numbers, against the training rows' own.
    `shape` is what comes out, for one object.
    """

    mean: Tensor
    spread: Tensor
    soft: Tensor
    zero: Tensor
    err_mean: Tensor
    err_spread: Tensor
    chosen: Tensor

    def __init__(self, spec: InputSpec) -> None:
        super().__init__()
        self.spec, self.is_series = spec, spec.kind == "series"
        first = 1 if self.is_series else 0
        self.values = slice(first, None)
        dims = (-1,) + (1,) * (len(spec.shape) - 1)
        zero = spec.zero or (0.0,) * len(spec.channels)
        for name in ("mean", "spread", "soft", "err_mean", "err_spread"):
            self._keep(name, getattr(spec, name), dims)
        self._keep("zero", zero, dims)
        self.transform, self.clip = spec.transform, CLIP[spec.kind]
        self.stretched = tuple(i for i, t in enumerate(spec.transform) if t == "linear" and spec.stretch != "linear")
        several = self.is_series and len(spec.channels) > 2
        self.masked = tuple(i for i, m in enumerate(spec.missing) if i >= first and (m > 0 or several))
        self.register_buffer("chosen", torch.tensor(self.masked, dtype=torch.int64), persistent=False)
        self.per_object = spec.scaling in ("object", "both")
        self.globally = spec.scaling in ("global", "both")
        beside = self.is_series or self.per_object or self.masked or spec.err_mean or spec.limits
        self.plain = self.globally and not beside  # scaled values are all there is
        count = len(spec.channels) - first
        channels = 2 * first + count * (self.globally + 3 * self.per_object + bool(spec.err_mean) + spec.limits)
        channels += self._mask_count()
        self.shape = (channels, *spec.shape[1:])

    def _keep(self, name: str, numbers: tuple[float, ...], dims: tuple[int, ...]) -> None:
        tensor = torch.tensor(numbers, dtype=torch.float32)
        self.register_buffer(name, tensor.view(dims) if numbers else tensor, persistent=False)

    def forward(self, block: Block) -> Block:
        mask = block.mask
        if block.limit is not None and not self.spec.limits:
            mask = mask & ~block.limit
        x, derivative = self._transformed(block.x)
        if self.plain:
            return block._replace(x=self._by_training(x, mask).float(), mask=mask.expand_as(x)[:, :1])
        mask = mask.expand_as(x)
        ok = torch.isfinite(x) & mask
        parts = []
        if self.is_series:
            parts += self._times(block, mask)
        values, seen = x[:, self.values], ok[:, self.values]
        if self.globally:
            parts.append(self._by_training(values, seen))
        if self.per_object:
            parts += self._by_object(block.x, torch.where(seen, values, 0.0), seen)
        if block.err is not None and self.spec.err_mean:
            parts.append(self._errors(block.err, derivative, seen))
        if self.spec.limits:
            parts.append((torch.zeros_like(seen) if block.limit is None else block.limit[:, self.values]).float())
        if self.masked:
            parts.append(self._masks(ok).to(x.dtype))
        joined = parts[0] if len(parts) == 1 else torch.cat([part.float() for part in parts], 1)
        return block._replace(x=joined.float(), mask=mask[:, :1])

    def _by_training(self, values: Tensor, seen: Tensor) -> Tensor:
        """By the training rows' mean and spread; in place and without a comparison, which on a CPU cost more."""
        scaled = (values - self.mean[self.values]).div_(self.spread[self.values])
        scaled = scaled.nan_to_num_(0.0, 0.0, 0.0)
        if self.clip < float("inf"):
            scaled = scaled.clamp_(-self.clip, self.clip)
        return scaled.mul_(seen.to(scaled.dtype))

    def _mask_count(self) -> int:
        return min(len(self.masked), 1) if self.spec.kind == "image" else len(self.masked)

    def _masks(self, ok: Tensor) -> Tensor:
        chosen = ok.index_select(1, self.chosen)
        return chosen.all(1, keepdim=True) if self.spec.kind == "image" else chosen

    def _transformed(self, x: Tensor) -> tuple[Tensor, Tensor | None]:
        """Values after log, asinh or the stretch, and the slope that scales their errors (None: 1 everywhere)."""
        if all(kind == "linear" for kind in self.transform) and not self.stretched:
            return x, None
        out, slope = list(x.unbind(1)), list(torch.ones_like(x).unbind(1))
        for i, kind in enumerate(self.transform):
            soft, zero = self.soft.flatten()[i], self.zero.flatten()[i]
            if kind == "log":
                slope[i] = 1 / (out[i] * LN10)
                out[i] = torch.where(out[i] > 0, out[i], torch.nan).log10()
            elif kind == "asinh":
                slope[i] = 1 / torch.hypot(out[i], soft)
                out[i] = torch.asinh(out[i] / soft)
            elif i in self.stretched:
                out[i], slope[i] = stretched(out[i], self.spec.stretch, zero, soft)
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

    def _by_object(self, raw: Tensor, values: Tensor, seen: Tensor) -> list[Tensor]:
        """Values by the object's own constants, then the two constants, against those of the training rows."""
        mean, spread = self.mean[self.values], self.spread[self.values]
        if not self.stretched:
            return _by_own(values, seen, mean, spread, "linear")
        parts = [self._channel_by_object(i, raw, values, seen) for i in range(values.shape[1])]
        return [torch.cat(part, 1) for part in zip(*parts, strict=True)]

    def _channel_by_object(self, i: int, raw: Tensor, values: Tensor, seen: Tensor) -> list[Tensor]:
        one = slice(i, i + 1)
        if i in self.stretched:
            return _by_own(raw[:, one], seen[:, one], self.zero[one], self.soft[one], self.spec.stretch)
        return _by_own(values[:, one], seen[:, one], self.mean[one], self.spread[one], "linear")


def _by_own(x: Tensor, seen: Tensor, zero: Tensor, soft: Tensor, kind: str) -> list[Tensor]:
    """Stretched values of x by the object's own constants, then these against `zero` and `soft` of the training rows.

    Linear values are clipped at 10 scales, the level of a stretched object is held by asinh. A scale of less than a
    thousandth of `soft` is that.
    """
    dims = x.shape[:2] + (1,) * (x.ndim - 2)
    own_zero, own_soft = (c.nan_to_num(0.0).view(dims) for c in constants(x.flatten(2), seen.flatten(2), kind))
    own_soft = torch.maximum(own_soft, 1e-3 * soft)
    some = seen.flatten(2).any(2).view(dims)
    inside = seen.any(1, keepdim=True) if x.ndim == 3 else torch.ones_like(seen[:, :1])
    level, scale = (own_zero - zero) / soft, (own_soft / soft).log10() * some
    level = (level if kind == "linear" else level.asinh()) * some
    own, _ = stretched(torch.where(seen, x, own_zero), kind, own_zero, own_soft)
    own = (own.clamp(-10, 10) if kind == "linear" else own) * seen
    return [own, level.expand_as(x) * inside, scale.expand_as(x) * inside]
