"""Light curves and other series: a long table of observations, one file per object, or lists in a table's cells.

Every layout ends as the same series: points sorted in time, one value channel per band, NaN where not measured.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from starbolt.archives.base import Archive, Dense, Ragged, Sample
from starbolt.archives.catalogues import (
    called,
    context_rows,
    context_sample,
    flat,
    folder,
    held,
    in_parts,
    marked,
    together,
    without_sentinels,
)
from starbolt.archives.columns import TableError, column, nested, unit
from starbolt.archives.conditions import terms
from starbolt.archives.curves import Curves
from starbolt.archives.files import read_table
from starbolt.archives.lists import has_lists, knows
from starbolt.archives.matching import Named, Observed, by_id, in_cells, meeting, places
from starbolt.archives.nights import merge_nights
from starbolt.archives.observations import Columns, Observations, in_order, recoded
from starbolt.archives.paths import columns_of, files_named
from starbolt.archives.points import Points, joined, picked, to_series
from starbolt.archives.stacks import ROW


class SeriesArchive(Archive):
    """One series per object, in one of three layouts.

    observations: a long table with a row per observation, joined to `objects` by `id` (without objects its ids are the
        catalogue), or a table with lists in its cells. objects: the catalogue, one row per object; it may hold the
        lists itself. root, file: one file per object, named by a column of objects or a pattern "{name}.dat".
    time, value, error, limit: columns, or {band: column} where each band has its own; band: the column of the band.
        A point whose limit column is true or not 0 is an upper or lower limit. Dates become MJD [d].
    bands: which bands, in which order; default all, sorted.
    nightly: merge each night's points to one step; a number is added to the time [d] before the night is cut.
    names, table: as in `read_table`, for the observations (the light-curve files), or for objects that hold the lists.
    where: each part of it that names observation columns keeps points, each that names object columns keeps objects.
    missing: values that stand for none. context: object columns that become a second modality, "context" [K].
    dropped, notes: after `read` the number of points without a usable value, time or error, and sentences to print.
    """

    def __init__(
        self,
        observations: Any = None,
        objects: Any = None,
        *,
        time: Columns,
        value: Columns,
        error: Columns | None = None,
        limit: Columns | None = None,
        band: str | None = None,
        bands: Sequence[str] = (),
        nightly: bool | float = False,
        id: str | None = None,
        test_observations: Any = None,
        test_objects: Any = None,
        root: str | None = None,
        file: str | None = None,
        names: Sequence[str] = (),
        table: str | int | None = None,
        where: str | None = None,
        missing: Sequence[float] = (),
        context: Sequence[str] = (),
    ) -> None:
        self.observations, self.objects = held(observations), held(objects)
        self.test_observations, self.test_objects = held(test_observations), held(test_objects)
        self.roles = Observations(time, value, error, limit, band, tuple(missing))
        self.bands, self.nightly, self.id = tuple(map(str, bands)), nightly, id
        self.root, self.file, self.names, self.table = root, file, tuple(names), table
        self.where, self.missing, self.context = where, tuple(missing), tuple(context)
        self.dropped, self.notes = 0, list[str]()
        self.whole = file is None  # files are read object by object, in many processes
        roots = {"train": root or folder(objects), "test": root or folder(test_objects)}
        self._curves = Curves(file, roots, self.names, table, self.roles) if file else None
        self._bands = self._channels = self._units = self.bands
        self._series = Ragged(*np.zeros((3, 0)))
        self._refuse_unclear()

    def __getstate__(self) -> dict[str, Any]:
        heavy = ("observations", "objects", "test_observations", "test_objects", "_series")
        return vars(self) | dict.fromkeys(heavy)  # other processes read single files, nothing else

    def read(self) -> pa.Table:
        """The catalogue of all objects that have a point; their series are read too, except one file per object.

        TableError or FileNotFoundError saying what is wrong, where, and the way out.
        """
        self.dropped, self.notes = 0, []
        catalogue = self._read_files(self._curves) if self._curves else self._read_tables()
        self.channels, self.units = self._channels, self._units
        if self.context:
            units = tuple(unit(catalogue, name) for name in self.context)
            self.channels = {"series": self._channels, "context": self.context}
            self.units = {"series": self._units, "context": units}
        return catalogue

    def load(self, row: dict[str, Any]) -> dict[str, Sample]:
        """One object's series, of any length, and its context if any."""
        series = self._from_file(self._curves, row) if self._curves else picked(self._series, np.array([row[ROW]]))
        err, limit = (None if plane is None else plane.T for plane in (series.err, series.limit))
        sample = Sample(series.x.T, err, limit, series.time)
        return {"series": sample, "context": context_sample(row, self.context)} if self.context else {"series": sample}

    def load_rows(self, catalogue: pa.Table) -> dict[str, Dense | Ragged]:
        """Many objects' series: in one gather, or file by file."""
        if self.file:
            return super().load_rows(catalogue)
        loaded: dict[str, Dense | Ragged] = {"series": picked(self._series, np.asarray(catalogue[ROW]))}
        return loaded | {"context": context_rows(catalogue, self.context)} if self.context else loaded

    def sources(self, catalogue: pa.Table) -> list[str]:
        """The tables, and every light-curve file."""
        tables = (self.observations, self.objects, self.test_observations, self.test_objects)
        curves = files_named([self._curves.file], self._curves.roots, catalogue) if self._curves else []
        return [*(str(source) for source in tables if isinstance(source, str | Path)), *curves]

    def _refuse_unclear(self) -> None:
        if self.observations is None and self.objects is None:
            raise ValueError("where are the light curves? name their table with data.observations= or data.objects=")
        if self.file and self.objects is None:
            raise ValueError(f"data.file={self.file} needs the catalogue of its objects: data.objects=FILE")
        if self.test_observations is not None and self.objects is not None and self.test_objects is None:
            raise ValueError("data.test_observations needs the catalogue of its objects: data.test_objects=FILE")

    def _read_tables(self) -> pa.Table:
        """Read every table, and set the series of all objects that have a point."""
        found = [self._observed(*part) for part in self._parts()]
        self._describe(found[0].observations, [each.bands for each in found])
        starts = np.cumsum([0, *(each.objects.num_rows for each in found)])
        parts = [recoded(each.points, each.bands, self._bands) for each in found]
        points = joined([replace(p, owner=p.owner + start) for p, start in zip(parts, starts, strict=False)])
        catalogue = together([each.objects for each in found])
        points = self._cleaned(points)
        self._tell(self.dropped, "points left out for want of a time, a value or a positive error")
        self._tell(sum(each.lost for each in found), "observations that belong to no object of the catalogue")
        self._tell(sum(each.dates for each in found), "tables whose times are dates, read as MJD [d]")
        seen = np.bincount(points.owner, minlength=catalogue.num_rows) > 0
        self._tell(int((~seen).sum()), "objects left out because no usable point remains")
        points.owner = places(seen)[points.owner]
        self._series = to_series(points, int(seen.sum()), len(self._bands))
        catalogue = catalogue.filter(pa.array(seen))
        return catalogue.append_column(ROW, pa.array(np.arange(catalogue.num_rows)))

    def _parts(self) -> list[tuple[Any, Any, str]]:
        """(observations, objects, part); one pair, its part unnamed, unless there are test observations or lists."""
        if self.test_observations is None and self.test_objects is None:
            return [(self.observations, self.objects, "")]
        if self.test_observations is None and self.observations is not None:
            objects = in_parts([read_table(source) for source in (self.objects, self.test_objects)])
            return [(self.observations, objects, "")]
        return [(self.observations, self.objects, "train"), (self.test_observations, self.test_objects, "test")]

    def _observed(self, observations: Any, objects: Any, part: str) -> Observed:
        """The points of one pair of tables, or of one table that holds lists."""
        source = objects if observations is None else observations
        table = Named(read_table(source, names=self.names, table=self.table), called(source, "the observations"))
        role, conditions = self.roles.columns()[0], terms(self.where)
        if (observations is None or objects is None) and has_lists(table.table, role, table.name):
            found = in_cells(self.roles, table, conditions)
        elif observations is None:
            raise TableError(
                f"'{role}' of {table.name} holds no lists; give data.observations=TABLE or data.file=COLUMN"
            )
        elif self.id is None:
            raise TableError(f"which column of {table.name} says whose observation it is? name it with data.id=COLUMN")
        else:
            known = None if objects is None else Named(read_table(objects), called(objects, "the objects"))
            found = by_id(self.roles, table, known, self.id, conditions)
        return replace(found, objects=self._catalogue(found.objects, called(objects, table.name), part))

    def _catalogue(self, objects: pa.Table, place: str, part: str = "") -> pa.Table:
        """Scalar columns without sentinels; TableError where a column that is needed is not there."""
        for name in (*self.context, *([self.id] if self.id else [])):
            column(objects, name, place)
        objects = flat(without_sentinels(objects, self.missing, self.id))
        return marked(objects, part) if part else objects

    def _read_files(self, curves: Curves) -> pa.Table:
        """The catalogue of objects that have a file each; looks into the first for the columns and the bands."""
        sources = [source for source in (self.objects, self.test_objects) if source is not None]
        objects = Named(in_parts([read_table(source) for source in sources]), called(self.objects, "the objects"))
        conditions = terms(self.where)
        of_objects = [term for term in conditions if all(knows(objects.table, name) for name in term.names)]
        objects = objects._replace(table=objects.table.filter(pa.array(meeting(of_objects, objects))))
        looked = curves.look(objects)
        if looked:
            curves.ask(conditions, objects, looked[0])
            self._describe(looked[0].table, [curves.roles.read(*each)[1] for each in looked])
        if self.id is None and len(columns_of(curves.file)) == 1:
            self.id = columns_of(curves.file)[0]
        return self._catalogue(objects.table, objects.name)

    def _from_file(self, curves: Curves, row: dict[str, Any]) -> Ragged:
        points = curves.points(row, self._bands, all_bands=not self.bands)
        return to_series(self._cleaned(points), 1, len(self._bands))

    def _cleaned(self, points: Points) -> Points:
        """Points of the bands wanted that are usable, merged by night if so asked."""
        points = points.pick(points.band >= 0)
        usable = points.usable()
        self.dropped += int((~usable).sum())
        points = points.pick(usable)
        return points if self.nightly is False else merge_nights(points, float(self.nightly))

    def _describe(self, table: pa.Table, bands: Sequence[Sequence[str]]) -> None:
        """Bands in the order asked for, else that of data.value, else sorted; channels and units of the series."""
        self._bands = self.bands or tuple(self.roles.labels() or in_order({name for names in bands for name in names}))
        self._channels = self.roles.channels(self._bands)
        known = (*table.column_names, *nested(table))
        self._units = tuple(unit(table, name) if name in known else "" for name in self.roles.values(self._bands))

    def _tell(self, count: int, what: str) -> None:
        if count:
            self.notes.append(f"{what}: {count}")
