"""Predicted against true with the residuals below, and their histogram."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure

from starbolt.report.intervals import is_redshift
from starbolt.report.quantity import Quantity
from starbolt.report.results import Results
from starbolt.report.style import BLUE, GREY, RED, WIDTH, Drawing, file_name, with_unit

DOTS = 3_000  # objects up to which each is a dot; above, a density
BARS = 150  # objects up to which the dots bear error bars


def draw(results: Results) -> list[Drawing]:
    """Two figures per quantity; nothing for classes."""
    if results.classes:
        return []
    redshift = is_redshift(results)
    measured = [quantity for quantity in results.quantities if len(quantity.truth)]
    return [
        figure for quantity in measured for figure in (_against(quantity, redshift), _histogram(quantity, redshift))
    ]


def residual(quantity: Quantity, redshift: bool) -> np.ndarray:
    """Predicted minus true [n], over 1 + true for redshifts."""
    error = quantity.mean - quantity.truth
    return error / (1 + quantity.truth) if redshift else error


def residual_label(quantity: Quantity, redshift: bool) -> str:
    """The axis label of `residual`."""
    return "Δz / (1 + z)" if redshift else with_unit("predicted - true", quantity.unit)


def _against(quantity: Quantity, redshift: bool) -> Drawing:
    figure = Figure(figsize=(WIDTH, 6.0))
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=(3, 1.2))
    errors = residual(quantity, redshift)
    edges = _range(np.concatenate([quantity.truth, quantity.mean]), 0.1)
    narrow = _range(errors, 0.5)
    _points(upper, quantity.truth, quantity.mean, quantity.sigma, (edges, edges))
    width = 1 + quantity.truth if redshift else 1.0
    sigma = None if quantity.sigma is None else quantity.sigma / width
    _points(lower, quantity.truth, errors, sigma, (edges, narrow))
    upper.axline((edges[0], edges[0]), slope=1, color=RED, lw=1)
    lower.axhline(0, color=RED, lw=1)
    upper.set(xlim=edges, ylim=edges, ylabel=with_unit(f"predicted {quantity.name}", quantity.unit))
    lower.set(ylim=narrow, xlabel=with_unit(f"true {quantity.name}", quantity.unit))
    lower.set_ylabel(residual_label(quantity, redshift))
    figure.align_ylabels()
    caption = f"{len(quantity.truth):,} objects; the red line is perfection.{_outside(quantity, errors, edges, narrow)}"
    if quantity.sigma is not None and len(errors) <= BARS:
        caption += " Error bars are one predicted sigma."
    numbers = {"true": quantity.truth, "predicted": quantity.mean, "residual": errors}
    numbers |= {} if quantity.sigma is None else {"sigma": quantity.sigma}
    return Drawing(f"predicted_{file_name(quantity.name)}", f"Predicted {quantity.name}", caption, figure, numbers)


def _points(ax: Axes, x: np.ndarray, y: np.ndarray, sigma: np.ndarray | None, window: tuple) -> None:
    """Dots, with error bars where they are few; a density where they are many."""
    if len(x) > DOTS:
        counts, xe, ye = np.histogram2d(x, y, bins=(120, 120 if window[0] == window[1] else 50), range=window)
        density = np.where(counts.T > 0, counts.T, np.nan)
        mesh = ax.pcolormesh(xe, ye, density, cmap="cividis_r", norm=LogNorm(), rasterized=True)
        if window[0] == window[1]:
            ax.figure.colorbar(mesh, ax=ax, label="objects per cell", pad=0.02, aspect=30)
        return
    if sigma is not None and len(x) <= BARS:
        ax.errorbar(x, y, sigma, fmt="none", ecolor=GREY, elinewidth=0.6, alpha=0.6)
    alpha = float(np.clip(300 / len(x), 0.25, 0.8))
    ax.plot(x, y, ".", color=BLUE, ms=4, alpha=alpha, mec="none", rasterized=True)


def _histogram(quantity: Quantity, redshift: bool) -> Drawing:
    errors = residual(quantity, redshift)
    edges = _range(errors, 0.5)
    bins = int(np.clip(2 * len(errors) ** (1 / 3), 8, 80))
    counts, where = np.histogram(errors, bins, edges)
    figure = Figure(figsize=(WIDTH, 3.2))
    ax = figure.subplots()
    ax.stairs(counts, where, fill=True, color=BLUE, alpha=0.6)
    median = float(np.median(errors))
    width = 1.4826 * float(np.median(np.abs(errors - median)))
    ax.axvline(0, color=GREY, lw=1, ls=":")
    ax.axvline(median, color=RED, lw=1.2, label=f"median {median:.3g}")
    ax.axvspan(median - width, median + width, color=RED, alpha=0.12, lw=0, label=f"± 1.4826 MAD, {width:.3g}")
    ax.set(xlabel=residual_label(quantity, redshift), ylabel="objects", xlim=edges)
    ax.set_ylim(0, max(counts.max(), 1) * 1.35)
    ax.legend(loc="upper left", ncols=2)
    beyond = int(((errors < edges[0]) | (errors > edges[1])).sum())
    caption = (
        f"{beyond:,} of {len(errors):,} objects lie beyond the axis." if beyond else "All objects are within the axis."
    )
    numbers = {"low": where[:-1], "high": where[1:], "objects": counts}
    return Drawing(f"residuals_{file_name(quantity.name)}", f"Residuals of {quantity.name}", caption, figure, numbers)


def _range(values: np.ndarray, tail: float) -> tuple[float, float]:
    """An axis that leaves out at most `tail` per cent of the values at either end, with a margin."""
    low, high = np.percentile(values, [tail, 100 - tail])
    margin = 0.05 * (high - low) or 0.5 * abs(high) or 0.5
    return float(low - margin), float(high + margin)


def _outside(quantity: Quantity, errors: np.ndarray, edges: tuple[float, float], narrow: tuple[float, float]) -> str:
    inside = (errors >= narrow[0]) & (errors <= narrow[1])
    for values in (quantity.truth, quantity.mean):
        inside &= (values >= edges[0]) & (values <= edges[1])
    beyond = int((~inside).sum())
    return f" {beyond:,} lie beyond an axis." if beyond else ""
