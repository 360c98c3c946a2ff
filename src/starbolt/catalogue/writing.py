"""How a catalogue is written: aside and renamed, its units and its origin in the file."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

from starbolt.catalogue.columns import is_text


@contextmanager
def aside(path: Path) -> Iterator[Path]:
    """A name beside `path` to write to, renamed to it once all is on the disk; nothing is left where that fails."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{socket.gethostname()}.{os.getpid()}{path.suffix}")
    try:
        yield part
        with part.open("rb") as file:
            os.fsync(file.fileno())
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def sweep(path: Path) -> None:
    """Remove what killed processes wrote beside `path`; only for whoever knows that nobody need write it now."""
    for part in path.parent.glob(f".{path.name}.*"):
        part.unlink(missing_ok=True)


def described(table: pa.Table, units: Mapping[str, str], metadata: Mapping[str, str]) -> pa.Table:
    """The table with units in its fields and metadata of its own."""
    fields = [f.with_metadata({"unit": units[f.name]}) if f.name in units else f for f in table.schema]
    return pa.table(table.columns, schema=pa.schema(fields, metadata=dict(metadata)))


def write_table(table: pa.Table, where: Path | BinaryIO) -> None:
    """Write Parquet."""
    pq.write_table(table, where, use_dictionary=coded(table.schema))


def coded(schema: pa.Schema) -> list[str]:
    """The columns whose values recur, for which a dictionary pays.

    Of numbers that are all different, and of names, one is made in vain: the file is larger and takes thrice the time.
    """
    return [field.name for field in schema if field.name == "mask" or (is_text(field.type) and field.name != "id")]
