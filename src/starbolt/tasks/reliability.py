"""How far probabilities are from frequencies, beside what chance does to a perfect model of the same size."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor

BINS = 15
DRAWS = 200
EXACT = 200  # numbers up to which the exact distribution is asked: 0.1 s each; beyond, its limit is right to 3e-4


def calibration_error(confidence: np.ndarray, correct: np.ndarray, bins: int = BINS) -> float:
    """Mean distance of confidence and accuracy over bins of equal numbers of objects.

    Nixon et al. 2019, arXiv:1904.01685 (with the top label alone). confidence [n]: the largest probability; correct
    [n]: whether that class is true, bool or 0 and 1.
    """
    n = len(confidence)
    if n == 0:
        return float("nan")
    order = np.argsort(confidence, kind="stable")
    away = np.cumsum(np.append(0.0, (confidence - correct)[order]))
    edges = np.round(np.linspace(0, n, min(bins, n) + 1)).astype(int)
    return float(np.abs(np.diff(away[edges])).sum() / n)


def perfect_calibration_error(confidence: np.ndarray, bins: int = BINS, *, seed: int = 0) -> float:
    """The mean calibration error of as many objects whose confidences are true: what chance alone makes of it."""
    random = np.random.default_rng(seed)
    draws = (random.random(len(confidence)) < confidence for _ in range(DRAWS))
    return float(np.mean([calibration_error(confidence, draw, bins) for draw in draws]))


def perfect_ks(n: int) -> float:
    """The mean Kolmogorov-Smirnov distance from uniform of n uniform numbers.

    For many the mean of the limit, sqrt(pi / 2) ln 2 / sqrt(n), and its first correction: scipy's exact one takes long.
    """
    if n > EXACT:
        return math.sqrt(math.pi / 2) * math.log(2) / math.sqrt(n) - 1 / (6 * n)
    from scipy.stats import kstwo

    return float(kstwo.mean(n)) if n else float("nan")


def class_reliability(prob: Tensor, y: Tensor) -> dict[str, float]:
    """calibration_error and calibration_error_perfect of probabilities [n, K] against classes int64 [n]."""
    confidence, label = (value.double().numpy() for value in prob.double().max(1))
    found = calibration_error(confidence, label == y.numpy())
    return {"calibration_error": found, "calibration_error_perfect": perfect_calibration_error(confidence)}


def quantity_reliability(pit: Tensor) -> dict[str, float]:
    """pit_ks_perfect: what `pit_ks` would be, on average, of a perfect model with as many known truths; pit [n]."""
    return {"pit_ks_perfect": perfect_ks(int(torch.isfinite(pit).sum()))}
