"""From measurements to the points of a series: usable ones, merged by night, folded to phase, merged in bins."""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa

from starbolt.archives.points.folding import Folding
from starbolt.archives.points.measured import Points
from starbolt.archives.points.nights import merge_bins
from starbolt.archives.points.times import days

UNUSABLE = "points left out: masked, or without a place, a value or a positive error"


@dataclass(frozen=True)
class Cleaning:
    """What is done, in this order. nightly: false, or true, or what is added to the time [d] before a night is cut.
    folding: to phase. bin: width in the unit of time, or of phase where folded."""

    nightly: bool | float = False
    folding: Folding | None = None
    bin: float | None = None

    def __post_init__(self) -> None:
        if self.bin is not None and self.bin <= 0:
            raise ValueError(f"data.bin={self.bin} is no width of a bin; give a positive number")

    def columns(self) -> list[str]:
        """The catalogue's columns that are needed."""
        return self.folding.columns() if self.folding else []

    def clean(self, points: Points, objects: pa.Table, unit: str) -> tuple[Points, int]:
        """(the points, how many were unusable); `owner` counts the rows of `objects`, unit is that of time."""
        usable = points.usable()
        points = points.pick(usable)
        if self.nightly is not False:
            points = merge_bins(points, days(1.0, unit), float(self.nightly))
        if self.folding:
            points = self.folding.fold(points, objects)
        if self.bin is not None:
            points = merge_bins(points, self.bin)
        return points, int((~usable).sum())
