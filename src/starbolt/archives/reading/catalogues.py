"""The catalogue beside images and light curves: its rows chosen, its missing values null, its parts joined and flat."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from starbolt.archives.base import PART, Dense, Sample
from starbolt.archives.reading.arrow import from_memory
from starbolt.archives.reading.columns import column, is_numeric, is_scalar, nested, numbers, unit
from starbolt.archives.reading.stacking import below


def called(source: Any, default: str = "the table") -> str:
    """What a sentence calls a source: its path, the first of several, or `default` for a table in memory."""
    if isinstance(source, list | tuple) and source and isinstance(source[0], str | Path):
        return f"{source[0]} (and {len(source) - 1} more)" if len(source) > 1 else str(source[0])
    return str(source) if isinstance(source, str | Path) else default


def folder(source: Any) -> str:
    """The folder of a file (of several, the first), the folder itself if it is one, and "" for a table in memory."""
    if isinstance(source, list | tuple) and source:
        return folder(source[0])
    if not isinstance(source, str | Path):
        return ""
    path = Path(source).expanduser()
    return str(path if path.is_dir() else path.parent)


def held(source: Any) -> Any:
    """A table in memory as Arrow, whose content a fingerprint can follow; a path as it is."""
    return source if source is None or isinstance(source, str | Path) else from_memory(source)


def without_sentinels(table: pa.Table, sentinels: Sequence[float], spare: str | None = None) -> pa.Table:
    """Numeric columns with null where they hold one of the sentinels; the column `spare` (the id) stays."""
    for i, field in enumerate(table.schema):
        if not sentinels or field.name == spare or not is_numeric(field.type) or pa.types.is_boolean(field.type):
            continue
        kind = np.float32 if pa.types.is_float32(field.type) else np.float64  # 99.9 is another number in float32
        found = np.isin(numbers(table, field.name).astype(kind), np.asarray(sentinels, kind))
        if found.any():
            table = table.set_column(i, field, pc.if_else(pa.array(found), None, table.column(i)))
    return table


def in_parts(tables: Sequence[pa.Table]) -> pa.Table:
    """One catalogue from one table, or from a training and a test table, told apart by the column PART."""
    if len(tables) == 1:
        return tables[0]
    return together([marked(table, part) for table, part in zip(tables, ("train", "test"), strict=True)])


def marked(table: pa.Table, part: str) -> pa.Table:
    """The table with a column PART that holds `part`."""
    return table.append_column(PART, pa.array([part] * table.num_rows, pa.string()))


def together(tables: Sequence[pa.Table]) -> pa.Table:
    """Tables one below the other; a column that one of them lacks is null there."""
    return below(tables, ["the first catalogue", *["the test catalogue"] * (len(tables) - 1)])


def flat(table: pa.Table, keep: Iterable[str] = ()) -> pa.Table:
    """The scalar columns, those inside structs under their dotted names, and the columns named in `keep`."""
    names = [name for name in table.column_names if is_scalar(table.schema.field(name).type)]
    names += [name for name in nested(table) if is_scalar(column(table, name).type)]
    names += [name for name in keep if name not in names]
    fields, columns = [], []
    for name in names:
        values, has = column(table, name), unit(table, name)
        fields.append(pa.field(name, values.type, metadata={b"unit": has.encode()} if has else None))
        columns.append(values)
    return pa.Table.from_arrays(columns, schema=pa.schema(fields))


def context_rows(table: pa.Table, names: Sequence[str]) -> Dense:
    """The context columns of many objects [N, K], NaN where missing."""
    return Dense(np.stack([numbers(table, name) for name in names], axis=1))


def context_sample(row: dict[str, Any], names: Sequence[str]) -> Sample:
    """The context columns of one object as a table Sample [K], NaN where missing."""
    return Sample(np.array([np.nan if row[name] is None else float(row[name]) for name in names]))
