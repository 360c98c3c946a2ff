"""What a control fits: shares and means, linear models, boosted trees. numpy in, numpy out; no test row is seen."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

STRENGTHS = (0.001, 0.01, 0.1, 1.0, 10.0)  # inverse strengths of the logistic regression's penalty
ALPHAS = np.logspace(-2, 4, 7)  # strengths of the ridge, one of which is chosen by leaving one training row out
TREES = {"learning_rate": 0.1, "max_leaf_nodes": 8, "max_bins": 63, "early_stopping": False, "random_state": 0}
ROUNDS = (40, 400)  # of boosting, fewest and most that are tried
EFFORT = 100_000  # most rounds times classes times features: with 200 features of five classes 100 rounds

Probability = Callable[[np.ndarray], np.ndarray]  # features [n, F] -> class probabilities [n, K]
Line = Callable[[np.ndarray], tuple[np.ndarray, float]]  # features [n, F] -> mean [n] and one sigma


def held_back(n: int) -> np.ndarray:
    """Every fifth of n training rows, bool [n]: not fitted on where something is to be chosen."""
    return np.arange(n) % 5 == 0


def shares(counts: tuple[int, ...]) -> Probability:
    """The class shares of the training rows, for every object."""
    share = np.array(counts, float) / sum(counts)
    return lambda rows: np.tile(share, (len(rows), 1))


def logistic(x: np.ndarray, y: np.ndarray, classes: int) -> Probability:
    """Logistic regression; of `STRENGTHS` the one under which the training rows held back are likeliest."""
    from sklearn.linear_model import LogisticRegression

    models = [LogisticRegression(C=strength, max_iter=300) for strength in STRENGTHS]
    held = held_back(len(y))
    trials = [_likelihood(_classifier(model, x[~held], y[~held], classes)(x[held]), y[held]) for model in models]
    return _classifier(models[int(np.argmax(trials))], x, y, classes)


def boosted_classes(x: np.ndarray, y: np.ndarray, classes: int) -> Probability:
    """Gradient boosting (Friedman 2001, doi:10.1214/aos/1013203451), with as many rounds as suit the rows held back."""
    from sklearn.ensemble import HistGradientBoostingClassifier

    held = held_back(len(y))
    kept = np.unique(y[~held])
    rounds = 1
    if len(kept) > 1:
        model = HistGradientBoostingClassifier(max_iter=_rounds(x, len(kept)), **TREES)
        stages = model.fit(x[~held], y[~held]).staged_predict_proba(x[held])
        rounds = _best(-_likelihood(_spread(prob, kept, classes), y[held]) for prob in stages)
    return _classifier(HistGradientBoostingClassifier(max_iter=rounds, **TREES), x, y, classes)


def mean(x: np.ndarray, y: np.ndarray) -> Line:
    """The mean of the training rows and their scatter, for every object; y may be NaN where unknown, here and below."""
    y = y[np.isfinite(y)]
    middle, spread = float(y.mean()), float(y.std())
    return lambda rows: (np.full(len(rows), middle), spread)


def ridge(x: np.ndarray, y: np.ndarray) -> Line:
    """Ridge regression, with the scatter of the training rows about it."""
    from sklearn.linear_model import RidgeCV

    x, y = x[np.isfinite(y)], y[np.isfinite(y)]
    model = RidgeCV(alphas=ALPHAS).fit(x, y)
    scatter = float((y - model.predict(x)).std())
    return lambda rows: (model.predict(rows), scatter)


def boosted(x: np.ndarray, y: np.ndarray) -> Line:
    """Gradient boosting as for classes, with the scatter of the rows held back about trees that never saw them."""
    from sklearn.ensemble import HistGradientBoostingRegressor

    x, y = x[np.isfinite(y)], y[np.isfinite(y)]
    held = held_back(len(y))
    first = HistGradientBoostingRegressor(max_iter=_rounds(x), **TREES).fit(x[~held], y[~held])
    stages = np.array([y[held] - line for line in first.staged_predict(x[held])])
    rounds = _best((stages**2).mean(1))
    model = HistGradientBoostingRegressor(max_iter=rounds, **TREES).fit(x, y)
    scatter = float(np.sqrt((stages[rounds - 1] ** 2).mean()))
    return lambda rows: (model.predict(rows), scatter)


def _rounds(x: np.ndarray, classes: int = 1) -> int:
    """How many are tried: a few for few rows, which are overfitted soon, and for many trees, which take long."""
    return int(np.clip(min(len(x) // 10, EFFORT // (x.shape[1] * classes)), *ROUNDS))


def _best(losses: Iterable[float]) -> int:
    """Number of rounds, from 1, after which the loss is least."""
    return int(np.argmin(list(losses))) + 1


def _likelihood(prob: np.ndarray, y: np.ndarray) -> float:
    return float(np.log(np.maximum(prob[np.arange(len(prob)), y], 1e-6)).mean())


def _classifier(model: Any, x: np.ndarray, y: np.ndarray, classes: int) -> Probability:
    """The model, fitted; probability 0 for a class that does not occur in `y`, 1 where it is the only one."""
    from sklearn.dummy import DummyClassifier
    from sklearn.exceptions import ConvergenceWarning

    several = len(np.unique(y)) > 1
    model = model if several else DummyClassifier(strategy="prior")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # a control need not be converged to the last digit
        model.fit(x, y)
    return lambda rows: _spread(model.predict_proba(rows), model.classes_, classes)


def _spread(prob: np.ndarray, known: np.ndarray, classes: int) -> np.ndarray:
    """Probabilities [n, k] of the known classes as those of all [n, K]."""
    spread = np.zeros((len(prob), classes))
    spread[:, known] = prob
    return spread
