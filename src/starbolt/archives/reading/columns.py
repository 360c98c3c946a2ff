"""Columns of a catalogue by name: as Arrow, as numbers, with their unit; a dot reaches into nested columns.

Every failure is a `TableError`: one sentence that names the place, the column, the value and the way out.
"""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc


class TableError(ValueError):
    """What is wrong with a table, where, and the way out, in one sentence for the user."""


def nearest(name: str, names: Iterable[str]) -> str:
    """The end of a sentence about a missing name: the names most like it, or the first few there are."""
    known = {known.lower(): known for known in names}
    near = [known[found] for found in get_close_matches(name.lower(), known, 3)]
    if near:
        return f"did you mean {', '.join(map(repr, near))}?"
    some = ", ".join(map(repr, list(known.values())[:12]))
    return f"there are {some}{', ...' if len(known) > 12 else ''}"


def column(table: pa.Table, name: str, where: object = "the table") -> pa.ChunkedArray:
    """The column `name`, "candidate.magpsf" being the field magpsf of the nested column candidate.

    where: what the sentence calls the table, usually its file. Raises TableError with the nearest names.
    """
    if name in table.column_names:
        return table.column(name)
    inner = nested(table)
    if name in inner:
        head, *rest = name.split(".")
        return plain(pc.struct_field(table.column(head), rest))
    raise TableError(f"{where} has no column '{name}'; {nearest(name, [*table.column_names, *inner])}")


def numbers(table: pa.Table, name: str, where: object = "the table") -> np.ndarray:
    """The column as float64 [N], NaN where null; text that spells numbers counts as numbers.

    Raises TableError with the first value that is no number.
    """
    values = column(table, name, where)
    try:
        if not is_scalar(values.type) or pa.types.is_temporal(values.type):
            raise pa.ArrowInvalid(f"{values.type} is no number")
        values = pc.cast(values, pa.float64(), safe=False)
        return np.asarray(pc.fill_null(values, np.nan) if values.null_count else values)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        first = next(v for v in values.to_pylist() if v is not None and not _is_number(v))
        raise TableError(f"column '{name}' of {where} holds {str(first)[:40]!r} where a number is needed") from None


def unit(table: pa.Table, name: str) -> str:
    """The unit of a column as a string that astropy reads, "" where unknown."""
    head, *rest = [name] if name in table.column_names else name.split(".")
    field = table.schema.field(head)
    for part in rest:
        field = field.type.field(part)
    return (field.metadata or {}).get(b"unit", b"").decode()


def nested(table: pa.Table) -> list[str]:
    """The dotted names of all fields inside struct columns."""
    return [name for field in table.schema if pa.types.is_struct(field.type) for name in _fields(field, field.name)]


def is_scalar(kind: pa.DataType) -> bool:
    """One value per row: a number, a flag, a date or a text, not bytes, a list or a struct."""
    return not (pa.types.is_nested(kind) or pa.types.is_binary(kind) or isinstance(kind, pa.BaseExtensionType))


def is_numeric(kind: pa.DataType) -> bool:
    """Numbers and flags."""
    types = pa.types
    return types.is_floating(kind) or types.is_integer(kind) or types.is_boolean(kind) or types.is_decimal(kind)


def plain(values: pa.ChunkedArray) -> pa.ChunkedArray:
    """Dictionary-coded values decoded, any text as string, a column of nothing but nulls as float64."""
    if pa.types.is_dictionary(values.type):
        values = values.cast(values.type.value_type)
    if pa.types.is_large_string(values.type) or pa.types.is_string_view(values.type):
        return values.cast(pa.string())
    return values.cast(pa.float64()) if pa.types.is_null(values.type) else values


def _fields(field: pa.Field, path: str) -> list[str]:
    names = []
    for inner in field.type:
        name = f"{path}.{inner.name}"
        names += [name, *(_fields(inner, name) if pa.types.is_struct(inner.type) else [])]
    return names


def _is_number(value: object) -> bool:
    try:
        float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return False
    return "_" not in str(value)  # Python reads 149_499 as a number, Arrow and we do not
