"""Supernovae as the survey of `lightcurves` sees them: nothing, a rise of weeks, a slower fall, and nothing again."""

from __future__ import annotations

import numpy as np

RISE = (13.0, 23.0)  # d from the explosion to the peak; type Ia, Hayden et al. 2010, ApJ 712, 350
EARLY = 8.0  # the rise in units of its e-folding time: 0.01 of the peak at the explosion; chosen
FALL = (25.0, 45.0)  # d, e-folding time of the fall in r; chosen
BLUE_FALL = 0.7  # of that in g: supernovae redden; chosen
PEAK = (15.0, 18.8)  # mag at the peak in r; chosen: that of the stars
COLOUR = (0.0, 0.15)  # mag, g - r at the peak without dust: mean and scatter; chosen


def draw_supernovae(count: int, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Of `count` supernovae the peak in r [mag], g - r there [mag], rise and fall [d], each [count]."""
    return {
        "peak": rng.uniform(*PEAK, count),
        "colour": rng.normal(*COLOUR, count),
        "rise": rng.uniform(*RISE, count),
        "fall": rng.uniform(*FALL, count),
    }


def fading(since: np.ndarray, rise: np.ndarray, fall: np.ndarray) -> np.ndarray:
    """Magnitudes below the peak, `since` days after it, of a rise and a fall [d]; any shape.

    The function of Bazin et al. 2009, A&A 499, 653, https://doi.org/10.1051/0004-6361/200911847.
    """
    up = rise / EARLY
    peak = up * np.log(fall / up - 1)
    logs = [-t / fall - np.logaddexp(0, -t / up) for t in (since + peak, peak)]  # of the flux, then and at the peak
    return -2.5 / np.log(10) * (logs[0] - logs[1])
