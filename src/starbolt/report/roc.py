"""ROC curves: each class against the rest."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure

from starbolt.report.results import Results
from starbolt.report.style import COLOURS, GREY, WIDTH, Drawing, plain

POINTS = 500  # kept of a curve: more than a figure can show
DASHES = ("-", "--", "-.", ":")


def roc(score: np.ndarray, positive: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """False and true positive rates at each distinct score, from (0, 0) to (1, 1); positive: bool [n] of both kinds."""
    order = np.argsort(-score, kind="stable")
    last = np.append(np.flatnonzero(np.diff(score[order])), len(score) - 1)  # of each run of equal scores
    hits = np.cumsum(positive[order])[last]
    false = (last + 1 - hits) / (~positive).sum()
    return np.append(0.0, false), np.append(0.0, hits / positive.sum())


def area(false: np.ndarray, true: np.ndarray) -> float:
    """Area under the curve."""
    return float(np.trapezoid(true, false))


def draw(results: Results) -> list[Drawing]:
    """A curve per class that has objects, one for two classes; nothing for quantities."""
    shown = range(1, 2) if len(results.classes) == 2 else range(len(results.classes))
    curves = {}
    for code in shown:
        positive = results.codes == code
        if positive.any() and not positive.all():
            curves[results.classes[code]] = roc(results.prob[:, code], positive)
    if not curves:
        return []
    figure = Figure(figsize=(WIDTH, WIDTH + 0.24 * max(len(curves) - 6, 0)))
    ax = figure.subplots()
    ax.plot([0, 1], [0, 1], color=GREY, lw=1, ls=":")
    for i, (name, (false, true)) in enumerate(curves.items()):
        label = plain(f"{name}: {area(false, true):.3f}")
        ax.plot(*_thinned(false, true), color=COLOURS[i % len(COLOURS)], ls=DASHES[i // len(COLOURS) % 4], label=label)
    ax.set(xlabel="false positive rate", ylabel="true positive rate", aspect="equal", xlim=(-0.01, 1), ylim=(0, 1.01))
    if len(curves) <= 8:
        ax.legend(title="class: area under curve", loc="lower right")
    else:
        figure.legend(title="class: area under curve", loc="outside lower center", ncols=3)
    caption = "Each class against all others, ordered by its probability; the dotted line is a guess."
    return [Drawing("roc", "ROC curves", caption, figure, _numbers(curves))]


def _thinned(false: np.ndarray, true: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    pick = np.unique(np.linspace(0, len(false) - 1, POINTS).astype(int))
    return false[pick], true[pick]


def _numbers(curves: dict[str, tuple[np.ndarray, np.ndarray]]) -> dict[str, np.ndarray]:
    thin = {name: _thinned(*curve) for name, curve in curves.items()}
    return {
        "class": np.concatenate([np.full(len(false), name) for name, (false, _) in thin.items()]),
        "false_positive_rate": np.concatenate([false for false, _ in thin.values()]),
        "true_positive_rate": np.concatenate([true for _, true in thin.values()]),
    }
