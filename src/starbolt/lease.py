"""Who executes a run folder: one process at a time, and others can see that it lives."""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

LOCK, ALIVE = ".lock", ".alive"
GLANCE = 2.0  # seconds at most for which somebody who only looks has a lock
BEAT = 10.0  # seconds between two signs of life
DEAD = 60.0  # seconds without one after which a process on another machine counts as dead


@contextmanager
def held(folder: Path) -> Iterator[None]:
    """This process alone executes the folder; ValueError where another one does."""
    if who := holder(folder):
        raise ValueError(f"{folder} is being executed already ({who}); wait for that process, or end it")
    lock, over = FileLock(folder / LOCK), threading.Event()
    try:
        lock.acquire(timeout=GLANCE)
    except Timeout:
        raise ValueError(f"{folder} is being executed already; wait for that process, or end it") from None
    except (OSError, NotImplementedError):  # a file system without locks: the signs of life must do
        pass
    _sign(folder / ALIVE)
    threading.Thread(target=_beat, args=(folder / ALIVE, over), daemon=True).start()
    try:
        yield
    finally:
        over.set()
        (folder / ALIVE).unlink(missing_ok=True)
        lock.release()


def holder(folder: Path) -> str | None:
    """Machine and process that execute a folder now, in words; None where nobody does."""
    try:
        host, process = (folder / ALIVE).read_text().split()
        age = time.time() - (folder / ALIVE).stat().st_mtime
    except (OSError, ValueError):
        return None
    living = _locked(folder) if host == socket.gethostname() else age < DEAD
    return f"process {process} on {host}" if living else None


def process_here(folder: Path) -> int | None:
    """The number of the process that executes a folder, where it is one of this machine's."""
    words = (holder(folder) or "").split()
    return int(words[1]) if words and words[-1] == socket.gethostname() else None


def _locked(folder: Path) -> bool:
    """Whether a process of this machine has the lock, which dies with it."""
    lock = FileLock(folder / LOCK)
    try:
        lock.acquire(blocking=False)
    except Timeout:
        return True
    except (OSError, NotImplementedError):
        return time.time() - (folder / ALIVE).stat().st_mtime < DEAD
    lock.release()
    return False


def _beat(file: Path, over: threading.Event) -> None:
    while not over.wait(BEAT):
        _sign(file)


def _sign(file: Path) -> None:
    with suppress(OSError):  # a full disk, or a folder that was taken away: the run itself will tell
        aside = file.with_name(f"{file.name}.{socket.gethostname()}.{os.getpid()}")
        aside.write_text(f"{socket.gethostname()} {os.getpid()}")
        aside.rename(file)
