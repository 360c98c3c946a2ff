"""All images of a survey in one array: NPY (memory-mapped), NPZ or HDF5, one row per object."""

from __future__ import annotations

import os
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property, lru_cache
from pickle import UnpicklingError
from tokenize import TokenError
from typing import Any
from zipfile import BadZipFile

import numpy as np
import pyarrow as pa

from starbolt.archives.fits.odd import native
from starbolt.archives.reading.columns import TableError, numbers

DAMAGE = (
    OSError, EOFError, ValueError, KeyError, RuntimeError, OverflowError, SyntaxError, UnpicklingError, BadZipFile,
    TokenError, zlib.error,
)  # fmt: skip  # what numpy, zipfile and h5py raise
ROW = "starbolt_row"  # catalogue column with an object's row in the archive's own arrays


class Stack:
    """A stack [N, H, W], [N, C, H, W] or [N, H, W, C], read as [C, H, W] per row in its own dtype.

    The last axis is taken for channels where its length is 4 or less and that of axis 1 is not. `source` is an array
    or a path; where a file holds several arrays, "file.h5:images" names one. Opened at first use in each process.
    """

    def __init__(self, source: str | np.ndarray) -> None:
        self.source = source

    def __getstate__(self) -> dict[str, Any]:
        return {"source": self.source}

    def __len__(self) -> int:
        return len(self._array)

    @property
    def name(self) -> str:
        """What errors call it."""
        return self.source if isinstance(self.source, str) else "the array data.stack"

    def read(self, rows: np.ndarray) -> np.ndarray:
        """The images [len(rows), C, H, W] of the rows given."""
        array = self._array
        try:
            images = array[rows] if isinstance(array, np.ndarray) else _gathered(array, rows)
        except OSError as error:
            raise ValueError(f"{self.name} is truncated or damaged ({str(error).splitlines()[0]})") from error
        if images.ndim == 3:
            return native(images)[:, None]
        last = images.shape[3] <= 4 < images.shape[1]
        return native(np.moveaxis(images, 3, 1) if last else images)

    def numbered(self, table: pa.Table, name: str, place: str, *, create: bool) -> pa.Table:
        """The catalogue with row numbers in column `name`, made in the catalogue's order if `create`.

        TableError where they are not rows of the stack, or the stack has another length than the catalogue.
        """
        if create and table.num_rows != len(self):
            raise TableError(
                f"{place} has {table.num_rows} rows and {self.name} {len(self)} images; "
                "name the column of row numbers with data.file=COLUMN"
            )
        if create:
            return table.append_column(name, pa.array(np.arange(len(self))))
        rows = numbers(table, name, place)
        wrong = ~((rows >= 0) & (rows < len(self)) & (rows == np.floor(rows)))
        if wrong.any():
            line = int(np.argmax(wrong))
            raise TableError(
                f"{place}, row {line}: '{name}' is {rows[line]:g}; {self.name} has rows 0 to {len(self) - 1}"
            )
        return table

    @cached_property
    def _array(self) -> Any:
        array = _opened(self.source, os.getpid()) if isinstance(self.source, str) else self.source
        if array.ndim not in (3, 4) or 0 in array.shape:
            raise ValueError(f"{self.name} has shape {array.shape}; give [N, H, W], [N, C, H, W] or [N, H, W, C]")
        return array


def _gathered(array: Any, rows: np.ndarray) -> np.ndarray:
    """Rows of an HDF5 array, which reads lists of rows slowly: each run of neighbours is one slice."""
    unique, places = np.unique(rows, return_inverse=True)
    runs = np.split(unique, np.flatnonzero(np.diff(unique) != 1) + 1)
    return np.concatenate([array[run[0] : run[-1] + 1] for run in runs])[places]


@lru_cache(2)
def _opened(source: str, process: int) -> Any:
    """The array that `source` names, unread where the format allows; ValueError where it is unclear which."""
    path, _, key = (source, "", "") if os.path.exists(source) else source.rpartition(":")
    if not os.path.exists(path):
        raise FileNotFoundError(f"there is no stack {source!r}; name one with data.stack=")
    with open(path, "rb") as handle:
        start = handle.read(4)
    with _told(path):
        if start == b"\x93NUM":
            return np.load(path, mmap_mode="r")
        arrays = _hdf5(path) if start == b"\x89HDF" else np.load(path, mmap_mode="r")
        return _chosen(arrays, path, key)


@contextmanager
def _told(path: str) -> Iterator[None]:
    """Whatever a reader raises about a damaged file, as one sentence."""
    try:
        yield
    except _UnclearError as error:
        raise ValueError(str(error)) from None
    except DAMAGE as error:
        said = (str(error).strip("'\" ").splitlines() or [type(error).__name__])[0][:200]
        raise ValueError(f"{path} cannot be read as NPY, NPZ or HDF5, is it damaged? ({said})") from error


class _UnclearError(ValueError):
    """A sound file that does not say which of its arrays is meant."""


def _hdf5(path: str) -> Mapping[str, Any]:
    import h5py

    file: Mapping[str, Any] = h5py.File(path, "r")
    return file


def _chosen(arrays: Mapping[str, Any], path: str, key: str) -> Any:
    """The array called `key`, or the only one shaped like a stack."""
    if key and key in arrays:
        return arrays[key]
    fit = [] if key else [name for name in arrays if len(getattr(arrays[name], "shape", ())) in (3, 4)]
    if len(fit) != 1:
        raise _UnclearError(f"{path} holds {', '.join(arrays)}: say which with data.stack={path}:NAME")
    return arrays[fit[0]]
