"""Which columns are the time, value, error, limit and band of an observation, and the points read from them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import overload

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from starbolt.archives.points.lists import explode
from starbolt.archives.points.measured import Points, joined
from starbolt.archives.points.times import times
from starbolt.archives.points.wavelengths import wavelengths
from starbolt.archives.reading.catalogues import without_sentinels
from starbolt.archives.reading.columns import column, nested, numbers, unit
from starbolt.archives.reading.conditions import Term
from starbolt.archives.reading.limits import flags, signed
from starbolt.archives.reading.where import where as rows_where

Columns = str | Mapping[str, str]  # one column, or {band: column}


@dataclass
class Observations:
    """The roles of columns. Where value is {band: column} the others may be too, and there is no band column.

    limit may be the value's own column, which then says by "<" or ">" which of its values are limits.
    missing: values that stand for none. terms: conditions that a point must meet. mask: a column that is not 0 where a
    point is bad. ivar: whether `error` holds inverse variances, 0 for none. axis: "wavelength" where time is one.
    """

    time: Columns
    value: Columns
    error: Columns | None = None
    limit: Columns | None = None
    band: str | None = None
    missing: Sequence[float] = ()
    terms: Sequence[Term] = field(default=())
    mask: str | None = None
    ivar: bool = False
    axis: str = "time"

    def __post_init__(self) -> None:
        self.time, self.value = _worded(self.time), _worded(self.value)
        self.error, self.limit = _worded(self.error), _worded(self.limit)
        roles = {"time": self.time, "error": self.error, "limit": self.limit}
        for word, role in roles.items():
            if isinstance(role, Mapping) and set(role) != set(self.labels()):
                raise ValueError(
                    f"data.{word} has the bands {list(role)}, data.value {self.labels() or 'only one column'}"
                )
        if self.band and self.labels():
            raise ValueError(f"data.value names a column for each band; leave data.band={self.band} out")

    def labels(self) -> list[str]:
        """The bands that have columns of their own."""
        return list(self.value) if isinstance(self.value, Mapping) else []

    def columns(self) -> list[str]:
        """Every column that plays a role."""
        return list(dict.fromkeys(name for label in self.labels() or [""] for name in self._names(label)))

    def values(self, bands: Sequence[str]) -> list[str]:
        """The column that holds the value of each band."""
        return [_of(self.value, band) for band in bands]

    def channels(self, bands: Sequence[str]) -> tuple[str, ...]:
        """The value's column for each band, with the band's name where all share one column."""
        if isinstance(self.value, Mapping):
            return tuple(self.value[band].split(".")[-1] for band in bands)
        name = self.value.split(".")[-1]
        return tuple(f"{name}_{band}" for band in bands) if self.band else (name,)

    def read(self, table: pa.Table, where: object) -> tuple[Points, list[str], str]:
        """(points, bands, told): `owner` counts the table's rows, `band` the bands (-1 where missing).

        where: what sentences call the table. The third is not "" where dates or logarithms became plain numbers.
        """
        labels = self.labels()
        parts = [self._points(table, label, where) for label in labels or [""]]
        if not labels:
            return parts[0]
        points = [replace(part, band=np.full_like(part.band, i)) for i, (part, _, _) in enumerate(parts)]
        return joined(points), labels, parts[0][2]

    def _points(self, table: pa.Table, label: str, where: object) -> tuple[Points, list[str], str]:
        terms = [term for term in self.terms if not self._of_others(label, term)]
        rows, owner = explode(table, [*self._names(label), *(name for term in terms for name in term.names)], where)
        rows = without_sentinels(rows, self.missing, self.band)
        keep = np.ones(len(owner), bool)
        for term in terms:
            keep &= rows_where(rows, term.text, where)
        rows, owner = (rows, owner) if keep.all() else (rows.filter(pa.array(keep)), owner[keep])
        time, told = self._times(rows, table, _of(self.time, label), where)
        value, limit = self._values(rows, label, where)
        band, bands = _codes(column(rows, self.band)) if self.band else (np.zeros(len(owner), np.int64), [""])
        return Points(owner, time, value, band, self._errors(rows, label, where), limit), bands, told

    def _times(self, rows: pa.Table, table: pa.Table, name: str, where: object) -> tuple[np.ndarray, str]:
        if self.axis == "wavelength":
            return wavelengths(rows, name, unit_of(table, name), where)
        return times(rows, name, where)

    def _values(self, rows: pa.Table, label: str, where: object) -> tuple[np.ndarray, np.ndarray | None]:
        """(float64 [P] values, NaN where the mask says bad; bool [P] limits or None)."""
        name = _of(self.value, label)
        value, limit = signed(rows, name, where)
        if self.mask:
            value = np.where(flags(rows, self.mask, where), np.nan, value)
        if self.limit is None:
            return value, limit
        limit = np.zeros(len(value), bool) if limit is None else limit
        marked = _of(self.limit, label)
        return value, limit if marked == name else limit | flags(rows, marked, where)

    def _errors(self, rows: pa.Table, label: str, where: object) -> np.ndarray | None:
        if self.error is None:
            return None
        error = numbers(rows, _of(self.error, label), where)
        with np.errstate(divide="ignore", invalid="ignore"):
            return error**-0.5 if self.ivar else error

    def _names(self, label: str) -> list[str]:
        roles = [role for role in (self.time, self.value, self.error, self.limit, self.band, self.mask) if role]
        return list(dict.fromkeys(_of(role, label) for role in roles))

    def _of_others(self, label: str, term: Term) -> bool:
        """Whether the term names a column that only other bands have, so that it says nothing about this one."""
        others = {name for other in self.labels() if other != label for name in self._names(other)}
        return bool(others.difference(self._names(label)).intersection(term.names))


def recoded(points: Points, labels: Sequence[str], bands: Sequence[str]) -> Points:
    """The points with `band` counting `bands` in place of `labels`; -1 where it is none of them."""
    places = {band: i for i, band in enumerate(bands)}
    table = np.array([*(places.get(label, -1) for label in labels), -1], np.int64)
    return replace(points, band=table[points.band])


def in_order(labels: set[str]) -> list[str]:
    """Bands sorted, as numbers where all are."""
    return sorted(labels, key=(lambda b: (float(b), b)) if all(b.isdigit() for b in labels) else str)


@overload
def _worded(role: Columns) -> Columns: ...
@overload
def _worded(role: Columns | None) -> Columns | None: ...
def _worded(role: Columns | None) -> Columns | None:
    """The role with its bands as text; configuration reads {1: mag_1} as a number."""
    return {str(band): name for band, name in role.items()} if isinstance(role, Mapping) else role


def unit_of(table: pa.Table, name: str) -> str:
    """The unit of a column, "" where it is unknown or inside a list of structs."""
    return unit(table, name) if name in (*table.column_names, *nested(table)) else ""


def _of(role: Columns, label: str) -> str:
    return role if isinstance(role, str) else role[label]


def _codes(values: pa.ChunkedArray) -> tuple[np.ndarray, list[str]]:
    """(int64 [P], names): each value's place among the different names, -1 where missing; 1.0 is called "1"."""
    coded = pc.dictionary_encode(values).combine_chunks()
    if isinstance(coded, pa.ChunkedArray):
        coded = coded.chunk(0) if coded.num_chunks else pa.array([], values.type).dictionary_encode()
    names = [
        str(int(v)) if isinstance(v, float) and v.is_integer() else str(v).strip() for v in coded.dictionary.to_pylist()
    ]
    return np.asarray(pc.fill_null(coded.indices, -1), np.int64), names
