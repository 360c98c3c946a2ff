"""Permutation importance: which columns of a table the network needs."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure

from starbolt.report.results import Results
from starbolt.report.style import BLUE, GREY, WIDTH, Drawing, file_name, plain
from starbolt.report.words import number

MOST = 20  # columns shown
TOGETHER = 0.8  # rank correlation from which columns are said to share what they tell
PAIRS = 4  # told in the caption


def draw(results: Results, name: str) -> list[Drawing]:
    """Bars, the most needed column first."""
    if f"rise_{name}" not in results.explained:
        return []
    rise, channels = results.explained[f"rise_{name}"], results.explained[f"channels_{name}"]
    mean, spread = rise.mean(0), rise.std(0, ddof=1)
    shown = np.argsort(-mean, kind="stable")[:MOST]
    figure = Figure(figsize=(WIDTH, 0.8 + 0.25 * len(shown)))
    ax = figure.subplots()
    place = np.arange(len(shown))
    ax.barh(place, mean[shown], 0.72, color=BLUE, alpha=0.75)
    ax.errorbar(mean[shown], place, xerr=spread[shown], fmt="none", ecolor=GREY, elinewidth=1.4, capsize=2)
    ax.axvline(0, color=GREY, lw=0.8)
    ax.set_yticks(place, [plain(channel) for channel in channels[shown]])
    ax.invert_yaxis()
    ax.margins(y=0.02)
    ax.set_xlabel("rise of the mean loss when shuffled")
    numbers = {"column": channels, "rise": mean, "spread": spread, **_partners(results, name)}
    numbers |= {f"repeat_{r + 1}": values for r, values in enumerate(rise)}
    title = f"What the network needs of {name}" if len(results.spec.inputs) > 1 else "Which columns the network needs"
    return [Drawing(f"importance_{file_name(name)}", title, _caption(results, name, shown), figure, numbers)]


def _partners(results: Results, name: str) -> dict[str, np.ndarray]:
    """Each column's closest companion among the others, and their rank correlation."""
    partner, channels = results.explained[f"partner_{name}"], results.explained[f"channels_{name}"]
    return {
        "closest": np.where(partner >= 0, channels[partner], ""),
        "rank_correlation": results.explained[f"rho_{name}"],
    }


def _caption(results: Results, name: str, shown: np.ndarray) -> str:
    rise = results.explained[f"rise_{name}"]
    rows, loss = int(results.explained[f"rows_{name}"]), float(results.explained[f"loss_{name}"])
    total = len(results.spec.inputs[name].channels)
    some = f"The first {rise.shape[1]} of {total} columns were tried. " if rise.shape[1] < total else ""
    most = f"The {len(shown)} largest of {rise.shape[1]} are shown. " if len(shown) < rise.shape[1] else ""
    return (
        f"How much the mean loss per object ({number(loss)}) rises when one column's values, with errors and gaps, are "
        f"exchanged at random among {rows:,} validation objects: mean and standard deviation of {len(rise)} exchanges "
        "(Breiman 2001, doi:10.1023/A:1010933404324; Fisher et al. 2019, arXiv:1801.01489). "
        f"{some}{most}It tells what this network uses, not what the sky depends on. {_shared(results, name)}"
    )


def _shared(results: Results, name: str) -> str:
    """The warning on columns that stand in for each other, with the closest pairs."""
    channels = results.explained[f"channels_{name}"]
    rho, partner = results.explained[f"rho_{name}"], results.explained[f"partner_{name}"]
    close = [i for i in np.argsort(-np.abs(np.nan_to_num(rho))) if np.abs(rho[i]) >= TOGETHER]
    if not close:
        return f"No two columns have a rank correlation of {TOGETHER} or more."
    pairs = dict.fromkeys(tuple(sorted((int(i), int(partner[i])))) for i in close)
    told = [f"{channels[a]} and {channels[b]}" for a, b in list(pairs)[:PAIRS]]
    more = f" (the closest: {', '.join(told)})" if len(pairs) > PAIRS else f" ({', '.join(told)})"
    return (
        f"{len(close)} of {len(channels)} columns have a rank correlation of {TOGETHER} or more with another{more}: "
        "each may look needless where the other stands in for it, and exchanging one alone makes objects that do not "
        "exist."
    )
