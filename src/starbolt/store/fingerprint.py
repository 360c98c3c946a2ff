"""The name of a store: a hash of the archive's options and code, and of its source files' names, sizes and dates."""

from __future__ import annotations

import hashlib
import io
import linecache
import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import is_dataclass
from pathlib import Path
from stat import S_ISDIR
from types import FunctionType
from typing import Any

import numpy as np
import pyarrow as pa

from starbolt import __version__
from starbolt.archives import Archive
from starbolt.archives.reading.arrow import from_memory

SIMPLE = (str, bytes, bool, int, float, Path, type(None))
FORMAT = f"4 of {__version__}"  # a change of the store's layout, or another version, makes every store anew
PLAIN = re.compile(r"(/[^/.][^/]*)+")  # a path that is absolute already
OURS = ("starbolt", "abc", "builtins", "typing")


def fingerprint(archive: Archive, catalogue: pa.Table, states: str) -> str:
    """16 hexadecimal digits that change with the archive's class, options and catalogue, and its files' states."""
    digest = _of_options(archive)
    digest.update(states.encode())
    _add_table(digest, catalogue)
    return digest.hexdigest()[:16]


def shortcut(archive: Archive) -> str | None:
    """The same for what is known before the catalogue is read; None where the archive does not say what it reads."""
    files = archive.files()
    if files is None:
        return None
    digest = _of_options(archive)
    digest.update(states(files).encode())
    return digest.hexdigest()[:16]


def states(sources: Iterable[str]) -> str:
    """A hash of the names, sizes and dates of files, and of every file below folders."""
    lines = [
        f"{name} {state.st_size} {state.st_mtime_ns};"
        for source in filter(None, sources)  # "" would be the current folder
        for name, state in _files(os.path.expanduser(source))
    ]
    return hashlib.sha256("".join(lines).encode()).hexdigest()


class _Sink(io.RawIOBase):
    """A file that only hashes what is written to it."""

    def __init__(self, digest: Any) -> None:
        self.digest = digest

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self.digest.update(data)
        return len(data)


def _of_options(archive: Archive) -> Any:
    kind = type(archive)
    digest = hashlib.sha256(f"{FORMAT} {kind.__module__}.{kind.__qualname__} {_code(kind)}".encode())
    for key, value in sorted(vars(archive).items()):
        if not key.startswith("_"):
            digest.update(f"{key}={_text(value)};".encode())
    return digest


def _code(kind: type) -> str:
    """What stands in the files (or notebook cells) where an archive's class and its parents are written, but for ours,
    which have a version."""
    foreign = [parent for parent in kind.__mro__ if parent.__module__.split(".")[0] not in OURS]
    functions = [part for parent in foreign for part in vars(parent).values() if isinstance(part, FunctionType)]
    files = {function.__code__.co_filename for function in functions}
    return "".join(line for file in sorted(files) for line in linecache.getlines(file))


def _files(path: str) -> Iterator[tuple[str, os.stat_result]]:
    """The file, or every file below the folder, with its state; nothing where there is none."""
    try:
        state = os.stat(path)
    except OSError:
        return
    if not S_ISDIR(state.st_mode):
        yield path if PLAIN.fullmatch(path) else os.path.abspath(path), state
        return
    for entry in sorted(os.scandir(path), key=lambda entry: entry.name):
        yield from _files(entry.path)


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
