"""Parquet: a file, a folder of files partitioned or not, or a HATS catalogue, with pyarrow alone.

Files are decoded one after the other, and of each only the columns that are needed.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from urllib.parse import unquote
from xml.etree import ElementTree

import pyarrow as pa
import pyarrow.parquet as pq

from starbolt.archives.reading.arrow import from_astropy
from starbolt.archives.reading.columns import TableError, plain
from starbolt.archives.reading.stacking import below

Wanted = Callable[[pa.Field], bool]  # which columns to decode
PIXEL = ("Norder", "Dir", "Npix")  # where in its tree HATS keeps a row: no property of the object
VOTABLE = b"IVOA.VOTable-Parquet.content"
NOTHING = "__HIVE_DEFAULT_PARTITION__"


def read_parquet(path: Path, table: str | int | None = None, wanted: Wanted = lambda field: True) -> pa.Table:
    """A file, or all Parquet files below a folder, of a HATS catalogue the Npix ones.

    Folders called year=2024 give a column `year`, unless the files have one.
    """
    root = _primary(path)
    files = parquet_files(root)
    keys = _keys([file.relative_to(root) for file in files])
    parts = [_with_keys(_part(file, wanted), keys, i) for i, file in enumerate(files)]
    return below(parts, files)


def parquet_files(path: Path) -> list[Path]:
    """The file itself, or a folder's in order of their paths, without `_metadata`, thumbnails and their like."""
    if path.is_file():
        return [path]
    inside = [f.relative_to(path) for f in sorted(path.rglob("*")) if f.suffix in (".parquet", ".pq") and f.is_file()]
    inside = [file for file in inside if not any(part.startswith(("_", ".")) for part in file.parts)]
    pixels = [file for file in inside if any(part.startswith("Npix=") for part in file.parts)]
    if not inside:
        raise TableError(f"the folder {path} holds no Parquet file; name others by a pattern, such as {path}/*.fits")
    return [path / file for file in pixels or inside]


def _primary(path: Path) -> Path:
    """The catalogue itself where a HATS collection holds margins and indexes too, which repeat its rows."""
    about = path / "collection.properties"
    found = about.is_file() and re.search(r"^\s*hats_primary_table_url\s*[=:]\s*(\S+)", about.read_text(), re.MULTILINE)
    return path / found[1] if found else path


def _part(file: Path, wanted: Wanted) -> pa.Table:
    """One file; astropy puts units and masks into the metadata, so it reads what it wrote itself."""
    try:
        with pq.ParquetFile(file, pre_buffer=False) as content:  # else the whole file is held beside what it holds
            schema = content.schema_arrow
            hats = any(part.startswith("Npix=") for part in file.parts)
            names = [f.name for f in schema if wanted(f) and not _bookkeeping(f.name, hats)]
            if b"table_meta_yaml" in (schema.metadata or {}):
                return _by_astropy(file, names)
            units = _units(schema.metadata or {})
            table = content.read(None if names == schema.names else names)
    except (pa.ArrowException, OSError, ElementTree.ParseError) as error:
        reason = str(error).split("\n")[0][:150]
        raise TableError(f"{file} cannot be read as PARQUET, is it damaged or cut short? ({reason})") from error
    return _plain(table, units)


def _bookkeeping(name: str, hats: bool) -> bool:
    return name.startswith("__index_level_") or (hats and name in PIXEL)


def _by_astropy(file: Path, names: list[str]) -> pa.Table:
    from astropy.table import Table

    return from_astropy(Table.read(file, format="parquet", include_names=names))


def _units(metadata: dict[bytes, bytes]) -> dict[str, dict[bytes, bytes]]:
    """Column -> its unit, where the file carries the head of a VOTable, as the Virtual Observatory writes Parquet."""
    fields = ElementTree.fromstring(metadata.get(VOTABLE, b"<none/>")).iter()
    units = {field.get("name", ""): field.get("unit") for field in fields if field.tag.endswith("FIELD")}
    return {name: {b"unit": unit.encode()} for name, unit in units.items() if unit}


def _plain(table: pa.Table, units: dict[str, dict[bytes, bytes]]) -> pa.Table:
    arrays = [plain(values) for values in table.columns]
    about = [{**(field.metadata or {}), **units.get(field.name, {})} or None for field in table.schema]
    names = zip(table.column_names, arrays, about, strict=True)
    fields = [pa.field(name, array.type, metadata=metadata) for name, array, metadata in names]
    return pa.Table.from_arrays(arrays, schema=pa.schema(fields))


def _keys(files: list[Path]) -> dict[str, pa.Array]:
    """Per key of the folders' names its value for each file [F], as integers where all are."""
    found = [dict(part.split("=", 1) for part in file.parts[:-1] if "=" in part) for file in files]
    names = dict.fromkeys(name for keys in found for name in keys if name not in PIXEL)
    return {name: _typed([keys.get(name) for keys in found]) for name in names}


def _typed(words: list[str | None]) -> pa.Array:
    values = [None if word is None or word == NOTHING else unquote(word) for word in words]
    whole = all(re.fullmatch(r"[+-]?(0|[1-9]\d{0,17})", value) for value in values if value is not None)
    return pa.array([None if v is None else int(v) for v in values] if whole else values)


def _with_keys(table: pa.Table, keys: dict[str, pa.Array], file: int) -> pa.Table:
    for name, values in keys.items():
        if name not in table.column_names:
            same = pa.repeat(values[file], table.num_rows)
            table = table.append_column(name, same)
    return table
