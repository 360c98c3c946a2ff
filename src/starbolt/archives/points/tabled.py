"""Series in tables: observations joined to objects, or lists in the objects' own cells, for each part of the data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pyarrow as pa

from starbolt.archives.points.lists import has_lists
from starbolt.archives.points.matching import Named, Observed, by_id, in_cells
from starbolt.archives.points.measured import joined
from starbolt.archives.points.observations import Observations, recoded
from starbolt.archives.points.snana import is_snana, read_snana
from starbolt.archives.points.spectra import read_spectra
from starbolt.archives.reading.catalogues import called, flat, in_parts, marked, together, without_sentinels
from starbolt.archives.reading.columns import TableError, column
from starbolt.archives.reading.conditions import Term
from starbolt.archives.reading.files import read_table


def series_table(
    source: Any, roles: Observations, *, names: Sequence[str] = (), table: str | int | None = None
) -> pa.Table:
    """A table that holds the columns of the roles: any table, SNANA's pairs of files, or images of spectra."""
    if is_snana(source):
        return read_snana(source)
    if roles.axis == "wavelength" and isinstance(source, str):
        return read_spectra(source, roles.columns(), names=names, table=table)
    return read_table(source, names=names, table=table)


def catalogue_of(
    objects: pa.Table, place: str, needed: Sequence[str], missing: Sequence[float], id: str | None
) -> pa.Table:
    """Scalar columns without sentinels; TableError where a column that is needed is not there."""
    for name in (*needed, *([id] if id else [])):
        column(objects, name, place)
    return flat(without_sentinels(objects, missing, id))


@dataclass
class Tables:
    """The tables of the training and test part, see SeriesArchive. needed: columns that the objects must have."""

    observations: Any
    objects: Any
    test_observations: Any
    test_objects: Any
    id: str | None
    names: Sequence[str]
    table: str | int | None
    needed: Sequence[str]

    def read(self, roles: Observations, terms: Sequence[Term]) -> Observed:
        """All parts as one: objects are their catalogue, observations the first part's table; see PART."""
        found = [self._observed(roles, terms, *part) for part in self._parts()]
        bands = list(dict.fromkeys(band for each in found for band in each.bands))
        starts = np.cumsum([0, *(each.objects.num_rows for each in found)])
        points = [recoded(each.points, each.bands, bands) for each in found]
        points = [replace(p, owner=p.owner + start) for p, start in zip(points, starts, strict=False)]
        objects = together([each.objects for each in found])
        told, lost = "".join(each.told for each in found), sum(each.lost for each in found)
        return Observed(objects, found[0].observations, joined(points), bands, told, lost)

    def _parts(self) -> list[tuple[Any, Any, str]]:
        """(observations, objects, part); one pair, its part unnamed, unless there are test observations or lists."""
        if self.test_observations is None and self.test_objects is None:
            return [(self.observations, self.objects, "")]
        if self.test_observations is None and self.observations is not None:
            objects = in_parts([read_table(source) for source in (self.objects, self.test_objects)])
            return [(self.observations, objects, "")]
        return [(self.observations, self.objects, "train"), (self.test_observations, self.test_objects, "test")]

    def _observed(
        self, roles: Observations, terms: Sequence[Term], observations: Any, objects: Any, part: str
    ) -> Observed:
        """The points of one part, and its catalogue."""
        source = objects if observations is None else observations
        read = series_table(source, roles, names=self.names, table=self.table)
        table = Named(read, called(source, "the observations"))
        found = self._joined(roles, terms, table, observations, objects)
        kept = catalogue_of(found.objects, called(objects, table.name), self.needed, roles.missing, self.id)
        return replace(found, objects=marked(kept, part) if part else kept)

    def _joined(
        self, roles: Observations, terms: Sequence[Term], table: Named, observations: Any, objects: Any
    ) -> Observed:
        """Points from lists in the table's cells, or found for the objects by id."""
        role = roles.columns()[0]
        if (observations is None or objects is None) and has_lists(table.table, role, table.name):
            return in_cells(roles, table, terms)
        if observations is None:
            raise TableError(
                f"'{role}' of {table.name} holds no lists; give data.observations=TABLE or data.file=COLUMN"
            )
        if self.id is None:
            raise TableError(f"which column of {table.name} says whose observation it is? name it with data.id=COLUMN")
        known = None if objects is None else Named(read_table(objects), called(objects, "the objects"))
        return by_id(roles, table, known, self.id, terms)
