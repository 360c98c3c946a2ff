"""Class balance: the share of each class among the training rows and among the rows that were scored."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure

from starbolt.report.quantity import Quantity
from starbolt.report.results import Results
from starbolt.report.style import BLUE, GREY, RED, WIDTH, Drawing, file_name, plain, with_unit


def draw(results: Results) -> list[Drawing]:
    """Bars per class, or for quantities a histogram of each one's true values beside the training mean and spread."""
    return [_classes(results)] if results.classes else _targets(results)


def _classes(results: Results) -> Drawing:
    names = results.classes
    train = np.array(results.spec.target.counts)
    scored = np.bincount(results.codes, minlength=len(names))
    figure = Figure(figsize=(WIDTH, 1.3 + 0.42 * len(names)))
    ax = figure.subplots()
    place = np.arange(len(names))
    for counts, label, colour, shift in ((train, "train", GREY, -0.2), (scored, results.part, BLUE, 0.2)):
        share = counts / max(counts.sum(), 1)
        bars = ax.barh(place + shift, share, 0.38, color=colour, label=f"{label} ({counts.sum():,})")
        ax.bar_label(bars, [f"{count:,}" for count in counts], padding=2, fontsize=8)
    ax.set_yticks(place, [plain(name) for name in names])
    ax.invert_yaxis()
    ax.margins(x=0.15)
    ax.set_xlabel("share of the part's objects")
    figure.legend(loc="outside upper center", ncols=2)
    numbers = {"class": list(names), "train": train, results.part: scored}
    return Drawing("classes", "Class balance", "The numbers are objects.", figure, numbers)


def _targets(results: Results) -> list[Drawing]:
    target = results.spec.target
    statistics = dict(zip(target.names, zip(target.mean, target.spread, strict=True), strict=True))
    return [_target(q, *statistics[q.name], results.part) for q in results.quantities if len(q.truth)]


def _target(quantity: Quantity, mean: float, spread: float, part: str) -> Drawing:
    bins = int(np.clip(2 * len(quantity.truth) ** (1 / 3), 8, 60))
    counts, edges = np.histogram(quantity.truth, bins)
    figure = Figure(figsize=(WIDTH, 3.0))
    ax = figure.subplots()
    ax.stairs(counts, edges, fill=True, color=BLUE, alpha=0.6, label=f"{part} ({len(quantity.truth):,})")
    ax.axvline(mean, color=RED, lw=1.2, label="mean of train")
    ax.axvspan(mean - spread, mean + spread, color=RED, alpha=0.1, lw=0, label="± its standard deviation")
    ax.set(xlabel=with_unit(f"true {quantity.name}", quantity.unit), ylabel="objects")
    figure.legend(loc="outside upper center", ncols=3, columnspacing=1, handlelength=1.2)
    numbers = {"low": edges[:-1], "high": edges[1:], "objects": counts}
    caption = "True values of the objects that were scored."
    return Drawing(f"target_{file_name(quantity.name)}", f"Distribution of {quantity.name}", caption, figure, numbers)
