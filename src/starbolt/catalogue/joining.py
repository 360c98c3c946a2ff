"""From partitions to one file: Parquet, FITS, CSV or ECSV, a partition at a time, so that memory does not grow."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from astropy.table import Table
from pyarrow import csv

from starbolt.catalogue.columns import array, text, unit
from starbolt.catalogue.fits import write_fits
from starbolt.catalogue.partitions import Parts
from starbolt.catalogue.plan import PLAN, Plan
from starbolt.catalogue.splicing import UnlikeError, splice
from starbolt.catalogue.writing import aside, coded, sweep

OWN = b"starbolt_outside"  # metadata that tell of one partition alone
LINES = 10_000  # rows that astropy writes at a time


def join(parts: Parts, path: Path) -> None:
    """Write all partitions as one file, whose kind its ending says; aside and renamed.

    Without locks two may do so at once: what the slower one writes is swept only when the file is there.
    """
    with aside(path) as part:
        WRITERS[path.suffix](parts, part)
    if path.suffix == ".csv":
        _write_origin(parts, path)
    sweep(path)


def is_joined(path: Path, plan: Plan) -> bool:
    """Whether the file is there already and was made by the same plan."""
    if not path.is_file():
        return False
    head = _origin(path) if path.suffix == ".csv" else path
    try:
        if path.suffix == ".parquet":
            return (pq.read_schema(path).metadata or {}).get(PLAN.encode()) == plan.name.encode()
        with head.open("rb") as file:
            return plan.name.encode() in file.read(1 << 20)
    except (OSError, pa.ArrowException):
        return False


def schema_of(parts: Parts) -> pa.Schema:
    """What all partitions have in common."""
    first = next(parts.schemas())
    return first.with_metadata({k: v for k, v in (first.metadata or {}).items() if k != OWN})


def write_parquet(parts: Parts, path: Path) -> None:
    """One Parquet file, a row group for each partition, copied as it is where this version of Arrow wrote it."""
    schema = schema_of(parts)
    try:
        splice(parts.paths(), schema, path)
    except UnlikeError:
        with pq.ParquetWriter(path, schema, use_dictionary=coded(schema)) as writer:
            for table in parts.tables():
                writer.write_table(table.cast(schema))


def write_csv(parts: Parts, path: Path) -> None:
    """Plain CSV; the elements of a list NAME are columns NAME_0, NAME_1, ... as they are when a vector is read."""
    tables = (flat(table) for table in parts.tables())
    first = next(tables)
    with csv.CSVWriter(path, first.schema) as writer:
        for table in (first, *tables):
            writer.write_table(table)


def flat(table: pa.Table) -> pa.Table:
    """The table with text for dictionaries and a column for each element of lists of fixed size."""
    columns: dict[str, pa.ChunkedArray] = {}
    for name, values in zip(table.column_names, table.columns, strict=True):
        if pa.types.is_dictionary(values.type):
            columns[name] = text(values)
        elif pa.types.is_fixed_size_list(values.type):
            each = range(values.type.list_size)
            columns |= {f"{name}_{i}": pc.list_element(values, i) for i in each}
        else:
            columns[name] = values
    return pa.table(columns)


def write_ecsv(parts: Parts, path: Path) -> None:
    """ECSV as astropy writes it, its header once."""
    with path.open("w") as file:
        for number, block in enumerate(_blocks(parts)):
            told = io.StringIO()
            block.write(told, format="ascii.ecsv")
            lines = told.getvalue().splitlines(keepends=True)
            head = next(i for i, line in enumerate(lines) if not line.startswith("#")) + 1
            file.writelines(lines[head if number else 0 :])


def _blocks(parts: Parts) -> Iterator[Table]:
    """The catalogue as astropy tables of LINES rows."""
    schema = schema_of(parts)
    meta = {key.decode(): value.decode() for key, value in schema.metadata.items() if key != b"ARROW:schema"}
    for table in parts.tables():
        for start in range(0, table.num_rows, LINES):
            block = Table({f.name: array(table[f.name].slice(start, LINES)) for f in schema}, meta=meta)
            for field in schema:
                block[field.name].unit = unit(field) or None
            yield block


def _origin(path: Path) -> Path:
    return path.with_name(f"{path.name}.json")


def _write_origin(parts: Parts, path: Path) -> None:
    """What CSV has no place for, in a file beside it: where it comes from, and the units."""
    units = {field.name: unit(field) for field in schema_of(parts) if unit(field)}
    with aside(_origin(path)) as part:
        part.write_text(json.dumps(parts.plan.metadata | {"units": units}, indent=1))


WRITERS: dict[str, Callable[[Parts, Path], None]] = {
    ".parquet": write_parquet,
    ".fits": write_fits,
    ".csv": write_csv,
    ".ecsv": write_ecsv,
}
