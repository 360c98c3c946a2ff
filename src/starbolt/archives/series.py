"""Light curves, spectra and other series: a long table, one file per object, or lists in a table's cells.

Every layout ends as the same series: points sorted in time, one value channel per band, NaN where not measured.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from starbolt.archives.base import Archive, Dense, Ragged, Sample
from starbolt.archives.points.cleaning import UNUSABLE, Cleaning
from starbolt.archives.points.curves import Curves
from starbolt.archives.points.folding import Folding
from starbolt.archives.points.lists import knows
from starbolt.archives.points.matching import Named, meeting, places
from starbolt.archives.points.measured import Points, picked, to_series
from starbolt.archives.points.observations import Columns, Observations, in_order, recoded, unit_of
from starbolt.archives.points.snana import is_snana, phot_of
from starbolt.archives.points.tabled import Tables, catalogue_of
from starbolt.archives.points.times import time_unit
from starbolt.archives.points.wavelengths import UNIT
from starbolt.archives.reading.catalogues import called, context_rows, context_sample, folder, in_parts
from starbolt.archives.reading.columns import unit
from starbolt.archives.reading.conditions import terms
from starbolt.archives.reading.files import read_table
from starbolt.archives.reading.listed import kept, names_files, paths_of
from starbolt.archives.reading.paths import columns_of, files_named
from starbolt.archives.stamps.stacks import ROW

TOLD = {
    "time": "times are dates, read as MJD [d]",
    "wavelength": "wavelengths are decimal logarithms, read as their powers of ten [Angstrom]",
}


class SeriesArchive(Archive):
    """One series per object, in one of three layouts.

    observations: a long table with a row per observation, joined to `objects` by `id` (without objects its ids are the
        catalogue), or a table with lists in its cells. objects: the catalogue, one row per object; it may hold the
        lists itself, or be the HEAD files of SNANA. root, file: one file per object, named by a column of objects or a
        pattern "{name}.dat".
    time, value, error, limit: columns, or {band: column} where each band has its own; band: the column of the band.
        A point whose limit column is true, not 0 or "<" is an upper or lower limit, and so is a value "<21.5". Dates
        become MJD [d]. ivar: error holds inverse variances. mask: column that is not 0 where a point is bad.
    axis: what time is: "time", or "wavelength", which becomes Angstrom, of decimal logarithms too.
    bands: which bands, in which order; default all, sorted.
    nightly: merge each night's points to one step; a number is added to the time [d] before the night is cut.
    period, epoch: fold time to phase by a column of objects; epoch, a column or a number, has phase 0.
    bin: merge points to bins of this width, in the unit of the axis (phase where folded).
    names, table: as in `read_table`, for the observations (the light-curve files), or for objects that hold the lists.
    where: each part of it that names observation columns keeps points, each that names object columns keeps objects.
    missing: values that stand for none. context: object columns that become a second modality, "context" [K].
    dropped, notes: the number of points without a usable value, time or error, and sentences to print (of single files
        the points are counted while they are loaded, in `tally`).
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
        ivar: bool = False,
        mask: str | None = None,
        axis: str = "time",
        nightly: bool | float = False,
        period: str | None = None,
        epoch: str | float = 0.0,
        bin: float | None = None,
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
        self.observations, self.objects = kept(observations), kept(objects)
        self.test_observations, self.test_objects = kept(test_observations), kept(test_objects)
        self.roles = Observations(time, value, error, limit, band, tuple(missing), mask=mask, ivar=ivar, axis=axis)
        self.bands, self.id = tuple(map(str, bands)), id
        self.cleaning = Cleaning(nightly, Folding(period, epoch) if period else None, bin)
        self.root, self.file, self.names, self.table = root, file, tuple(names), table
        self.where, self.missing, self.context = where, tuple(missing), tuple(context)
        self.axis = "phase" if period else axis
        self.dropped, self.notes = 0, list[str]()
        self.whole = file is None  # files are read object by object, in many processes
        roots = {"train": root or folder(objects), "test": root or folder(test_objects)}
        self._curves = Curves(file, roots, self.names, table, self.roles) if file else None
        self._bands = self._channels = self._units = self.bands
        self._series, self._time_unit = Ragged(*np.zeros((3, 0))), "d"
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

    def files(self) -> list[str] | None:
        """The tables, of SNANA the PHOT files too; None where one is in memory."""
        tables = [table for table in self._tables() if table is not None]
        return self._named() if all(map(names_files, tables)) else None

    def sources(self, catalogue: pa.Table) -> list[str]:
        """The tables, and every light-curve file."""
        curves = files_named([self._curves.file], self._curves.roots, catalogue) if self._curves else []
        return [*self._named(), *curves]

    def _named(self) -> list[str]:
        """Every file that is a table."""
        paths = [path for table in self._tables() for path in paths_of(table)]
        return paths + [phot_of(path) for path in paths if is_snana(path) and os.path.exists(path)]

    def _tables(self) -> tuple[Any, Any, Any, Any]:
        return self.observations, self.objects, self.test_observations, self.test_objects

    def _refuse_unclear(self) -> None:
        if self.observations is None and self.objects is None:
            raise ValueError("where are the light curves? name their table with data.observations= or data.objects=")
        if self.file and self.objects is None:
            raise ValueError(f"data.file={self.file} needs the catalogue of its objects: data.objects=FILE")
        if self.test_observations is not None and self.objects is not None and self.test_objects is None:
            raise ValueError("data.test_observations needs the catalogue of its objects: data.test_objects=FILE")

    def _read_tables(self) -> pa.Table:
        """Read every table, and set the series of all objects that have a point."""
        needed = (*self.context, *self.cleaning.columns())
        tables = Tables(*self._tables(), self.id, self.names, self.table, needed)
        found = tables.read(self.roles, terms(self.where))
        self._describe(found.observations, found.bands, found.told)
        catalogue, points = found.objects, recoded(found.points, found.bands, self._bands)
        phased = self._foldable(catalogue)
        points = self._cleaned(points.pick(phased[points.owner]), catalogue)
        self._tell(self.dropped, UNUSABLE)
        self._tell(found.lost, "observations that belong to no object of the catalogue")
        seen = np.bincount(points.owner, minlength=catalogue.num_rows) > 0
        self._tell(int((phased & ~seen).sum()), "objects left out because no usable point remains")
        points.owner = places(seen)[points.owner]
        self._series = to_series(points, int(seen.sum()), len(self._bands))
        catalogue = catalogue.filter(pa.array(seen))
        return catalogue.append_column(ROW, pa.array(np.arange(catalogue.num_rows)))

    def _foldable(self, catalogue: pa.Table) -> np.ndarray:
        """bool [N]: the objects that are not left out for want of a period."""
        folding = self.cleaning.folding
        good = folding.foldable(catalogue) if folding else np.ones(catalogue.num_rows, bool)
        self._tell(int((~good).sum()), "objects left out because they have no positive period or no epoch")
        return good

    def _read_files(self, curves: Curves) -> pa.Table:
        """The catalogue of objects that have a file each; looks into the first for the columns and the bands."""
        sources = [source for source in (self.objects, self.test_objects) if source is not None]
        objects = Named(in_parts([read_table(source) for source in sources]), called(self.objects, "the objects"))
        conditions = terms(self.where)
        of_objects = [term for term in conditions if all(knows(objects.table, name) for name in term.names)]
        objects = objects._replace(table=objects.table.filter(pa.array(meeting(of_objects, objects))))
        needed = (*self.context, *self.cleaning.columns())
        catalogue = catalogue_of(*objects, needed, self.missing, self.id)
        looked = curves.look(objects)
        if looked:
            curves.ask(conditions, objects, looked[0])
            seen = [curves.roles.read(*each) for each in looked]
            curves.limits = any(points.limit is not None for points, _, _ in seen)
            self._describe(looked[0].table, [band for _, bands, _ in seen for band in bands], seen[0][2])
        if self.id is None and len(columns_of(curves.file)) == 1:
            self.id = columns_of(curves.file)[0]
        return catalogue.filter(pa.array(self._foldable(catalogue)))

    def _from_file(self, curves: Curves, row: dict[str, Any]) -> Ragged:
        points = curves.points(row, self._bands, all_bands=not self.bands)
        known = pa.table({name: [row[name]] for name in self.cleaning.columns()})
        return to_series(self._cleaned(points, known), 1, len(self._bands))

    def _cleaned(self, points: Points, objects: pa.Table) -> Points:
        """Points of the bands wanted that are usable; merged and folded if so asked."""
        points, lost = self.cleaning.clean(points.pick(points.band >= 0), objects, self._time_unit)
        self.dropped += lost
        if self.file:
            self.tally[UNUSABLE] += lost
        return points

    def _describe(self, table: pa.Table, bands: Sequence[str], told: str) -> None:
        """Bands in the order asked for, else that of data.value, else sorted; units; channels of the series."""
        self._bands = self.bands or tuple(self.roles.labels() or in_order(set(bands)))
        self.notes += [TOLD[self.roles.axis]] if told else []
        self._channels = self.roles.channels(self._bands)
        self._units = tuple(unit_of(table, name) for name in self.roles.values(self._bands))
        self._time_unit = "d" if told else time_unit(unit_of(table, self.roles.columns()[0]))
        self.axis_unit = {"phase": "", "wavelength": UNIT}.get(self.axis, self._time_unit)

    def _tell(self, count: int, what: str) -> None:
        if count:
            self.notes.append(f"{what}: {count}")
