"""How often the conformal sets and intervals hold the truth: nominal, reached, and what chance allows."""

from __future__ import annotations

import math
from html import escape
from typing import NamedTuple

import numpy as np
from matplotlib.figure import Figure

from starbolt.report.calibrated.chance import band
from starbolt.report.results import Results
from starbolt.report.style import BLUE, GREY, RED, WIDTH, Drawing, plain
from starbolt.report.words import html_table, number

DRAWS = 20_000  # of the number held, from which the range of all classes together is read
MOST = 40  # rows that are drawn
ALWAYS = "1.000 to 1.000: too few calibration objects to exclude anything, so that the truth is always held."
GROUPED = "Objects of one group are alike, so that chance allows more than is told here."


class Covered(NamedTuple):
    """Objects of one kind: how many, and the share whose truth is held; low, high: between which that share lies, by
    chance, of a perfectly calibrated model; size: mean size of the sets, or median width of the intervals."""

    name: str
    objects: int
    reached: float
    low: float
    high: float
    size: float

    @property
    def inside(self) -> bool:
        """Whether chance allows it."""
        return self.low - 1e-9 <= self.reached <= self.high + 1e-9


def level(results: Results) -> float:
    """The nominal coverage."""
    return float(results.calibration.get("level", 0.9))


def covered(results: Results, chance: float = 0.95) -> list[Covered]:
    """All objects first, or each quantity, then each class, then each group that has thresholds of its own."""
    rows = _of_classes(results, chance) if results.classes else _of_quantities(results, chance)
    return [*rows, *_of_groups(results, chance)] if rows else []


def draw(results: Results) -> list[Drawing]:
    """Dots within the ranges that chance allows; nothing without sets or intervals, or where one row says it all."""
    rows = covered(results)[:MOST]
    if len(rows) < 2:
        return []
    figure = Figure(figsize=(WIDTH, 1.3 + 0.36 * len(rows)))
    ax = figure.subplots()
    place, nominal = np.arange(len(rows)), level(results)
    low, high, reached = (np.array([getattr(row, name) for row in rows]) for name in ("low", "high", "reached"))
    ax.barh(place, high - low, 0.55, low, color=GREY, alpha=0.35, label="95% of perfectly calibrated models")
    ax.axvline(nominal, color=RED, lw=1, label=f"nominal, {nominal:.0%}")
    ax.plot(reached, place, "o", color=BLUE, label="reached")
    ax.set_yticks(place, [plain(f"{row.name} ({row.objects:,})") for row in rows])
    ax.invert_yaxis()
    ax.set_xlabel(f"share of truths in the {'sets' if results.classes else 'intervals'}")
    ax.set_xlim(max(0, min(low.min(), reached.min()) - 0.03), min(1.005, max(high.max(), reached.max()) + 0.03))
    figure.legend(loc="outside upper center", ncols=3, columnspacing=1, handlelength=1.2)
    caption = "Coverage of the conformal sets, which promise it for each class by itself; in brackets the objects."
    if not results.classes:
        caption = "Coverage of the conformal intervals; in brackets the objects."
    numbers = {name: [getattr(row, name) for row in rows] for name in Covered._fields}
    return [Drawing("sets", f"Coverage of the {nominal:.0%} {_word(results)}", caption, figure, numbers)]


def table(results: Results) -> str:
    """The same as HTML; empty without sets or intervals."""
    size = "mean size" if results.classes else "median width"
    told = covered(results)
    rows = [
        [row.name, f"{row.objects:,}", f"{row.reached:.3f}", f"{row.low:.3f} to {row.high:.3f}", number(row.size)]
        for row in told
    ]
    notes = [ALWAYS] * any(row.low == 1 for row in told) + [GROUPED] * ("group" in results.predictions.column_names)
    note = f'<p class="note">{escape(" ".join(notes))}</p>' if notes else ""
    head = [_word(results)[:-1], "objects", "coverage", "chance allows", size]
    return html_table(head, rows) + note if rows else ""


def _word(results: Results) -> str:
    return "sets" if results.classes else "intervals"


def _of_classes(results: Results, chance: float) -> list[Covered]:
    if results.sets is None:
        return []
    held, size = results.sets[np.arange(len(results.codes)), results.codes], results.sets.sum(1)
    found = []
    for code, name in enumerate(results.classes):
        mine = results.codes == code
        if mine.any():
            allowed = _allowed(_counts(results).get(name), int(mine.sum()), level(results), chance)
            found.append(Covered(name, int(mine.sum()), float(held[mine].mean()), *allowed, float(size[mine].mean())))
    calibration, objects = [_counts(results).get(row.name) for row in found], [row.objects for row in found]
    allowed = _together(calibration, objects, level(results), chance)
    return [Covered("all", len(held), float(held.mean()), *allowed, float(size.mean())), *found]


def _together(calibration: list[int | None], objects: list[int], nominal: float, chance: float) -> tuple[float, float]:
    """Range of all objects, from draws of how many of each class are held: the classes know nothing of each other."""
    random = np.random.default_rng(0)
    held = np.zeros(DRAWS)
    for n, m in zip(calibration, objects, strict=True):
        k = 0 if n is None else math.floor((n + 1) * (1 - nominal) + 1e-9)  # as in `conformal.expected`
        share = np.full(DRAWS, nominal) if n is None else random.beta(n + 1 - k, k, DRAWS) if k else np.ones(DRAWS)
        held += random.binomial(m, share)
    low, high = np.quantile(held, [(1 - chance) / 2, (1 + chance) / 2], method="nearest") / sum(objects)
    return float(low), float(high)


def _of_quantities(results: Results, chance: float) -> list[Covered]:
    found = []
    for quantity in results.quantities:
        if (inside := quantity.inside) is None or not len(inside):
            continue
        assert quantity.low is not None
        assert quantity.high is not None
        name = quantity.name if len(results.quantities) > 1 else "all"
        allowed = _allowed(_counts(results).get(quantity.name), len(inside), level(results), chance)
        width = float(np.median(quantity.high - quantity.low))
        found.append(Covered(name, len(inside), float(inside.mean()), *allowed, width))
    return found


def _of_groups(results: Results, chance: float) -> list[Covered]:
    """The groups that have thresholds of their own; how many calibration objects each had is not told."""
    found = []
    for told in results.calibration.get("groups") or []:
        allowed = _allowed(None, told["objects"], level(results), chance)
        found.append(Covered(told["group"], told["objects"], told["coverage"], *allowed, np.nan))
    return found


def _counts(results: Results) -> dict[str, int]:
    """Calibration objects of each class or quantity."""
    return results.calibration.get("counts", {})


def _allowed(calibration: int | None, objects: int, nominal: float, chance: float) -> tuple[float, float]:
    """Beta-binomial where the number of calibration objects is known, see `conformal.expected`, else binomial."""
    from starbolt.tasks.conformal import expected

    if calibration is not None:
        return expected(calibration, objects, nominal, chance)
    low, high = band(objects, nominal, chance)
    return float(low), float(high)
