"""How far the training objects reach, and which objects lie outside: a network is blind there and does not know it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from starbolt.contract import Block, InputSpec, Spec

PIXELS = 12  # a side of an image is looked at in about so many places: medians need no more, and cost time
MOST = 3  # reasons named in the note
SLACK = 0.01  # of the training range: no object is outside by a rounding error or a hair
FEW = 5  # over the number of training objects, more slack: the range of few objects is shorter than that of their kind
TOGETHER = 64  # rows of numbers that are compared as one

Tally = dict[str, tuple[int, float, float]]  # what is outside -> how many objects, least and greatest value


def names_of(about: InputSpec) -> tuple[str, ...]:
    """What `summary` tells: for tables each channel, for images and series each channel's median and scale.

    The scale is 1.4826 times the median absolute deviation. Series add their number of points and, over time, their
    duration, over any other axis where they begin and end.
    """
    if about.kind == "table":
        return about.channels
    values = about.channels[1:] if about.kind == "series" else about.channels
    told = tuple(f"{word} of {channel}" for word in ("median", "scale") for channel in values)
    if about.kind == "image":
        return told
    ends = ("duration",) if about.axis == "time" else (f"first {about.axis}", f"last {about.axis}")
    return (*told, "number of points", *ends)


def summary(block: Block, kind: str, axis: str = "time") -> Tensor:
    """The numbers [B, S] that `names_of` names, in physical units, NaN where an object has none."""
    if kind == "table":
        return block.x if bool(block.mask.all()) else torch.where(block.mask, block.x, torch.nan)
    mask = block.mask.expand_as(block.x)
    if kind == "image":
        down, along = (max(1, -(-side // PIXELS)) for side in block.x.shape[2:])
        few = (..., slice(None, None, down), slice(None, None, along))
        return _middle_and_scale(torch.where(mask[few], block.x[few], torch.nan).flatten(2))
    seen = torch.where(mask, block.x, torch.nan)
    assert block.length is not None
    place = seen[:, 0]
    last = place.gather(1, (block.length - 1).clamp(min=0)[:, None])
    ends = (last,) if axis == "time" else (place[:, :1], last)
    points = block.length[:, None].to(place.dtype)
    return torch.cat([_middle_and_scale(seen[:, 1:]), torch.where(points > 0, points, torch.nan), *ends], 1)


def _middle_and_scale(seen: Tensor) -> Tensor:
    middle = seen.nanmedian(2, keepdim=True).values
    return torch.cat([middle, 1.4826 * (seen - middle).abs().nanmedian(2, keepdim=True).values], 1).squeeze(2)


def extremes(told: Tensor) -> Tensor:
    """Least and greatest [2, S] of what `summary` told [n, S], NaN where nothing is."""
    some = ~told.isnan()
    low, high = torch.where(some, told, torch.inf).amin(0), torch.where(some, told, -torch.inf).amax(0)
    return torch.stack([low, high]).masked_fill(~some.any(0), torch.nan)


def with_range(about: InputSpec, told: Tensor) -> InputSpec:
    """The spec with the range of what `summary` told of training objects [n, S]; what none of them has is left out."""
    low, high = extremes(told).tolist()
    known = [(name, a, b) for name, a, b in zip(names_of(about), low, high, strict=True) if a == a]
    names, low, high = zip(*known, strict=True) if known else ((), (), ())
    return replace(about, summaries=names, low=low, high=high)


def _whole(about: InputSpec) -> list[str]:
    """Of each of a spec's summaries its channel, where every training object had all of that, else ""."""
    gaps = dict(zip(about.channels, about.missing, strict=True))
    channels = [word.removeprefix("median of ") for word in about.summaries]
    return [channel if gaps.get(channel) == 0 else "" for channel in channels]


