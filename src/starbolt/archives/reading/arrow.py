"""numpy arrays, astropy tables and data frames as Arrow tables: native byte order, str for bytes, null for masked."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import pyarrow as pa

from starbolt.archives.reading.columns import TableError, plain


def from_memory(source: Any) -> pa.Table:
    """A table held in memory as Arrow: pa.Table, astropy Table or QTable, pandas DataFrame, or {name: array}."""
    if isinstance(source, pa.Table):
        return source
    if isinstance(source, Mapping):
        return from_columns((name, np.ma.asanyarray(values), "") for name, values in source.items())
    if type(source).__module__.split(".")[0] == "pandas":
        return _words(pa.Table.from_pandas(source, preserve_index=False).replace_schema_metadata(None))
    from astropy.table import Table

    if isinstance(source, Table):
        return from_astropy(source)
    raise TypeError(f"a table is a file, a pyarrow, astropy or pandas table, or a dict of arrays, not {type(source)}")


def _words(table: pa.Table) -> pa.Table:
    """Bytes as str: what astropy's `to_pandas` makes of a FITS column of words."""
    fields = [field.with_type(pa.string()) if pa.types.is_binary(field.type) else field for field in table.schema]
    return table.cast(pa.schema(fields))


def from_astropy(table: Any) -> pa.Table:
    """An astropy Table or QTable as Arrow: quantities keep their unit, times become MJD [d], SkyCoord two columns."""
    from astropy.table import Column
    from astropy.table.serialize import represent_mixins_as_columns
    from astropy.time import Time

    table = table.copy(copy_data=False)
    for name in [name for name in table.colnames if isinstance(table[name], Time)]:
        table[name] = Column(table[name].mjd, unit="d")
    flat = represent_mixins_as_columns(table)
    return from_columns((name, flat[name], flat[name].unit) for name in flat.colnames)


def from_columns(columns: Iterable[tuple[str, Any, Any]]) -> pa.Table:
    """(name, array [N, ...], unit) as an Arrow table; masked elements are null, [N, M] arrays fixed-size lists."""
    arrays, fields = [], []
    for name, values, unit in columns:
        mask = np.ma.getmaskarray(values) if np.ma.is_masked(values) else None
        array = to_arrow(np.asarray(values), mask)
        arrays.append(array)
        fields.append(pa.field(str(name), array.type, metadata={b"unit": str(unit).encode()} if unit else None))
    lengths = {field.name: len(array) for field, array in zip(fields, arrays, strict=True)}
    if len(set(lengths.values())) > 1:
        raise TableError(f"the columns have different lengths: {lengths}")
    return pa.Table.from_arrays(arrays, schema=pa.schema(fields))


def to_arrow(values: np.ndarray, mask: np.ndarray | None = None) -> pa.Array:
    """One column [N, ...]; mask [N, ...] is True where missing."""
    if values.ndim > 1:
        flat = to_arrow(values.reshape(-1), None if mask is None else mask.reshape(-1))
        for size in reversed(values.shape[1:]):
            flat = pa.FixedSizeListArray.from_arrays(flat, size)
        return flat
    if values.dtype.kind == "O":
        return plain(pa.chunked_array([pa.array(_objects(values), mask=mask)])).combine_chunks()
    if values.dtype.kind == "S":
        values = np.char.decode(values, "utf-8", "replace")
    if not values.dtype.isnative:
        values = values.astype(values.dtype.newbyteorder("="))
    return pa.array(values, mask=mask)


def _objects(values: np.ndarray) -> list[Any]:
    """Objects that Arrow understands: str for bytes, lists for arrays (None where those are masked)."""
    return [v.decode(errors="replace") if isinstance(v, bytes) else v.tolist() if isinstance(v, np.ndarray) else v
            for v in values]  # fmt: skip
