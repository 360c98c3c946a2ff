"""Light curves as of day t: what a survey knew so many days after the first detection, and nothing of what came later.

A point is a detection where it is measured, no limit, and, in a unit of flux with errors, at least 5 sigma above zero:
the threshold of the alerts of ZTF (Masci et al. 2019, doi:10.1088/1538-3873/aae8ac) and of the detections of ATLAS
(Smith et al. 2020, doi:10.1088/1538-3873/ab936e).
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

ROUNDING = 4 * torch.finfo(torch.float64).eps  # of a time: how far a difference of two Julian dates may be off
LOGARITHMIC = re.compile(r"mag(?!g)|dex", re.IGNORECASE)  # mag, ABmag, mag(AB), mag softened at; not nanomaggy


@dataclass(frozen=True)
class Cut:
    """Where the series of a source end.

    until: unit of time after the first detection in any channel; points before it stay, and an object never detected
    counts from its first point. None: whole series. least: of each stored channel, see `least_of`.
    early: training cuts at random too (see SeriesAugment), so that the training range reaches down to the shortest.
    """

    until: float | None
    least: tuple[float, ...]
    early: bool = False

    def kept(self, time: Tensor, seen: Tensor, length: Tensor, factor: float = 1.0) -> Tensor:
        """How many points are left [B] of series of `length` [B] points, whose P points follow one another.

        time: float64 [P], sorted in each series. seen: bool [P], where there is a detection. factor: of the time.
        """
        assert self.until is not None
        if not len(time):
            return length
        end = length.cumsum(0)
        begin, seen_so_far = end - length, _before(seen)
        first = torch.searchsorted(seen_so_far, seen_so_far[begin] + 1) - 1
        first = torch.where(first < end, first, begin).clamp(max=len(time) - 1)
        since = (time - time[first].repeat_interleave(length)) * factor
        known_so_far = _before(since <= self.until + ROUNDING * factor * time.abs())
        return known_so_far[end] - known_so_far[begin]


def least_of(channels: Sequence[str], detection: float | None) -> tuple[float, ...]:
    """The least value over error of a detection in channels of these units; -inf: any measured point is one.

    That holds for magnitudes, in which what is not detected is not measured, and everywhere where `detection` is None.
    """
    return tuple(-math.inf if detection is None or LOGARITHMIC.search(unit) else detection for unit in channels)


def detected(x: Tensor, measured: Tensor, err: Tensor | None, limit: Tensor | None, least: Sequence[float]) -> Tensor:
    """Where points [..., C] are detections, bool like x; an error that is unknown (NaN, 0) asks for nothing."""
    seen = measured if limit is None else measured & ~limit
    if err is None:
        return seen
    return seen & ((x >= torch.tensor(least, dtype=x.dtype, device=x.device) * err) | ~(err > 0))


def _before(true: Tensor) -> Tensor:
    """How many are true before each place and, last, in all: [P] -> [P + 1]."""
    return torch.nn.functional.pad(true.cumsum(0), (1, 0))


def checked_day(value: Any, word: str = "data.until") -> float:
    """A number of days, 0 or more; ValueError for anything else."""
    if not is_number(value) or value < 0:
        several = "" if isinstance(value, str) or not isinstance(value, Sequence) else "; only evaluate takes a list"
        raise ValueError(f"{word}={value} is no time since the first detection: give a number, 0 or more{several}")
    return float(value)


def is_number(value: Any) -> bool:
    """Whether it is a finite number, which true and false are not."""
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
