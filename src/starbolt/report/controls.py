"""Controls: what one gets for nothing, and what a linear model gets from plain numbers, on the very same split."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from starbolt.data.sources import Source
from starbolt.report.features import simple_features

MOST = 20_000  # training rows a control is fitted on, at equal steps: seconds, not minutes
EDGE = 10.0  # standardised features are clipped here, so that one odd object cannot rule a linear model
STRENGTHS = (0.001, 0.01, 0.1, 1.0, 10.0)  # inverse strengths of the logistic regression's penalty
ALPHAS = np.logspace(-2, 4, 7)  # strengths of the ridge, one of which is chosen by leaving one training row out

Control = Callable[[np.ndarray], dict[str, Tensor]]  # features [n, F] -> a prediction as the task itself gives it


def controls(
    sources: Mapping[str, Source],
    y: np.ndarray,
    parts: Mapping[str, np.ndarray],
    task: Any,
    *,
    score: Sequence[str] = ("val", "test"),
) -> dict[str, dict[str, float]]:
    """{"naive": {"test/accuracy": ...}, "linear": {...}}, fitted on the training rows and scored on the given parts.

    y: codes [N] or quantities [N, K]. task: a Classification or Regression, whose own scores are used.
    naive: class shares, or the mean, of the training rows. linear: logistic or ridge regression on `simple_features`.
    Both give quantities one sigma for all objects, the scatter of the training rows about the fit.
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
    shares = np.array(task.spec.counts, float) / sum(task.spec.counts)

    def naive(rows: np.ndarray) -> dict[str, Tensor]:
        return {"prob": _float(np.tile(shares, (len(rows), 1)))}

    return {"naive": naive, "linear": _logistic(x, y, len(shares))}


def _logistic(x: np.ndarray, y: np.ndarray, classes: int) -> Control:
    """Logistic regression; of `STRENGTHS` the one under which every fifth training row, held back, is likeliest."""
    held = np.arange(len(y)) % 5 == 0
    trials = [_probability(x[~held], y[~held], classes, strength)(x[held]) for strength in STRENGTHS]
    likely = [np.log(np.maximum(prob[np.arange(len(prob)), y[held]], 1e-6)).mean() for prob in trials]
    probability = _probability(x, y, classes, STRENGTHS[int(np.argmax(likely))])
    return lambda rows: {"prob": _float(probability(rows))}


def _probability(x: np.ndarray, y: np.ndarray, classes: int, strength: float) -> Callable[[np.ndarray], np.ndarray]:
    """Features [n, F] -> class probabilities [n, K]; 0 for a class that does not occur in `y`."""
    from sklearn.dummy import DummyClassifier
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression

    several = len(np.unique(y)) > 1
    model = LogisticRegression(C=strength, max_iter=300) if several else DummyClassifier(strategy="prior")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # a control need not be converged to the last digit
        model.fit(x, y)

    def predict(rows: np.ndarray) -> np.ndarray:
        prob = np.zeros((len(rows), classes))
        prob[:, model.classes_] = model.predict_proba(rows)
        return prob

    return predict


def _fit_quantities(x: np.ndarray, y: np.ndarray, task: Any) -> dict[str, Control]:
    values = np.log10(y) if task.log else y
    pairs = [_fit_quantity(x, v.astype(np.float64)) for v in values.T]
    return {name: _joined([pair[k] for pair in pairs], task.log) for k, name in enumerate(("naive", "linear"))}


Line = Callable[[np.ndarray], tuple[np.ndarray, float]]  # features [n, F] -> mean [n] and one sigma


def _fit_quantity(x: np.ndarray, y: np.ndarray) -> tuple[Line, Line]:
    """The naive and the linear answer for one quantity, NaN where unknown."""
    from sklearn.linear_model import RidgeCV

    x, y = x[np.isfinite(y)], y[np.isfinite(y)]
    mean, spread = float(y.mean()), float(y.std())
    model = RidgeCV(alphas=ALPHAS).fit(x, y)
    scatter = float((y - model.predict(x)).std())
    return (lambda rows: (np.full(len(rows), mean), spread)), (lambda rows: (model.predict(rows), scatter))


def _joined(lines: Sequence[Line], log: bool) -> Control:
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
