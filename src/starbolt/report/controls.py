"""Controls: what one gets for nothing, and what a line and trees get from plain numbers, on the very same split."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from starbolt.data.sources import Source
from starbolt.report import fits
from starbolt.report.features import simple_features

MOST = 20_000  # training rows a control is fitted on, at equal steps: seconds, not minutes
EDGE = 10.0  # standardised features are clipped here, so that one odd object cannot rule a linear model

Control = Callable[[np.ndarray], dict[str, Tensor]]  # features [n, F] -> a prediction as the task itself gives it


def controls(
    sources: Mapping[str, Source],
    y: np.ndarray,
    parts: Mapping[str, np.ndarray],
    task: Any,
    *,
    score: Sequence[str] = ("val", "test"),
) -> dict[str, dict[str, float]]:
    """{"naive": {"test/accuracy": ...}, "linear": {...}, "boosting": {...}}, of the given parts.

    Fitted on the training rows alone; with the scores that the task gives its own predictions.
    y: codes [N] or quantities [N, K]. task: a Classification or Regression.
    naive: class shares, or the mean, of the training rows. linear: logistic or ridge regression on `simple_features`;
    boosting: boosted trees on the same. Each gives quantities one sigma for all objects, the scatter of the training
    rows about the fit, for trees of such rows as they were not fitted on.
    """
    train = evenly(parts["train"], MOST)
    features = Features(sources, train)
    fit = _fit_classes if task.target == "class" else _fit_quantities
    fitted = fit(features(train), y[train], task)
    found: dict[str, dict[str, float]] = {name: {} for name in fitted}
    for part in (part for part in score if len(parts.get(part, ()))):
        rows, truth = parts[part], torch.from_numpy(y[parts[part]])
        told: dict[str, list[dict[str, Tensor]]] = {name: [] for name in fitted}
        for start in range(0, len(rows), MOST):  # the features of millions of objects would fill the memory
            x = features(rows[start : start + MOST])
            for name, control in fitted.items():
                told[name].append(control(x))
        for name, pieces in told.items():
            scores = task.scores({key: torch.cat([piece[key] for piece in pieces]) for key in pieces[0]}, truth)
            found[name] |= {f"{part}/{key}": value for key, value in scores.items()}
    return found


def evenly(rows: np.ndarray, most: int) -> np.ndarray:
    """At most so many of the rows, at equal steps."""
    return rows if len(rows) <= most else rows[np.linspace(0, len(rows) - 1, most).astype(int)]


class Features:
    """Catalogue rows -> features [n, F] of all modalities; gaps filled, centre and scale known, from training rows."""

    def __init__(self, sources: Mapping[str, Source], train: np.ndarray) -> None:
        self.sources = tuple(sources.values())
        x = self._raw(train)
        measured = np.isfinite(x)
        self.middle = np.array([np.median(v[ok]) if ok.any() else 0.0 for v, ok in zip(x.T, measured.T, strict=True)])
        x = np.where(measured, x, self.middle)
        spread = x.std(0)
        self.mean, self.spread = x.mean(0), np.where(spread > 0, spread, 1.0)

    def __call__(self, rows: np.ndarray) -> np.ndarray:
        x = self._raw(rows)
        x = (np.where(np.isfinite(x), x, self.middle) - self.mean) / self.spread
        return np.clip(x, -EDGE, EDGE)

    def _raw(self, rows: np.ndarray) -> np.ndarray:
        return np.concatenate([simple_features(source, rows) for source in self.sources], 1)


def _fit_classes(x: np.ndarray, y: np.ndarray, task: Any) -> dict[str, Control]:
    k = len(task.spec.classes)
    return {
        "naive": _told(fits.shares(task.spec.counts)),
        "linear": _told(fits.logistic(x, y, k)),
        "boosting": _told(fits.boosted_classes(x, y, k)),
    }


def _fit_quantities(x: np.ndarray, y: np.ndarray, task: Any) -> dict[str, Control]:
    values = (np.log10(y) if task.log else y).astype(np.float64)
    kinds = {"naive": fits.mean, "linear": fits.ridge, "boosting": fits.boosted}
    return {name: _joined([fit(x, v) for v in values.T], task.log) for name, fit in kinds.items()}


def _told(probability: fits.Probability) -> Control:
    return lambda rows: {"prob": _float(probability(rows))}


def _joined(lines: Sequence[fits.Line], log: bool) -> Control:
    """One prediction of all quantities, in their own units where `log` says that logarithms were fitted."""

    def predict(rows: np.ndarray) -> dict[str, Tensor]:
        answers = [line(rows) for line in lines]
        mean = np.stack([m for m, _ in answers], 1)
        sigma = np.stack([np.full(len(rows), s) for _, s in answers], 1)
        if log:
            mean = 10**mean
            sigma = sigma * mean * np.log(10)
        return {"mean": _float(mean), "sigma": _float(np.maximum(sigma, 1e-12))}

    return predict


def _float(values: np.ndarray) -> Tensor:
    return torch.from_numpy(values.astype(np.float32))
