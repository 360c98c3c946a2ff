"""A comparison in words, and as tables for the eye, for spreadsheets and for programs."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from starbolt.report.compare.differences import Compared, Interval, Row
from starbolt.report.learning import main_score
from starbolt.report.words import AIMS, decimals

HEADER = ("score", "setting", "value", "over seeds", "difference", "95% interval", "same sign")
COLUMNS = (
    "score", "setting", "value", "seed_spread", "value_low_68", "value_high_68", "difference", "low_68", "high_68",
    "low_95", "high_95", "same_sign",
)  # fmt: skip


def sense(score: str) -> int:
    """1 where more of a score is better, -1 where less is, 0 where a value between is best."""
    from starbolt.direction import LOWER_IS_BETTER

    base = score.partition("/")[0]
    return 0 if base in AIMS else -1 if base in LOWER_IS_BETTER else 1


def sentences(compared: Compared) -> list[str]:
    """One on each setting's main score (of every quantity): whether its difference can be told from 0."""
    base = main_score(compared.first).partition("/")[0]
    first = compared.settings[0].label
    rows = [row for row in compared.rows if row.score.partition("/")[0] == base and row.setting != first]
    return [_sentence(row, first) for row in rows]


def table(rows: Sequence[Row]) -> list[tuple[str, ...]]:
    """Cells under `HEADER`, each number with the digits that its interval allows."""
    return [_cells(row) for row in rows]


def columns(rows: Sequence[Row]) -> list[tuple[Any, ...]]:
    """Cells under `COLUMNS`, None where unknown."""
    told = [(*row[:4], *row.value_68, row.difference, *row.within_68, *row.within_95, row.same_sign) for row in rows]
    return [tuple(None if isinstance(v, float) and math.isnan(v) else v for v in row) for row in told]


def as_dict(compared: Compared) -> dict[str, Any]:
    """Plain values: what was compared, and `columns` by name."""
    return {
        "part": compared.part,
        "objects": compared.objects,
        "groups": compared.groups,
        "settings": [
            {"label": s.label, "runs": {_repeat(r): str(run.folder) for r, run in s.runs.items()}}
            for s in compared.settings
        ],
        "scores": [dict(zip(COLUMNS, row, strict=True)) for row in columns(compared.rows)],
        "notes": compared.notes,
    }


def rounded(value: float, interval: Interval, *, sign: bool = False) -> str:
    """A value with two significant digits of half its 68% interval."""
    return f"{value:{'+' if sign and value else ''}.{decimals(interval)}f}" if math.isfinite(value) else ""


def span(ends: Interval, interval: Interval) -> str:
    """Both ends of an interval, with the digits that the 68% interval allows."""
    return " to ".join(rounded(end, interval) for end in ends) if math.isfinite(ends[0]) else ""


def _sentence(row: Row, first: str) -> str:
    way = "higher" if row.difference > 0 else "lower"
    size = f"{rounded(abs(row.difference), row.within_68)} {way}" if row.difference else "equal to the last digit"
    interval = f"95% interval of the difference {span(row.within_95, row.within_68)}"
    if not row.distinguishable:
        return f"{row.score}: {row.setting} cannot be told from {first}: {size}, {interval}."
    better = sense(row.score) * row.difference
    judged = "" if not better else ", better" if better > 0 else ", worse"
    return f"{row.score}: {row.setting} differs from {first}: {size}{judged}, {interval}."


def _cells(row: Row) -> tuple[str, ...]:
    spread = "" if math.isnan(row.seed_spread) else f"{row.seed_spread:.2g}"
    return (
        row.score,
        row.setting,
        rounded(row.value, row.value_68),
        spread,
        rounded(row.difference, row.within_68),
        span(row.within_95, row.within_68),
        "" if math.isnan(row.same_sign) else f"{row.same_sign:.1%}",
    )


def _repeat(repeat: tuple[int, int | None]) -> str:
    seed, fold = repeat
    return f"seed={seed}" if fold is None else f"seed={seed},split.fold={fold}"
