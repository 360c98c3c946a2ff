"""The objective trial by trial, and the best so far: whether the search had come to rest."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from starbolt.report.style import BLUE, INK, RED, WIDTH, Drawing, plain
from starbolt.report.sweep.reading import Sweep, Trial
from starbolt.report.sweep.scale import Scale
from starbolt.report.sweep.words import BETTER, several

EDGE = 0.12  # share of the height kept for trials without a value


def draw(sweep: Sweep) -> list[Drawing]:
    """Value against trial number; nothing where fewer than two trials can be compared."""
    if len(sweep.scored) < 2:
        return []
    figure = Figure(figsize=(WIDTH, 3.4))
    ax = figure.subplots()
    scale = Scale.of([trial.value for trial in sweep.compared], sweep.mode)
    scale.apply(ax, sweep.mode, free=EDGE)
    _finished(ax, sweep, scale)
    _pruned(ax, sweep, scale)
    _outside(ax, sweep, scale)
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    ax.set(xlabel="trial (the first is 0)", ylabel=plain(f"{sweep.objective} ({BETTER[sweep.mode]})"))
    figure.legend(*ax.get_legend_handles_labels(), loc="outside upper center", ncols=3)
    return [Drawing("sweep_history", "Trials in their order", _caption(sweep, scale), figure, _numbers(sweep))]


def best_so_far(trials: Sequence[Trial], mode: str) -> list[float]:
    """The best value up to each of these trials, all of which have one."""
    values = [trial.value for trial in trials if trial.value is not None]
    return list(accumulate(values, min if mode == "min" else max))


def spread_of(sweep: Sweep) -> tuple[float, float]:
    """Mean and standard deviation of the values of all finished trials."""
    values = np.array([trial.value for trial in sweep.scored], float)
    return float(values.mean()), float(values.std(ddof=1))


def _finished(ax: Axes, sweep: Sweep, scale: Scale) -> None:
    scored, last = sweep.scored, max(trial.number for trial in sweep.trials)
    numbers, values = [trial.number for trial in scored], np.array([trial.value for trial in scored], float)
    values[scale.beyond(values)] = np.nan
    ax.plot(numbers, values, "o", ms=4.5 if last < 100 else 3, color=BLUE, label="finished")
    if not sweep.chooses:
        mean, deviation = spread_of(sweep)
        ax.axhline(mean, color=INK, lw=1, label="mean")
        ax.axhspan(mean - deviation, mean + deviation, color=BLUE, alpha=0.15, lw=0, label="one standard deviation")
        return
    running = best_so_far(scored, sweep.mode)
    ax.step([*numbers, last], [*running, running[-1]], where="post", color=INK, lw=1.2, label="best so far", zorder=1)
    if sweep.best is not None and sweep.best.value is not None:
        place = ([sweep.best.number], scale.clipped([sweep.best.value]))
        ax.plot(*place, "*", ms=15, color=RED, mec=INK, mew=0.6, label=f"best: trial {sweep.best.number}", zorder=4)


def _pruned(ax: Axes, sweep: Sweep, scale: Scale) -> None:
    pruned = [trial for trial in sweep.trials if trial.state == "pruned"]
    if pruned:
        worst = scale.high if sweep.mode == "min" else scale.low
        values = scale.clipped([worst if trial.value is None else trial.value for trial in pruned])
        ax.plot([trial.number for trial in pruned], values, "o", ms=4.5, color=BLUE, mfc="none", label="pruned")


def _outside(ax: Axes, sweep: Sweep, scale: Scale) -> None:
    """Trials without a value, or with one off the scale, at the edge where the worse values are."""
    failed = [trial.number for trial in sweep.trials if trial.state == "failed"]
    far = [trial.number for trial, off in zip(sweep.scored, _off(sweep, scale), strict=True) if off]
    height, way = (0.96, "^") if sweep.mode == "min" else (0.04, "v")
    for numbers, marker, colour, label in ((failed, "x", INK, "failed"), (far, way, BLUE, "off the scale")):
        if numbers:
            heights = [height] * len(numbers)
            ax.plot(
                numbers, heights, marker, ms=7, mew=2 if marker == "x" else 0, color=colour, ls="", label=label,
                transform=ax.get_xaxis_transform(),
            )  # fmt: skip


def _off(sweep: Sweep, scale: Scale) -> list[bool]:
    return scale.beyond([trial.value or 0.0 for trial in sweep.scored]).tolist()


def _caption(sweep: Sweep, scale: Scale) -> str:
    words = "Dots: finished trials."
    if sweep.chooses:
        words = "Dots: finished trials; line: the best so far; star: the best."
    if sweep.count("pruned"):
        words += " Circles: pruned trials, at the value they had by then, or at the edge."
    if failed := sweep.count("failed"):
        words += f" Crosses at the edge: {several(failed, 'failed trial')}."
    if far := sum(_off(sweep, scale)):
        them = "it" if far == 1 else "them"
        words += f" Triangles: {several(far, 'trial')} so much worse that the scale leaves {them} out."
    return words


def _numbers(sweep: Sweep) -> dict[str, list]:
    running = dict(zip([t.number for t in sweep.scored], best_so_far(sweep.scored, sweep.mode), strict=True))
    return {
        "trial": [trial.number for trial in sweep.trials],
        "label": [trial.label for trial in sweep.trials],
        "state": [trial.state for trial in sweep.trials],
        sweep.objective: [trial.value for trial in sweep.trials],
        "best_so_far": [running.get(trial.number) for trial in sweep.trials],
    }
