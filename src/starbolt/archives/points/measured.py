"""Single measurements of many objects, and the step from them to series sorted in time."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from starbolt.archives.base import Ragged


@dataclass
class Points:
    """P measurements in any order.

    owner: int64 [P], the object's row. time, value, err: float64 [P], err one sigma.
    band: int64 [P], number of the band. limit: bool [P], True where value is an upper or lower limit.
    """

    owner: np.ndarray
    time: np.ndarray
    value: np.ndarray
    band: np.ndarray
    err: np.ndarray | None = None
    limit: np.ndarray | None = None

    def pick(self, which: np.ndarray) -> Points:
        """The points of a mask, or in the order of an index."""
        columns: dict[str, Any] = {k: None if column is None else column[which] for k, column in vars(self).items()}
        return Points(**columns)

    def no_limits(self) -> np.ndarray:
        """bool [P], all False."""
        return np.zeros(len(self.value), bool)

    def usable(self) -> np.ndarray:
        """bool [P]: time and value are numbers, and the error is positive (a limit needs no error)."""
        good = np.isfinite(self.time) & np.isfinite(self.value)
        if self.err is None:
            return good
        certain = (self.err > 0) & np.isfinite(self.err)
        return good & (certain if self.limit is None else certain | self.limit)


def joined(parts: list[Points]) -> Points:
    """Several sets of points as one; all have errors or none. Those without limits hold measurements only."""
    if any(part.limit is not None for part in parts):
        parts = [part if part.limit is not None else replace(part, limit=part.no_limits()) for part in parts]
    columns = {name: [vars(part)[name] for part in parts] for name in vars(parts[0])}
    whole: dict[str, Any] = {k: None if column[0] is None else np.concatenate(column) for k, column in columns.items()}
    return Points(**whole)


def picked(series: Ragged, rows: np.ndarray) -> Ragged:
    """The series of the given rows [N], in their order."""
    lengths = np.diff(series.offsets)[rows]
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    points = np.repeat(series.offsets[rows] - offsets[:-1], lengths) + np.arange(offsets[-1])
    planes = (None if plane is None else plane[points] for plane in (series.err, series.limit))
    return Ragged(offsets, series.time[points], series.x[points], *planes)


def changes(*keys: np.ndarray) -> np.ndarray:
    """bool [P]: True at the first point and wherever any of the sorted keys differs from the point before."""
    new = np.zeros(len(keys[0]), bool)
    new[:1] = True
    for key in keys:
        new[1:] |= key[1:] != key[:-1]
    return new


def to_series(points: Points, objects: int, bands: int) -> Ragged:
    """Every object's points sorted in time, one value channel per band.

    Points of one object at the same time in different bands make one step; a second point of the same band makes a
    step of its own. Steps without a measurement in a band are NaN there.
    """
    points, new = _steps(points)
    step, first = np.cumsum(new) - 1, np.flatnonzero(new)
    counts = np.bincount(points.owner[first], minlength=objects)
    offsets = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)

    def spread(column: np.ndarray, empty: float | bool, dtype: type) -> np.ndarray:
        out: np.ndarray = np.full((len(first), bands), empty, dtype)
        out[step, points.band] = column
        return out

    return Ragged(
        offsets,
        points.time[first],
        spread(points.value, np.nan, np.float32),
        None if points.err is None else spread(points.err, np.nan, np.float32),
        None if points.limit is None else spread(points.limit, False, bool),
    )


def _steps(points: Points) -> tuple[Points, np.ndarray]:
    """The points in order of object and time, and where each step begins."""
    points = points.pick(np.lexsort((points.band, points.time, points.owner)))
    run = np.flatnonzero(changes(points.owner, points.time, points.band))
    lengths = np.diff(np.append(run, len(points.owner)))
    turn = np.arange(len(points.owner)) - np.repeat(run, lengths)  # 0 for the first point of a band at a time, 1, ...
    if turn.any():
        order = np.lexsort((points.band, turn, points.time, points.owner))
        points, turn = points.pick(order), turn[order]
    return points, changes(points.owner, points.time, turn)
