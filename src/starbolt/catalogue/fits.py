"""A FITS table written as a stream: the header first, whose length is known, then the rows, a partition at a time.

FITS standard 4.0, https://fits.gsfc.nasa.gov/fits_standard.html: binary tables in section 7.3, sums in 4.4.2.7 and
appendix J.
"""

from __future__ import annotations

import mmap
import warnings
from collections import Counter
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
from astropy.io import fits
from astropy.units import Unit

from starbolt.archives.fits.checksums import ONES, UNSET, ones_sum
from starbolt.catalogue.columns import array, is_text, text, unit, width
from starbolt.catalogue.partitions import Parts
from starbolt.compose import UserError

BLOCK = 2880  # bytes
FORMS = {  # letter of TFORMn, and the number as it stands in the file
    pa.bool_(): ("L", "S1"),
    pa.uint8(): ("B", "u1"),
    pa.int8(): ("I", ">i2"),
    pa.int16(): ("I", ">i2"),
    pa.uint16(): ("J", ">i4"),
    pa.int32(): ("J", ">i4"),
    pa.uint32(): ("K", ">i8"),
    pa.int64(): ("K", ">i8"),
    pa.float16(): ("E", ">f4"),
    pa.float32(): ("E", ">f4"),
    pa.float64(): ("D", ">f8"),
}
WORDS = {  # keywords have eight letters
    "starbolt": "SB_VERS",
    "starbolt_model": "SB_MODEL",
    "starbolt_data": "SB_DATA",
    "starbolt_plan": "SB_PLAN",
    "starbolt_training_data": "SB_TRAIN",
    "starbolt_split": "SB_SPLIT",
    "starbolt_grid": "SB_GRID",
    "checkpoint": "SB_CKPT",
}
PUNCTUATION = {*range(0x3A, 0x41), *range(0x5B, 0x61)}  # between digits and letters: not allowed in CHECKSUM


class Column(NamedTuple):
    """A column: its name, TFORM, unit, and NumPy's word for what a row of it is."""

    name: str
    form: str
    unit: str
    row: str


def write_fits(parts: Parts, path: Path) -> None:
    """One binary table of all partitions, with its checksums."""
    columns = columns_of(parts)
    header = header_of(columns, parts)
    with path.open("w+b") as file:
        file.write(fits.PrimaryHDU().header.tostring().encode())
        begin = file.tell()
        file.write(header.tostring().encode())
        for table in parts.tables():
            file.write(rows_of(columns, table).data)
        file.write(bytes(-file.tell() % BLOCK))
        file.flush()
        sign(header, file.fileno(), begin)
        file.seek(begin)
        file.write(header.tostring().encode())


def columns_of(parts: Parts) -> list[Column]:
    """The columns, words as wide as the longest of all partitions, which are read once for that."""
    schema, wide = next(parts.schemas()), Counter[str]()
    words = [field.name for field in schema if is_text(field.type)]
    for table in parts.tables(columns=words):
        wide |= Counter({name: width(table[name]) for name in words})
    return [_column(field, max(wide[field.name], 1)) for field in schema]


def header_of(columns: list[Column], parts: Parts) -> fits.Header:
    """The table's header, all of it but the sums."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", fits.verify.VerifyWarning)  # names of classes and bands may hold any letter
        made = [fits.Column(c.name, c.form, c.unit or None) for c in columns]
        header = fits.BinTableHDU.from_columns(made, nrows=0).header
    header["NAXIS2"] = parts.plan.objects
    for key, value in parts.plan.metadata.items():
        header[WORDS[key]] = value
    header["CHECKSUM"], header["DATASUM"] = UNSET, "0".ljust(10)
    return header


def rows_of(columns: list[Column], table: pa.Table) -> np.ndarray:
    """The rows of a partition as they stand in the file: structured [n]."""
    rows = np.zeros(table.num_rows, [(f"{i}", column.row) for i, column in enumerate(columns)])
    for i, column in enumerate(columns):
        values = table[column.name]
        rows[f"{i}"] = _letters(values, column.name) if is_text(values.type) else _numbers(values)
    return rows


def sign(header: fits.Header, file: int, begin: int) -> None:
    """Set DATASUM and CHECKSUM of the HDU that begins at that byte and ends with the file."""
    with mmap.mmap(file, 0, access=mmap.ACCESS_READ) as content:
        data = ones_sum(content, begin + len(header.tostring()), len(content))
    header["DATASUM"] = str(data).ljust(10)
    with_header = ones_sum(header.tostring().encode(), 0, len(header.tostring()))
    header["CHECKSUM"] = encoded(ONES - (data + with_header) % ONES)


def encoded(value: int) -> str:
    """16 letters and digits whose big-endian words, moved on by a byte, sum to `value` and 4 times "0000"."""
    letters = np.zeros((4, 4), int)
    for i, byte in enumerate(value.to_bytes(4, "big")):
        letters[:, i] = byte // 4 + ord("0")
        letters[0, i] += byte % 4
        while PUNCTUATION & set(letters[:, i].tolist()):
            for pair in (letters[:2, i], letters[2:, i]):
                if PUNCTUATION & set(pair.tolist()):
                    pair += (1, -1)
    word = bytes(letters.flatten().tolist()).decode()
    return word[-1] + word[:-1]


def _column(field: pa.Field, wide: int) -> Column:
    kind, count, size = field.type, "", ""
    if is_text(kind):
        return Column(field.name, f"{wide}A", "", f"S{wide}")
    if pa.types.is_fixed_size_list(kind):
        kind, count, size = kind.value_type, f"{kind.list_size}", f"({kind.list_size},)"
    letter, row = FORMS[kind]
    return Column(field.name, f"{count}{letter}", _as_fits(unit(field)), f"{size}{row}")


def _as_fits(word: str) -> str:
    """A unit as FITS writes it; as it is where astropy does not know it."""
    try:
        return Unit(word).to_string("fits") if word else ""
    except ValueError:
        return word


def _letters(values: pa.ChunkedArray, name: str) -> np.ndarray:
    try:
        return np.asarray(text(values)).astype("S")
    except UnicodeEncodeError as error:
        raise UserError(
            f"FITS holds ASCII alone, and column {name!r} has {error.object!r}; say output=FILE.parquet, .csv or .ecsv"
        ) from None


def _numbers(values: pa.ChunkedArray) -> np.ndarray:
    numbers = array(values)
    return np.where(numbers, b"T", b"F") if numbers.dtype == bool else numbers
