"""Reliability: how often an answer of a given confidence is right (DeGroot & Fienberg 1983, doi:10.2307/2987588)."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from starbolt.report.calibrated.chance import wilson
from starbolt.report.results import Results
from starbolt.report.style import BLUE, GREY, WIDTH, Drawing, plain
from starbolt.tasks.reliability import calibration_error, perfect_calibration_error

BINS = 15  # of equal numbers of objects
FEW = 6  # classes up to which each has a panel of its own


class Binned(NamedTuple):
    """Objects in bins of equal numbers: mean confidence, share that is right, and number of objects, each [bins]."""

    confidence: np.ndarray
    share: np.ndarray
    objects: np.ndarray


def binned(confidence: np.ndarray, right: np.ndarray, bins: int = BINS) -> Binned:
    """In the order of their confidence [n]; right: bool [n]."""
    order = np.argsort(confidence, kind="stable")
    edges = np.round(np.linspace(0, len(order), min(bins, len(order)) + 1)).astype(int)
    pieces = np.split(order, edges[1:-1])
    means = [[values[piece].mean() for piece in pieces] for values in (confidence, right)]
    return Binned(np.array(means[0]), np.array(means[1]), np.array([len(piece) for piece in pieces]))


def top_error(results: Results) -> tuple[float, float]:
    """Calibration error of the most probable class, and that of a perfectly calibrated model of the same size."""
    confidence, right = _top(results)
    return calibration_error(confidence, right, BINS), perfect_calibration_error(confidence, BINS)


def draw(results: Results) -> list[Drawing]:
    """Of the most probable class and, of few classes, of each one's probability; nothing for quantities."""
    if not results.classes:
        return []
    return [_of_the_top(results), *([_of_each(results)] if len(results.classes) <= FEW else [])]


def _top(results: Results) -> tuple[np.ndarray, np.ndarray]:
    return results.prob.max(1), results.prob.argmax(1) == results.codes


def _of_the_top(results: Results) -> Drawing:
    confidence, right = _top(results)
    told, (error, perfect) = binned(confidence, right), top_error(results)
    figure = Figure(figsize=(WIDTH, WIDTH))
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=(3, 1))
    _points(upper, told)
    counts, edges = np.histogram(confidence, 30, (min(0.98, float(confidence.min())), 1.0))
    lower.stairs(counts, edges, fill=True, color=BLUE, alpha=0.6)
    low = max(0.0, min(told.confidence.min(), told.share.min()) - 0.08)
    upper.set(ylabel="share that is right", xlim=(low, 1.01), ylim=(low, 1.02))
    lower.set(xlabel="confidence: probability of the most probable class", ylabel="objects")
    caption = (
        f"{len(confidence):,} objects in {len(told.objects)} bins of equal numbers, with binomial 68% bars; on the "
        f"dotted line answers are right as often as they say. Calibration error {error:.4f}; chance alone gives a "
        f"perfectly calibrated model of the same size {perfect:.4f}. Below: how sure the answers are."
    )
    return Drawing("reliability", "Reliability of the most probable class", caption, figure, _numbers({"": told}))


def _of_each(results: Results) -> Drawing:
    names = results.classes[1:] if len(results.classes) == 2 else results.classes
    codes = [results.classes.index(name) for name in names]
    told = {name: binned(results.prob[:, code], results.codes == code) for name, code in zip(names, codes, strict=True)}
    across = 2 if len(names) in (2, 4) else min(3, len(names))
    down = -(-len(names) // across)
    figure = Figure(figsize=(WIDTH, 0.4 + down * WIDTH / across))
    axes = figure.subplots(down, across, sharex=True, sharey=True, squeeze=False).ravel()
    for ax in axes[len(names) :]:
        ax.set_axis_off()
    for ax, (name, of_class) in zip(axes, told.items(), strict=False):
        _points(ax, of_class, small=True)
        ax.set(xlim=(-0.03, 1.03), ylim=(-0.03, 1.03), xticks=(0, 0.5, 1), yticks=(0, 0.5, 1), aspect="equal")
        ax.set_title(plain(name), fontsize=9)
    figure.supxlabel("probability of the class", fontsize=10)
    figure.supylabel("share that is of it", fontsize=10)
    found = [calibration_error(results.prob[:, code], results.codes == code, BINS) for code in codes]
    errors = ", ".join(f"{name} {error:.4f}" for name, error in zip(names, found, strict=True))
    caption = f"Each class's probability in bins of equal numbers, with binomial 68% bars. Calibration error: {errors}."
    return Drawing("reliability_classes", "Reliability of each class", caption, figure, _numbers(told))


def _points(ax: Axes, told: Binned, small: bool = False) -> None:
    low, high = wilson(told.share * told.objects, told.objects)
    bars = np.maximum([told.share - low, high - told.share], 0)
    ax.plot([0, 1], [0, 1], color=GREY, lw=1, ls=":")
    ax.errorbar(told.confidence, told.share, bars, fmt="o", ms=3 if small else 5, lw=1, color=BLUE)


def _numbers(told: dict[str, Binned]) -> dict[str, np.ndarray]:
    names = np.concatenate([np.full(len(of_class.objects), name) for name, of_class in told.items()])
    columns = {"confidence": "confidence", "share_right": "share", "objects": "objects"}
    values = {head: np.concatenate([getattr(each, field) for each in told.values()]) for head, field in columns.items()}
    return ({"class": names} if any(told) else {}) | values
