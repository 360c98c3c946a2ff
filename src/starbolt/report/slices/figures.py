"""Scores by slice, drawn: a panel per score, a point per cell, the value of all objects as a line."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from starbolt.report.calibrated.sets import level
from starbolt.report.results import Results
from starbolt.report.slices.cells import Slicing
from starbolt.report.slices.measured import COVERAGE, Measured
from starbolt.report.style import BLUE, GREY, RED, WIDTH, Drawing, file_name, plain, with_unit


def draw(results: Results, told: list[Measured]) -> list[Drawing]:
    """One figure per slicing."""
    return [_slicing(results, each, level(results)) for each in told]


def _slicing(results: Results, told: Measured, nominal: float) -> Drawing:
    slicing = told.slicing
    shown = [name for name, points in told.points.items() if any(p.value for p in points) or name == COVERAGE]
    figure = Figure(figsize=(WIDTH, 0.9 + 1.35 * len(shown)))
    axes = figure.subplots(len(shown), 1, sharex=True, squeeze=False)[:, 0]
    for ax, name in zip(axes, shown, strict=True):
        ax.axhline(told.whole[name], color=GREY, lw=1, ls=":")
        if name == COVERAGE:
            ax.axhline(nominal, color=RED, lw=1)
        _points(ax, told, name)
        ax.set_ylabel(name.replace("_", "\n"))
    _label(axes[-1], slicing)
    figure.align_ylabels()
    subject = "" if slicing.quantity is None else results.quantities[slicing.quantity].name
    several = f"{subject} " if len(results.quantities if not results.classes else ()) > 1 else ""
    name = file_name(f"slices_{several}{slicing.column}")
    return Drawing(name, f"Scores {several}by {slicing.column}", _caption(told, nominal), figure, _numbers(told))


def _points(ax: Axes, told: Measured, name: str) -> None:
    points, cells = told.points[name], told.slicing.cells
    value, low, high = (np.array([getattr(point, field) for point in points]) for field in ("value", "low", "high"))
    bars = np.nan_to_num(np.maximum([value - low, high - value], 0), posinf=0)  # of a single group none is known
    if np.isnan(cells[0].middle):
        ax.errorbar(np.arange(len(cells)), value, bars, fmt="o", ms=5, lw=1, color=BLUE)
        return
    middle = np.array([cell.middle for cell in cells])
    width = [middle - [cell.low for cell in cells], [cell.high for cell in cells] - middle]
    ax.errorbar(middle, value, bars, xerr=np.array(width), fmt="o", ms=5, lw=1, color=BLUE)


def _label(ax: Axes, slicing: Slicing) -> None:
    ax.set_xlabel(with_unit(slicing.column, slicing.unit))
    if np.isnan(slicing.cells[0].middle):
        long = sum(len(cell.words) for cell in slicing.cells) > 40
        tilt: dict[str, Any] = {"rotation": 45, "ha": "right", "rotation_mode": "anchor"} if long else {}
        ax.set_xticks(range(len(slicing.cells)), [plain(cell.words) for cell in slicing.cells], **tilt)


def _caption(told: Measured, nominal: float) -> str:
    sizes = [len(cell.places) for cell in told.slicing.cells]
    range_ = f"{min(sizes):,}" if min(sizes) == max(sizes) else f"{min(sizes):,} to {max(sizes):,}"
    words = f"{len(sizes)} slices of {range_} objects with bootstrap 68% bars; dotted: all objects."
    if COVERAGE in told.points:
        words += f" Coverage: share of truths held, with binomial 68% bars; red: the nominal {nominal:.0%}"
        words += (
            ", which is promised for all objects together and not for slices of the truth."
            if told.slicing.truth
            else "."
        )
    return words


def _numbers(told: Measured) -> dict[str, list]:
    cells = told.slicing.cells
    columns: dict[str, list] = {
        "slice": [cell.words for cell in cells],
        "low": [cell.low for cell in cells],
        "high": [cell.high for cell in cells],
        "objects": [len(cell.places) for cell in cells],
    }
    for name, points in told.points.items():
        columns |= {name: [p.value for p in points], f"{name}_low": [p.low for p in points]}
        columns[f"{name}_high"] = [p.high for p in points]
    return columns
