"""Each class against all others: what the ROC and the purity curves have in common."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Literal, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from starbolt.report.results import Results
from starbolt.report.style import COLOURS, WIDTH, plain

POINTS = 500  # kept of a curve: more than a figure can show
Corner = Literal["lower left", "lower right"]
DASHES = ("-", "--", "-.", ":")
WORKING = "The marks are the working points chosen on the validation part. "


class Ranked(NamedTuple):
    """The objects by their probability of one class: score [n], whether they are of it, bool [n], and the probability
    from which on they are taken for it at the working point, None where none was chosen."""

    score: np.ndarray
    positive: np.ndarray
    cut: float | None


class Curve(NamedTuple):
    """A curve x, y [points], the area told in the legend, and its place at the working point, None where none is."""

    x: np.ndarray
    y: np.ndarray
    area: float
    mark: tuple[float, float] | None


def against_rest(results: Results) -> dict[str, Ranked]:
    """Each class that has objects and others beside it; of two classes the second alone."""
    cuts = results.calibration.get("working_point", {})
    shown = range(1, 2) if len(results.classes) == 2 else range(len(results.classes))
    found = {}
    for code in shown:
        positive = results.codes == code
        if positive.any() and not positive.all():
            name = results.classes[code]
            found[name] = Ranked(results.prob[:, code], positive, cuts.get(name))
    return found


def hits(ranked: Ranked) -> tuple[np.ndarray, np.ndarray]:
    """At each distinct score, largest first: how many objects have it or more [m], and how many of these are of it."""
    order = np.argsort(-ranked.score, kind="stable")
    last = np.append(np.flatnonzero(np.diff(ranked.score[order])), len(order) - 1)  # of each run of equal scores
    return last + 1, np.cumsum(ranked.positive[order])[last]


def taken(ranked: Ranked) -> np.ndarray | None:
    """Whether each object is taken for the class at the working point, bool [n]."""
    return None if ranked.cut is None else ranked.score >= ranked.cut


def plot(curves: Mapping[str, Curve], title: str, corner: Corner) -> tuple[Figure, Axes]:
    """A square with a curve per class, its working point, and a legend that tells the areas."""
    figure = Figure(figsize=(WIDTH, WIDTH + 0.24 * max(len(curves) - 6, 0)))
    ax = figure.subplots()
    for i, (name, curve) in enumerate(curves.items()):
        colour = COLOURS[i % len(COLOURS)]
        dash = DASHES[i // len(COLOURS) % len(DASHES)]
        label = plain(f"{name}: {curve.area:.3f}")
        ax.plot(*thinned(curve.x, curve.y), color=colour, ls=dash, label=label)
        if curve.mark:
            ax.plot(*curve.mark, "o", ms=7, mfc="none", mec=colour, mew=1.8)
    ax.set(aspect="equal", xlim=(-0.01, 1.01), ylim=(-0.01, 1.01))
    if len(curves) <= 8:
        ax.legend(title=title, loc=corner)
    else:
        figure.legend(title=title, loc="outside lower center", ncols=3)
    return figure, ax


def thinned(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """At most `POINTS` points of a curve, evenly along both axes together, the ends among them."""
    if len(x) <= POINTS:
        return x, y
    along = np.append(0.0, np.cumsum(np.abs(np.diff(x)) + np.abs(np.diff(y))))
    pick = np.unique(np.searchsorted(along, np.linspace(0, along[-1], POINTS)))
    return x[pick], y[pick]


def numbers(curves: Mapping[str, Curve], x: str, y: str) -> dict[str, np.ndarray]:
    """The curves, and their working points, as columns."""
    rows = list(_rows(curves))
    return {
        "class": np.concatenate([np.full(len(values), name) for name, values, _, _ in rows]),
        x: np.concatenate([values for _, values, _, _ in rows]),
        y: np.concatenate([values for _, _, values, _ in rows]),
        "working_point": np.concatenate([np.full(len(values), mark) for _, values, _, mark in rows]),
    }


def _rows(curves: Mapping[str, Curve]) -> Iterator[tuple[str, np.ndarray, np.ndarray, bool]]:
    for name, curve in curves.items():
        yield name, *thinned(curve.x, curve.y), False
        if curve.mark:
            yield name, np.array(curve.mark[:1]), np.array(curve.mark[1:]), True
