"""Files written aside and renamed: whoever reads one sees the old content or the new, and a full disk loses nothing."""

from __future__ import annotations

import json
import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any


@contextmanager
def aside(path: Path) -> Iterator[Path]:
    """A path beside `path` to write to, renamed to it at the end; removed where the writing fails.

    Several processes, on several machines too, may write the same file at the same time.
    """
    whose = f"{socket.gethostname()}.{os.getpid()}.{threading.get_ident()}"
    beside = path.with_name(f".{path.name}.{whose}.part")
    try:
        yield beside
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Write a text file aside and rename it."""
    with aside(path) as beside:
        beside.write_text(text)


def write_json(path: Path, content: Any) -> None:
    """Write plain values as JSON, aside and renamed."""
    write_text(path, json.dumps(content, indent=1))
