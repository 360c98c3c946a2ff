"""How well a survey measures a magnitude: the one error model of the simulated catalogue and light curves."""

from __future__ import annotations

import numpy as np

SYSTEMATIC = 0.004  # mag; chosen, below the 0.005 mag that LSST allows itself (Ivezic et al. 2019)
GAMMA = 0.039  # sky and read noise against photon noise; Ivezic et al. 2019, table 2 (g, r, i, z, y)


def magnitude_error(mag: np.ndarray, depth: float | np.ndarray, difficulty: float = 1.0) -> np.ndarray:
    """One sigma [mag] of a point source of `mag` in an image whose 5-sigma limit is `depth` [mag]; any shape.

    Equations 4 and 5 of Ivezic et al. 2019, ApJ 873, 111, https://doi.org/10.3847/1538-4357/ab042c, times `difficulty`.
    """
    x = 10 ** (0.4 * (mag - depth))
    return difficulty * np.sqrt(SYSTEMATIC**2 + (0.04 - GAMMA) * x + GAMMA * x**2)


def measured(
    true: np.ndarray, depth: float | np.ndarray, rng: np.random.Generator, difficulty: float = 1.0
) -> tuple[np.ndarray, np.ndarray]:
    """Measured magnitudes and the errors that are told of them [mag], like `true`.

    The noise is Gaussian in flux, with the error of the true magnitude; NaN where the flux is not positive. The error
    told is that of the measured magnitude, which is all that an observer has. Told of the true one it would be a
    measurement without noise, and a network would read it.
    """
    flux = 1 + np.log(10) / 2.5 * magnitude_error(true, depth, difficulty) * rng.standard_normal(true.shape)
    mag = true - 2.5 * np.log10(np.where(flux > 0, flux, np.nan))
    return mag, magnitude_error(mag, depth, difficulty)
