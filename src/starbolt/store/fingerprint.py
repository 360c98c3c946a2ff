"""The name of a store: a hash of the archive's options and of its source files' sizes and dates."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from starbolt.archives import Archive

FORMAT = "1"  # a change of the store's layout makes every store anew


def fingerprint(archive: Archive, catalogue: pa.Table) -> str:
    """16 hexadecimal digits that change with the archive's class, options, files and catalogue."""
    digest = hashlib.sha256(f"{FORMAT} {type(archive).__module__}.{type(archive).__qualname__}".encode())
    for key, value in sorted(vars(archive).items()):
        if not key.startswith("_"):
            digest.update(f"{key}={_text(value)};".encode())
    for source in archive.sources():
        path = Path(source)
        if path.exists():
            state = path.stat()
            digest.update(f"{path.resolve()} {state.st_size} {state.st_mtime_ns};".encode())
    _add_table(digest, catalogue)
    return digest.hexdigest()[:16]


def _add_table(digest: Any, table: pa.Table) -> None:
    for field, column in zip(table.schema, table.columns, strict=True):
        digest.update(f"{field.name}:{field.type};".encode())
        for chunk in column.chunks:
            for buffer in chunk.buffers():
                digest.update(buffer or b"")


def _text(value: Any) -> str:
    if isinstance(value, pa.Table):
        digest = hashlib.sha256()
        _add_table(digest, value)
        return digest.hexdigest()
    if isinstance(value, np.ndarray):
        return hashlib.sha256(np.ascontiguousarray(value)).hexdigest()
    return repr(value)
