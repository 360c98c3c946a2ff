"""Text columns whose cells are values and limits, "21.3" and "<21.5": numbers, and a column that tells the limits."""

from __future__ import annotations

from collections.abc import Collection

import pyarrow as pa
import pyarrow.compute as pc

from starbolt.archives.reading.columns import unit
from starbolt.archives.reading.limits import SIGN, signed

LIMIT = "_limit_of_"  # what the name of such a column of limits begins with
VALUE = r"^\s*([<>]=?)?\s*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\s*$"
SAMPLE = 100  # cells that decide whether a column is worth reading to its end


def without_signs(table: pa.Table, where: object, spare: Collection[str | None] = ()) -> pa.Table:
    """The table with each such column as float64, and beside it "_limit_of_NAME", true where a sign stood.

    A column is such where every cell is a number, or a number behind < or >, and at least one sign occurs.
    spare: columns that stay as they are.
    """
    for i, field in enumerate(table.schema):
        if field.name in spare or not pa.types.is_string(field.type) or not _has_signs(table.column(i)):
            continue
        values, found = signed(table, field.name, where)
        has = unit(table, field.name)
        number = pa.field(field.name, pa.float64(), metadata={b"unit": has.encode()} if has else None)
        table = table.set_column(i, number, pa.array(values, from_pandas=True))
        table = table.append_column(LIMIT + field.name, pa.array(found))
    return table


def _has_signs(values: pa.ChunkedArray) -> bool:
    few = values.slice(0, SAMPLE)
    if few.null_count == len(few) and len(values) > SAMPLE:
        few = values.drop_null().slice(0, SAMPLE)
    if not _all(few, VALUE):
        return False
    return bool(pc.any(pc.match_substring_regex(values, SIGN)).as_py()) and _all(values, VALUE)


def _all(values: pa.ChunkedArray, pattern: str) -> bool:
    return bool(pc.all(pc.match_substring_regex(values, pattern)).as_py())
