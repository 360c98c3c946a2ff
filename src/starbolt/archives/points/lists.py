"""Light curves kept as lists in the cells of a table: Arrow lists, lists of structs, or text such as "[1.5, nan]"."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from starbolt.archives.reading.columns import TableError, column

NOTHING = ["", "None", "none", "null", "NULL", "--", "masked"]  # elements that stand for a missing number in text


def explode(table: pa.Table, names: list[str], where: object = "the table") -> tuple[pa.Table, np.ndarray]:
    """One row per element of the list columns among `names`, and the row [P] of `table` it came from.

    A name may reach into lists of structs ("prv_candidates.magpsf"); columns without lists are repeated.
    A table without any list comes back as it is. TableError where the lists of one row differ in length.
    """
    read = {name: _cells(table, name, where) for name in dict.fromkeys(names)}
    lists = {name: lengths for name, (_, lengths) in read.items() if lengths is not None}
    if not lists:
        return pa.table({name: values for name, (values, _) in read.items()}), np.arange(table.num_rows)
    _check_lengths(lists, where)
    row = np.repeat(np.arange(table.num_rows), next(iter(lists.values())))
    return pa.table({name: v if name in lists else v.take(pa.array(row)) for name, (v, _) in read.items()}), row


def has_lists(table: pa.Table, name: str, where: object = "the table") -> bool:
    """Whether the column holds lists."""
    return _cells(table.slice(0, 100), name, where)[1] is not None


def knows(table: pa.Table, name: str) -> bool:
    """Whether the table has that column, also inside structs and lists of structs."""
    try:
        _outer(table, name, "")
    except TableError:
        return False
    return True


def _cells(table: pa.Table, name: str, where: object) -> tuple[pa.ChunkedArray, np.ndarray | None]:
    """(elements, lengths [N]) of a column of lists, or (values, None) of any other."""
    values, inner = _outer(table, name, where)
    if pa.types.is_string(values.type) and _looks_listed(values):
        return _parsed(values, name, where)
    if not _is_list(values.type):
        return values, None
    lengths = np.asarray(pc.fill_null(pc.list_value_length(values), 0), np.int64)
    elements = pc.list_flatten(values)
    return (pc.struct_field(elements, inner) if inner else elements), lengths


def _outer(table: pa.Table, name: str, where: object) -> tuple[pa.ChunkedArray, list[str]]:
    """The column, and what of its name is left to look up inside the elements of a list of structs."""
    parts = name.split(".")
    for count in range(1, len(parts)):
        head = ".".join(parts[:count])
        if head in table.column_names and _holds(table.schema.field(head).type, parts[count]):
            return table[head], parts[count:]
    return column(table, name, where), []


def _holds(kind: pa.DataType, field: str) -> bool:
    return _is_list(kind) and pa.types.is_struct(kind.value_type) and kind.value_type.get_field_index(field) >= 0


def _is_list(kind: pa.DataType) -> bool:
    return pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind)


def _looks_listed(values: pa.ChunkedArray) -> bool:
    first = pc.drop_null(values.slice(0, 100)).to_pylist()
    return bool(first) and all(text.strip()[:1] in ("[", "(") for text in first)


def _parsed(values: pa.ChunkedArray, name: str, where: object) -> tuple[pa.ChunkedArray, np.ndarray]:
    """Lists spelled as text, separated by commas, semicolons or blanks, as float64."""
    inside = pc.utf8_trim(pc.fill_null(values, ""), characters="[]() \t\n")
    parts = pc.split_pattern_regex(inside, r"\s*[,;\s]\s*")
    lengths = np.where(np.asarray(pc.equal(inside, "")), 0, np.asarray(pc.list_value_length(parts), np.int64))
    elements = pc.list_flatten(pc.if_else(pc.equal(inside, ""), None, parts))
    elements = pc.if_else(pc.is_in(elements, pa.array(NOTHING)), None, elements)
    try:
        return pc.cast(elements, pa.float64()), lengths
    except pa.ArrowInvalid as error:
        raise TableError(f"column '{name}' of {where} holds lists that are not all numbers ({error})") from None


def _check_lengths(lists: dict[str, np.ndarray], where: object) -> None:
    first, *others = lists
    for name in others:
        odd = np.flatnonzero(lists[name] != lists[first])
        if len(odd):
            row, ours, theirs = odd[0], lists[first][odd[0]], lists[name][odd[0]]
            raise TableError(f"{where}, row {row}: '{first}' holds {ours} values, '{name}' {theirs}")
