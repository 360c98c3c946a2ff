"""What a bootstrap draws anew: objects (Efron 1979, doi:10.1214/aos/1176344552), or the groups that these come in.

Objects of one group resemble each other: drawn one by one they would pass for more evidence than they are. Whole groups
are drawn instead, the cluster bootstrap (Field & Welsh 2007, doi:10.1111/j.1467-9868.2007.00593.x).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

MOST = 10_000  # objects in a resample; of more objects only so many are drawn and the deviations shrunk to match
FEW = 50  # groups that are drawn at the least, where there are so many


@dataclass(frozen=True)
class Units:
    """What is drawn. objects: int64 [n], group after group; first, count: place and size of each group int64 [G].

    drawn: groups in a resample. Where these hold more than `MOST` objects, so many of them are taken at random: within
    large groups objects are then drawn more thinly than they are, and the intervals come out too wide, not too narrow.
    """

    objects: np.ndarray
    first: np.ndarray
    count: np.ndarray
    drawn: int

    @classmethod
    def of(cls, n: int, groups: np.ndarray | None = None) -> Units:
        """Of n objects; groups: what group each belongs to [n], None where each stands for itself."""
        codes = np.arange(n) if groups is None else np.unique(groups, return_inverse=True)[1]
        count = np.bincount(codes)
        share = min(1.0, MOST / max(n, 1))
        drawn = min(len(count), max(FEW, round(share * len(count))))
        return cls(np.argsort(codes, kind="stable"), np.cumsum(count) - count, count, drawn)

    def draw(self, random: np.random.Generator) -> np.ndarray:
        """Indices of the objects of one resample, int64 [m]."""
        chosen = random.integers(0, len(self.count), self.drawn)
        size = self.count[chosen]
        within = np.arange(size.sum()) - np.repeat(np.cumsum(size) - size, size)
        objects = self.objects[np.repeat(self.first[chosen], size) + within]
        return objects if len(objects) <= MOST else random.choice(objects, MOST, replace=False)

    @property
    def shrink(self) -> float:
        """What deviations of a resample are multiplied with, since it draws fewer groups than there are."""
        return float(np.sqrt(self.drawn / len(self.count)))


def about(value: np.ndarray | float, drawn: np.ndarray, shrink: float = 1.0) -> np.ndarray:
    """Scores of resamples [R, ...] moved so that their median is the value [...], and drawn in about it.

    A score that resampling itself shifts, such as a calibration error, thus keeps its place among its resamples.
    """
    return value + shrink * (drawn - np.nanmedian(drawn, axis=0))


def central(settled: np.ndarray, share: float) -> tuple[float, float]:
    """Ends of the central interval that holds this share of the resamples [R]; NaN are not counted."""
    low, high = np.nanpercentile(settled, [50 * (1 - share), 50 * (1 + share)])
    return float(low), float(high)
