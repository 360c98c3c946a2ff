"""Tables in HDF5: a dataset with named fields, a group of one dataset per column, and what pandas' `to_hdf` writes.

pandas leaves pickles in its files, which could run any code: they are searched for words, never loaded.
"""

from __future__ import annotations

import pickletools
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from starbolt.archives.reading.arrow import from_astropy, from_columns
from starbolt.archives.reading.columns import TableError
from starbolt.archives.reading.parquet import Wanted
from starbolt.archives.reading.picking import pick

MOST_AXES = 2  # datasets with more are stacks of images beside the table


def read_hdf5(path: Path, table: str | int | None = None, wanted: Wanted = lambda field: True) -> pa.Table:
    """The table called `table`, or the only one; of a group the datasets [N] and [N, M].

    Raises ImportError with the way out where h5py is not installed.
    """
    try:
        import h5py
    except ImportError as error:
        raise ImportError(f"{path} is HDF5, which needs h5py: pip install starbolt[hdf5]") from error
    from astropy.table import Table

    with h5py.File(path) as file:
        chosen = pick(_tables(file), table, path)
        if "pandas_type" in chosen.attrs:
            return from_columns(_pandas_columns(chosen, path))
        if isinstance(chosen, h5py.Dataset):
            return from_astropy(Table.read(path, path=chosen.name, format="hdf5", character_as_bytes=False))
        datasets = {name: item for name, item in chosen.items() if _is_column(item)}
        return from_columns((name, np.asarray(item), _unit(item)) for name, item in datasets.items())


def _is_column(item: Any) -> bool:
    return 1 <= len(getattr(item, "shape", ())) <= MOST_AXES and item.dtype.names is None


def _tables(file: Any) -> dict[str, Any]:
    """Whatever may be a table, by its path; "/" is the top of the file."""
    tables: dict[str, Any] = {}
    frames: list[str] = []

    def visit(name: str, item: Any) -> None:
        if any(name.startswith(frame + "/") for frame in frames) or name.endswith("__table_column_meta__"):
            return
        if "pandas_type" in item.attrs:
            frames.append(name)
            tables[name] = item
        elif getattr(item, "shape", ()) and item.dtype.names:
            tables[name] = item
        elif _is_column(item):
            tables[item.parent.name.strip("/") or "/"] = item.parent

    file.visititems(visit)
    return tables


def _unit(item: Any) -> str:
    return _word(item.attrs.get("unit", item.attrs.get("units", "")))


def _word(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)


def _pandas_columns(group: Any, path: Path) -> list[tuple[str, Any, str]]:
    """(name, values [N], "") of a data frame in pandas' fixed or table format, in the frame's order."""
    kind = _word(group.attrs["pandas_type"])
    if kind == "frame":
        order = [_word(name) for name in np.asarray(group["axis0"])]
        found = _fixed(group, path)
    elif kind == "frame_table":
        order = _words(group.attrs["non_index_axes"])
        found = _tabular(group["table"], path)
    else:
        raise TableError(f"{path}: {group.name} is a pandas {kind}, no data frame; write it anew with to_parquet")
    return [(name, found[name], "") for name in order]


def _fixed(group: Any, path: Path) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for i in range(int(group.attrs["nblocks"])):
        names, values = np.asarray(group[f"block{i}_items"]), group[f"block{i}_values"]
        if values.dtype.kind == "O":
            raise TableError(
                f"{path}: pandas pickled the column '{_word(names[0])}', and pickles are not loaded; write the frame "
                "anew with to_parquet, or to_hdf(format='table')"
            )
        column = _as(np.asarray(values), "bool" if _is_flag(values) else _word(values.attrs.get("value_type", "")))
        found |= {_word(name): column[:, k] for k, name in enumerate(names)}
    return found


def _tabular(table: Any, path: Path) -> dict[str, Any]:
    rows = np.asarray(table)
    found: dict[str, Any] = {}
    for field in (name for name in table.dtype.names if name != "index"):
        kind, gone = _word(table.attrs[f"{field}_dtype"]), table.attrs.get(f"{field}_nan_rep", b"nan")
        if "category" in _word(table.attrs.get(f"{field}_meta", "")):
            raise TableError(f"{path}: column '{field}' is categorical in pandas; write the frame anew with to_parquet")
        block = rows[field].reshape(len(rows), -1)
        values = np.ma.array(block, mask=block == gone) if block.dtype.kind == "S" else _as(block, kind)
        found |= {name: values[:, k] for k, name in enumerate(_words(table.attrs[f"{field}_kind"]))}
    return found


def _as(values: np.ndarray, kind: str) -> np.ndarray:
    """Numbers in the type that they had in the frame: flags are stored as bytes, dates as whole nanoseconds."""
    if kind.startswith("datetime64"):
        return values.view("M8[ns]" if kind == "datetime64" else kind.split(",")[0].rstrip("]") + "]")
    return values.astype(bool) if kind == "bool" else values


def _is_flag(values: Any) -> bool:
    """PyTables keeps flags as bit fields, which h5py gives as bytes."""
    from h5py import h5t

    return bool(values.id.get_type().get_class() == h5t.BITFIELD)


def _words(pickled: bytes) -> list[str]:
    """The texts in a pickled list, which is not loaded."""
    return [
        str(arg) for op, arg, _ in pickletools.genops(bytes(pickled)) if "UNICODE" in op.name or "STRING" in op.name
    ]
