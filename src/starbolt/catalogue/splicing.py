"""Parquet files of one schema to a single one, whose row groups are copied as they are: nothing is decoded.

Within a row group no byte depends on where it stands; the footer alone says so, and it is written anew. The numbers of
its fields: https://github.com/apache/parquet-format/blob/master/src/main/thrift/parquet.thrift
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO, NamedTuple

import pyarrow as pa

from starbolt.catalogue.thrift import I16, STRUCT, Field, Several, Struct, read, written
from starbolt.catalogue.writing import write_table

MAGIC, TAIL = b"PAR1", 8  # at either end; bytes at the end that say how long the footer is
PIECE = 1 << 22  # bytes that are copied at once
SCHEMA, ROWS, GROUPS = 2, 3, 4  # of a file
COLUMNS, GROUP_ROWS, GROUP_PLACE, ORDINAL = 1, 3, 5, 7  # of a row group
ABOUT, CHUNK_PLACES = 3, (2, 4, 6)  # of a column in it: what it is; itself and its indices
PAGE_PLACES = (9, 10, 11, 14)  # data, index, dictionary, Bloom filter
MOST = 1 << 15  # row groups that have a number of their own


class UnlikeError(ValueError):
    """A file has other columns, or tells of them in another way."""


class Footer(NamedTuple):
    """What a Parquet file says of itself, and the bytes before it."""

    told: Struct
    size: int


def splice(paths: Iterable[Path], schema: pa.Schema, path: Path) -> None:
    """One file of the row groups of all, in order."""
    whole, groups, rows = _empty(schema), list[bytes](), 0
    with path.open("wb") as target:
        target.write(MAGIC)
        for part in paths:
            with part.open("rb") as source:
                told, size = footer(source)
                if told[SCHEMA] != whole[SCHEMA]:
                    raise UnlikeError(f"{part} has other columns than are wanted")
                shift = target.tell() - len(MAGIC)
                groups += [_moved(group, shift, len(groups) + i) for i, group in enumerate(told[GROUPS].value.values)]
                rows += told[ROWS].value
                source.seek(len(MAGIC))
                _copy(source, target, size - len(MAGIC))
        whole[ROWS] = whole[ROWS]._replace(value=rows)
        whole[GROUPS] = whole[GROUPS]._replace(value=Several(STRUCT, groups))
        end = written(whole)
        target.write(end + len(end).to_bytes(4, "little") + MAGIC)


def footer(file: BinaryIO) -> Footer:
    """The footer of an open Parquet file; ValueError where it has none."""
    size = file.seek(-TAIL, io.SEEK_END)
    tail = file.read(TAIL)
    length = int.from_bytes(tail[:4], "little")
    if tail[4:] != MAGIC or length > size:
        raise ValueError(f"{getattr(file, 'name', 'this')} is no Parquet file")
    file.seek(size - length)
    return Footer(read(file.read(length)), size - length)


def _empty(schema: pa.Schema) -> Struct:
    """What a file without rows says of itself."""
    made = io.BytesIO()
    write_table(schema.empty_table(), made)
    return footer(made).told


def _moved(group: Struct, shift: int, number: int) -> bytes:
    """A row group that stands so many bytes further on, as its number in the file."""
    _shift(group, (GROUP_PLACE,), shift)
    for column in group[COLUMNS].value.values:
        _shift(column, CHUNK_PLACES, shift)
        _shift(column[ABOUT].value, PAGE_PLACES, shift)
    group.pop(ORDINAL, None)
    if number < MOST:
        group[ORDINAL] = Field(I16, number)
    return written(group)


def _shift(struct: Struct, places: Iterable[int], shift: int) -> None:
    for place in places:
        if place in struct and struct[place].value:  # 0: the writer did not say
            struct[place] = struct[place]._replace(value=struct[place].value + shift)


def _copy(source: BinaryIO, target: BinaryIO, size: int) -> None:
    for piece in _pieces(source, size):
        target.write(piece)


def _pieces(source: BinaryIO, size: int) -> Iterator[bytes]:
    while size:
        piece = source.read(min(size, PIECE))
        if not piece:
            raise ValueError(f"{source.name} ended while it was read")
        yield piece
        size -= len(piece)
