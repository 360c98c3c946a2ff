"""The loop of a sweep: ask for a trial, start it, see how it ended, until there is none left.

The sweep itself keeps nothing: the journal, the trials' folders and the queue of the cluster say how far it has come.
One that is started again finds the trials that ended without it, waits for those that still run, and goes on with those
whose process or machine died; so do others that work on the same study from other machines.
"""

from __future__ import annotations

import gc
import os
import shutil
import signal
import socket
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from starbolt.endurance import lease
from starbolt.trials.study import Study, Trial
from starbolt.trials.trial import End, ended

LOOK, LOOK_AHEAD = 0.2, 2.0  # seconds between two looks at the trials: here, and in a queue
HOPELESS = 3  # trials that fail in the same way, and no other, before a sweep gives up
PATIENCE = 30.0  # seconds that trials have to write their checkpoints, once they were asked to stop
SCAN = 5.0  # seconds between two looks at what others do
LAST_WORDS = 3.0  # seconds after the end of a process in which its words may still come from a network disk

Prepare = Callable[[Trial], Path]


class Hopeless(Exception):  # noqa: N818 (the trials' errors are told already)
    """All trials fail, and all in the same way."""


def several(trials: int) -> str:
    """The trials that write."""
    return "one trial writes" if trials == 1 else f"{trials} trials write"


class Job(Protocol):
    """One execution of a run folder."""

    def ended(self) -> str | None: ...
    def stop(self) -> None: ...
    def end(self) -> None: ...


@dataclass
class Running:
    """A trial that this sweep has started, or a job of Slurm that it found; it counts as begun once it executes."""

    trial: Trial
    folder: Path
    job: Job
    began: float


