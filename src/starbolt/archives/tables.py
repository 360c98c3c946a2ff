"""Catalogues as data: each row an object, its numeric columns the channels.

Numbers stay float64 until zero points and colours are taken out, since float32 cannot hold a Julian date.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, final

import numpy as np
import pyarrow as pa

from starbolt.archives.base import PART, Archive, Dense, Ragged
from starbolt.archives.catalogues import called, in_parts, without_sentinels
from starbolt.archives.columns import TableError, column, is_numeric, is_scalar, numbers, unit
from starbolt.archives.files import read_table
from starbolt.archives.where import where as rows_where


@final
class TableArchive(Archive):
    """A catalogue in one file, or two where the test rows come separately (or tables in memory).

    features: the columns that are channels, dotted for nested ones; default: all numeric scalar columns but `id`,
    `exclude` and those whose name begins with "_". colours: pairs [a, b] that append a channel "a-b".
    names, table: as in `read_table`. where: condition on rows, as in `where`. missing: sentinel values, null wherever
    they stand in a numeric column except `id`. zero: column -> number subtracted in float64.
    keep: nested columns that the catalogue shall have too, such as a dotted target.
    """

    whole = True
    channels: tuple[str, ...] = ()
    units: tuple[str, ...] = ()

    def __init__(
        self,
        path: Any,
        *,
        test_path: Any = None,
        id: str | None = None,
        features: Sequence[str] = (),
        exclude: Sequence[str] = (),
        names: Sequence[str] = (),
        table: str | int | None = None,
        where: str | None = None,
        missing: Sequence[float] = (),
        colours: Sequence[Sequence[str]] = (),
        zero: Mapping[str, float] | None = None,
        keep: Sequence[str] = (),
    ) -> None:
        self.path, self.test_path, self.id = path, test_path, id
        self.features, self.exclude, self.names, self.table = features, exclude, names, table
        self.where, self.missing, self.colours, self.zero, self.keep = where, missing, colours, zero or {}, keep

    def sources(self, catalogue: pa.Table) -> list[str]:
        """The catalogue files, as strings."""
        return [str(path) for path in (self.path, self.test_path) if isinstance(path, (str, Path))]

    def read(self) -> pa.Table:
        """All scalar columns, sentinels as nulls; with a test file both, told apart by the column `PART`.

        A column that the test file lacks, such as the target, is null there, one that it alone has is left out;
        channels must be in both.
        """
        catalogue = self._read(self.path)
        self._lay_out(catalogue)
        if self.test_path is None:
            return catalogue
        test = self._read(self.test_path)
        for name in self._columns:
            column(test, name, called(self.test_path))
        return in_parts([catalogue, test.select([n for n in test.column_names if n in catalogue.column_names])])

    def load(self, row: dict[str, Any]) -> np.ndarray:
        """One object's channels, float32 [C]."""
        return self._matrix(pa.table({name: pa.array([row[name]]) for name in self._columns}))[0]

    def load_rows(self, catalogue: pa.Table) -> dict[str, Dense | Ragged]:
        """All objects' channels, {"table": x float32 [N, C]}, NaN where unmeasured.

        Raises TableError for a channel too coarse in float32.
        """
        if not self.channels:
            self._lay_out(catalogue)
        return {"table": Dense(self._matrix(catalogue))}

    def _read(self, path: Any) -> pa.Table:
        table, name = read_table(path, names=self.names, table=self.table), called(path)
        if self.where:
            table = table.filter(pa.array(rows_where(table, self.where, name)))
        for dotted in self._wanted(table):
            if dotted not in table.column_names:
                values = column(table, dotted, name)
                field = pa.field(dotted, values.type, metadata=_metadata(table, dotted))
                table = table.append_column(field, values)
        table = table.select([field.name for field in table.schema if is_scalar(field.type)])
        return without_sentinels(table, self.missing, spare=self.id)

    def _wanted(self, table: pa.Table) -> list[str]:
        """The columns that must be there, each once; of `keep` only what is (a new catalogue may lack the target)."""
        pairs = [name for pair in self.colours for name in pair]
        kept = [name for name in self.keep if name.split(".")[0] in table.column_names]
        features = [name for name in self.features if name not in self._colour_names()]
        return list(dict.fromkeys([*features, *pairs, *self.zero, *([self.id] if self.id else []), *kept]))

    def _lay_out(self, catalogue: pa.Table) -> None:
        """Set columns, channels and units."""
        numeric = [field.name for field in catalogue.schema if self._is_feature(field)]
        self._base = [name for name in self.features or numeric if not (self.features and name in self._colour_names())]
        colours = {name: pair for name, pair in self._colour_names().items() if name not in self._base}
        self._pairs = list(colours.values())
        self._columns = list(dict.fromkeys([*self._base, *(name for pair in self._pairs for name in pair)]))
        self.channels = (*self._base, *colours)
        self.units = tuple(unit(catalogue, name) for name in (*self._base, *(a for a, _ in self._pairs)))
        if not self.channels:
            raise TableError(f"{called(self.path)} has no numeric column left to learn from; see data.features=[...]")

    def _colour_names(self) -> dict[str, tuple[str, str]]:
        return {f"{a}-{b}": (a, b) for a, b in self.colours}

    def _is_feature(self, field: pa.Field) -> bool:
        hidden = field.name in (self.id, PART, *self.exclude) or field.name.startswith("_")
        return is_numeric(field.type) and not hidden

    def _matrix(self, catalogue: pa.Table) -> np.ndarray:
        """float32 [N, C], NaN where not finite."""
        planes = np.empty((len(self.channels), catalogue.num_rows), np.float32)  # filling x[:, i] is ten times slower
        with np.errstate(over="ignore", invalid="ignore"):
            for i, name in enumerate(self._base):
                planes[i] = self._fine(catalogue, name)
            for i, (a, b) in enumerate(self._pairs, start=len(self._base)):
                planes[i] = self._values(catalogue, a) - self._values(catalogue, b)
        planes[~np.isfinite(planes)] = np.nan
        return np.ascontiguousarray(planes.T)

    def _values(self, catalogue: pa.Table, name: str) -> np.ndarray:
        """float64 [N], less its zero point."""
        values = numbers(catalogue, name, called(self.path))
        return values - self.zero[name] if name in self.zero else values

    def _fine(self, catalogue: pa.Table, name: str) -> np.ndarray:
        """The same, refused where float32 would blur it."""
        values = self._values(catalogue, name)
        if column(catalogue, name).type not in (pa.float32(), pa.float16()) and coarse(values):
            raise TableError(
                f"column '{name}' of {called(self.path)} (about {np.nanmedian(values):.10g}) is too coarse in float32; "
                f"subtract a zero point with data.zero={{{name}: {_round_zero(values):.15g}}}, or leave it out with "
                f"data.exclude=[{name}]"
            )
        return values


def coarse(values: np.ndarray) -> bool:
    """Whether float32 blurs float64 [N]: its step at the median above a thousandth of the spread (16 to 84 per cent).

    The median, not the largest value: a far outlier has a coarse step of its own and harms nobody.
    """
    middle, spread = _middle_and_spread(values)
    return bool(np.spacing(np.float32(abs(middle))) > 1e-3 * spread > 0)


def _middle_and_spread(values: np.ndarray) -> tuple[float, float]:
    values = values[:: max(1, len(values) // 100_000)]
    values = values[np.isfinite(values)]
    if len(values) == 0:
        return 0.0, 0.0
    low, middle, high = np.percentile(values, [16, 50, 84])
    return float(middle), float((high - low) / 2 or values.std())


def _round_zero(values: np.ndarray) -> float:
    """A round number near the values, near enough that float32 holds the rest."""
    middle, spread = _middle_and_spread(values)
    step = 10 ** min(np.floor(np.log10(abs(middle))) - 2, np.floor(np.log10(4000 * spread)))
    return float(np.floor(middle / step) * step)


def _metadata(table: pa.Table, name: str) -> dict[bytes, bytes] | None:
    found = unit(table, name)
    return {b"unit": found.encode()} if found else None
