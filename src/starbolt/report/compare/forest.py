"""The forest plot: every difference with its intervals in one figure, better to the right."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from starbolt.report.compare.differences import Compared, Row
from starbolt.report.compare.told import COLUMNS, columns, rounded, sense, span
from starbolt.report.style import COLOURS, GREY, INK, Drawing, house_style, plain, with_unit
from starbolt.report.words import unit_of

HEIGHT = 0.24  # inches of a row
CAPTION = (
    "Differences to {first} with their 68% (thick) and 95% (thin) intervals; right is better. Each score has its own "
    "scale, on which the longest interval reaches the edge. Filled: the 95% interval leaves 0 out. Grey: scores "
    "that are best at a value between, to the right where they are larger."
)


def forest(compared: Compared) -> Drawing:
    """Its numbers are the rows of all settings, those of the first included."""
    first, others = compared.settings[0].label, [setting.label for setting in compared.settings[1:]]
    scores = list(dict.fromkeys(row.score for row in compared.rows))
    told = [[r for r in compared.rows if r.score == score and r.setting != first] for score in scores]
    with house_style():
        figure = Figure(figsize=(7.2, 1.1 + HEIGHT * len(scores) * (len(others) + 0.4)))
        ax = figure.subplots()
        for y, rows in enumerate(told):
            _band(ax, y, rows)
        _frame(ax, compared, scores, first)
        figure.legend(handles=_key(others), loc="outside upper center", ncols=2 if len(others) > 1 else 1)
    numbers = dict(zip(COLUMNS, zip(*columns(compared.rows), strict=True), strict=True))
    return Drawing("compare", "Comparison", CAPTION.format(first=first), figure, numbers)


def _band(ax: Axes, y: int, rows: Sequence[Row]) -> None:
    """The settings of one score below each other, about height y."""
    reach = max((abs(end) for row in rows for end in row.within_95), default=0.0) or 1.0
    step = 1 / (len(rows) + 0.4)
    for k, row in enumerate(rows):
        place = y + (k - (len(rows) - 1) / 2) * step
        way = sense(row.score)
        scale, colour = (way or 1) / reach, COLOURS[k % len(COLOURS)] if way else GREY
        for ends, width in ((row.within_95, 1.0), (row.within_68, 3.0)):
            ax.plot([end * scale for end in ends], [place, place], color=colour, lw=width, solid_capstyle="butt")
        face = colour if row.distinguishable else "white"
        ax.plot(row.difference * scale, place, "o", ms=5, color=colour, mfc=face)
        text = f"{rounded(row.difference, row.within_68, sign=True)}  ({span(row.within_95, row.within_68)})"
        ax.annotate(text, (1.14, place), va="center", fontsize=8, annotation_clip=False)
    if y % 2:
        ax.axhspan(y - 0.5, y + 0.5, color=GREY, alpha=0.08, lw=0)


def _frame(ax: Axes, compared: Compared, scores: Sequence[str], first: str) -> None:
    ax.axvline(0, color=INK, lw=0.8, zorder=0)
    ax.set(xlim=(-1.1, 1.1), ylim=(len(scores) - 0.5, -0.5), xticks=[0])
    ax.set_yticks(range(len(scores)), [with_unit(score, unit_of(score, compared.first)) for score in scores])
    ax.tick_params(axis="y", length=0)
    ax.spines["left"].set_visible(False)
    ax.set_xlabel(plain(f"← worse      than {first}      better →"))
    ax.annotate("difference (95% interval)", (1.14, -0.62), fontsize=8, color=GREY, annotation_clip=False)


def _key(others: Sequence[str]) -> list[Line2D]:
    return [
        Line2D([], [], color=COLOURS[k % len(COLOURS)], marker="o", ms=5, label=plain(label))
        for k, label in enumerate(others)
    ]
