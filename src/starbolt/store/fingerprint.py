"""The name of a store: a hash of the archive's options and of its source files' names, sizes and dates."""

from __future__ import annotations

import hashlib
import io
import os
from collections.abc import Iterator
from dataclasses import is_dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from starbolt.archives import Archive
from starbolt.archives.arrow import from_memory

SIMPLE = (str, bytes, bool, int, float, Path, type(None))
FORMAT = "2"  # a change of the store's layout makes every store anew


def fingerprint(archive: Archive, catalogue: pa.Table) -> str:
    """16 hexadecimal digits that change with the archive's class, options, files and catalogue."""
    digest = hashlib.sha256(f"{FORMAT} {type(archive).__module__}.{type(archive).__qualname__}".encode())
    for key, value in sorted(vars(archive).items()):
        if not key.startswith("_"):
            digest.update(f"{key}={_text(value)};".encode())
    for source in filter(None, archive.sources(catalogue)):  # Path("") would be the current folder
        for name, state in _files(Path(source).expanduser()):
            digest.update(f"{name} {state.st_size} {state.st_mtime_ns};".encode())
    _add_table(digest, catalogue)
    return digest.hexdigest()[:16]


class _Sink(io.RawIOBase):
    """A file that only hashes what is written to it."""

    def __init__(self, digest: Any) -> None:
        self.digest = digest

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self.digest.update(data)
        return len(data)


def _files(path: Path) -> Iterator[tuple[str, os.stat_result]]:
    """The file, or every file below the folder, with its state; nothing where there is none."""
    if path.is_dir():
        for entry in sorted(os.scandir(path), key=lambda entry: entry.name):
            if entry.is_dir():
                yield from _files(Path(entry.path))
            else:
                yield entry.path, entry.stat()
    elif path.exists():
        yield str(path.resolve()), path.stat()


def _text(value: Any) -> str:
    """A word for an option: the value itself, or a hash of an array's or table's whole content."""
    if isinstance(value, np.ndarray):
        return hashlib.sha256(np.ascontiguousarray(value).data).hexdigest()
    if isinstance(value, SIMPLE) or is_dataclass(value):
        return repr(value)
    if isinstance(value, list | tuple):
        return str([_text(item) for item in value])
    if isinstance(value, dict):
        return str({key: _text(item) for key, item in value.items()})
    try:
        table = from_memory(value)
    except TypeError:
        return repr(value)
    digest = hashlib.sha256()
    _add_table(digest, table)
    return digest.hexdigest()


def _add_table(digest: Any, table: pa.Table) -> None:
    with pa.ipc.new_stream(_Sink(digest), table.schema) as writer:  # writes of a slice only what is in it
        writer.write_table(table)
