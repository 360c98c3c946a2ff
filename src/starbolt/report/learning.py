"""Learning curves, the epoch that was chosen, and what they say about over- and underfitting."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, NullLocator

from starbolt.report.results import Results
from starbolt.report.style import BLUE, GREY, RED, WIDTH, Drawing
from starbolt.report.sweep.axis import round_numbers

RISE = 0.1  # share of the progress in val/loss that must be lost again to be called overfitting
STALL = 0.02  # share of it that the last tenth of the epochs must still gain to be called unfinished
RULE = (
    "Rule: progress is the fall of val/loss from the first epoch to its least. Overfitting: at the end more than "
    f"{RISE:.0%} of it is lost again while train/loss went on falling. Unfinished: the last tenth of the epochs still "
    f"brought at least {STALL:.0%} of it. train/loss is the mean over an epoch while the weights moved, with dropout, "
    "augmentation and weighting where there are any, so its level is not to be compared with val/loss; the trends are."
)


class Choice(NamedTuple):
    """The epoch whose weights were kept: its place in the history, its number, and the score that chose it."""

    place: int
    epoch: int
    monitor: str


def chosen(results: Results) -> Choice | None:
    """The best epoch by the monitored score; None where nothing was trained."""
    from starbolt.direction import mode_of

    history, monitor = results.history, results.config.get("monitor", "val/loss")
    monitor = monitor if monitor in history else "val/loss"
    if monitor not in history or not np.isfinite(history[monitor]).any():
        return None
    place = int((np.nanargmin if mode_of(monitor) == "min" else np.nanargmax)(history[monitor]))
    return Choice(place, int(history["epoch"][place]), monitor)


def verdict(results: Results) -> str:
    """One plain sentence on over- or underfitting, by `RULE`."""
    choice = chosen(results)
    val = results.history.get("val/loss", np.array([]))
    measured = np.isfinite(val)
    if choice is None or measured.sum() < 5:
        return "Too few epochs to say whether the network over- or underfits."
    train, val = results.history.get("train/loss", val)[measured], val[measured]
    best, progress = int(val.argmin()), float(val[0] - val.min())
    if progress <= 0:
        return "val/loss never fell below its first value: nothing was learnt that holds for other objects."
    if val[-1] - val[best] > RISE * progress and train[-1] < train[best]:
        turn = int(results.history["epoch"][measured][best])
        return (
            f"The network began to overfit after epoch {turn}: val/loss rose again "
            f"while train/loss went on falling; the weights of epoch {choice.epoch} were kept."
        )
    tenth = max(1, len(val) // 10)
    if val[:-tenth].min() - val[-tenth:].min() >= STALL * progress:
        return "val/loss was still falling at the end: the network is underfitted, and more epochs may help."
    return "val/loss had levelled off by the end: no sign of over- or underfitting."


def draw(results: Results) -> list[Drawing]:
    """Loss, and the main validation score, against epoch; the chosen epoch is marked."""
    choice = chosen(results)
    if choice is None:
        return []
    shown = [name for name in (main_score(results),) if f"val/{name}" in results.history]
    figure = Figure(figsize=(WIDTH, 2.0 + 1.8 * len(shown)))
    axes = figure.subplots(1 + len(shown), 1, sharex=True, squeeze=False)[:, 0]
    epoch = results.history["epoch"]
    for name, colour, dash in (("train/loss", GREY, "--"), ("val/loss", BLUE, "-")):
        if name in results.history:
            axes[0].plot(epoch, results.history[name], color=colour, ls=dash, marker=".", ms=3, label=name)
    losses = np.concatenate([results.history.get(name, np.array([])) for name in ("train/loss", "val/loss")])
    axes[0].set_ylabel("loss")
    known = losses[np.isfinite(losses)]
    if known.size and 0 < 10 * known.min() < known.max():
        axes[0].set_yscale("log")
        ticks = round_numbers(float(known.min()), float(known.max()), log=True)
        axes[0].set_yticks(ticks, [f"{tick:g}" for tick in ticks])
        axes[0].yaxis.set_minor_locator(NullLocator())  # its numbers would lie on one another
    for ax, name in zip(axes[1:], shown, strict=True):
        ax.plot(epoch, results.history[f"val/{name}"], color=BLUE, marker=".", ms=3)
        ax.set_ylabel(f"val/{name}")
    for ax in axes:
        ax.axvline(choice.epoch, color=RED, lw=1, label=f"chosen epoch {choice.epoch}")
    axes[0].legend()
    axes[-1].xaxis.set_major_locator(MaxNLocator(integer=True))
    axes[-1].set_xlabel("epoch (the first is 0)")
    caption = f"{verdict(results)} The line marks epoch {choice.epoch}, chosen as the best {choice.monitor}."
    return [Drawing("learning", "Learning curves", caption, figure, results.history)]


def main_score(results: Results) -> str:
    """The score that the report speaks of first: what was monitored, else accuracy, NMAD of redshifts, or RMS."""
    part, _, monitored = str(results.config.get("monitor", "val/loss")).partition("/")
    if part == "val" and monitored != "loss" and monitored in results.scores:
        return monitored
    if results.classes:
        return "accuracy"
    name = "nmad" if results.config.get("task", {}).get("redshift") else "rms"
    return name if len(results.spec.target.names) == 1 else f"{name}/{results.spec.target.names[0]}"
