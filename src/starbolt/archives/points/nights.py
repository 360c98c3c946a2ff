"""A night's exposures, or a bin's pixels, merged into one step: one value, one error and one mask per band."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from starbolt.archives.points.measured import Points, changes


def merge_bins(points: Points, width: float, shift: float = 0.0) -> Points:
    """One point per object, bin and band, the bands of a bin at one time: the mean time of its points.

    A bin is floor(time / width + shift), width in the unit of time. Nights are bins of one day: MJD breaks at midnight
    UT, so shift=0.5 breaks at noon. The value is the mean weighted by 1 / err^2 with error 1 / sqrt(sum of weights),
    or the plain mean where there are no errors. Limits count only where the bin has no measurement in that band: their
    plain mean is again a limit.
    """
    cell = np.floor(points.time / width + shift)
    points = replace(points, time=_mean_time(points, cell, width))
    order = np.lexsort((points.band, cell, points.owner))
    points, cell = points.pick(order), cell[order]
    points, cell = _without_outdone_limits(points, cell)
    first = np.flatnonzero(changes(points.owner, cell, points.band))
    if not len(first):
        return points
    weight = _weight(points)
    total = np.add.reduceat(weight, first)
    merged = points.pick(first)
    merged.value = np.add.reduceat(weight * points.value, first) / total
    if merged.err is not None:
        merged.err = np.where(_limits(merged), np.nan, 1 / np.sqrt(total))
    return merged


def _mean_time(points: Points, cell: np.ndarray, width: float) -> np.ndarray:
    """[P] the mean time of all points of the point's object and bin, in the points' own order."""
    order = np.lexsort((points.time, cell, points.owner))
    new = changes(points.owner[order], cell[order])
    group = np.empty(len(order), np.int64)
    group[order] = np.cumsum(new) - 1
    since = np.bincount(group, points.time - cell * width) / np.bincount(group)  # small numbers keep a JD's digits
    return since[group] + cell * width


def _without_outdone_limits(points: Points, cell: np.ndarray) -> tuple[Points, np.ndarray]:
    """Without the limits of those bins and bands that have a measurement too; points sorted by bin and band."""
    if points.limit is None or not points.limit.any():
        return points, cell
    group = np.cumsum(changes(points.owner, cell, points.band)) - 1
    measured = np.bincount(group, ~points.limit) > 0
    keep = ~(points.limit & measured[group])
    return points.pick(keep), cell[keep]


def _weight(points: Points) -> np.ndarray:
    if points.err is None:
        return np.ones(len(points.value))
    return np.where(_limits(points), 1.0, points.err) ** -2.0


def _limits(points: Points) -> np.ndarray:
    return np.zeros(len(points.value), bool) if points.limit is None else points.limit
