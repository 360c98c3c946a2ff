"""Several runs in one figure: who learns faster, and who ends better."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pyarrow as pa
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from pyarrow import csv

from starbolt.report.results import read_history
from starbolt.report.style import COLOURS, house_style, plain

DASHES = ("-", "--", "-.", ":")
MAIN = ("val/accuracy", "val/nmad", "val/rms")  # the first that every run has is drawn below the loss


def draw_histories(folders: Mapping[str, Path], output: Path) -> Path:
    """Draw val/loss and the main validation score of the runs {label: folder} against epoch, as the PNG `output`.

    Beside it, with the ending .csv, stand the numbers. Raises ValueError where no folder holds a history.
    """
    histories = {label: history for label, folder in folders.items() if (history := read_history(Path(folder)))}
    if not histories:
        raise ValueError(f"none of the runs {', '.join(folders)} has a history.csv to compare")
    main = next((name for name in MAIN if all(name in history for history in histories.values())), None)
    shown = ["val/loss", *([main] if main else [])]
    with house_style():
        figure = Figure(figsize=(6.4, 2.6 * len(shown) + 0.6))
        axes = figure.subplots(len(shown), 1, sharex=True, squeeze=False)[:, 0]
        for ax, name in zip(axes, shown, strict=True):
            _lines(ax, name, histories)
        axes[-1].xaxis.set_major_locator(MaxNLocator(integer=True))
        axes[-1].set_xlabel("epoch (the first is 0)")
        figure.legend(*axes[0].get_legend_handles_labels(), loc="outside upper center", ncols=4)
        output.parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(output)
    _write_numbers(output.with_suffix(".csv"), histories, shown)
    return output


def _lines(ax: Axes, name: str, histories: Mapping[str, dict[str, np.ndarray]]) -> None:
    for i, (label, history) in enumerate(histories.items()):
        dash = DASHES[i // len(COLOURS) % len(DASHES)]
        ax.plot(
            history["epoch"],
            history[name],
            color=COLOURS[i % len(COLOURS)],
            ls=dash,
            marker=".",
            ms=3,
            label=plain(label),
        )
    values = np.concatenate([history[name] for history in histories.values()])
    if np.nanmin(values) > 0 and np.nanmax(values) > 10 * np.nanmin(values):
        ax.set_yscale("log")
    ax.set_ylabel(name)


def _write_numbers(path: Path, histories: Mapping[str, dict[str, np.ndarray]], shown: list[str]) -> None:
    runs = np.concatenate([np.full(len(history["epoch"]), label) for label, history in histories.items()])
    columns = {name: np.concatenate([history[name] for history in histories.values()]) for name in ("epoch", *shown)}
    csv.write_csv(pa.table({"run": runs, **columns}), path)
