"""One light-curve file per object, found through the catalogue and read with the roles that its columns play."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from starbolt.archives.base import PART
from starbolt.archives.points.lists import knows
from starbolt.archives.points.matching import Named, split_terms
from starbolt.archives.points.measured import Points
from starbolt.archives.points.observations import Observations, recoded
from starbolt.archives.points.tabled import series_table
from starbolt.archives.reading.catalogues import flat
from starbolt.archives.reading.columns import column
from starbolt.archives.reading.conditions import Term
from starbolt.archives.reading.paths import columns_of, located, named_file

LOOKED = 20  # files read to learn which bands there are, where data.bands does not say


@dataclass
class Curves:
    """file: a column or a pattern; roots: the folder of each part, see PART; names, table: as in `read_table`."""

    file: str
    roots: dict[str, str]
    names: Sequence[str]
    table: str | int | None
    roles: Observations
    limits: bool | None = None  # whether the first files have any; None before they were read

    def open(self, row: dict[str, Any]) -> Named:
        """The file of one object; FileNotFoundError with the nearest names."""
        path = located(named_file(self.file, row), self.roots[row.get(PART) or "train"], self.file)
        return Named(series_table(path, self.roles, names=self.names, table=self.table), path)

    def look(self, objects: Named) -> list[Named]:
        """The first object's file, or the first few where only the files can say which bands there are."""
        for name in columns_of(self.file):
            column(objects.table, name, objects.name)
        rows = flat(objects.table.slice(0, LOOKED if self.roles.band else 1)).to_pylist()
        return [self.open(row) for row in rows]

    def ask(self, terms: Sequence[Term], objects: Named, first: Named) -> None:
        """Take on those conditions that name columns of the files, not of the catalogue."""
        names = [*first.table.column_names, *objects.table.column_names]
        of_points, _ = split_terms(
            terms, lambda name: knows(first.table, name), lambda name: knows(objects.table, name), names
        )
        self.roles = replace(self.roles, terms=of_points)

    def points(self, row: dict[str, Any], bands: Sequence[str], *, all_bands: bool) -> Points:
        """The points of one object; ValueError for a band beyond `bands` where these should be all there are."""
        table = self.open(row)
        points, labels, _ = self.roles.read(table.table, table.name)
        strange = sorted(set(labels) - set(bands))
        if strange and all_bands:
            listed = ",".join([*bands, *strange])
            raise ValueError(f"{table.name} has band '{strange[0]}', the first files do not; say data.bands=[{listed}]")
        points = replace(points, owner=np.zeros_like(points.owner), limit=self._limits(points, table.name))
        return recoded(points, labels, bands)

    def _limits(self, points: Points, name: str) -> np.ndarray | None:
        """bool [P] in every file, or None in every file: a store's objects are alike."""
        if self.limits and points.limit is None:
            return points.no_limits()
        if self.limits is False and points.limit is not None:
            column = next(iter(self.roles.values([*self.roles.labels(), ""])))
            raise ValueError(f"{name} has limits such as '<20', the first files do not; say data.limit={column}")
        return points.limit
