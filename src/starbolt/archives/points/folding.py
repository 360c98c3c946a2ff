"""Light curves folded by each object's own period: time becomes phase, in [0, 1)."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa

from starbolt.archives.points.measured import Points
from starbolt.archives.reading.columns import numbers


@dataclass(frozen=True)
class Folding:
    """period: column of the catalogue, in the unit of time. epoch: column or number, the time of phase 0."""

    period: str
    epoch: str | float

    def columns(self) -> list[str]:
        """The catalogue's columns that are needed."""
        return [self.period, *([self.epoch] if isinstance(self.epoch, str) else [])]

    def foldable(self, objects: pa.Table) -> np.ndarray:
        """bool [N]: objects with a positive period and an epoch."""
        period, epoch = self._ephemeris(objects)
        return np.isfinite(period) & (period > 0) & np.isfinite(epoch)

    def fold(self, points: Points, objects: pa.Table) -> Points:
        """The points with their phase as time; `owner` counts the rows of `objects`, which are all foldable."""
        period, epoch = self._ephemeris(objects)
        phase = np.mod((points.time - epoch[points.owner]) / period[points.owner], 1.0)
        return replace(points, time=np.where(phase < 1, phase, 0.0))  # a hair below 0 is rounded to 1 by mod

    def _ephemeris(self, objects: pa.Table) -> tuple[np.ndarray, np.ndarray]:
        period = numbers(objects, self.period)
        if isinstance(self.epoch, str):
            return period, numbers(objects, self.epoch)
        return period, np.full(len(period), float(self.epoch))
