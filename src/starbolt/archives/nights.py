"""A night's exposures merged into one step: one value, one error and one mask per band."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from starbolt.archives.points import Points, changes


def merge_nights(points: Points, shift: float) -> Points:
    """One point per object, night and band, the bands of a night at one time: the mean time of its points.

    A night is floor(time [days] + shift): MJD breaks at midnight UT, so shift=0.5 breaks at noon. The value is the
    mean weighted by 1 / err^2 with error 1 / sqrt(sum of weights), or the plain mean where there are no errors.
    Limits count only where the night has no measurement in that band: their plain mean is again a limit.
    """
    night = np.floor(points.time + shift)
    points = replace(points, time=_mean_time(points, night))
    order = np.lexsort((points.band, night, points.owner))
    points, night = points.pick(order), night[order]
    points, night = _without_outdone_limits(points, night)
    first = np.flatnonzero(changes(points.owner, night, points.band))
    if not len(first):
        return points
    weight = _weight(points)
    total = np.add.reduceat(weight, first)
    merged = points.pick(first)
    merged.value = np.add.reduceat(weight * points.value, first) / total
    if merged.err is not None:
        merged.err = np.where(_limits(merged), np.nan, 1 / np.sqrt(total))
    return merged


def _mean_time(points: Points, night: np.ndarray) -> np.ndarray:
    """[P] the mean time of all points of the point's object and night, in the points' own order."""
    order = np.lexsort((points.time, night, points.owner))
    new = changes(points.owner[order], night[order])
    group = np.empty(len(order), np.int64)
    group[order] = np.cumsum(new) - 1
    since = np.bincount(group, points.time - night) / np.bincount(group)  # the small numbers keep the digits of a JD
    return since[group] + night


def _without_outdone_limits(points: Points, night: np.ndarray) -> tuple[Points, np.ndarray]:
    """Without the limits of those nights and bands that have a measurement too; points sorted by night and band."""
    if points.limit is None or not points.limit.any():
        return points, night
    group = np.cumsum(changes(points.owner, night, points.band)) - 1
    measured = np.bincount(group, ~points.limit) > 0
    keep = ~(points.limit & measured[group])
    return points.pick(keep), night[keep]


def _weight(points: Points) -> np.ndarray:
    if points.err is None:
        return np.ones(len(points.value))
    return np.where(_limits(points), 1.0, points.err) ** -2.0


def _limits(points: Points) -> np.ndarray:
    return np.zeros(len(points.value), bool) if points.limit is None else points.limit
