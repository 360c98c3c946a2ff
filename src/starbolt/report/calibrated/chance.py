"""What chance alone does to a perfectly calibrated model, the measure of every deviation shown beside it."""

from __future__ import annotations

import numpy as np


def wilson(hits: np.ndarray, n: np.ndarray, z: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    """Interval of a probability after `hits` of n trials, z standard deviations either way.

    Wilson 1927, doi:10.1080/01621459.1927.10502953: not empty where all trials hit, or none.
    """
    share = hits / n
    middle = (share + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z / (1 + z**2 / n) * np.sqrt(share * (1 - share) / n + z**2 / (4 * n**2))
    return middle - half, middle + half


def band(n: int, level: np.ndarray | float, chance: float = 0.95) -> tuple[np.ndarray, np.ndarray]:
    """Between which shares, of n objects, one that is right with probability `level` lies with probability `chance`."""
    from scipy.stats import binom

    low, high = binom.interval(chance, n, level)
    return np.asarray(low) / n, np.asarray(high) / n
