"""Score against day: what the same objects' light curves told so long after their first detection."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator, NullFormatter

from starbolt.report.asof import AsOf
from starbolt.report.learning import main_score
from starbolt.report.results import Results
from starbolt.report.style import BLUE, GREY, INK, WIDTH, Drawing, with_unit
from starbolt.report.words import unit_of

DECADES = 30  # ratio of the last to the first day above which the days are drawn in their logarithm
ROOM = 0.1  # of the axis: what a label takes
NAIVE = {True: "always the commonest class", False: "always the training mean"}


def draw(found: Sequence[AsOf], unit: str) -> Drawing:
    """The main score of each quantity against day, whole curves as a line across, and the number of points below."""
    days, whole = [each for each in found if each.day is not None], next(each for each in found if each.day is None)
    names = shown_scores(whole.results)
    figure = Figure(figsize=(WIDTH, 1.9 + 2.0 * len(names)))
    *axes, last = figure.subplots(1 + len(names), 1, sharex=True, height_ratios=[*[3] * len(names), 1])
    for ax, name in zip(axes, names, strict=True):
        _score(ax, name, days, whole)
    _points(last, days, whole)
    _scale(last, _days(days))
    last.set_xlabel(with_unit("time since the first detection", unit))
    figure.align_ylabels()
    figure.legend(
        *axes[0].get_legend_handles_labels(), loc="outside upper center", ncols=3, columnspacing=1.2, handlelength=1.5
    )
    return Drawing("until", "Score against day", caption(names, whole), figure, _columns(names, days, whole))


def shown_scores(results: Results) -> list[str]:
    """The score that a report speaks of first; of several quantities that of each."""
    base, several, _ = main_score(results).partition("/")
    return [f"{base}/{name}" for name in results.spec.target.names] if several else [base]


def caption(names: Sequence[str], whole: AsOf) -> str:
    """What the figure shows, in words."""
    what = " and ".join(names)
    return (
        f"The {what} of the same {len(whole.points):,} objects of the {whole.results.part} part, from light curves as "
        "they were so long after the first detection; bands are 68% bootstrap intervals. Below, the number of points "
        "of the median object and of the middle 68% of objects."
    )


def _score(ax: Axes, name: str, days: Sequence[AsOf], whole: AsOf) -> None:
    x, value = _days(days), [each.results.scores[name] for each in days]
    low, high = np.array([each.intervals.get(name, (np.nan, np.nan)) for each in days]).T
    ax.fill_between(x, low, high, color=BLUE, alpha=0.2, lw=0)
    ax.plot(x, value, color=BLUE, marker="o", ms=4, clip_on=False, label="as of that day")
    end = whole.results.scores[name]
    ax.axhspan(*whole.intervals.get(name, (end, end)), color=GREY, alpha=0.15, lw=0)
    ax.axhline(end, color=INK, lw=1, ls="--", label="whole curves")
    naive = whole.results.control("naive").get(name)
    if naive is not None:
        ax.axhline(naive, color=GREY, lw=1, ls=":", label=NAIVE[bool(whole.results.classes)])
    ax.set_ylabel(with_unit(name.replace("_", " "), unit_of(name, whole.results)))


def _points(ax: Axes, days: Sequence[AsOf], whole: AsOf) -> None:
    x = _days(days)
    low, middle, high = np.array([np.percentile(each.points, [16, 50, 84]) for each in days]).T
    ax.fill_between(x, low, high, color=BLUE, alpha=0.2, lw=0)
    ax.plot(x, middle, color=BLUE, marker="o", ms=3, clip_on=False)
    ax.axhline(float(np.median(whole.points)), color=INK, lw=1, ls="--")
    ax.set(ylabel="points", yscale="log", ylim=(0.8, 1.3 * max(*high, float(np.median(whole.points)), 10)))
    ax.yaxis.set_major_formatter(FuncFormatter(lambda points, _: f"{points:g}"))
    ax.yaxis.set_minor_formatter(NullFormatter())


def _days(found: Sequence[AsOf]) -> list[float]:
    return [each.day for each in found if each.day is not None]


def _scale(ax: Axes, days: Sequence[float]) -> None:
    """Days in their logarithm where they span decades, 0 beside them; marked where they were scored."""
    positive = [day for day in days if day > 0]
    ax.xaxis.set_major_locator(MaxNLocator(6, steps=[1, 2, 5, 10]))
    if positive and positive[-1] > DECADES * positive[0]:
        ax.set_xscale("symlog", linthresh=positive[0], linscale=0.5)
        ax.xaxis.set_major_locator(FixedLocator(_apart(days, ax.xaxis.get_transform().transform(np.array(days)))))
        ax.xaxis.set_minor_locator(FixedLocator(list(days)))
        ax.xaxis.set_minor_formatter(NullFormatter())
        ax.xaxis.set_major_formatter(FuncFormatter(lambda day, _: f"{day:g}"))
        ax.set_xlim(days[0], days[-1])


def _apart(days: Sequence[float], place: np.ndarray) -> list[float]:
    """Those of the days whose labels have room, at their places on the axis."""
    marked = [0]
    for i in range(1, len(days)):
        if place[i] - place[marked[-1]] > ROOM * (place[-1] - place[0]):
            marked.append(i)
    return [days[i] for i in marked]


def _columns(names: Sequence[str], days: Sequence[AsOf], whole: AsOf) -> dict[str, Any]:
    """The numbers behind the figure; whole curves stand last, without a day."""
    every = [*days, whole]
    columns: dict[str, Any] = {"until": pa.array([each.day for each in every], pa.float64())}
    columns |= {"objects": [len(each.points) for each in every], "points": [int(e.points.sum()) for e in every]}
    columns |= {"median_points": [float(np.median(each.points)) for each in every]}
    for name in names:
        ends = [each.intervals.get(name, (None, None)) for each in every]
        columns[name] = [each.results.scores[name] for each in every]
        columns |= {f"{name}_low": [low for low, _ in ends], f"{name}_high": [high for _, high in ends]}
    return columns
