"""Tables in binary formats: FITS, VOTable, Parquet (a file, a folder, a HATS catalogue) and HDF5.

Each reader takes a path and `table`, the name or number of one table where the file holds several.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from starbolt.archives.arrow import from_astropy, from_columns
from starbolt.archives.columns import TableError, nearest

T = TypeVar("T")


def read_fits(path: Path, table: str | int | None = None) -> pa.Table:
    """A binary or ASCII table extension, by name or HDU number, else the first; TNULL and NaN become null."""
    from astropy.io import fits
    from astropy.table import Table

    with fits.open(path) as hdus:
        numbered = {i: hdu for i, hdu in enumerate(hdus) if isinstance(hdu, (fits.BinTableHDU, fits.TableHDU))}
        if not numbered:
            raise TableError(f"{path} holds no table, only images")
        if table is None:
            table = next(iter(numbered))
        named = {hdu.name or str(i): hdu for i, hdu in numbered.items()}
        hdu = numbered[table] if isinstance(table, int) and table in numbered else _pick(named, str(table), path)
        return from_astropy(Table.read(hdu, format="fits"))


def read_votable(path: Path, table: str | int | None = None) -> pa.Table:
    """A TABLE of a VOTable, by name, ID or number from 0; the columns are called by their names, not their IDs."""
    from astropy.io.votable import parse

    tables = {t.name or t.ID or str(i): t for i, t in enumerate(parse(path, verify="ignore").iter_tables())}
    return from_astropy(_pick(tables, table, path).to_table(use_names_over_ids=True))


def read_parquet(path: Path, table: str | int | None = None) -> pa.Table:
    """A file, or all Parquet files below a folder (of a HATS catalogue the Npix ones)."""
    parts = [_parquet_part(file) for file in _parquet_files(path)]
    whole = pa.concat_tables(parts, promote_options="permissive")
    return whole.drop_columns([name for name in whole.column_names if name.startswith("__index_level_")])


def _parquet_files(path: Path) -> list[Path]:
    """In order of their paths, without `_metadata` and its like."""
    if path.is_file():
        return [path]
    inside = [f.relative_to(path) for f in sorted(path.rglob("*")) if f.suffix in (".parquet", ".pq") and f.is_file()]
    pixels = [file for file in inside if any(part.startswith("Npix=") for part in file.parts)]
    files = pixels or [file for file in inside if not file.name.startswith(("_", "."))]
    if not files:
        raise TableError(f"the folder {path} holds no Parquet file")
    return [path / file for file in files]


def _parquet_part(file: Path) -> pa.Table:
    """One file; astropy puts units and masks into the metadata, so it reads what it wrote itself."""
    from astropy.table import Table

    if b"table_meta_yaml" in (pq.read_schema(file).metadata or {}):
        return from_astropy(Table.read(file, format="parquet"))
    return pq.read_table(file, partitioning=None)


def read_hdf5(path: Path, table: str | int | None = None) -> pa.Table:
    """A dataset with named fields (as astropy writes), or a group of datasets, one per column.

    Raises ImportError with the way out where h5py is not installed.
    """
    try:
        import h5py
    except ImportError as error:
        raise ImportError(f"{path} is HDF5, which needs h5py: pip install starbolt[hdf5]") from error
    from astropy.table import Table

    with h5py.File(path) as file:
        chosen = _pick(_hdf5_tables(file), table, path)
        if isinstance(chosen, h5py.Dataset):
            return from_astropy(Table.read(path, path=chosen.name, format="hdf5", character_as_bytes=False))
        datasets = {name: item for name, item in chosen.items() if isinstance(item, h5py.Dataset) and item.shape}
        return from_columns((name, np.asarray(item), _hdf5_unit(item)) for name, item in datasets.items())


def _hdf5_tables(file: Any) -> dict[str, Any]:
    """Whatever may be a table, by its path; "/" is the top of the file."""
    tables: dict[str, Any] = {}

    def visit(name: str, item: Any) -> None:
        if not getattr(item, "shape", ()) or name.endswith("__table_column_meta__"):
            return
        if item.dtype.names:
            tables[name] = item
        else:
            tables[item.parent.name.strip("/") or "/"] = item.parent

    file.visititems(visit)
    return tables


def _hdf5_unit(item: Any) -> str:
    unit = item.attrs.get("unit", item.attrs.get("units", ""))
    return unit.decode() if isinstance(unit, bytes) else str(unit)


def _pick(tables: dict[str, T], table: str | int | None, path: Path) -> T:
    """The table that was asked for, by name (in any case) or by number from 0, or the only one."""
    names = list(tables)
    if isinstance(table, int) and 0 <= table < len(names):
        return tables[names[table]]
    if table is None:
        if len(names) == 1:
            return tables[names[0]]
        raise TableError(f"{path} holds {len(names)} tables; choose with data.table= one of {', '.join(names[:12])}")
    wanted = str(table).strip("/").lower() or "/"
    found = [name for name in names if name.lower() == wanted]
    if not found:
        raise TableError(f"{path} holds no table {table!r}; {nearest(str(table), names)}")
    return tables[found[0]]
