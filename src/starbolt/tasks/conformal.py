"""Split-conformal prediction: sets and intervals that hold the truth as often as they say, whatever the network.

The one assumption is that the objects are drawn as the calibration objects were; then n of them guarantee a coverage
between `level` and level + 1 / (n + 1) on average over draws (Vovk et al. 2005, doi:10.1007/b106715; Lei et al. 2018,
doi:10.1080/01621459.2017.1307116). The thresholds are taken from predictions as the network made them: what was fitted
to the same objects, a temperature or a warp, plays no part in them.
"""

from __future__ import annotations

import math

import numpy as np


def least(values: np.ndarray, level: float) -> float:
    """Threshold above or at which a new value of the same kind lies with a probability of at least `level`.

    values: of n calibration objects. Their k-th smallest, k = floor((n + 1) (1 - level)); -inf where n is too small.
    """
    k = math.floor((len(values) + 1) * (1 - level) + 1e-9)
    return float(np.partition(values, k - 1)[k - 1]) if k >= 1 else -math.inf


def most(values: np.ndarray, level: float) -> float:
    """Threshold below or at which a new value of the same kind lies with a probability of at least `level`."""
    return -least(-values, level)


def ends(values: np.ndarray, level: float) -> tuple[float, float]:
    """Thresholds between which a new value lies with a probability of at least `level`, equal parts beyond either."""
    return least(values, (1 + level) / 2), most(values, (1 + level) / 2)


def expected(calibration: int, test: int, level: float, chance: float = 0.95) -> tuple[float, float]:
    """The range in which the reached coverage lies with probability `chance`, of `test` objects.

    With k = floor((n + 1) (1 - level)) the number covered is beta-binomial with parameters n + 1 - k and k: Vovk 2012,
    https://proceedings.mlr.press/v25/vovk12.html, proposition 2a.
    """
    from scipy.stats import betabinom

    k = math.floor((calibration + 1) * (1 - level) + 1e-9)
    if k < 1 or test == 0:
        return 1.0, 1.0
    low, high = betabinom.interval(chance, test, calibration + 1 - k, k)
    return float(low) / test, float(high) / test
