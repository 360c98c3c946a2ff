"""Parallel coordinates (Inselberg 1985, doi:10.1007/BF01898350): every trial a line through its parameters."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import PathCollection
from matplotlib.figure import Figure
from matplotlib.path import Path

from starbolt.report.style import BLUE, GREY, GROUND, INK, RED, WIDTH, Drawing, plain
from starbolt.report.sweep.axis import LETTERS, Axis
from starbolt.report.sweep.reading import Sweep, Trial
from starbolt.report.sweep.scale import Scale
from starbolt.report.sweep.words import BETTER

STEP = 1.25  # inches between two axes
FAN = 0.3  # share of the room between two words over which the lines through one of them are spread
STRONG = 30  # of so many trials the best ones stand out
BEND = 0.4  # of a line between two axes: it leaves and meets them level


def draw(sweep: Sweep) -> list[Drawing]:
    """One vertical axis per parameter, the objective last; nothing where fewer than two trials can be compared."""
    if len(sweep.scored) < 2 or not sweep.chooses:
        return []
    shown = sweep.compared
    axes = [axis.including([t.params[axis.name] for t in shown if axis.name in t.params]) for axis in sweep.axes]
    scale = Scale.of([trial.value for trial in shown], sweep.mode)
    worth = scale.place([trial.value for trial in shown], sweep.mode)
    places = np.column_stack([*(_places(axis, shown, worth) for axis in axes), worth])
    figure = Figure(figsize=(WIDTH if len(axes) < 4 else 1.0 + STEP * len(axes), 4.0))
    ax = figure.subplots()
    _lines(ax, sweep, shown, places)
    for i, axis in enumerate(axes):
        _axis(ax, i, broken(axis.name), axis.ticks())
    _axis(ax, len(axes), f"{sweep.objective}\n(better: up)", _objective_ticks(scale, sweep.mode), right=True)
    ax.set(xlim=(-0.45, len(axes) + 0.4), ylim=(-0.04, 1.04))
    ax.set_axis_off()
    caption = _caption(sweep, shown)
    return [Drawing("sweep_parallel", "Parameters and objective", caption, figure, _numbers(sweep, axes, shown))]


def _places(axis: Axis, trials: Sequence[Trial], worth: np.ndarray) -> np.ndarray:
    """Where each trial crosses an axis; at a word the lines are fanned out, the better ones above."""
    places = np.array([axis.place(trial.params.get(axis.name)) for trial in trials])
    if not axis.values:
        return places
    room = min(FAN / max(len(axis.values) - 1, 1), 0.12)
    for place in np.unique(places[np.isfinite(places)]):
        mine = np.flatnonzero(places == place)
        rank = np.argsort(np.argsort(worth[mine], kind="stable"), kind="stable")
        places[mine] += room * (rank / max(len(mine) - 1, 1) - 0.5) * (len(mine) > 1)
    return np.clip(places, 0, 1)


def _lines(ax: Axes, sweep: Sweep, trials: Sequence[Trial], places: np.ndarray) -> None:
    paths = [_path(row) for row in places]
    pruned = [i for i, trial in enumerate(trials) if trial.state == "pruned"]
    scored = [i for i in np.argsort(places[:, -1], kind="stable").tolist() if i not in set(pruned)]
    faintest = float(np.clip(6 / max(len(scored), 1), 0.1, 0.35))
    _bundle(ax, [paths[i] for i in pruned], GREY, [faintest] * len(pruned), 0.8)
    alphas = faintest + (0.95 - faintest) * np.linspace(0, 1, len(scored)) ** np.clip(len(scored) / STRONG, 1.5, 8)
    _bundle(ax, [paths[i] for i in scored], BLUE, alphas.tolist(), 1.2)
    for trial, path in zip(trials, paths, strict=True):
        if trial == sweep.best:
            _bundle(ax, [path], RED, [1.0], 2.8)


def _path(heights: np.ndarray) -> Path:
    """A smooth line through heights [axes]; where a trial lacks a parameter it is interrupted."""
    points, codes = [], []
    for i, (here, there) in enumerate(pairwise(heights)):
        if np.isfinite(here) and np.isfinite(there):
            points += [(i, here), (i + BEND, here), (i + 1 - BEND, there), (i + 1, there)]
            codes += [Path.MOVETO, Path.CURVE4, Path.CURVE4, Path.CURVE4]
    return Path(points or [(np.nan, np.nan)], codes or None)


def _bundle(ax: Axes, paths: list[Path], colour: str, alphas: list[float], width: float) -> None:
    if paths:
        lines = PathCollection(paths, facecolors="none", edgecolors=colour, linewidths=width)
        lines.set_alpha(alphas)
        lines.set_facecolor("none")
        ax.add_collection(lines)


def _axis(ax: Axes, x: int, name: str, ticks: list[tuple[float, str]], *, right: bool = False) -> None:
    """An axis with its name below and its labels beside it, on ground that hides the lines."""
    way, side = (1, "left") if right else (-1, "right")
    box = {"facecolor": GROUND, "alpha": 0.8, "edgecolor": "none", "pad": 0.8}
    near: dict[str, Any] = {"textcoords": "offset points", "zorder": 5}
    ax.plot([x, x], [0, 1], color=INK, lw=1, zorder=3)
    for y, label in ticks:
        ax.plot([x, x + way * 0.03], [y, y], color=INK, lw=1, zorder=3)
        ax.annotate(plain(label), (x, y), (way * 5, 0), ha=side, va="center", fontsize=8, bbox=box, **near)
    ax.annotate(plain(name), (x, 0), (0, -10), ha="center", va="top", fontsize=9, **near)


def broken(name: str) -> str:
    """A dotted name in lines short enough to stand below an axis."""
    lines = [""]
    for part in name.replace(".", ".\0").split("\0"):
        lines += [part] if lines[-1] and len(lines[-1] + part) > LETTERS else [lines.pop() + part]
    return "\n".join(lines)


def _objective_ticks(scale: Scale, mode: str) -> list[tuple[float, str]]:
    axis = Axis("", (), scale.low, scale.high, scale.log)
    return [(1 - y if mode == "min" else y, label) for y, label in axis.ticks()]


def _caption(sweep: Sweep, shown: Sequence[Trial]) -> str:
    best = f"Red: the best, trial {sweep.best.number}. " if sweep.best is not None else ""
    words = f"A line per finished trial, the stronger the better its {sweep.objective} ({BETTER[sweep.mode]}). {best}"
    if any(trial.state == "pruned" for trial in shown):
        words += "Grey: pruned trials, at the value they had by then. "
    return words + "Lines through one word are fanned out, the better above."


def _numbers(sweep: Sweep, axes: Sequence[Axis], shown: Sequence[Trial]) -> dict[str, list]:
    params = {axis.name: [trial.params.get(axis.name) for trial in shown] for axis in axes}
    return {"trial": [t.number for t in shown], **params, sweep.objective: [t.value for t in shown]}
