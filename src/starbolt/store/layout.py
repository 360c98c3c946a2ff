"""The Arrow files of a store: one record batch a file, so that every column is one contiguous, memory-mapped array.

Dense modalities are fixed-shape-tensor columns, series are list columns; other Arrow readers open both. A file is laid
out first, with nothing in it, and then filled in any order: nothing the size of the data is held in memory.
"""

from __future__ import annotations

import io
import mmap
import os
import sys
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import numpy as np
import pyarrow as pa

from starbolt.archives import Dense, Ragged

PLANES = ("x", "err", "limit")
BIG = 1 << 20  # buffers from this size on [bytes] are zeros still to be filled: skipped, not written
MANY = pa.ipc.IpcWriteOptions(allow_64bit=True)  # more than 2^31 numbers in a column


class Plane(NamedTuple):
    """The numbers of one object (of one point of a series): their type, as NumPy writes it, and shape."""

    dtype: str
    shape: tuple[int, ...]


class Place(NamedTuple):
    """Where a column's numbers begin in the file [bytes], their type and, of all rows, shape."""

    offset: int
    dtype: np.dtype
    shape: tuple[int, ...]

    def fill(self, file: BinaryIO, row: int, values: np.ndarray) -> None:
        """Write values [n, ...] of the rows from `row` on."""
        file.seek(self.offset + row * self.item)
        file.write(np.ascontiguousarray(values, self.dtype).data)

    @property
    def item(self) -> int:
        """Bytes of one row."""
        return int(np.prod(self.shape[1:])) * self.dtype.itemsize


def plane_of(values: np.ndarray) -> Plane:
    """How values [n, ...] are stored: in the machine's byte order, truth as bytes."""
    dtype = np.dtype(np.uint8) if values.dtype == bool else values.dtype.newbyteorder("=")
    return Plane(dtype.str, values.shape[1:])


def lay_out_dense(path: Path, rows: int, planes: dict[str, Plane]) -> None:
    """A file for so many objects; its disk space is taken at once, OSError where there is not enough."""
    _lay_out(path, pa.table({name: _tensors(rows, plane) for name, plane in planes.items()}))


def lay_out_ragged(path: Path, offsets: np.ndarray, planes: dict[str, Plane]) -> None:
    """A file for series: list columns `time`, `x` and, where there are, `err` and `limit`; offsets int64 [N + 1]."""
    owners = pa.array(offsets, pa.int64())
    columns = {}
    for name, plane in planes.items():
        flat = _zeros(int(offsets[-1]), plane)
        points = pa.FixedSizeListArray.from_arrays(flat, plane.shape[0]) if plane.shape else flat
        columns[name] = pa.LargeListArray.from_arrays(owners, points)
    _lay_out(path, pa.table(columns))


def places(path: Path) -> dict[str, Place]:
    """Where the numbers of each column stand in a file."""
    whole = pa.memory_map(str(path)).read_buffer()
    table = pa.ipc.open_file(whole).read_all()
    views = {name: _numbers(table[name]) for name in table.column_names}
    starts = {name: view.ctypes.data - whole.address if view.size else 0 for name, view in views.items()}
    return {name: Place(starts[name], view.dtype, view.shape) for name, view in views.items()}


def read_dense(path: Path) -> Dense:
    """The file as read-only views on the memory map."""
    table = read_table(path)
    planes = {name: _numbers(table[name]) for name in table.column_names}
    return Dense(planes["x"], planes.get("err"), _truth(planes.get("limit")))


def read_ragged(path: Path) -> Ragged:
    """The file as read-only views on the memory map."""
    table = read_table(path)
    planes = {name: _numbers(table[name]) for name in table.column_names}
    return Ragged(
        offsets=table["time"].chunk(0).offsets.to_numpy(zero_copy_only=True),
        time=planes["time"],
        x=planes["x"],
        err=planes.get("err"),
        limit=_truth(planes.get("limit")),
    )


def write_table(path: Path, table: pa.Table) -> None:
    """Write a catalogue as one record batch."""
    with pa.OSFile(str(path), "wb") as sink:
        _write(sink, table)


def read_table(path: Path) -> pa.Table:
    """The catalogue on the memory map."""
    return pa.ipc.open_file(pa.memory_map(str(path))).read_all()


class _Skipping(io.RawIOBase):
    """A file in which large buffers leave room instead of being written."""

    def __init__(self, file: BinaryIO) -> None:
        self.file = file

    def writable(self) -> bool:
        return True

    def tell(self) -> int:
        return self.file.tell()

    def write(self, data: Any) -> int:
        zeros = len(data) >= BIG and not memoryview(data)[-8:].tobytes().strip(b"\0")  # else the offsets of series
        if zeros:
            self.file.seek(len(data), os.SEEK_CUR)
        else:
            self.file.write(data)
        return len(data)


def _lay_out(path: Path, table: pa.Table) -> None:
    with path.open("wb") as file:
        _write(pa.PythonFile(_Skipping(file), mode="w"), table)
        if sys.platform == "linux":
            os.posix_fallocate(file.fileno(), 0, file.tell())


def _write(sink: Any, table: pa.Table) -> None:
    with pa.ipc.new_file(sink, table.schema, options=MANY) as writer:
        writer.write_table(table.combine_chunks(), max_chunksize=max(table.num_rows, 1))


def _tensors(rows: int, plane: Plane) -> pa.ExtensionArray:
    kind = pa.fixed_shape_tensor(pa.from_numpy_dtype(np.dtype(plane.dtype)), plane.shape)
    storage = pa.FixedSizeListArray.from_arrays(_zeros(rows, plane), int(np.prod(plane.shape)))
    return pa.ExtensionArray.from_storage(kind, storage)


def _zeros(rows: int, plane: Plane) -> pa.Array:
    """So many zeros that nobody ever reads: pages of address space, which take no memory."""
    dtype = np.dtype(plane.dtype)
    count = rows * int(np.prod(plane.shape))
    if not count:
        return pa.array(np.zeros(0, dtype))
    pages = mmap.mmap(-1, count * dtype.itemsize, flags=mmap.MAP_PRIVATE, prot=mmap.PROT_READ)
    return pa.array(np.frombuffer(pages, dtype))


def _numbers(column: pa.ChunkedArray) -> np.ndarray:
    """The numbers of a tensor column [rows, ...] or of a list column [points] or [points, C], without a copy."""
    chunk = column.chunk(0)
    if isinstance(column.type, pa.FixedShapeTensorType):
        return chunk.storage.values.to_numpy(zero_copy_only=True).reshape(len(chunk), *column.type.shape)
    points = chunk.values
    if not pa.types.is_fixed_size_list(points.type):
        return points.to_numpy(zero_copy_only=True)
    return points.values.to_numpy(zero_copy_only=True).reshape(-1, points.type.list_size)


def _truth(plane: np.ndarray | None) -> np.ndarray | None:
    return None if plane is None else plane.view(bool)
