"""The target among the features: a feature, or the mere fact that it was measured, that alone gives the answer away.

A class is told by the area under the ROC curve, of the feature itself in either direction or of the classes of its
neighbours in the feature's order, which finds codes in any order. A quantity is told by R2 with its scatter among
neighbours (Gasser, Sroka and Jennen-Steinmetz 1986, Biometrika 73, 625), for any smooth function of the feature.
"""

from __future__ import annotations

import numpy as np
from scipy.stats import rankdata

from starbolt.archives import Dense
from starbolt.contract import TargetSpec
from starbolt.data.audit.copies import places_of
from starbolt.data.audit.findings import FIRST, Finding
from starbolt.data.audit.sides import Sides
from starbolt.data.sources import Source

SAMPLE = 20_000  # objects looked at, of all parts
FEWEST = 40  # objects below which nothing is said of a feature
MEMBERS = 10  # objects of a class, below which chance could tell it perfectly
REACH = 5  # neighbours on each side whose classes are counted


def target(sides: Sides, tables: dict[str, Source], y: np.ndarray, aim: TargetSpec, limit: float) -> Finding | None:
    """Features of the tables that are the target, or that tell it with an AUC or R2 above `limit`.

    Of several classes each must be told: a feature that picks out one of them is a good feature.
    """
    rows = sampled(sides.rows)
    found = {}
    for name, source in tables.items():
        x = _values(source, rows)
        for channel, values in zip(source.modality.channels, x.T, strict=True):
            itself = channel in aim.names and source.rows is None  # of the same catalogue, not of one joined to it
            score = 1.0 if itself else told(values, y[rows], aim)
            if score > limit:
                found[f"{name}: {channel}"] = score
    what = "AUC" if aim.classes else "R2"
    return _finding(
        "target",
        found,
        f"{len(found)} feature{'s' * (len(found) != 1)} alone tell{'s' * (len(found) == 1)} the target "
        f"({what} above {limit:g}), or hold it",
        what,
    )


def missing(sides: Sides, tables: dict[str, Source], y: np.ndarray, aim: TargetSpec, limit: float) -> Finding | None:
    """Features of the tables that are missing in just one class, or by the value of the quantity."""
    rows = sampled(sides.rows)
    found = {}
    for name, source in tables.items():
        absent = ~np.isfinite(_values(source, rows))
        for c in np.flatnonzero(absent.any(0) & ~absent.all(0)):
            known = absent[:, c].astype(np.float32)
            areas = class_areas(known, y[rows], len(aim.classes)) if aim.classes else {0: told(known, y[rows], aim)}
            if (score := max(areas.values(), default=0.0)) > limit:
                found[f"{name}: {source.modality.channels[c]}"] = score
    what = "AUC" if aim.classes else "R2"
    sentence = f"whether {len(found)} feature{'s' * (len(found) != 1)} are missing tells the target"
    return _finding("missing", found, sentence, what)


def sampled(rows: np.ndarray) -> np.ndarray:
    """Some of the rows, in random order: objects that a feature does not tell apart must not lie as in the file."""
    return np.random.default_rng(0).permutation(rows)[:SAMPLE]


def told(values: np.ndarray, y: np.ndarray, aim: TargetSpec) -> float:
    """How well values [n] alone tell the target: the smallest AUC of the classes, or the largest R2 of the quantities.

    0 where too few objects are known.
    """
    known = np.isfinite(values)
    if aim.classes:
        areas = class_areas(values[known], y[known], len(aim.classes))
        return min(areas.values()) if len(areas) > 1 else 0.0
    return max(_quantity_told(values[known], quantity[known]) for quantity in y.T)


def class_areas(values: np.ndarray, y: np.ndarray, classes: int) -> dict[int, float]:
    """Area under the ROC curve of each class that has, and leaves, objects enough, from values [n] and codes [n]."""
    counts = np.bincount(y, minlength=classes)
    large = np.flatnonzero((counts >= MEMBERS) & (len(y) - counts >= MEMBERS))
    if len(y) < FEWEST or len(large) == 0:
        return {}
    ranks = rankdata(values)
    order = np.argsort(values, kind="stable")
    areas = {}
    for code in large.tolist():
        member = y == code
        rank = _area(ranks, member)
        areas[code] = max(rank, 1 - rank, _area(rankdata(_neighbours(member[order])), member[order]))
    return areas


def _area(ranks: np.ndarray, member: np.ndarray) -> float:
    """Area under the ROC curve from ranks, ties being averaged (Mann and Whitney)."""
    n = int(member.sum())
    return float((ranks[member].sum() - n * (n + 1) / 2) / (n * (len(member) - n)))


def _neighbours(member: np.ndarray) -> np.ndarray:
    """Share of members among the nearest others of each in their order."""
    total = np.concatenate([[0], np.cumsum(member)])
    here = np.arange(len(member))
    low, high = np.maximum(here - REACH, 0), np.minimum(here + REACH + 1, len(member))
    share: np.ndarray = (total[high] - total[low] - member) / (high - low - 1)
    return share


def _quantity_told(values: np.ndarray, quantity: np.ndarray) -> float:
    """The larger R2 of a quantity [n] and of its ranks, as a smooth function of values [n]."""
    known = np.isfinite(quantity)
    if known.sum() < FEWEST:
        return 0.0
    ordered = quantity[known][np.argsort(values[known], kind="stable")].astype(np.float64)
    return max(_smoothness(ordered), _smoothness(rankdata(ordered)))


def _smoothness(ordered: np.ndarray) -> float:
    """1 minus the scatter of each number about the mean of its two neighbours, over the whole variance."""
    residual = ordered[1:-1] - (ordered[:-2] + ordered[2:]) / 2
    variance = float(np.var(ordered))
    return 1 - float(np.mean(residual**2)) / 1.5 / variance if variance > 0 else 0.0


def _values(source: Source, rows: np.ndarray) -> np.ndarray:
    """A table's values [n, C] at catalogue rows, NaN where the object lacks the table."""
    data, places = source.modality.data, places_of(source, rows)
    assert isinstance(data, Dense)
    return np.where((places >= 0)[:, None], data.x[np.maximum(places, 0)], np.nan)


def _finding(name: str, found: dict[str, float], sentence: str, what: str) -> Finding | None:
    if not found:
        return None
    worst = sorted(found.items(), key=lambda item: -item[1])
    listed = ",".join(feature.split(": ", 1)[1] for feature in found)
    offenders = tuple((f"{feature} ({what} {score:.4f})",) for feature, score in worst[:FIRST])
    return Finding(name, sentence, len(found), f"leave them out with 'data.exclude=[{listed}]'", offenders)
