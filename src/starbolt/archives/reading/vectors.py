"""Vector columns: the elements of a column flux [N, M] are the columns flux_0 to flux_{M-1}."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from starbolt.archives.reading.columns import TableError, is_numeric, unit

MOST = 512  # elements of a vector that nobody named: a longer one is a spectrum or an image, not a set of features


def expanded(table: pa.Table, asked: Collection[str] = (), spare: Collection[str] = ()) -> pa.Table:
    """The table with each vector column of numbers replaced by one column per element, in its place, with its unit.

    asked: names of vectors or elements that are wanted whatever their length; a list column counts as a vector where
    it is asked for and all its lists have one length. spare: vectors left as they are rather than refused. A missing
    vector has missing elements. Raises TableError where an element would bear the name of a column that is there, or
    lists differ.
    """
    columns: list[tuple[pa.Field, pa.ChunkedArray]] = []
    for field, values in zip(table.schema, table.columns, strict=True):
        elements = _elements(field, values, asked)
        taken = {f"{field.name}_{i}" for i in elements} & set(table.column_names)
        elements = [] if taken and field.name in spare else elements
        if taken and elements:
            raise TableError(
                f"the vector column '{field.name}' has an element '{min(taken)}', as another column is called; leave "
                f"the vector out with data.exclude=[{field.name}]"
            )
        has = unit(table, field.name)
        columns += [_element(values, f"{field.name}_{i}", i, has) for i in elements] or [(field, values)]
    fields, arrays = zip(*columns, strict=True)
    return pa.Table.from_arrays(list(arrays), schema=pa.schema(fields))


def elements(name: str, names: Collection[str]) -> list[str]:
    """The columns that `name` stands for: itself, or the elements of the vector so called, in order."""
    if name in names:
        return [name]
    count = 0
    while f"{name}_{count}" in names:
        count += 1
    return [f"{name}_{i}" for i in range(count)] or [name]


def each(names: Iterable[str], there: Collection[str]) -> list[str]:
    """The same for many names."""
    return [element for name in names for element in elements(name, there)]


def each_of(mapping: Mapping[str, Any], there: Collection[str]) -> dict[str, Any]:
    """The same for {name: value}; a value that names a vector is taken apart alongside its key.

    TableError where the two vectors have different lengths.
    """
    found: dict[str, Any] = {}
    for name, value in mapping.items():
        keys = elements(name, there)
        values = elements(value, there) if isinstance(value, str) else [value]
        if len(values) not in (1, len(keys)):
            raise TableError(f"'{name}' has {len(keys)} elements but '{value}' has {len(values)}")
        found |= dict(zip(keys, values * (len(keys) // len(values)), strict=True))
    return found


def is_vector(kind: pa.DataType) -> bool:
    """A fixed number of numbers per row."""
    return pa.types.is_fixed_size_list(kind) and is_numeric(kind.value_type)


def is_list(kind: pa.DataType) -> bool:
    """Any number of numbers per row."""
    return (pa.types.is_list(kind) or pa.types.is_large_list(kind)) and is_numeric(kind.value_type)


def _elements(field: pa.Field, values: pa.ChunkedArray, asked: Collection[str]) -> list[int]:
    whole, parts = field.name in asked, [name for name in asked if name.startswith(f"{field.name}_")]
    size = field.type.list_size if is_vector(field.type) else None
    if size is None and is_list(field.type) and (whole or parts):
        size = _common_length(field.name, values)
    if size is None:
        return []
    named = [int(end) for name in parts if (end := name.removeprefix(f"{field.name}_")).isdigit() and int(end) < size]
    return list(range(size)) if whole or size <= MOST else sorted(set(named))


def _common_length(name: str, values: pa.ChunkedArray) -> int:
    least, most = pc.min_max(pc.list_value_length(values)).values()
    if least.as_py() != most.as_py():
        raise TableError(
            f"column '{name}' holds lists of {least} to {most} elements; vectors have one length in all rows"
        )
    return int(most.as_py() or 0)


def _element(values: pa.ChunkedArray, name: str, place: int, has: str) -> tuple[pa.Field, pa.ChunkedArray]:
    array = pc.list_element(values, place)
    return pa.field(name, array.type, metadata={b"unit": has.encode()} if has else None), array
