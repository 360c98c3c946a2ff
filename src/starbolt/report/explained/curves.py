"""Occlusion: how the answer changes while a stretch of a light curve is hidden."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from starbolt.report.explained import chosen
from starbolt.report.lightcurves import plot_series
from starbolt.report.results import Results
from starbolt.report.style import BLUE, GREY, RED, WIDTH, Drawing, file_name, plain, with_unit

LEAST = 0.05  # of probability, or of the quantity's training spread: smaller changes look small
NARROW = 0.006  # of the axis: the width of a bar whose points have one time
WIDE = 0.04  # of the axis: a longer gap between points is left out of a bar


def draw(results: Results, name: str) -> list[Drawing]:
    """One figure: per object its light curve, and below it a bar per window."""
    if f"change_{name}" not in results.explained:
        return []
    found = results.explained
    pick = chosen.few(found["wrong"])
    figure = Figure(figsize=(WIDTH, 0.3 + 2.75 * len(pick)))
    axes = figure.subplots(2 * len(pick), 1, height_ratios=(1.6, 1) * len(pick), squeeze=False)[:, 0]
    reach = _reach(results, found[f"change_{name}"][pick])
    for i, lines, upper, lower in zip(
        pick, chosen.lines(results, found["row"][pick]), axes[::2], axes[1::2], strict=True
    ):
        kind = chosen.WORDS[bool(found["wrong"][i])]
        upper.set_title(plain(f"{kind}: {lines[0]}\n{', '.join(lines[1:])}"), fontsize=9, loc="left")
        _curve(upper, results, name, i)
        lower.set(xlim=upper.get_xlim(), xlabel=upper.get_xlabel())
        upper.set(xlabel="", xticklabels=[])
        _bars(lower, results, name, i, reach)
    figure.align_ylabels()
    bands = axes[0].get_legend_handles_labels()
    if len(bands[1]) > 1:
        figure.legend(*bands, loc="outside upper center", ncols=6)
    what = "times" if results.spec.inputs[name].axis == "time" else "stretches"
    title = f"Which {what} the network needs"
    return [Drawing(f"occlusion_{file_name(name)}", title, _caption(results, name), figure, _numbers(results, name))]


def _curve(ax: Axes, results: Results, name: str, i: int) -> None:
    time, x, err = (results.explained.get(f"{plane}_{name}") for plane in ("time", "x", "err"))
    assert time is not None
    assert x is not None
    plot_series(ax, time[i], x[i], None if err is None else err[i], results.spec.inputs[name])
    for artist in (*ax.lines, *ax.collections):
        artist.set_rasterized(True)


def _bars(ax: Axes, results: Results, name: str, i: int, reach: float) -> None:
    """A bar per window, over the times at which it has points."""
    found, code = results.explained, int(results.explained["code"][i])
    time, axis = found[f"time_{name}"][i], float(np.ptp(ax.get_xlim()))
    for change, first, last in zip(*(found[f"{key}_{name}"][i] for key in ("change", "first", "last")), strict=True):
        if np.isfinite(change):
            for low, high in _runs(time[(time >= first) & (time <= last)], axis * WIDE):
                width = max(high - low, axis * NARROW)
                ax.bar((low + high) / 2, change, width, color=RED if change < 0 else BLUE, lw=0)
    ax.axhline(0, color=GREY, lw=0.8)
    ax.set(ylim=(-1.08 * reach, 1.08 * reach), ylabel=with_unit("change", chosen.unit(results, code)))
    answer = plain(chosen.said(results, code, float(found[f"answer_{name}"][i])))
    ax.set_title(answer, fontsize=9, loc="right", pad=2)
    ax.locator_params(axis="y", nbins=5)


def _runs(time: np.ndarray, gap: float) -> list[tuple[float, float]]:
    """First and last time of each run of points without a longer gap."""
    pieces = np.split(time, np.flatnonzero(np.diff(time) > gap) + 1)
    return [(float(piece[0]), float(piece[-1])) for piece in pieces]


def _reach(results: Results, change: np.ndarray) -> float:
    """Half of the axis of changes, the same for all objects."""
    least = LEAST if results.classes else LEAST * results.spec.target.spread[0]
    return max(float(np.nanmax(np.abs(change), initial=0)), least)


def _caption(results: Results, name: str) -> str:
    windows = results.explained[f"change_{name}"].shape[1]
    said = "probability (before calibration) of the class given" if results.classes else "predicted value"
    return (
        f"Below each curve: the change of the {said} while one of {windows} windows of equally many consecutive points "
        "is hidden, that is, passed to the network as unmeasured (after Zeiler & Fergus 2014, "
        "doi:10.1007/978-3-319-10590-1_53). Red: without these points the answer falls; blue: it rises. Windows are "
        "hidden one at a time, so what two of them tell alike seems needless, and a curve with a hidden window may be "
        f"like none that the network was trained on. {chosen.kinds_in_words(results)}"
    )


def _numbers(results: Results, name: str) -> dict[str, np.ndarray]:
    """A row per object and window."""
    found = results.explained
    change = found[f"change_{name}"]
    i, window = np.nonzero(np.isfinite(change))
    ends = {key: found[f"{key}_{name}"][i, window] for key in ("first", "last")}
    subject = np.array([chosen.subject(results, code) for code in found["code"].tolist()])
    whole = {"row": found["row"][i], "id": found["id"][i], "subject": subject[i], "answer": found[f"answer_{name}"][i]}
    return {**whole, "window": window + 1, **ends, "change": change[i, window]}
