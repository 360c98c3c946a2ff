"""Trials on this machine, one after the other or several at a time."""

from __future__ import annotations

import multiprocessing
import os
import signal
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from starbolt.endurance import lease
from starbolt.launch.child import live

PATIENCE = 30.0  # seconds that a trial has to write its checkpoint, once it was asked to stop


class Local:
    """Children of a server that has imported torch and Lightning: they cost little, can be ended, and give memory back.

    parallel: trials at a time; several share the cores, and the GPUs where there are more than one.
    threads: of each trial; None: $OMP_NUM_THREADS where it is set, else those of a run for one at a time, and the cores
    divided by `parallel` for several.
    """

    ahead = False  # whether more trials than `parallel` are taken on, to wait in a queue

    def __init__(self, *, parallel: int = 1, threads: int | None = None) -> None:
        if parallel < 1:
            raise ValueError(f"launcher.parallel={parallel} is no number of trials at a time; give 1 or more")
        self.parallel = parallel
        shared = None if parallel == 1 or os.environ.get("OMP_NUM_THREADS") else max(1, cores() // parallel)
        self.threads = threads or shared
        self._server = multiprocessing.get_context("forkserver")
        self._server.set_forkserver_preload(["starbolt.run", "optuna"])
        self._slots: dict[int, Child] = {}

    def start(self, folders: Sequence[Path]) -> list[Child]:
        """Start executing run folders."""
        return [self._one(folder) for folder in folders]

    def alive(self, folder: Path) -> str | None:
        """The process of this machine that executes a folder, left alone by a sweep that was killed."""
        return lease.holder(folder) if lease.process_here(folder) else None

    def adopt(self, folder: Path) -> Orphan:
        """What `alive` found."""
        return Orphan(folder)

    def _one(self, folder: Path) -> Child:
        free = (slot for slot in range(10_000) if slot not in self._slots or self._slots[slot].ended() is not None)
        slot = next(free)
        process = self._server.Process(target=live, args=(str(folder), self.threads, slot if self.parallel > 1 else -1))
        before = signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is not for the server, which is born here
        try:
            process.start()
        finally:
            signal.signal(signal.SIGINT, before)
        self._slots[slot] = Child(process)
        return self._slots[slot]


def cores() -> int:
    """The cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class Child:
    """One trial's process."""

    def __init__(self, process: multiprocessing.process.BaseProcess) -> None:
        self.process = process

    def ended(self) -> str | None:
        """None while it lives, then how it ended, in words."""
        code = self.process.exitcode
        if code is None:
            return None
        return f"killed by {signal.Signals(-code).name}" if code < 0 else f"left with status {code}"

    def stop(self) -> None:
        """Ask it to write its checkpoint and stop."""
        process = self.process.pid
        if not _send(process, signal.SIGTERM) and process and self.ended() is None:
            os.kill(process, signal.SIGTERM)  # it has begun a moment ago, and has no group of its own yet

    def end(self) -> None:
        """Stop it, at once if it does not hear."""
        self.stop()
        _wait_for(lambda: self.ended() is not None)
        _send(self.process.pid, signal.SIGKILL)
        self.process.join()


class Orphan:
    """A trial's process whose sweep was killed: it goes on, and the sweep that is started again looks after it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def ended(self) -> str | None:
        """None while it lives; nobody hears its status."""
        return None if lease.process_here(self.folder) else "its process ended without a word"

    def stop(self) -> None:
        """Ask it to write its checkpoint and stop."""
        _send(lease.process_here(self.folder), signal.SIGTERM)

    def end(self) -> None:
        """Stop it, at once if it does not hear."""
        self.stop()
        _wait_for(lambda: self.ended() is not None)
        _send(lease.process_here(self.folder), signal.SIGKILL)


def _send(process: int | None, number: int) -> bool:
    """To a trial and all that it started; whether there was somebody to hear it."""
    with suppress(ProcessLookupError, PermissionError):
        if process:
            os.killpg(process, number)
            return True
    return False


def _wait_for(over: Callable[[], bool]) -> None:
    until = time.monotonic() + PATIENCE
    while not over() and time.monotonic() < until:
        time.sleep(0.1)
