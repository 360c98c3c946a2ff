"""Many chunks at once: processes that inherit the archive, write what they decode, and give back a few facts."""

from __future__ import annotations

import ctypes
import gc
import multiprocessing
import os
import sys
import threading
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress

from starbolt.store.chunks import Chunks, Facts

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD, KEEP = -1, -3, 1 << 30  # of malloc.h; bytes
FEW = 256  # below this many objects a pool of processes costs more than it saves

_chunks: Chunks  # in a worker: what it works on


def packed(chunks: Chunks, spans: Iterable[tuple[int, int]], workers: int) -> Iterator[Facts]:
    """Pack rows (start, stop) of each span, in so many processes (0: one a core); what each chunk holds, in order.

    ValueError where a process was killed; what an archive raises is raised here.
    """
    processes = workers or os.cpu_count() or 1
    alone = processes == 1 or chunks.archive.whole or chunks.catalogue.num_rows < FEW or sys.platform != "linux"
    if alone:
        yield from (chunks.pack(*span) for span in spans)
        return
    context = multiprocessing.get_context("fork")
    with ProcessPoolExecutor(processes, context, initializer=_inherit, initargs=(chunks, os.getpid())) as pool:
        try:
            yield from pool.map(_pack, spans)
        except BrokenProcessPool:
            raise ValueError(
                "a process that packed was killed, perhaps for want of memory; say the same again to go on from there"
            ) from None


def _inherit(chunks: Chunks, parent: int) -> None:
    global _chunks
    _chunks = chunks
    gc.freeze()  # what is inherited is never looked through again
    _keep_memory()
    threading.Thread(target=_leave_with, args=(parent,), daemon=True).start()


def _keep_memory() -> None:
    """Let glibc keep what is freed for the next object: giving pages back and taking them anew costs more than reading.

    Without glibc nothing happens.
    """
    with suppress(OSError, AttributeError):
        heap = ctypes.CDLL("libc.so.6")
        heap.mallopt(M_MMAP_THRESHOLD, KEEP)
        heap.mallopt(M_TRIM_THRESHOLD, KEEP)


def _leave_with(parent: int) -> None:
    """End with the parent, however it ended: a killed one must not keep the lock of the store through its children."""
    while os.getppid() == parent:
        time.sleep(0.5)
    os._exit(1)


def _pack(span: tuple[int, int]) -> Facts:
    return _chunks.pack(*span)
