"""The objective of every trial against epoch: whether the best was still learning, and who was stopped how early."""

from __future__ import annotations

from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from starbolt.report.style import BLUE, GREY, RED, WIDTH, Drawing, plain
from starbolt.report.sweep.reading import Sweep, Trial
from starbolt.report.sweep.scale import Scale
from starbolt.report.sweep.words import BETTER

LINES = {"finished": (BLUE, "-"), "pruned": (GREY, "--"), "failed": (GREY, ":"), "running": (BLUE, "-.")}
POINTS = 20_000  # beyond so many the faint curves are pixels: the page stays small


def draw(sweep: Sweep) -> list[Drawing]:
    """All curves faintly, that of the best trial strongly; nothing where no trial has one."""
    trials = [trial for trial in sweep.trials if trial.curve]
    if not trials:
        return []
    figure = Figure(figsize=(WIDTH, 3.4))
    ax = figure.subplots()
    Scale.of([value for trial in trials for _, value in trial.curve], sweep.mode).apply(ax, sweep.mode)
    for state, (colour, dash) in LINES.items():
        _faint(ax, [trial for trial in trials if trial.state == state and trial != sweep.best], colour, dash, state)
    if sweep.best is not None and sweep.best.curve and sweep.chooses:
        label = f"best: trial {sweep.best.number}"
        ax.plot(*zip(*sweep.best.curve, strict=True), color=RED, lw=2, label=label, marker=".", ms=4, zorder=4)
    elif sweep.best is not None:
        _faint(ax, [sweep.best], BLUE, "-", "")
    ax.autoscale(axis="x")
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    ax.set(xlabel="epoch (the first is 0)", ylabel=plain(f"{sweep.objective} ({BETTER[sweep.mode]})"))
    figure.legend(*ax.get_legend_handles_labels(), loc="outside upper center", ncols=4)
    return [Drawing("sweep_curves", "Learning curves of all trials", _caption(sweep), figure, _numbers(sweep, trials))]


def _faint(ax: Axes, trials: list[Trial], colour: str, dash: str, label: str) -> None:
    if not any(trial.curve for trial in trials):
        return
    alpha = min(0.7, max(0.12, 8 / len(trials)))
    lines = LineCollection([trial.curve for trial in trials], colors=colour, linestyles=dash, linewidths=0.9)
    lines.set_alpha(alpha)
    lines.set_rasterized(sum(len(trial.curve) for trial in trials) > POINTS)
    ax.add_collection(lines)
    ends = list(zip(*[trial.curve[-1] for trial in trials], strict=True))
    ax.plot(*ends, "o", ms=3, color=colour, mfc="none" if dash == "--" else colour, alpha=max(alpha, 0.4))
    ax.plot([], [], dash, color=colour, label=label) if label else None


def _caption(sweep: Sweep) -> str:
    words = "One line per trial, with a dot at its last epoch."
    if sweep.count("pruned") or sweep.count("failed"):
        words += " Dashed: pruned; dotted: failed."
    if sweep.best is None or not sweep.best.curve or not sweep.chooses:
        return words
    values = [value for _, value in sweep.best.curve]
    place = values.index((min if sweep.mode == "min" else max)(values))
    still = place == len(values) - 1 and len(values) > 2
    ended = "its last: more epochs may help." if still else f"of {len(values)}."
    return f"{words} The best trial was best at epoch {sweep.best.curve[place][0]:.0f}, {ended}"


def _numbers(sweep: Sweep, trials: list[Trial]) -> dict[str, list]:
    points = [(trial.number, epoch, value) for trial in trials for epoch, value in trial.curve]
    return dict(zip(("trial", "epoch", sweep.objective), map(list, zip(*points, strict=True)), strict=True))
