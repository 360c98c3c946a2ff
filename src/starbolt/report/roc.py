"""ROC curves: each class against the rest, and where the working point lies on them."""

from __future__ import annotations

import numpy as np

from starbolt.report.against_rest import WORKING, Curve, Ranked, against_rest, hits, numbers, plot, taken
from starbolt.report.results import Results
from starbolt.report.style import GREY, Drawing


def roc(ranked: Ranked) -> tuple[np.ndarray, np.ndarray]:
    """False and true positive rates at each distinct score, from (0, 0) to (1, 1)."""
    count, found = hits(ranked)
    false = (count - found) / (~ranked.positive).sum()
    return np.append(0.0, false), np.append(0.0, found / ranked.positive.sum())


def area(false: np.ndarray, true: np.ndarray) -> float:
    """Area under the curve."""
    return float(np.trapezoid(true, false))


def mark(ranked: Ranked) -> tuple[float, float] | None:
    """False and true positive rate at the working point."""
    if (chosen := taken(ranked)) is None:
        return None
    return float(chosen[~ranked.positive].mean()), float(chosen[ranked.positive].mean())


def draw(results: Results) -> list[Drawing]:
    """A curve per class that has objects, one for two classes; nothing for quantities."""
    curves = {}
    for name, ranked in against_rest(results).items() if results.classes else ():
        curves[name] = Curve(*roc(ranked), area(*roc(ranked)), mark(ranked))
    if not curves:
        return []
    figure, ax = plot(curves, "class: area under curve", "lower right")
    ax.plot([0, 1], [0, 1], color=GREY, lw=1, ls=":")
    ax.set(xlabel="false positive rate", ylabel="true positive rate")
    marked = WORKING if any(curve.mark for curve in curves.values()) else ""
    caption = f"Each class against all others, ordered by its probability. {marked}The dotted line is a guess."
    behind = numbers(curves, "false_positive_rate", "true_positive_rate")
    return [Drawing("roc", "ROC curves", caption, figure, behind)]
