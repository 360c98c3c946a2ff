"""What the numbers say, in words and in tables."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from starbolt.report.intervals import is_redshift
from starbolt.report.results import Results

Interval = tuple[float, float]
AIMS = {"bias": "best 0", "coverage_90": "best 0.9", "coverage": "best: nominal", "set_coverage": "best: nominal"}
NOTE = (
    "Under each score its 68% interval, from bootstrap resamples of the objects, or of their groups. Controls, fitted "
    "to the same training objects: boosting (gradient-boosted trees) and linear (logistic or ridge regression), both "
    'on simple features (columns, block means, moments); naive, the class shares or the mean. "-": does not apply.'
)
WITH_UNIT = {"rms", "mae", "crps", "interval_width"}  # scores in the target's unit
WITH_UNIT_UNLESS_REDSHIFT = {"bias", "nmad", "sigma_iqr"}


def score_table(results: Results, found: Mapping[str, Interval]) -> str:
    """HTML: every score with its 68% interval beside the controls."""
    kinds = ("boosting", "linear", "naive")
    controls = [results.control(kind) for kind in kinds]
    rows = []
    for name, value in results.scores.items():
        unit = unit_of(name, results)
        label = (
            f"{escape(name).replace('_', '_<wbr>')}{f' [{escape(unit)}]' if unit else ''}<small>{_aim(name)}</small>"
        )
        shown = f"<b>{_value(value, found.get(name))}</b><small>{_span(value, found.get(name))}</small>"
        beside = [_value(c[name], found.get(name)) if name in c else "-" for c in controls]
        rows.append([label, shown, *beside])
    return html_table(["score", "network", *kinds], rows, safe=True)


def html_table(header: Sequence[str], rows: Sequence[Sequence[str]], *, safe: bool = False) -> str:
    """A table that scrolls by itself where the screen is narrow. safe: the cells are HTML already."""
    cell = (lambda text: text) if safe else escape
    kinds = [' class="words"' if not safe and _is_words(column) else "" for column in zip(*rows, strict=True)]
    kinds = kinds or [""] * len(header)
    head = "".join(f"<th{kind}>{escape(name)}</th>" for name, kind in zip(header, kinds, strict=True))
    lines = ("".join(f"<td{kind}>{cell(v)}</td>" for v, kind in zip(row, kinds, strict=True)) for row in rows)
    body = "".join(f"<tr>{line}</tr>" for line in lines)
    return f'<div class="scroll"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'


def _is_words(column: Sequence[str]) -> bool:
    """Whether a column holds phrases, not numbers."""
    return any(cell[:1].isalpha() and " " in cell for cell in column)


def number(value: Any) -> str:
    """Four significant digits, no trailing zeros; "-" where unknown."""
    return "-" if value is None or not math.isfinite(value) else f"{value:.4g}"


def unit_of(name: str, results: Results) -> str:
    """Unit of a score; empty where it has none."""
    base, _, target = name.partition("/")
    names, units = results.spec.target.names, results.spec.target.units
    if not units or base not in WITH_UNIT | (set() if is_redshift(results) else WITH_UNIT_UNLESS_REDSHIFT):
        return ""
    return units[names.index(target) if target in names else 0]


def decimals(interval: Interval | None) -> int:
    """Decimals that a value deserves: two significant digits of half its interval, at most 6."""
    half = (interval[1] - interval[0]) / 2 if interval else 0.0
    return 4 if not half > 0 else min(max(1 - math.floor(math.log10(half)), 0), 6)


def _value(value: float, interval: Interval | None) -> str:
    return f"{value:,.{decimals(interval)}f}" if math.isfinite(value) else "-"


def _span(value: float, interval: Interval | None) -> str:
    if not interval:
        return ""
    return f"{_value(interval[0], interval)} to {_value(interval[1], interval)}"


def measured(value: float, interval: Interval | None, unit: str) -> str:
    """A value with its unit and its interval."""
    span = f" (68% interval {_span(value, interval)})" if interval else ""
    return f"{_value(value, interval)}{' ' if unit else ''}{unit}{span}"


def _aim(name: str) -> str:
    from starbolt.direction import LOWER_IS_BETTER

    base = name.partition("/")[0]
    return AIMS.get(base, "lower is better" if base in LOWER_IS_BETTER else "higher is better")
