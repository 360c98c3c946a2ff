"""The disks: whether runs and stores can be written, how much fits, and how fast they are."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from filelock import FileLock

from starbolt.cache import default_cache
from starbolt.doctor.finding import Check, Finding

TRIED = 64 << 20  # bytes that are written and read
LITTLE, NONE = 20 << 30, 1 << 30  # bytes left
SLOW = 100e6  # [bytes/s] a disk of one's own reads several times as much


def disks() -> Iterator[Finding]:
    """The folders of stores and of runs."""
    yield from examined("cache", default_cache(), "export STARBOLT_CACHE=FOLDER, any with room on a fast disk")
    yield from examined("runs", Path("runs").absolute(), "go to a folder of your own, or say run=FOLDER")


def examined(what: str, folder: Path, elsewhere: str) -> Iterator[Finding]:
    """Write access, room, locks and speed of a folder, which need not be there yet."""
    there = next(path for path in (folder, *folder.parents) if path.exists())
    try:
        with tempfile.TemporaryDirectory(dir=there, prefix=".starbolt-doctor-") as trial:
            written, read = speeds(Path(trial) / "trial")
            locks = lockable(Path(trial) / "lock")
    except OSError as error:
        yield Finding("fault", what, f"{folder} cannot be written ({error.strerror})", elsewhere)
        return
    left = shutil.disk_usage(there).free
    told = f"{folder}: {left / 1e9:.0f} GB free, writes {written / 1e6:.0f} and reads {read / 1e6:.0f} MB/s"
    if left < NONE:
        yield Finding("fault", what, f"{told}; it is full", elsewhere)
    elif not locks:
        yield Finding("fault", what, f"{told}; it takes no file locks", elsewhere)
    elif left < LITTLE:
        yield Finding("warning", what, f"{told}; little room", elsewhere)
    elif read < SLOW:
        yield Finding("warning", what, f"{told}; slow to read", elsewhere)
    else:
        yield Finding("ok", what, told)


def speeds(file: Path) -> tuple[float, float]:
    """Bytes a second that go to the disk, and that come from it where the kernel can be made to forget them."""
    block = os.urandom(1 << 20)
    began = time.perf_counter()
    with file.open("wb") as out:
        for _ in range(TRIED // len(block)):
            out.write(block)
        out.flush()
        os.fsync(out.fileno())
    wrote = time.perf_counter()
    with file.open("rb", buffering=0) as back:
        if hasattr(os, "posix_fadvise"):
            os.posix_fadvise(back.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
        opened = time.perf_counter()
        while back.read(1 << 20):
            pass
    return TRIED / (wrote - began), TRIED / (time.perf_counter() - opened)


def lockable(file: Path) -> bool:
    """Whether files can be locked there: some network file systems take none."""
    try:
        with FileLock(file, timeout=5):
            return True
    except (OSError, NotImplementedError):
        return False


DISKS: tuple[Check, ...] = (disks,)
