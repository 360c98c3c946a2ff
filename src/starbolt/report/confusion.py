"""The confusion matrix: rows are the truth."""

from __future__ import annotations

import numpy as np
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
    matrix = confusion(results.codes, results.prob.argmax(1), len(names))
    share = matrix / np.maximum(matrix.sum(1, keepdims=True), 1)
    side = float(np.clip(2.0 + 0.55 * len(names), 3.6, 9.0))
    figure = Figure(figsize=(side, side))
    ax = figure.subplots()
    ax.imshow(share, cmap="Blues", vmin=0, vmax=1)
    ax.spines[:].set_visible(False)
    ticks = range(len(names))
    labels = [plain(name) for name in names]
    ax.set_xticks(
        ticks,
        labels,
        rotation=0 if len("".join(names)) < 30 else 45,
        ha="center" if len("".join(names)) < 30 else "right",
    )
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


def _write_cells(ax, matrix: np.ndarray, share: np.ndarray) -> None:
    size = float(np.clip(11 - 0.4 * len(matrix), 6, 10))
    for (i, j), count in np.ndenumerate(matrix):
        colour = "white" if share[i, j] > 0.55 else "black"
        ax.text(j, i, f"{count}\n{share[i, j]:.2f}", ha="center", va="center", color=colour, fontsize=size)
