"""Probabilities put right by two numbers: how sure the network is altogether, and what the weights of the loss did."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from torch import Tensor

FEWEST = 20  # calibration objects below which nothing is fitted
PRIOR = 0.5  # spread of the prior: of the logarithm of the temperature about 0, of the power about what theory says
SMALLEST = 1e-12  # probability whose logarithm is taken


class Temperature(NamedTuple):
    """p -> softmax(log p / temperature - power log w), w the weights of the classes in the loss.

    temperature: above 1 the network was too sure (Guo et al. 2017, arXiv:1706.04599). power: a loss with class weights
    teaches p w / sum(p w) in place of p; 1 takes that back (Elkan 2001, doi:10.5555/1642194.1642224).
    """

    temperature: float = 1.0
    power: float = 0.0

    def __call__(self, prob: Tensor, weight: Tensor) -> Tensor:
        """Probabilities [n, K] from probabilities [n, K] and class weights [K]."""
        logit = prob.clamp(min=SMALLEST).log() / self.temperature - self.power * weight.to(prob).log()
        return logit.softmax(1)


def fit_temperature(prob: Tensor, y: Tensor, weight: Tensor) -> Temperature:
    """Temperature, and power where the classes have different weights, for classes y int64 [n].

    Of none, temperature, and both free that of the least Akaike information criterion (Akaike 1974,
    doi:10.1109/TAC.1974.1100705). Where it is not free the power is what theory says, 1 with weights, else 0. The
    likelihood is multiplied by a Gaussian prior of width `PRIOR`: a few objects that happen to be all on the right side
    would else ask for a temperature of 0, with which the first error of the test part is infinitely surprising.
    """
    from scipy.optimize import minimize

    if len(y) < FEWEST:
        return Temperature()
    log, w, truth = prob.double().clamp(min=SMALLEST).log(), weight.to(prob).double().log(), y[:, None]
    weighted = bool(weight.max() > weight.min() * 1.001)

    def unlikely(free: Sequence[float]) -> float:
        made = _numbers(free, weighted)
        logit = log / made.temperature - made.power * w
        away = [math.log(made.temperature), made.power - weighted]
        prior = sum(value**2 for value in away) / (2 * PRIOR**2)
        return prior - float(logit.log_softmax(1).gather(1, truth).sum())

    starts = [[], [0.0], [0.0, 1.0]][: 2 + weighted]
    found = [
        minimize(unlikely, start, method="Nelder-Mead", options={"xatol": 1e-4}).x if start else [] for start in starts
    ]
    return _numbers(min(found, key=lambda free: unlikely(free) + len(free)), weighted)


def _numbers(free: Sequence[float], weighted: bool) -> Temperature:
    """From the logarithm of the temperature and the power, as many as are free."""
    temperature = math.exp(min(max(free[0], -3.0), 3.0)) if len(free) else 1.0
    return Temperature(temperature, float(free[1]) if len(free) > 1 else float(weighted))
