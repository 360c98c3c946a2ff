"""A real Slurm for the tests: the cluster of $SLURM_CONF, or two nodes started on this machine; without, they skip."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import time
from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from typing import TypeVar

import pytest

T = TypeVar("T")

SCRIPTS = Path(__file__).resolve().parents[2] / "scripts" / "slurm"
ENDS = {"BOOT_FAIL", "CANCELLED", "COMPLETED", "DEADLINE", "FAILED", "NODE_FAIL", "OUT_OF_MEMORY", "TIMEOUT"}


class Slurm:
    """What a test asks of the cluster."""

    def sbatch(self, *words: str | Path, cwd: Path, **environment: str) -> str:
        """Submit a job; its number."""
        command = ["sbatch", "--parsable", *map(str, words)]
        done = subprocess.run(command, cwd=cwd, env=os.environ | environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done.stdout.split(";")[0].strip()

    def show(self, job: str) -> dict[str, str]:
        """What Slurm says of a job, word by word: JobState, Restarts, NodeList, ..."""
        done = subprocess.run(["scontrol", "show", "job", "-o", job], capture_output=True, text=True)
        return dict(re.findall(r"(\S+?)=(\S*)", done.stdout))

    def job_state(self, job: str) -> str:
        """PENDING, RUNNING, COMPLETING, COMPLETED, FAILED, ...; UNKNOWN of one that is forgotten."""
        return self.show(job).get("JobState", "UNKNOWN")

    def wait_for(self, job: str, states: Collection[str], seconds: float) -> str:
        """The first of the states that the job has; fails where it ends in another one, or takes too long."""
        return self.until(job, lambda: (state := self.job_state(job)) in states and state, seconds, ENDS - set(states))

    def until(self, job: str, seen: Callable[[], T], seconds: float, never: Collection[str] = ENDS) -> T:
        """What `seen` gives, once that is true; fails where the job has ended, or after so many seconds."""
        end = time.monotonic() + seconds
        while True:
            state = self.job_state(job)
            if found := seen():
                return found
            if state in never or time.monotonic() > end:
                pytest.fail(f"job {job} is {state}, and its log ends so:\n{self.log(job)[-3000:]}")
            time.sleep(0.2)

    def log(self, job: str) -> str:
        """What a job has printed so far."""
        file = Path(self.show(job).get("StdOut", "nothing"))
        return file.read_text() if file.is_file() else ""

    def scancel(self, *words: str) -> None:
        """Cancel a job, or send it a signal."""
        subprocess.run(["scancel", *words], check=True)


@pytest.fixture(scope="session")
def slurm(tmp_path_factory) -> Iterator[Slurm]:
    """The cluster. Where $SLURM_CONF names none, two nodes are started here, which needs root, Slurm and munge."""
    patch, own = pytest.MonkeyPatch(), None
    if "SLURM_CONF" not in os.environ:
        if os.getuid() != 0 or not all(map(_program, ("slurmctld", "slurmd", "munged"))):
            pytest.skip("no SLURM_CONF names a cluster, and to start one takes root and Debian's slurm-wlm and munge")
        own = tmp_path_factory.mktemp("slurm")
        started = subprocess.run([SCRIPTS / "local_cluster.sh", "start", own], capture_output=True, text=True)
        if started.returncode:
            pytest.skip(f"no cluster can be started here: {started.stderr.strip().splitlines()[-1]}")
        patch.setenv("SLURM_CONF", started.stdout.strip().removeprefix("export SLURM_CONF="))
    if reason := _silent():
        pytest.skip(f"no Slurm answers ({reason})")
    yield Slurm()
    patch.undo()
    if own:
        subprocess.run([SCRIPTS / "local_cluster.sh", "stop", own], check=True, capture_output=True)


def _program(name: str) -> str | None:
    return shutil.which(name, path=f"{os.environ['PATH']}:/usr/sbin:/sbin")


def _silent() -> str:
    """Why Slurm does not answer; empty where it does."""
    try:
        done = subprocess.run(["sinfo"], capture_output=True, text=True, timeout=10)
    except (OSError, subprocess.TimeoutExpired) as error:
        return str(error)
    return done.stderr.strip() if done.returncode else ""
