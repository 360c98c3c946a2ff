"""The objects that explanations are shown of: the most wrong and the typical, in words."""

from __future__ import annotations

import numpy as np

from starbolt.report.galleries import objects
from starbolt.report.galleries.kinds import Gallery
from starbolt.report.results import Results
from starbolt.report.words import number

WORDS = {True: "most wrong", False: "typical"}
OBJECTS = 2  # of either kind, where there is no room for all
KINDS = {
    True: "the typical ones lie nearest to the median of a true class among the network's features, commonest classes "
    "first",
    False: "the typical ones lie nearest to the median of a quarter of the true values among the network's features",
}


def lines(results: Results, rows: np.ndarray) -> list[list[str]]:
    """Of each catalogue row its id, what is true and what was predicted."""
    place = {row: i for i, row in enumerate(results.predictions["row"].to_pylist())}
    gallery = Gallery("wrong", "", "", np.array([place[row] for row in rows.tolist()], np.int64), np.zeros(0), "")
    told = [objects.lines(results, gallery, k) for k in range(len(rows))]
    return [[line for line in one if not line.startswith("set: ")] for one in told]


def subject(results: Results, code: int) -> str:
    """What of an object is explained: a class, or a quantity."""
    return results.classes[code] if results.classes else results.spec.target.names[code]


def kinds_in_words(results: Results) -> str:
    """Which objects are called what."""
    return f"The most wrong objects have the largest loss; {KINDS[bool(results.classes)]}."


def few(wrong: np.ndarray) -> np.ndarray:
    """Places of the first OBJECTS of either kind."""
    return np.concatenate([np.flatnonzero(wrong)[:OBJECTS], np.flatnonzero(~wrong)[:OBJECTS]])


def unit(results: Results, code: int) -> str:
    """The unit of what is explained; empty for a probability."""
    units = results.spec.target.units
    return units[code] if units and not results.classes else ""


def said(results: Results, code: int, value: float) -> str:
    """The answer that is explained, in words."""
    if results.classes:
        return f"P({results.classes[code]}) = {value:.2f}"
    return f"{results.spec.target.names[code]} = {number(value)} {unit(results, code)}".rstrip()
