"""Whether float32, which networks compute in, can hold a column, and the zero point that makes it fit."""

from __future__ import annotations

import numpy as np


def coarse(values: np.ndarray) -> bool:
    """Whether float32 blurs float64 [N]: its step at the median above a thousandth of the spread (16 to 84 per cent).

    The median, not the largest value: a far outlier has a coarse step of its own and harms nobody.
    """
    middle, spread = _middle_and_spread(values)
    with np.errstate(over="ignore", invalid="ignore"):
        return bool(np.spacing(np.float32(abs(middle))) > 1e-3 * spread > 0)


def coarse_sentence(values: np.ndarray, name: str, where: object) -> str:
    """What to do about the column `name` with such values [N]."""
    return (
        f"column '{name}' of {where} (about {np.nanmedian(values):.10g}) is too coarse in float32; "
        f"subtract a zero point with data.zero={{{name}: {_round_zero(values):.15g}}}, or leave it out with "
        f"data.exclude=[{name}]"
    )


def _middle_and_spread(values: np.ndarray) -> tuple[float, float]:
    values = values[:: max(1, len(values) // 100_000)]
    values = values[np.isfinite(values)]
    if len(values) == 0:
        return 0.0, 0.0
    low, middle, high = np.percentile(values, [16, 50, 84])
    spread = (high - low) / 2 or values.std()
    return float(middle), float(spread) if values.min() < values.max() else 0.0  # the std of equal values may not be 0


def _round_zero(values: np.ndarray) -> float:
    """A round number near the values, near enough that float32 holds the rest."""
    middle, spread = _middle_and_spread(values)
    step = 10 ** min(np.floor(np.log10(abs(middle))) - 2, np.floor(np.log10(4000 * spread)))
    return float(np.floor(middle / step) * step)
