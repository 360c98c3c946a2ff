"""Purity against completeness (precision against recall): what a sample of one class costs, and the working point."""

from __future__ import annotations

import numpy as np

from starbolt.report.against_rest import WORKING, Curve, Ranked, against_rest, hits, numbers, plot, taken
from starbolt.report.results import Results
from starbolt.report.style import Drawing


def purity(ranked: Ranked) -> tuple[np.ndarray, np.ndarray]:
    """Completeness and purity of the objects with each distinct score or more, from the most probable on."""
    count, found = hits(ranked)
    return found / ranked.positive.sum(), found / count


def area(completeness: np.ndarray, purity: np.ndarray) -> float:
    """Average precision: the area under the curve as a sum of steps."""
    return float((np.diff(completeness, prepend=0.0) * purity).sum())


def mark(ranked: Ranked) -> tuple[float, float] | None:
    """Completeness and purity at the working point; None where it takes no object."""
    chosen = taken(ranked)
    if chosen is None or not chosen.any():
        return None
    return float(chosen[ranked.positive].mean()), float(ranked.positive[chosen].mean())


def draw(results: Results) -> list[Drawing]:
    """A curve per class that has objects, one for two classes; nothing for quantities."""
    curves = {}
    for name, ranked in against_rest(results).items() if results.classes else ():
        curves[name] = Curve(*purity(ranked), area(*purity(ranked)), mark(ranked))
    if not curves:
        return []
    figure, ax = plot(curves, "class: average precision", "lower left")
    ax.set(xlabel="completeness (recall)", ylabel="purity (precision)")
    marked = f" {WORKING.strip()}" if any(curve.mark for curve in curves.values()) else ""
    caption = (
        f"Of the objects taken for a class, the share that is of it, against the share of it that is taken.{marked}"
    )
    behind = numbers(curves, "completeness", "purity")
    return [Drawing("purity", "Purity and completeness", caption, figure, behind)]
