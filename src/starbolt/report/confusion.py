"""The confusion matrix: rows are the truth."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from starbolt.report.results import Results
from starbolt.report.style import Drawing, plain

LEGIBLE = 14  # classes up to which numbers fit into the cells


def confusion(truth: np.ndarray, predicted: np.ndarray, classes: int) -> np.ndarray:
    """Counts [K, K] of objects of true class (row) given a class (column)."""
    return np.bincount(truth * classes + predicted, minlength=classes**2).reshape(classes, classes)


def draw(results: Results) -> list[Drawing]:
    """Counts and row fractions; nothing for quantities."""
    if not results.classes:
        return []
    names = results.classes
    matrix = confusion(results.codes, results.given, len(names))
    share = matrix / np.maximum(matrix.sum(1, keepdims=True), 1)
    labels = [plain(name) for name in names]
    room = 0.09 * max(map(len, labels)) + 0.3  # inches that the longest label takes
    cell = float(np.clip(7.0 / len(names), 0.3, 0.8))
    tilted = room > cell + 0.2
    figure = Figure(figsize=(cell * len(names) + room + 1.0, cell * len(names) + (0.8 * room if tilted else 0) + 0.8))
    ax = figure.subplots()
    ax.imshow(share, cmap="Blues", vmin=0, vmax=1)
    ax.spines[:].set_visible(False)
    ticks = range(len(names))
    tilt: dict[str, Any] = {"rotation": 45, "ha": "right", "rotation_mode": "anchor"} if tilted else {}
    ax.set_xticks(ticks, labels, **tilt)
    ax.set_yticks(ticks, [f"{label} ({count})" for label, count in zip(labels, matrix.sum(1), strict=True)])
    ax.set(xlabel="predicted class", ylabel="true class (objects)")
    if len(names) <= LEGIBLE:
        _write_cells(ax, matrix, share)
    caption = "Rows are the truth: of the objects of a true class, how many, and what fraction, were given each class."
    row, column = np.divmod(np.arange(matrix.size), len(names))
    numbers = {
        "true": np.array(names)[row],
        "predicted": np.array(names)[column],
        "count": matrix.ravel(),
        "row_fraction": share.ravel(),
    }
    return [Drawing("confusion", "Confusion matrix", caption, figure, numbers)]


def _write_cells(ax: Axes, matrix: np.ndarray, share: np.ndarray) -> None:
    size = float(np.clip(11 - 0.4 * len(matrix), 6, 10))
    for (i, j), count in np.ndenumerate(matrix):
        colour = "white" if share[i, j] > 0.55 else "black"
        ax.text(j, i, f"{count}\n{share[i, j]:.2f}", ha="center", va="center", color=colour, fontsize=size)
