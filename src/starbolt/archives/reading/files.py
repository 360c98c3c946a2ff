"""Any catalogue an astronomer has, read into one Arrow table: native byte order, units in the fields, null for missing.

Text (CSV, ASCII, ECSV), FITS, VOTable, Parquet (a file, a folder, a HATS catalogue), HDF5, and tables in memory;
several files by a list or a pattern.
"""

from __future__ import annotations

import gzip
import os
import warnings
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from starbolt.archives.reading.arrow import from_memory
from starbolt.archives.reading.binary import read_fits, read_votable
from starbolt.archives.reading.columns import TableError, nearest, plain
from starbolt.archives.reading.hdf5 import read_hdf5
from starbolt.archives.reading.listed import paths_of
from starbolt.archives.reading.parquet import Wanted, read_parquet
from starbolt.archives.reading.stacking import below
from starbolt.archives.reading.text import read_text


def read_table(
    source: Any,
    *,
    names: Sequence[str] = (),
    table: str | int | None = None,
    columns: Sequence[str] | Wanted | None = None,
) -> pa.Table:
    """One row per object, from a file (format by its ending, else by its content) or from a table in memory.

    source: also several files, as a list or a pattern such as "cat_*.fits", read one below the other (see `below`).
    names: the columns' names, in place of those in the file. table: HDU, VOTable or HDF5 group, by name or number.
    columns: which to give, by name ("a.b" counts as "a"; those that are not there are left out) or by a test of the
    field; Parquet decodes no others.
    Raises FileNotFoundError with the nearest file names, TableError where the content is damaged or ambiguous.
    """
    wanted = _wanted(columns)
    paths = [Path(path) for path in paths_of(source)]
    if not paths:
        return _chosen(_named(from_memory(source), names, "the table"), wanted)
    return below([_chosen(_read(path, names, table, wanted), wanted) for path in paths], paths)


def files_of(source: Any) -> list[str] | None:
    """Every file that `read_table` would look at, of folders all inside; None for a table in memory."""
    paths = [Path(path) for path in paths_of(source)]
    inside = [sorted(f for f in p.rglob("*") if f.is_file()) if p.is_dir() else [p] for p in paths]
    return [str(file) for files in inside for file in files] or None


def _read(path: Path, names: Sequence[str], table: str | int | None, wanted: Wanted) -> pa.Table:
    if not path.exists():
        raise FileNotFoundError(_missing(path))
    reader = read_parquet if path.is_dir() else _reader(path)
    if reader is read_text:
        return _named(_guarded(lambda: read_text(path, names), path, "a table"), names, path)
    kind = reader.__name__.removeprefix("read_").upper()
    early = _all if names else wanted  # by other names the file knows its columns
    return _named(_guarded(lambda: reader(path, table, early), path, kind), names, path)


def _wanted(columns: Sequence[str] | Wanted | None) -> Wanted:
    if columns is None or callable(columns):
        return columns or _all
    chosen = {name for column in columns for name in (column, column.split(".")[0])}
    return lambda field: field.name in chosen


def _all(field: pa.Field) -> bool:
    return True


def _chosen(table: pa.Table, wanted: Wanted) -> pa.Table:
    return table.select([field.name for field in table.schema if wanted(field)])


def _missing(path: Path) -> str:
    if any(sign in path.name for sign in "*?["):
        return f"no file matches the pattern {path}"
    if not path.parent.is_dir():
        return f"there is no folder {path.parent}, so no {path.name} in it"
    return f"there is no file {path}; {nearest(path.name, sorted(os.listdir(path.parent)))}"


def _reader(path: Path) -> Callable[..., pa.Table]:
    ending = path.with_suffix("").suffix if path.suffix == ".gz" else path.suffix
    if ending.lower() in ENDINGS:
        return ENDINGS[ending.lower()]
    with path.open("rb") as file:
        head = file.read(512)
    if head.startswith(b"\x1f\x8b"):
        with gzip.open(path) as file:
            head = file.read(512)
    return next((reader for mark, reader in MARKS.items() if head.startswith(mark)), read_text)


def _guarded(read: Callable[[], pa.Table], path: Path, kind: str) -> pa.Table:
    """Whatever a reader raises about a damaged file, as one sentence; a truncated FITS file is only warned of."""
    if path.is_file() and path.stat().st_size == 0:
        raise TableError(f"{path} is empty")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            warnings.filterwarnings("error", ".*truncated")
            return read()
    except (TableError, ImportError, MemoryError):
        raise
    except Exception as error:
        reason = (str(error).strip() or type(error).__name__).split("\n")[0][:150]
        raise TableError(f"{path} cannot be read as {kind}, is it damaged or cut short? ({reason})") from error


def _named(table: pa.Table, names: Sequence[str], where: object) -> pa.Table:
    """The table under the given names, each column plain (see `plain`); twins are refused."""
    if names and len(names) != table.num_columns:
        raise TableError(f"data.names has {len(names)} names, but {where} has {table.num_columns} columns")
    names = list(names or table.column_names)
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        raise TableError(f"{where} has several columns called '{twice[0]}'; give all names with data.names=[...]")
    arrays = [plain(values) for values in table.columns]
    pairs = zip(names, arrays, table.schema, strict=True)
    fields = [pa.field(name, array.type, metadata=field.metadata) for name, array, field in pairs]
    return pa.Table.from_arrays(arrays, schema=pa.schema(fields))


ENDINGS: dict[str, Callable[..., pa.Table]] = {
    **dict.fromkeys((".fits", ".fit", ".fts"), read_fits),
    **dict.fromkeys((".vot", ".votable", ".xml", ".vo"), read_votable),
    **dict.fromkeys((".parquet", ".pq"), read_parquet),
    **dict.fromkeys((".h5", ".hdf5", ".hdf"), read_hdf5),
    **dict.fromkeys((".csv", ".tsv", ".ecsv"), read_text),
}
MARKS: dict[bytes, Callable[..., pa.Table]] = {
    b"SIMPLE  =": read_fits,
    b"PAR1": read_parquet,
    b"\x89HDF": read_hdf5,
    b"<?xml": read_votable,
    b"<VOTABLE": read_votable,
}
