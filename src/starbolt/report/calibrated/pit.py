"""Where the truth lies in its predicted distribution: the PIT histogram, and how much the central intervals hold.

PIT: the predicted probability below the truth (Dawid 1984, doi:10.2307/2981683). Of calibrated predictions its values
are uniform.
"""

from __future__ import annotations

import numpy as np
import torch
from matplotlib.figure import Figure

from starbolt.report.calibrated.chance import band
from starbolt.report.quantity import Quantity
from starbolt.report.results import Results
from starbolt.report.style import BLUE, GREY, WIDTH, Drawing, file_name
from starbolt.tasks.reliability import perfect_ks
from starbolt.tasks.scores import distance_from_uniform

LEVELS = np.arange(1, 20) / 20  # of central intervals
LEAST = 10  # objects expected in a bin


def draw(results: Results) -> list[Drawing]:
    """Two figures per quantity whose distribution was predicted."""
    if results.classes:
        return []
    told = [quantity for quantity in results.quantities if quantity.pit is not None and len(quantity.pit)]
    return [figure for quantity in told for figure in (_histogram(quantity), _coverage(quantity))]


def reached(pit: np.ndarray, levels: np.ndarray = LEVELS) -> np.ndarray:
    """Share of truths inside the central interval of each level."""
    return np.array([(np.abs(pit - 0.5) <= level / 2).mean() for level in levels])


def _histogram(quantity: Quantity) -> Drawing:
    assert quantity.pit is not None
    n = len(quantity.pit)
    bins = int(np.clip(n // LEAST, 4, 20))
    counts, edges = np.histogram(np.clip(quantity.pit, 0, 1), bins, (0, 1))
    low, high = (float(end) * n for end in band(n, 1 / bins))
    figure = Figure(figsize=(WIDTH, 3.2))
    ax = figure.subplots()
    ax.stairs(counts, edges, fill=True, color=BLUE, alpha=0.6)
    ax.axhspan(low, high, color=GREY, alpha=0.35, lw=0, label="95% of perfectly calibrated models")
    ax.axhline(n / bins, color=GREY, lw=1)
    ax.set(xlabel=f"PIT of {quantity.name}", ylabel="objects", xlim=(0, 1), ylim=(0, max(counts.max(), high) * 1.25))
    ax.legend(loc="upper center")
    distance = distance_from_uniform(torch.from_numpy(quantity.pit))
    caption = (
        f"Place of the truth in its predicted distribution, {n:,} objects. Largest distance from uniform "
        f"{distance:.4f}; chance alone gives a perfectly calibrated model of the same size "
        f"{perfect_ks(n):.4f}. A hollow means widths that are too large, horns too small, a slope a bias."
    )
    numbers = {"low": edges[:-1], "high": edges[1:], "objects": counts}
    return Drawing(f"pit_{file_name(quantity.name)}", f"PIT of {quantity.name}", caption, figure, numbers)


def _coverage(quantity: Quantity) -> Drawing:
    assert quantity.pit is not None
    share, (low, high) = reached(quantity.pit), band(len(quantity.pit), LEVELS)
    figure = Figure(figsize=(WIDTH, WIDTH))
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=(2, 1))
    for ax, level in ((upper, 0 * LEVELS), (lower, LEVELS)):
        ax.fill_between(LEVELS, low - level, high - level, color=GREY, alpha=0.35, lw=0)
        ax.plot(LEVELS, LEVELS - level, color=GREY, lw=1)
        ax.plot(LEVELS, share - level, "o-", color=BLUE, ms=4, lw=1)
    upper.set(ylabel="share of truths inside", xlim=(0, 1), ylim=(0, 1))
    lower.set(ylabel="reached - nominal", xlabel="nominal level of the central interval")
    worst = int(np.abs(share - LEVELS).argmax())
    caption = (
        f"How often the central intervals of the predicted distributions hold the truth; grey: 95% of perfectly "
        f"calibrated models of the same size. The {LEVELS[worst]:.0%} intervals are farthest off, with "
        f"{share[worst]:.1%}."
    )
    numbers = {"nominal": LEVELS, "reached": share, "low": low, "high": high}
    name = file_name(quantity.name)
    return Drawing(f"coverage_{name}", f"Coverage of the intervals of {quantity.name}", caption, figure, numbers)
