"""Light curves as of one day: what a network made of them, told as if it were a run of its own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa

from starbolt.contract import Spec
from starbolt.report.intervals import score_intervals
from starbolt.report.results import Results


@dataclass(frozen=True)
class AsOf:
    """What a network made of light curves as of one day.

    day: unit of time since the first detection, None for whole curves. points: of each object [n]. results: the
    predictions and scores of that day.
    """

    day: float | None
    points: np.ndarray
    results: Results

    @cached_property
    def intervals(self) -> dict[str, tuple[float, float]]:
        """68% bootstrap intervals of the scores."""
        return score_intervals(self.results)

    @property
    def outside(self) -> int:
        """How many of the objects lie outside the training range."""
        table = self.results.predictions
        return sum(map(bool, table["outside"].to_pylist())) if "outside" in table.column_names else 0

    def numbers(self) -> dict[str, Any]:
        """All scores of the day with their intervals, as plain values."""
        counts = {"objects": len(self.points), "points": int(self.points.sum()), "outside": self.outside}
        median = {"median_points": float(np.median(self.points))}
        return {"until": self.day, **counts, **median, **self.results.scores, "intervals": self.intervals}


def results_of(
    spec: Spec,
    part: str,
    table: pa.Table,
    scores: Mapping[str, float],
    *,
    config: Mapping[str, Any],
    controls: Mapping[str, Any],
) -> Results:
    """The predictions and scores of one day as if they were those of a run."""
    named = {f"{part}/{name}": value for name, value in scores.items()}
    known = {
        "spec": spec,
        "part": part,
        "parts": {part: table},
        "metrics": named,
        "config": config,
        "controls": controls,
    }
    nothing: dict[str, Any] = {field.name: {} for field in fields(Results)}  # what a run has besides
    return Results(**nothing | known)
