"""Numbers, durations and directions in words."""

from __future__ import annotations

import math
from collections.abc import Sequence

from starbolt.report.sweep.reading import STATES, Sweep, Trial

BETTER = {"min": "lower is better", "max": "higher is better"}
FEW = 4  # parameters that a sentence can hold
SHOWN = ("loss", "balanced_accuracy", "f1", "rms", "nmad")  # scores told of every trial, where they have them


def number(value: float | None) -> str:
    """Four significant digits; "-" where unknown."""
    return "-" if value is None or not math.isfinite(value) else f"{value:.4g}"


def rounded(value: float, spread: float) -> str:
    """A value with two significant digits of its spread; with four of its own where that is unknown."""
    if not math.isfinite(spread) or spread <= 0:
        return number(value)
    return f"{value:,.{min(max(1 - math.floor(math.log10(spread)), 0), 9)}f}"


def with_spread(value: float, spread: float) -> str:
    """A value and its standard deviation, both to two significant digits of the latter."""
    if not math.isfinite(spread) or spread <= 0:
        return number(value)
    return f"{rounded(value, spread)} ± {rounded(spread, spread)}"


def duration(seconds: float) -> str:
    """A time span with two units at most, such as "3 min 20 s"."""
    if seconds < 59.5:
        return f"{seconds:.2g} s" if seconds < 9.95 else f"{seconds:.0f} s"
    whole = round(seconds)
    for size, unit, lesser, small in ((86400, "d", 3600, "h"), (3600, "h", 60, "min"), (60, "min", 1, "s")):
        if whole >= size:
            rest = whole % size // lesser
            return f"{whole // size} {unit}" + (f" {rest} {small}" if rest else "")
    return f"{whole} s"


def counts(sweep: Sweep) -> str:
    """How many trials are in each state."""
    told = [f"{n} {state}" for state in STATES if (n := sweep.count(state)) or state == "finished"]
    return ", ".join(told)


def several(n: int, word: str) -> str:
    """A number with its noun."""
    return f"{n} {word}{'' if n == 1 else 's'}"


def both(words: Sequence[str]) -> str:
    """Words as a list that ends in "and"."""
    return " and ".join([", ".join(words[:-1]), words[-1]]) if len(words) > 1 else "".join(words)


def in_short(sweep: Sweep, trial: Trial) -> str:
    """The parameters of a trial for the eye; "" where they are too many for a sentence."""
    axes = {axis.name: axis for axis in sweep.axes}
    shown = [f"{name}={axes[name].shown(v) if name in axes else v}" for name, v in trial.params.items()]
    return ", ".join(shown) if len(shown) <= FEW else ""


def setting(trial: Trial, without: Sequence[str] = ()) -> str:
    """The parameters of a trial as they would be typed."""
    return ",".join(f"{name}={value}" for name, value in trial.params.items() if name not in without)


def shown_scores(sweep: Sweep) -> list[str]:
    """Scores that tables tell beside the objective, in a fixed order."""
    base = sweep.objective.partition("/")[2]
    names = dict.fromkeys(f"{part}/{name}" for part in ("val", "test") for name in (base, *SHOWN))
    known = {name for trial in sweep.scored for name in trial.metrics}
    return [name for name in names if name in known and name != sweep.objective]
