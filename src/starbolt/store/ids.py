"""The name of each object: a string, told apart within a part of the data."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from starbolt.archives import Archive
from starbolt.archives.base import PART

EXACT = 2.0**63  # floats below this are written as integers where they are whole


def object_ids(archive: Archive, catalogue: pa.Table) -> pa.Array:
    """One string per object [N], all different within the training and within the test rows.

    The same id in both parts is a finding of the audit. ValueError naming the first that repeats in one.
    """
    if archive.id is None:
        return pa.array(range(catalogue.num_rows), pa.int64()).cast(pa.string())
    column = catalogue[archive.id]
    ids = as_strings(column)
    told = column.combine_chunks() if pa.types.is_integer(column.type) else ids  # numbers are compared faster
    parts = pc.unique(catalogue[PART]) if PART in catalogue.column_names else [None]
    for part in parts:
        _refuse_repeats(told if part is None else told.filter(pc.equal(catalogue[PART], part)), archive)
    return ids


def as_strings(column: pa.ChunkedArray) -> pa.Array:
    """Each value as Python writes it, whole floats without their point: 3.0 is "3"."""
    values = column.combine_chunks()
    if pa.types.is_dictionary(values.type):
        values = values.dictionary_decode()
    if pa.types.is_floating(values.type):
        return _floats(values.cast(pa.float64()))
    if pa.types.is_integer(values.type) or pa.types.is_string(values.type) or pa.types.is_large_string(values.type):
        words = values.cast(pa.string())
        return pc.fill_null(words, "None") if words.null_count else words
    return pa.array([str(value) for value in values.to_pylist()], pa.string())


def _floats(values: pa.Array) -> pa.Array:
    whole = pc.and_(pc.equal(values, pc.floor(values)), pc.less(pc.abs(values), EXACT))
    whole = pc.fill_null(whole, False)
    plain = pc.if_else(whole, values, 0.0).cast(pa.int64()).cast(pa.string())
    broken = pa.array([_word(value) for value in values.filter(pc.invert(whole)).to_pylist()], pa.string())
    return pc.replace_with_mask(plain, pc.invert(whole), broken)


def _word(value: float | None) -> str:
    return str(int(value)) if value is not None and value.is_integer() else str(value)


def _all_differ(ids: pa.Array) -> bool:
    if pa.types.is_integer(ids.type) and not ids.null_count:
        inorder = np.sort(np.asarray(ids))  # 8 bytes a row, where a table of all that were seen takes a hundred
        return not (inorder[1:] == inorder[:-1]).any()
    return pc.count_distinct(ids, mode="all").as_py() == len(ids)


def _refuse_repeats(ids: pa.Array, archive: Archive) -> None:
    if _all_differ(ids):
        return
    counts = pc.value_counts(as_strings(pa.chunked_array([ids])))
    first = counts.filter(pc.greater(counts.field("counts"), 1))[0].as_py()
    files = archive.files() or []
    where = f" of {files[0]}{' and the files beside it' if len(files) > 1 else ''}" if files else ""
    raise ValueError(
        f"the id {first['values']!r} stands {first['counts']} times in column {archive.id!r}{where}; each object needs "
        "one row (name another column with data.id=COLUMN, or rows that belong together with data.group=COLUMN)"
    )
