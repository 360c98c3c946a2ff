"""Values that mean "not measured" but look like numbers: 99, -99, -9999 and their kin.

Left in, a few magnitudes of 99 doubled the scatter of a photometric redshift network.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

MAGNITUDES = (99, 99.9, 99.99, 999, 999.9, 9999, 99999)
ABSURD = (1e20, 1e30, 32768, 2147483648)  # what programs write for "no value", the last two as the least integers
WRITTEN = {float(np.float32(s * v)): s * v for v in (*MAGNITUDES, *ABSURD) for s in (1, -1)}  # as float32 has them
USUAL = np.array(list(WRITTEN), np.float32)


def suspects(x: np.ndarray, channels: Sequence[str]) -> list[str]:
    """A sentence for each channel of x [N, C] where a usual sentinel stands far from all other values.

    Far: further from the nearest other value than those span. One such whole number among whole numbers is let pass.
    """
    return [
        f"column '{name}' has {count} {'value' if count == 1 else 'values'} of {value:.10g} far from all others; if "
        f"that means unmeasured, say data.missing=[{value:.10g}]"
        for name, values in zip(channels, np.ascontiguousarray(x.T, np.float32), strict=True)
        for value, count in _isolated(values[np.isfinite(values)])
    ]


def _isolated(values: np.ndarray) -> list[tuple[float, int]]:
    if len(values) == 0 or not np.isin([values.min(), values.max()], USUAL).any():
        return []  # an isolated value is the smallest or the largest
    usual = np.isin(values, USUAL)
    rest = values[~usual]
    if not usual.any() or len(rest) == 0:
        return []
    low, high = float(rest.min()), float(rest.max())
    found, counts = np.unique(values[usual].astype(np.float64), return_counts=True)
    whole = bool((rest == np.round(rest)).all())
    far = np.maximum(found - high, low - found) > high - low
    chosen = far & ~(whole & (counts == 1))
    return [(WRITTEN[float(v)], int(n)) for v, n in zip(found[chosen], counts[chosen], strict=True)]
