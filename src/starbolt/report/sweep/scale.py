"""The scale of the objective in every figure: wide enough for most trials, and not for the one that diverged."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import NullLocator

from starbolt.report.sweep.axis import round_numbers

FAR = 4.0  # distances between the best and the upper quartile: what is worse than so many lies beyond the edge
MARGIN = 0.06  # free at both ends, as a share of the scale


class Scale(NamedTuple):
    """From the least to the greatest value shown. log: in decades."""

    low: float
    high: float
    log: bool

    @classmethod
    def of(cls, values: Any, mode: str) -> Scale:
        """The scale that shows these values, but for those that are far worse than most."""
        x, way = np.asarray(values, float), 1 if mode == "min" else -1
        best, usual, worst = np.quantile(way * x, [0, 0.75, 1])
        edge = best + FAR * (usual - best) if usual > best else worst
        low, high = sorted((float(way * best), float(way * (way * x)[way * x <= edge].max())))
        return cls(low, high, low > 0 and high > 10 * low)

    def clipped(self, values: Any) -> np.ndarray:
        """Values [n], those beyond the edge set upon it."""
        return np.clip(np.asarray(values, float), self.low, self.high)

    def beyond(self, values: Any) -> np.ndarray:
        """Which of the values lie beyond the edge, bool [n]."""
        x = np.asarray(values, float)
        return (x < self.low) | (x > self.high)

    def place(self, values: Any, mode: str) -> np.ndarray:
        """Where the values stand between worst (0) and best (1)."""
        low, high = (np.log(self.low), np.log(self.high)) if self.log else (self.low, self.high)
        x = np.log(self.clipped(values)) if self.log else self.clipped(values)
        up = (x - low) / (high - low) if high > low else np.full(x.shape, 0.5)
        return 1 - up if mode == "min" else up

    def apply(self, ax: Axes, mode: str, *, free: float = 0.0) -> None:
        """Set the height of an axis; free: a share of it left empty beyond the worst value."""
        ax.set_yscale("log" if self.log else "linear")
        low, high = (np.log(self.low), np.log(self.high)) if self.log else (self.low, self.high)
        size = (high - low) or abs(high) or 1.0
        ends = [low - size * (MARGIN + free * (mode == "max")), high + size * (MARGIN + free * (mode == "min"))]
        ax.set_ylim(*(np.exp(ends) if self.log else ends))
        if self.log:
            ticks = round_numbers(*ax.get_ylim(), log=True)
            ax.set_yticks(ticks, [f"{x:g}" for x in ticks])
            ax.yaxis.set_minor_locator(NullLocator())
