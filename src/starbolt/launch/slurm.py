"""Trials as jobs of Slurm, by submitit: each is one job, and goes on in its folder when its machine is taken away."""

from __future__ import annotations

import logging
import signal
import sys
import time
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from starbolt.endurance import cluster

FILE = "job.txt"  # in a trial's folder: the number of its job
POLL = 5.0  # seconds between two looks at the queue


class Execute:
    """What a job does: execute a run folder. Pickled by submitit, and by its `checkpoint` queued again."""

    def __init__(self, folder: str) -> None:
        self.folder = folder

    def __call__(self) -> str:
        """Execute it; where the machine is taken away, submitit puts this job back into the queue."""
        from starbolt import run
        from starbolt.endurance import signals

        again = signal.getsignal(signal.SIGUSR2)  # submitit's own: it queues this job once more
        cluster.meet()
        sys.argv = [str(run.__file__), self.folder]
        sys.modules["__main__"] = run
        try:
            run.main(self.folder)
        except signals.Stopped as stop:
            signals.deaf()
            if callable(again) and not cluster.unwanted(cluster.job() or "", stop.number):
                again(signal.SIGUSR2, None)
        return self.folder

    def checkpoint(self) -> Any:
        """The same again: the run folder knows where it stopped."""
        from submitit.helpers import DelayedSubmission

        return DelayedSubmission(self)


class Slurm:
    """Jobs of Slurm.

    parallel: jobs at a time. time: limit of each [minutes]. partition, account, qos, constraint: as sbatch has them.
    nodes, tasks_per_node, cpus_per_task, gpus_per_node, mem_gb: what each job asks for; a task is a rank of the run.
    setup: lines of shell before the run, such as "module load cuda". python: the command that starts Python, such as
    "apptainer exec image.sif python"; None: the one that runs now. more: further options of sbatch, by name.
    requeues: how often a job goes on after its time limit. warning: so long before it, it writes its checkpoint [s].
    """

    ahead = True

    def __init__(
        self,
        *,
        parallel: int = 8,
        time: int = 60,
        partition: str | None = None,
        account: str | None = None,
        qos: str | None = None,
        constraint: str | None = None,
        nodes: int = 1,
        tasks_per_node: int = 1,
        cpus_per_task: int = 2,
        gpus_per_node: int | None = None,
        mem_gb: float | None = None,
        setup: Sequence[str] = (),
        python: str | None = None,
        more: dict[str, Any] | None = None,
        requeues: int = 3,
        warning: int = 90,
    ) -> None:
        self.parallel, self.python, self.requeues = parallel, python, requeues
        named: dict[str, Any] = {"slurm_partition": partition, "slurm_account": account, "slurm_qos": qos}
        named |= {"slurm_constraint": constraint, "slurm_gpus_per_node": gpus_per_node}
        if mem_gb is not None:
            named["slurm_mem"] = f"{int(1000 * mem_gb)}M"
        self._asked = {name: value for name, value in named.items() if value is not None} | {
            "timeout_min": time,
            "nodes": nodes,
            "tasks_per_node": tasks_per_node,
            "cpus_per_task": cpus_per_task,
            "slurm_array_parallelism": parallel,
            "slurm_setup": list(setup),
            "slurm_signal_delay_s": warning,
            "slurm_additional_parameters": dict(more or {}),
        }

    def start(self, folders: Sequence[Path]) -> list[Job]:
        """Submit one job for each folder, several as an array; ValueError where Slurm refuses them."""
        try:
            return self._submitted(self._executor(folders[0].parent), folders)
        except ModuleNotFoundError:
            raise
        except Exception as error:
            said = (str(error).strip().splitlines() or [type(error).__name__])[-1]
            raise ValueError(f"Slurm did not take the jobs ({said[:300]})") from None

    def alive(self, folder: Path) -> str | None:
        """The job in Slurm's queue that executes a folder, or will; None where there is none."""
        job = Job((folder / FILE).read_text().strip()) if (folder / FILE).is_file() else None
        return f"Slurm job {job.name}" if job and job.ended() is None else None

    def adopt(self, folder: Path) -> Job:
        """The job that `alive` found."""
        return Job((folder / FILE).read_text().strip())

    def _submitted(self, executor: Any, folders: Sequence[Path]) -> list[Job]:
        with executor.batch():
            submitted = [executor.submit(Execute(str(folder))) for folder in folders]
        for folder, job in zip(folders, submitted, strict=True):
            (folder / FILE).write_text(job.job_id)
        return [Job(job.job_id) for job in submitted]

    def _executor(self, home: Path) -> Any:
        try:
            import submitit
        except ModuleNotFoundError:
            raise ModuleNotFoundError("launcher=slurm needs submitit; pip install 'starbolt[slurm]'") from None
        logging.getLogger("submitit").setLevel(logging.ERROR)
        words = {"slurm_python": self.python, "slurm_max_num_timeout": self.requeues}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that there is no sacct: the queue itself is asked
            executor = submitit.AutoExecutor(home / ".slurm", cluster="slurm", **words)
        executor.update_parameters(**self._asked)
        return executor


class Job:
    """One job in Slurm's queue."""

    _queue: tuple[float, set[str] | None] = (-POLL, set())

    def __init__(self, name: str) -> None:
        self.name = name

    def ended(self) -> str | None:
        """None while Slurm has it queued or running, then how it ended, in words."""
        at, queued = Job._queue
        if time.monotonic() - at > POLL:
            queued = cluster.queued()
            Job._queue = (time.monotonic(), queued)
        if queued is None or self.name in queued:
            return None
        state = cluster.state(self.name)
        return None if state in cluster.LIVING else f"Slurm job {self.name} ended as {state or 'unknown to Slurm'}"

    def stop(self) -> None:
        """Leave it: a job needs no sweep to go on, and the sweep finds it when it is started again."""

    def end(self) -> None:
        """Take it out of the queue."""
        cluster.cancel(self.name)
