"""Light curves with their error bars, a colour and a symbol per band; magnitudes grow downwards."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes

from starbolt.contract import InputSpec
from starbolt.report.style import COLOURS, plain, with_unit

MARKERS = "osD^vP*X"
SYMBOLS = "●■◆▲▼✚★✖"  # the same, in text


def plot_series(ax: Axes, time: np.ndarray, x: np.ndarray, err: np.ndarray | None, about: InputSpec) -> None:
    """One object: time [T] since its first point (or wavelength, or phase), values [V, T], errors [V, T] or None.

    NaN where unmeasured.
    """
    bands, units = about.channels[1:], about.units[1:]
    for v, band in enumerate(bands):
        seen = np.isfinite(x[v])
        bars = None if err is None else np.nan_to_num(err[v][seen])
        style: dict[str, Any] = {"color": COLOURS[v % len(COLOURS)], "marker": MARKERS[v % len(MARKERS)]}
        ax.errorbar(time[seen], x[v][seen], bars, ls="none", ms=3, elinewidth=0.7, label=plain(band), **style)
    one = units[0] if len(set(units)) == 1 else ""
    magnitudes = one.startswith("mag")
    ax.set_xlabel(with_unit("time since first point" if about.axis == "time" else about.axis, about.units[0]))
    ax.set_ylabel(with_unit(bands[0] if len(bands) == 1 else "magnitude" if magnitudes else "value", one))
    ax.locator_params(nbins=4)
    _frame(ax, x)
    if magnitudes:
        ax.invert_yaxis()


def _frame(ax: Axes, x: np.ndarray) -> None:
    """An axis for the values, not for their error bars: one bad point with a huge error must not flatten the rest."""
    if not np.isfinite(x).any():
        return
    low, high = np.nanmin(x), np.nanmax(x)
    margin = 0.12 * (high - low) or 0.1 * abs(high) or 1.0
    ax.set_ylim(low - margin, high + margin)
