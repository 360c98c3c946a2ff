"""Catalogues as data: each row an object, its numeric columns the channels, with errors and limits where named.

Numbers stay float64 until zero points and colours are taken out, since float32 cannot hold a Julian date.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, final

import numpy as np
import pyarrow as pa

from starbolt.archives.base import PART, Archive, Dense, Ragged, Sample
from starbolt.archives.channels import Recipe
from starbolt.archives.magnitudes import softened_unit, zero_point
from starbolt.archives.reading.catalogues import called, in_parts, without_sentinels
from starbolt.archives.reading.columns import TableError, column, is_numeric, is_scalar, nearest, nested, unit
from starbolt.archives.reading.files import files_of, read_table
from starbolt.archives.reading.sentinels import suspects
from starbolt.archives.reading.signs import LIMIT, without_signs
from starbolt.archives.reading.vectors import each, each_of, expanded, is_vector
from starbolt.archives.reading.where import where as rows_where


@final
class TableArchive(Archive):
    """A catalogue in one or several files, with others where the test rows come separately (or tables in memory).

    features: the columns that are channels, dotted for nested ones; default: all numeric scalar columns and elements of
    vectors but `id`, `exclude` and those whose name begins with "_". colours: pairs [a, b] that append a channel "a-b".
    names, table: as in `read_table`. where: condition on rows, as in `where`. missing: sentinel values, null wherever
    they stand in a numeric column except `id`. zero: column -> number subtracted in float64.
    errors: feature -> column of its one-sigma errors. limits: feature -> column that says where it is a limit, as in
    `flags`; cells such as "<21.5" say it themselves. asinh_magnitudes: flux -> softening, in the flux's unit; the
    channel is then a magnitude, see `asinh_magnitude`, whose zero_point [mag] is known from the unit or given.
    Any of these may name a vector column, see `expanded`.
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
        errors: Mapping[str, str] | None = None,
        limits: Mapping[str, str] | None = None,
        asinh_magnitudes: Mapping[str, float] | None = None,
        zero_point: float | None = None,
        keep: Sequence[str] = (),
    ) -> None:
        self.path, self.test_path, self.id = path, test_path, id
        self.notes: list[str] = []
        self.features, self.exclude, self.names, self.table = features, exclude, names, table
        self.where, self.missing, self.colours, self.zero, self.keep = where, missing, colours, zero or {}, keep
        self.errors, self.limits = errors or {}, limits or {}
        self.asinh_magnitudes, self.zero_point = asinh_magnitudes or {}, zero_point

    def files(self) -> list[str] | None:
        """The catalogue's files; None where it is in memory."""
        found = [files_of(path) for path in (self.path, self.test_path) if path is not None]
        return None if None in found else [file for files in found for file in files or ()]

    def sources(self, catalogue: pa.Table) -> list[str]:
        """The catalogue's files."""
        return self.files() or []

    def read(self) -> pa.Table:
        """All scalar columns and elements of vectors, sentinels as nulls; training and test rows told apart by PART.

        A column that the test file lacks, such as the target, is null there, one that it alone has is left out;
        channels must be in both. Raises TableError for a channel too coarse in float32.
        """
        tables = [self._read(path) for path in (self.path, self.test_path) if path is not None]
        self._lay_out(tables[0], tables[-1].column_names)
        tables[1:] = [self._like(table, tables[0].column_names) for table in tables[1:]]
        catalogue = in_parts(tables)
        self._recipe.refuse_coarse(catalogue)
        self.notes = self._strange(catalogue)
        return catalogue

    def _strange(self, catalogue: pa.Table) -> list[str]:
        """Usual sentinels in columns of which colours are made: in a difference they are none that anybody knows."""
        hidden = [name for name in self._recipe.used if name not in self.channels]
        values = {name: catalogue[name].to_numpy().astype(np.float32) for name in hidden}
        return [note for name, x in values.items() for note in suspects(x[:, None], [name])]

    def _like(self, test: pa.Table, names: Sequence[str]) -> pa.Table:
        """The columns of the test catalogue that the other has too; TableError where one that is used is absent."""
        recipe = self._recipe
        signs = [name for name in recipe.limits.values() if name.startswith(LIMIT)]
        for name in (*recipe.used, *recipe.errors.values(), *recipe.limits.values()):
            if name not in signs:
                column(test, name, called(self.test_path))
        return test.select([name for name in test.column_names if name in (*names, *signs)])

    def load(self, row: dict[str, Any]) -> np.ndarray | Sample:
        """One object's channels, float32 [C], with errors and limits where there are."""
        recipe = self._recipe
        columns = [name for name in (*recipe.used, *recipe.errors.values(), *recipe.limits.values()) if name in row]
        one = recipe.dense(pa.table({name: pa.array([row[name]]) for name in columns}))
        if one.err is None and one.limit is None:
            return one.x[0]
        return Sample(one.x[0], *(None if plane is None else plane[0] for plane in (one.err, one.limit)))

    def load_rows(self, catalogue: pa.Table) -> dict[str, Dense | Ragged]:
        """Many objects' channels, {"table": x float32 [N, C], NaN where unmeasured, err and limit alike}."""
        if not self.channels:
            self._lay_out(catalogue, catalogue.column_names)
        return {"table": self._recipe.dense(catalogue)}

    def _read(self, path: Any) -> pa.Table:
        asked, place = self._asked(), called(path)
        needed = partial(self._is_needed, asked)
        table = read_table(path, names=self.names, table=self.table, columns=needed)
        if self.where:
            table = table.filter(pa.array(rows_where(table, self.where, place)))
        inside = nested(table)
        for dotted in (name for name in asked if name in inside):
            values = column(table, dotted, place)
            table = table.append_column(pa.field(dotted, values.type, metadata=_metadata(table, dotted)), values)
        table = expanded(table, asked, spare=[name for name in self.exclude if name not in asked])
        for name in each(self._needed(), table.column_names):
            column(table, name, place)
        table = table.select([field.name for field in table.schema if is_scalar(field.type)])
        table = without_signs(table, place, spare=(self.id, *self.exclude, *self.limits.values()))
        return without_sentinels(table, self.missing, spare=self.id)

    def _is_needed(self, asked: list[str], field: pa.Field) -> bool:
        """Whether to decode a column: scalars, vectors, and of bytes, lists and structs those that are named."""
        named = (*asked, self.where or "")
        inside = any(field.name in words for words in named) and not pa.types.is_binary(field.type)
        return is_scalar(field.type) or is_vector(field.type) or inside

    def _needed(self) -> list[str]:
        """The columns that must be there, each once."""
        pairs = [name for pair in self.colours for name in pair]
        features = [name for name in self.features if name not in self._colour_names()]
        planes = [name for mapping in (self.errors, self.limits) for pair in mapping.items() for name in pair]
        roles = [*self.zero, *(name for name in planes if name not in self._colour_names()), *self.asinh_magnitudes]
        return list(dict.fromkeys([*features, *pairs, *roles, *([self.id] if self.id else [])]))

    def _asked(self) -> list[str]:
        """The same, and what is to be kept where it is there (a new catalogue may lack the target)."""
        return [*self._needed(), *self.keep]

    def _lay_out(self, catalogue: pa.Table, names: Sequence[str]) -> None:
        """Set channels, units and what they are made of; names: all columns of the last catalogue read."""
        there, colours = catalogue.column_names, self._colour_names()
        errors, limits, soft = (each_of(words, there) for words in (self.errors, self.limits, self.asinh_magnitudes))
        base = each((name for name in self.features if name not in colours), there)
        base = base if self.features else self._numeric(catalogue, [*errors.values(), *limits.values()])
        colours = {name: pair for name, pair in colours.items() if name not in base}
        self.channels = (*base, *colours)
        if not self.channels:
            raise TableError(f"{called(self.path)} has no numeric column left to learn from; see data.features=[...]")
        parts = (*((name,) for name in base), *colours.values())
        used = dict.fromkeys(name for part in parts for name in part)
        self._refuse_strangers(used, {"errors": errors, "limits": limits, "asinh_magnitudes": soft})
        signs = {name.removeprefix(LIMIT): name for name in (*there, *names) if name.startswith(LIMIT)}
        limits |= {name: sign for name, sign in signs.items() if name in used}
        points = {name: self._zero_point(catalogue, name, soft[name]) for name in soft}
        self._recipe = Recipe(parts, errors, limits, soft, points, each_of(self.zero, there), called(self.path))
        softened = {name: softened_unit(soft[name], points[name]) for name in soft}
        self.units = tuple(softened.get(part[0]) or unit(catalogue, part[0]) for part in parts)

    def _numeric(self, catalogue: pa.Table, planes: Sequence[str]) -> list[str]:
        hidden = {self.id, PART, *planes, *each(self.exclude, catalogue.column_names)}
        numeric = [field.name for field in catalogue.schema if is_numeric(field.type)]
        return [name for name in numeric if name not in hidden and not name.startswith("_")]

    def _colour_names(self) -> dict[str, tuple[str, str]]:
        return {f"{a}-{b}": (a, b) for a, b in self.colours}

    def _refuse_strangers(self, used: Mapping[str, None], words: Mapping[str, Mapping[str, Any]]) -> None:
        for word, mapping in words.items():
            for name in mapping:
                if name not in used:
                    raise TableError(f"data.{word} names {name!r}, which is no feature; {nearest(name, used)}")

    def _zero_point(self, catalogue: pa.Table, name: str, soft: float) -> float:
        if not soft > 0:
            raise TableError(f"data.asinh_magnitudes gives {name!r} the softening {soft}, not positive")
        return (
            zero_point(unit(catalogue, name), name, called(self.path)) if self.zero_point is None else self.zero_point
        )


def _metadata(table: pa.Table, name: str) -> dict[bytes, bytes] | None:
    found = unit(table, name)
    return {b"unit": found.encode()} if found else None
