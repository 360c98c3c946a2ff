"""What a scheduler has given us: whether we run under srun, and how a job is handed back to the queue."""

from __future__ import annotations

import os
import re
import subprocess
from typing import Any

from lightning.fabric.plugins.environments import ClusterEnvironment, LightningEnvironment, SLURMEnvironment


def plugins() -> list[Any]:
    """Lightning's environment where it would guess wrong; none where no scheduler is about.

    Under srun with several tasks Slurm starts the ranks, and the signals are ours. Inside an allocation without srun,
    or with a single task, Lightning starts them itself; else it would wait for tasks that nobody starts.
    """
    if not job():
        return []
    environment: ClusterEnvironment = SLURMEnvironment(auto_requeue=False) if tasks() > 1 else LightningEnvironment()
    return [environment]


def job() -> str | None:
    """The number of the Slurm job that this process is part of, ARRAY_TASK of an array; None outside of one."""
    if array := os.environ.get("SLURM_ARRAY_JOB_ID"):
        return f"{array}_{os.environ['SLURM_ARRAY_TASK_ID']}"
    return os.environ.get("SLURM_JOB_ID")


def tasks() -> int:
    """How many processes srun started together with this one; 1 where srun did not start it."""
    step = os.environ.get("SLURM_STEP_ID", "")
    return int(os.environ.get("SLURM_STEP_NUM_TASKS") or os.environ.get("SLURM_NTASKS") or 1) if step.isdigit() else 1


def requeue() -> str:
    """Have Slurm start this job again, from its beginning; a sentence on what was done.

    Not a job that was cancelled: whoever did that does not want it back.
    """
    name = job()
    if name is None:
        return "there is no Slurm job to start again"
    if state(name) == "CANCELLED":
        return f"the Slurm job {name} was cancelled, and is not started again"
    done = _scontrol("requeue", name)
    if done.returncode:
        return f"Slurm did not take the job {name} back ({done.stderr.strip()}); start it again by hand"
    return f"the Slurm job {name} is queued again"


def state(name: str) -> str | None:
    """What Slurm says of a job, such as RUNNING, PENDING, TIMEOUT; None of one that it does not know any more."""
    done = _scontrol("show", "job", name)
    found = re.search(r"JobState=(\w+)", done.stdout)
    return found.group(1) if found else None


def _scontrol(*words: str) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(["scontrol", *words], capture_output=True, text=True, check=False, timeout=60)
    except (OSError, subprocess.TimeoutExpired) as error:
        return subprocess.CompletedProcess(words, 1, "", str(error))