class Drive:
    """Works on a study until nothing is left.

    prepare: writes the run folder of a trial; its ValueError is the trial's end. place: trial -> its folder.
    limit: trials of the study, where a sampler asks for them. timeout: of a trial [s]. tell: called after each end.
    """

    def __init__(
        self,
        study: Study,
        launcher: Any,
        *,
        prepare: Prepare,
        place: Callable[[Trial], Path],
        home: Path,
        limit: int,
        timeout: float | None,
        tell: Callable[[Trial, End], None],
    ) -> None:
        self.study, self.launcher, self.prepare, self.place = study, launcher, prepare, place
        self.limit, self.timeout, self.tell = limit, timeout, tell
        self.worker = f"{socket.gethostname()}_{os.getpid()}"
        self.workers = home / ".workers"
        self.running: dict[int, Running] = {}
        self._scanned = self._asked = -SCAN
        self._ends: list[End] = []

    def run(self) -> None:
        """Until every trial of the study has ended, wherever it runs."""
        mine = self.workers / self.worker
        mine.mkdir(parents=True, exist_ok=True)
        for worker in self.workers.iterdir():
            fresh = time.time() - worker.stat().st_mtime < lease.DEAD  # it may be about to sign
            if worker != mine and not fresh and not lease.holder(worker):
                shutil.rmtree(worker, ignore_errors=True)
        with lease.held(mine):
            while self._step():
                time.sleep(LOOK_AHEAD if self.launcher.ahead else LOOK)
        shutil.rmtree(self.workers, ignore_errors=True)

    def stop(self) -> None:
        """Ask the trials to write their checkpoints and stop, and wait until they have; Ctrl-C again ends them."""
        jobs = [running.job for running in self.running.values()]
        for job in jobs:
            job.stop()
        if self.launcher.ahead or not jobs:
            return
        print(f"stopping: {several(len(jobs))} the checkpoint; Ctrl-C again ends at once", file=sys.stderr, flush=True)
        until = time.monotonic() + PATIENCE
        before = signal.signal(signal.SIGINT, signal.default_int_handler)
        with suppress(KeyboardInterrupt):
            while time.monotonic() < until and any(job.ended() is None for job in jobs):
                time.sleep(LOOK)
        signal.signal(signal.SIGINT, before)
        for job in jobs:
            job.end()

    def _step(self) -> bool:
        """Look once; False where nothing is left to do or to wait for."""
        for running in list(self.running.values()):
            self._look(running)
        elsewhere = False
        if time.monotonic() - self._scanned > SCAN or not self.running:
            elsewhere = self._scan()
        self._fill()
        return bool(self.running) or elsewhere or any(t.state == "running" for t in self.study.trials())

    def _look(self, running: Running) -> None:
        """See whether a trial has ended, and tell the journal where it could not itself."""
        if self.launcher.ahead and lease.holder(running.folder) is None:
            running.began = time.monotonic()  # it waits in a queue
        if running.job.ended() and lease.holder(running.folder):
            del self.running[running.trial.number]  # somebody executes it by hand, and it could not begin
            return
        how, late = running.job.ended(), self.timeout and time.monotonic() - running.began > self.timeout
        if how is None and not late:
            return
        if how is None:
            running.job.end()
            how = f"took longer than sweep.timeout={(self.timeout or 0) / 60:g} minutes"
        end = self._last_words(running)
        if end is None or end.state == "stopped":
            end = End("failed", reason=how if end is None or late else f"{how} ({end.reason})")
        del self.running[running.trial.number]
        self._settle(running.trial, end)

    def _last_words(self, running: Running) -> End | None:
        until = time.monotonic() + LAST_WORDS
        while (end := ended(running.folder, running.trial.number)) is None and time.monotonic() < until:
            time.sleep(LOOK)
        return end

    def _settle(self, trial: Trial, end: End) -> None:
        self.study.tell(trial.number, end.state, end.value, end.reason)
        self.tell(trial, end)
        self._ends.append(end)
        if len(self._ends) == HOPELESS and {(e.state, e.reason) for e in self._ends} == {("failed", end.reason)}:
            raise Hopeless(
                f"the first {HOPELESS} trials failed in the same way ({end.reason}); mend that, and start the sweep "
                "again with sweep.retry=true"
            )
        gc.collect()  # Hydra's configurations refer to themselves, and would pile up for tens of trials

    def _scan(self) -> bool:
        """Look at the trials that run, but not from here; whether others are still at work on some."""
        self._scanned = time.monotonic()
        others = False
        for trial in self.study.trials():
            if trial.state == "running" and trial.number not in self.running:
                others |= self._elsewhere(trial)
        return others

    def _elsewhere(self, trial: Trial) -> bool:
        """Settle a trial that ended unseen, find its job, or go on with it where whoever had it is dead."""
        folder, end = self.place(trial), ended(self.place(trial), trial.number)
        if end is not None and end.state != "stopped":
            self._settle(trial, end)
            return False
        if self._at_work(trial.worker):
            return True
        if self.launcher.alive(folder) and self.study.take_over(trial.number, self.worker, trial.worker):
            self.running[trial.number] = Running(trial, folder, self.launcher.adopt(folder), time.monotonic())
            return False
        if lease.holder(folder) or len(self.running) >= self.launcher.parallel:
            return True
        if self.study.take_over(trial.number, self.worker, trial.worker):
            self._start([trial])
        return False

    def _at_work(self, worker: str | None) -> bool:
        return worker not in (None, self.worker) and lease.holder(self.workers / str(worker)) is not None

    def _fill(self) -> None:
        """Start trials, as many as there is room for; all that are planned where the launcher has a queue."""
        fresh: list[Trial] = []
        if time.monotonic() - self._asked < SCAN:  # there was none a moment ago
            return
        ahead = self.launcher.ahead and self.study.sampler == "grid"
        while ahead or len(self.running) + len(fresh) < self.launcher.parallel:
            trial = self.study.next(self.limit, self.worker)
            if trial is None:
                self._asked = time.monotonic()
                break
            fresh.append(trial)
        if fresh:
            self._start(fresh)

    def _start(self, trials: list[Trial]) -> None:
        ready: list[tuple[Trial, Path]] = []
        for trial in trials:
            try:
                ready.append((trial, self.prepare(trial)))
            except ValueError as error:
                self._settle(trial, End("failed", reason=str(error).splitlines()[0]))
        if not ready:
            return
        jobs = self.launcher.start([folder for _, folder in ready])
        for (trial, folder), job in zip(ready, jobs, strict=True):
            self.running[trial.number] = Running(trial, folder, job, time.monotonic())
