"""The columns of a catalogue as NumPy has them."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc


def unit(field: pa.Field) -> str:
    """The unit that stands in a field's metadata, "" where none does."""
    return (field.metadata or {}).get(b"unit", b"").decode()


def array(values: pa.ChunkedArray) -> np.ndarray:
    """Numbers and flags [n], text as strings [n], lists of fixed size as [n, size]."""
    if pa.types.is_fixed_size_list(values.type):
        return np.asarray(pc.list_flatten(values)).reshape(len(values), values.type.list_size)
    if is_text(values.type):
        return np.asarray(text(values)).astype(str)
    return np.asarray(values)


def is_text(kind: pa.DataType) -> bool:
    """Whether a column holds words, one by one or coded in a dictionary."""
    kind = kind.value_type if pa.types.is_dictionary(kind) else kind
    return pa.types.is_string(kind) or pa.types.is_large_string(kind)


def text(values: pa.ChunkedArray) -> pa.ChunkedArray:
    """Words one by one, also where a dictionary codes them."""
    return values.cast(pa.string())


def width(values: pa.ChunkedArray) -> int:
    """Bytes of the longest word, 0 of none."""
    return pc.max(pc.binary_length(text(values))).as_py() or 0
