"""Which objects a report shows, and why."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from starbolt.report.gallery import SHOWN, doubt
from starbolt.report.results import Results

WRONG = "Objects with the largest loss, worst first."
DISAGREE = "Objects on which the members of the ensemble, or the passes with dropout, disagree most, those first."
DOUBTFUL = {
    True: "Objects with the largest entropy of the class probabilities, largest first.",
    False: "Objects with the largest predicted sigma, largest first.",
}
UNUSUAL = "Objects farthest from all training objects among the network's features, farthest first."


class Gallery(NamedTuple):
    """Places [n] in `results.predictions` of the objects to show, and what they have in common (told).

    value: what ranks each of them [n], empty where it is not told, and name_of_value, with its unit in brackets.
    """

    name: str
    title: str
    told: str
    places: np.ndarray
    value: np.ndarray
    name_of_value: str


def galleries(results: Results) -> list[Gallery]:
    """Those that have objects, at most three."""
    doubts = doubt(results.predictions, results.spec)
    told = DISAGREE if _has_epistemic(results) else DOUBTFUL[bool(results.classes)]
    word = "disagreement" if _has_epistemic(results) else "entropy"
    unit = " [nat]" if results.classes else ""
    shown = word if results.classes or _has_epistemic(results) else ""  # a sigma stands in the answer itself
    made = [
        _gallery(results, "wrong", "Most wrong", WRONG, results.loss, "loss"),
        _gallery(results, "unsure", "Least sure", told, doubts, f"{shown}{unit}" if shown else ""),
        _gallery(results, "unusual", "Most unusual", UNUSUAL, np.zeros(0), ""),
    ]
    return [gallery for gallery in made if len(gallery.places)]


def _gallery(results: Results, name: str, title: str, told: str, value: np.ndarray, word: str) -> Gallery:
    places = _places(results, name)
    if places is None:
        known = np.flatnonzero(np.isfinite(value))
        places = known[np.argsort(-value[known], kind="stable")][: SHOWN[name]]
    return Gallery(name, title, told, places, value[places] if word else np.zeros(0), word)


def _places(results: Results, name: str) -> np.ndarray | None:
    """Of the objects that the gallery file names; None where there is none."""
    if not results.gallery:
        return None
    rows = results.gallery.get(f"rows_{name}")
    if rows is None:  # the file of an earlier version knows the most wrong alone
        rows = results.gallery["row"] if name == "wrong" else np.zeros(0, np.int64)
    place = {row: i for i, row in enumerate(results.predictions["row"].to_pylist())}
    return np.array([place[row] for row in rows.tolist() if row in place], np.int64)


def _has_epistemic(results: Results) -> bool:
    names = ["epistemic", *(f"{column}_epistemic" for column in results.spec.target.columns)]
    return any(name in results.predictions.column_names for name in names)
