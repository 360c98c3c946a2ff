"""Transforms and stretches of a channel while it is measured: their constants, their values, their slopes.

A curve is "linear", "log" (base 10), "asinh" (of values over soft) or "stretch NAME", see starbolt.stretch.
"""

from __future__ import annotations

import numpy as np
import torch

from starbolt.stretch import LN10, STRETCHES, stretched

SAMPLE = 10_000  # pixels that zscale looks at


def stretch_of(word: str) -> str:
    """The word of data.stretch, if it is one."""
    if word not in STRETCHES:
        raise ValueError(f"data.stretch={word} is not one of {', '.join(STRETCHES)}")
    return word


def curve_of(transform: str, stretch: str) -> str:
    """The curve of a channel: its own transform, or the stretch of its image where it has none."""
    return f"stretch {stretch}" if transform == "linear" != stretch else transform


def transformed(values: np.ndarray, curve: str, soft: float, zero: float = 0.0) -> np.ndarray:
    """Values on the curve, NaN where a logarithm is not defined."""
    if curve == "log":
        return np.log10(np.where(values > 0, values, np.nan))
    if curve.startswith("stretch "):
        return stretched(torch.from_numpy(values), curve.split()[1], zero, soft)[0].numpy()
    return np.arcsinh(values / soft) if curve == "asinh" else values


def slope(values: np.ndarray, curve: str, soft: float, zero: float = 0.0) -> np.ndarray | float:
    """What an error of the values is multiplied by to be one of `transformed`."""
    if curve == "log":
        return 1 / (np.where(values > 0, values, np.nan) * LN10)
    if curve.startswith("stretch "):
        return stretched(torch.from_numpy(values), curve.split()[1], zero, soft)[1].numpy()
    return 1 / np.hypot(values, soft) if curve == "asinh" else 1.0


def constants_of(values: np.ndarray, err: np.ndarray, curve: str) -> tuple[float, float]:
    """zero and soft of a channel, from its values and errors: what its curve needs, else 0 and 1."""
    if curve == "asinh":
        return 0.0, _softening(values, err)
    if not curve.startswith("stretch ") or not np.isfinite(values).any():
        return 0.0, 1.0
    if curve == "stretch zscale":
        from astropy.visualization import ZScaleInterval  # half a second

        if len(values) > SAMPLE:  # by chance: every k-th pixel could be the same corner of every image
            values = values[np.random.default_rng(0).integers(0, len(values), SAMPLE)]
        low, high = ZScaleInterval(n_samples=SAMPLE).get_limits(values)
        return float(low), float(high - low) if high > low else 1.0
    return float(np.nanmedian(values)), _softening(values, values)


def _softening(values: np.ndarray, err: np.ndarray) -> float:
    """Where asinh turns from linear to logarithmic: the median error, else the values' own robust spread."""
    width = np.nanmedian(err) if err is not values else 1.4826 * np.nanmedian(np.abs(values - np.nanmedian(values)))
    return float(width) if np.isfinite(width) and width > 0 else 1.0
