"""The Arrow files of a store: one record batch a file, so that every column is one contiguous, memory-mapped array.

Dense modalities are fixed-shape-tensor columns, series are list columns; other Arrow readers open both.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from starbolt.archives import Dense, Ragged

PLANES = ("x", "err", "limit")


def write_dense(path: Path, rows: int, like: Dense) -> dict[str, np.ndarray]:
    """Lay out a file for `rows` objects shaped as those of `like`, and give writable views [rows, ...] to fill.

    Nothing the size of the data is held in memory: the zeros written first are pages that were never touched.
    """
    planes = {name: plane for name in PLANES if (plane := getattr(like, name)) is not None}
    columns = {name: _zeros(rows, plane) for name, plane in planes.items()}
    _write(path, pa.table(columns))
    views: dict[str, np.ndarray] = {}
    for name, (offset, dtype, shape) in _places(path).items():
        views[name] = np.memmap(path, dtype=dtype, mode="r+", offset=offset, shape=shape)
    return views


def write_ragged(path: Path, series: Ragged) -> None:
    """Write series as list columns `time`, `x` and, where there are, `err` and `limit`."""
    columns = {"time": _lists(series.offsets, pa.array(series.time))}
    for name in PLANES:
        plane = getattr(series, name)
        if plane is not None:
            flat = pa.array(_storable(plane).reshape(-1))
            columns[name] = _lists(series.offsets, pa.FixedSizeListArray.from_arrays(flat, plane.shape[1]))
    _write(path, pa.table(columns))


def read_dense(path: Path) -> Dense:
    """The file as read-only views on the memory map."""
    table = _open(path)
    planes = {name: _tensor(table[name]) for name in table.column_names}
    return Dense(planes["x"], planes.get("err"), _truth(planes.get("limit")))


def read_ragged(path: Path) -> Ragged:
    """The file as read-only views on the memory map."""
    table = _open(path)
    chunk = table["time"].chunk(0)
    planes: dict[str, Any] = {}
    for name in set(PLANES) & set(table.column_names):
        inner = table[name].chunk(0).values
        planes[name] = inner.values.to_numpy(zero_copy_only=True).reshape(-1, inner.type.list_size)
    return Ragged(
        offsets=chunk.offsets.to_numpy(zero_copy_only=True),
        time=chunk.values.to_numpy(zero_copy_only=True),
        x=planes["x"],
        err=planes.get("err"),
        limit=_truth(planes.get("limit")),
    )


def write_table(path: Path, table: pa.Table) -> None:
    """Write a catalogue as one record batch."""
    _write(path, table)


def read_table(path: Path) -> pa.Table:
    """The catalogue on the memory map."""
    return _open(path)


def _write(path: Path, table: pa.Table) -> None:
    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table.combine_chunks(), max_chunksize=max(table.num_rows, 1))


def _open(path: Path) -> pa.Table:
    return pa.ipc.open_file(pa.memory_map(str(path))).read_all()


def _storable(plane: np.ndarray) -> np.ndarray:
    plane = plane.astype(np.uint8) if plane.dtype == bool else plane
    return np.ascontiguousarray(plane, dtype=plane.dtype.newbyteorder("="))


def _truth(plane: np.ndarray | None) -> np.ndarray | None:
    return None if plane is None else plane.view(bool)


def _zeros(rows: int, plane: np.ndarray) -> pa.ExtensionArray:
    plane = _storable(plane[:1])
    kind = pa.fixed_shape_tensor(pa.from_numpy_dtype(plane.dtype), plane.shape[1:])
    flat = pa.array(np.zeros(rows * int(np.prod(plane.shape[1:])), plane.dtype))
    storage = pa.FixedSizeListArray.from_arrays(flat, int(np.prod(plane.shape[1:])))
    return pa.ExtensionArray.from_storage(kind, storage)


def _lists(offsets: np.ndarray, values: pa.Array) -> pa.Array:
    return pa.LargeListArray.from_arrays(pa.array(offsets, pa.int64()), values)


def _tensor(column: pa.ChunkedArray) -> np.ndarray:
    chunk = column.chunk(0)
    return chunk.storage.values.to_numpy(zero_copy_only=True).reshape(len(chunk), *column.type.shape)


def _places(path: Path) -> dict[str, tuple[int, np.dtype, tuple[int, ...]]]:
    """Where each tensor column's numbers begin in the file [bytes], their type and shape."""
    whole = pa.memory_map(str(path)).read_buffer()
    table = pa.ipc.open_file(whole).read_all()
    places = {}
    for name in table.column_names:
        view = _tensor(table[name])
        places[name] = (view.ctypes.data - whole.address, view.dtype, view.shape)
    return places