class Outside:
    """Which of a batch's objects lie outside the training range of a spec, and in what.

    names: what is looked at, in the order of the spec's inputs ("a: u" where there are several), then "no u" for each
    that every training object had: a network that met no gap is blind to one.
    """

    def __init__(self, spec: Spec) -> None:
        self.inputs, several = spec.inputs, len(spec.inputs) > 1
        self.names = tuple(f"{n}: {word}" if several else word for n, a in self.inputs.items() for word in a.summaries)
        whole = [(name, channel) for name, about in self.inputs.items() for channel in _whole(about)]
        self.needed = [i for i, (_, channel) in enumerate(whole) if channel]
        self.names += tuple(f"{n}: no {channel}" if several else f"no {channel}" for n, channel in whole if channel)
        self.low = tuple(value for about in self.inputs.values() for value in about.low)
        self.high = tuple(value for about in self.inputs.values() for value in about.high)
        self.slack = SLACK + FEW / max(spec.sizes.get("train", 0), FEW)

    def __call__(self, inputs: Mapping[str, Block]) -> dict[str, Tensor]:
        """`outside` int64 [B], the name furthest outside (-1: none), and `beyond` float32 [B], its value (0)."""
        some = next(iter(inputs.values())).x
        code = torch.full((len(some),), -1, device=some.device)
        beyond = torch.zeros(len(some), device=some.device)
        if not self.names:  # the checkpoint of an earlier version
            return {"outside": code, "beyond": beyond}
        each = [self._told(name, about, inputs[name]) for name, about in self.inputs.items()]
        told = each[0] if len(each) == 1 else torch.cat(each, 1)
        if told.is_cpu:
            rows = self._suspects(told.numpy())
            code[rows], beyond[rows] = self._furthest(told[rows])
            return {"outside": code, "beyond": beyond}
        return dict(zip(("outside", "beyond"), self._furthest(told), strict=True))

    def _suspects(self, told: np.ndarray) -> Tensor:
        """The rows of [B, S] of which any number is beyond the least or the greatest, or is needed and not there."""
        count = told.shape[1]
        whole = len(told) // TOGETHER * TOGETHER
        wide = told[:whole].reshape(-1, TOGETHER * count)  # numbers side by side are compared fast
        low, high = np.array(self.low, told.dtype), np.array(self.high, told.dtype)
        first = np.flatnonzero((wide < np.tile(low, TOGETHER)) | (wide > np.tile(high, TOGETHER)))
        rest = np.flatnonzero((told[whole:] < low) | (told[whole:] > high))
        found = [first // count, rest // count + whole]
        if self.needed and np.isnan(told.sum()):  # a sum is fast, and as a rule there are no gaps
            found.append(np.flatnonzero(np.isnan(told[:, self.needed]).any(1)))
        return torch.from_numpy(np.unique(np.concatenate(found)))

    def _furthest(self, told: Tensor) -> tuple[Tensor, Tensor]:
        """Of `told` [B, S], which name is furthest outside [B], -1 where none is, and its value [B], 0 there."""
        low, high = (torch.tensor(ends, dtype=told.dtype, device=told.device) for ends in (self.low, self.high))
        slack = self.slack * (high - low) + 1e-6 * torch.maximum(low.abs(), high.abs())
        far = torch.maximum(low - told, told - high) / slack.clamp(min=1e-30)  # 1: as far out as is let pass
        far = torch.cat([far, torch.where(told[:, self.needed].isnan(), torch.inf, -1.0)], 1)
        told = torch.cat([told, torch.zeros_like(told[:, self.needed])], 1)
        out = far > 1
        first = torch.where(out, far, -1.0).argmax(1, keepdim=True)
        beyond = torch.where(out.any(1), told.gather(1, first)[:, 0], 0.0)
        return torch.where(out.any(1), first[:, 0], -1), beyond

    def _told(self, name: str, about: InputSpec, block: Block) -> Tensor:
        told, place = summary(block, about.kind, about.axis), names_of(about)
        return told if about.summaries == place else told[:, [place.index(word) for word in about.summaries]]

    def note(self, found: Mapping[str, Tensor]) -> str | None:
        """One line on the objects outside the training range, commonest reasons first; None where all are inside."""
        return self.told([self.tally(found)], len(found["outside"]))

    def tally(self, found: Mapping[str, Tensor]) -> Tally:
        """Of each name that any object lies outside in: how many do, and their least and greatest value."""
        some = found["outside"] >= 0
        codes, beyond = found["outside"][some], found["beyond"][some]
        values = {int(i): beyond[codes == i] for i in codes.unique()}
        return {self.names[i]: (len(v), float(v.min()), float(v.max())) for i, v in values.items()}

    def told(self, tallies: Iterable[Tally], objects: int) -> str | None:
        """The same line, from the tallies of all pieces of a catalogue of so many objects."""
        whole: Tally = {}
        for name, (count, low, high) in (pair for tally in tallies for pair in tally.items()):
            before = whole.get(name, (0, low, high))
            whole[name] = (before[0] + count, min(before[1], low), max(before[2], high))
        worst = sorted(whole, key=lambda name: (-whole[name][0], self.names.index(name)))
        if not worst:
            return None
        told = [self._reason(name, *whole[name]) for name in worst[:MOST]]
        more = [f"{sum(whole[name][0] for name in worst[MOST:])} in others"] if len(worst) > MOST else []
        outside = sum(count for count, _, _ in whole.values())
        return f"{outside} of {objects} objects lie outside the training range: {', '.join(told + more)}"

    def _reason(self, name: str, count: int, low: float, high: float) -> str:
        place = self.names.index(name)
        if place >= len(self.low):
            return f"{count} have {name}, which every training object had"
        reach = f"{low:.4g}" if low == high else f"{low:.4g} to {high:.4g}"
        trained = f"{self.low[place]:.4g} to {self.high[place]:.4g}"
        return f"{count} in {name} ({reach}; trained on {trained})"


def unmeasured(inputs: Mapping[str, Block]) -> Tensor:
    """Fraction [B] of each object's numbers that is unmeasured, over all its inputs; padding does not count."""
    first = next(iter(inputs.values())).x
    if all(block.length is None and bool(block.mask.all()) for block in inputs.values()):
        return torch.zeros(len(first), device=first.device)
    seen, wanted = zip(*(_counts(block) for block in inputs.values()), strict=True)
    return 1 - torch.stack(seen).sum(0) / torch.stack(wanted).sum(0).clamp(min=1)


def _counts(block: Block) -> tuple[Tensor, Tensor]:
    """Measured numbers [B] and numbers that there could be [B]."""
    if block.length is None:
        share = block.mask.flatten(1).float().mean(1)  # the mask may be narrower than x
        return share * block.x[0].numel(), torch.full_like(share, block.x[0].numel())
    points = block.length * (block.x.shape[1] - 1)
    return block.mask[:, 1:].flatten(1).sum(1).float(), points.float()
