"""What a scheduler has given us: whether we run under srun, and how a job is handed back to the queue."""

from __future__ import annotations

import os
import re
import signal
import subprocess
from typing import Any

LIVING = (
    "PENDING",
    "CONFIGURING",
    "RUNNING",
    "SUSPENDED",
    "COMPLETING",
    "REQUEUED",
    "STOPPED",
    "RESIZING",
    "UNREACHABLE",
)


def plugins() -> list[Any]:
    """Lightning's environment where it would guess wrong; none where no scheduler is about.

    Under srun with several tasks Slurm starts the ranks, and the signals are ours. Inside an allocation without srun,
    or with a single task, Lightning starts them itself; else it would wait for tasks that nobody starts.
    """
    if not job():
        return []
    from lightning.fabric.plugins.environments import ClusterEnvironment, LightningEnvironment, SLURMEnvironment

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


def meet() -> None:
    """Name the first node's address as the place where the processes of this job meet, as Slurm itself reaches it.

    Its name, which Lightning would take, need not be one that other machines know.
    """
    nodes = os.environ.get("SLURM_JOB_NODELIST", "")
    if tasks() == 1 or "MASTER_ADDR" in os.environ or not nodes:
        return
    first = _told("scontrol", "show", "hostnames", nodes).stdout.split()
    told = _told("scontrol", "show", "node", "-o", first[0]).stdout if first else ""
    if found := re.search(r" NodeAddr=(\S+)", told):
        os.environ["MASTER_ADDR"] = found.group(1)


def requeue(number: int) -> str:
    """Have Slurm start this job again, from its beginning, after signal `number`; a sentence on what was done."""
    name = job()
    if name is None:
        return "there is no Slurm job to start again"
    if why := unwanted(name, number):
        return f"the Slurm job {name} is not started again: {why}"
    done = _told("scontrol", "requeue", name)
    if done.returncode:
        return f"Slurm did not take the job {name} back ({done.stderr.strip()}); start it again by hand"
    return f"the Slurm job {name} is queued again"


def unwanted(name: str, number: int) -> str | None:
    """Why a job that heard signal `number` should not run again; None where it was only asked to make room.

    A job that is being cancelled is COMPLETING as long as one of its processes lives. SIGTERM to a job of several
    processes that nobody pre-empts comes from srun, which ends the others where one of them failed.
    """
    told = _told("scontrol", "show", "job", name)
    if told.returncode:  # then the request itself may still be heard
        return f"Slurm does not answer ({told.stderr.strip()})" if number == signal.SIGTERM else None
    if "JobState=RUNNING" not in told.stdout:
        return "it was cancelled, or has ended"
    if number == signal.SIGTERM and tasks() > 1 and "PreemptTime=None" in told.stdout:
        return "another of its processes failed"
    return None


def state(name: str) -> str | None:
    """What Slurm says of a job, such as RUNNING, PENDING, TIMEOUT; None of one that it does not know any more.

    UNREACHABLE where Slurm does not answer.
    """
    done = _told("scontrol", "show", "job", name)
    if done.returncode and "Invalid job id" not in done.stderr:
        return "UNREACHABLE"
    found = re.search(r"JobState=(\w+)", done.stdout)
    return found.group(1) if found else None


def queued() -> set[str] | None:
    """The jobs in Slurm's queue, waiting or running, as JOB and ARRAY_TASK; None where Slurm does not answer."""
    done = _told("squeue", "--noheader", "--array", "--format=%F_%K %A")
    if done.returncode:
        return None
    jobs: set[str] = set()
    for line in done.stdout.splitlines():
        array, single = line.split()
        jobs |= {array if not array.endswith("_N/A") else single, single}
    return jobs


def cancel(name: str) -> None:
    """Take a job out of the queue."""
    _told("scancel", name)


def _told(*words: str) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(words, capture_output=True, text=True, check=False, timeout=60)
    except (OSError, subprocess.TimeoutExpired) as error:
        return subprocess.CompletedProcess(words, 1, "", str(error))
