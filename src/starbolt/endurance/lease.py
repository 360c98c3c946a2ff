"""Who executes a run folder: one process at a time, and others can see that it lives."""

from __future__ import annotations

import os
import socket
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from starbolt.aside import write_text

LOCK, ALIVE = ".lock", ".alive"
GLANCE = 2.0  # seconds at most for which somebody who only looks has a lock
BEAT = 10.0  # seconds between two signs of life
DEAD = 60.0  # seconds without one after which a process on another machine counts as dead


@contextmanager
def held(folder: Path) -> Iterator[None]:
    """This process alone executes the folder; ValueError where another one does."""
    lock, over = FileLock(folder / LOCK), threading.Event()
    try:
        lock.acquire(timeout=GLANCE)
    except Timeout:
        raise ValueError(_taken(folder, holder(folder))) from None
    except (OSError, NotImplementedError):  # a file system without locks: the signs of life must do
        if who := holder(folder):
            raise ValueError(_taken(folder, who)) from None
    try:
        _wait_for_the_dead(folder)
        _sign(folder / ALIVE)
        threading.Thread(target=_beat, args=(folder / ALIVE, over), daemon=True).start()
        yield
    finally:
        over.set()
        if _signed(folder)[0] == socket.gethostname():
            (folder / ALIVE).unlink(missing_ok=True)
        lock.release()


def holder(folder: Path) -> str | None:
    """Machine and process that execute a folder now, in words; None where nobody does."""
    host, process = _signed(folder)
    if not host:
        return None
    living = _locked(folder) if host == socket.gethostname() else _age(folder / ALIVE) < DEAD
    return f"process {process} on {host}" if living else None


def _signed(folder: Path) -> tuple[str, str]:
    try:
        host, process = (folder / ALIVE).read_text().split()
    except (OSError, ValueError):
        return "", ""
    return host, process


def _age(file: Path) -> float:
    """Seconds since a file was written, by the clock of the machine that keeps it: ours may go wrong."""
    clock = file.with_name(f".clock.{socket.gethostname()}.{os.getpid()}.{threading.get_ident()}")
    try:
        clock.touch()
        now = clock.stat().st_mtime
        clock.unlink(missing_ok=True)
        return now - file.stat().st_mtime
    except OSError:
        return time.time() - file.stat().st_mtime if file.exists() else DEAD


def _wait_for_the_dead(folder: Path) -> None:
    """Where a process of another machine signed a moment ago: wait until it signs again, or must be dead."""
    host, _ = _signed(folder)
    if host in ("", socket.gethostname()):
        return
    before = (folder / ALIVE).stat().st_mtime_ns
    if who := holder(folder):
        print(f"waiting for a sign of {who}, at most {DEAD:.0f} s", file=sys.stderr, flush=True)
    while who := holder(folder):
        if not (folder / ALIVE).exists():
            return
        if (folder / ALIVE).stat().st_mtime_ns != before:
            raise ValueError(_taken(folder, who))
        time.sleep(GLANCE / 2)


def _taken(folder: Path, who: str | None) -> str:
    return f"{folder} is being executed already ({who or 'by another process'}); wait for that process, or end it"


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
        return _age(folder / ALIVE) < DEAD
    lock.release()
    return False


def _beat(file: Path, over: threading.Event) -> None:
    while not over.wait(BEAT):
        _sign(file)


def _sign(file: Path) -> None:
    with suppress(OSError):  # a full disk, or a folder that was taken away: the run itself will tell
        write_text(file, f"{socket.gethostname()} {os.getpid()}")
