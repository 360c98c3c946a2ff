"""launcher=slurm: the trials of a sweep are jobs; what happens to one stops neither the others nor the sweep."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow
JOBS = ["launcher=slurm", "launcher.cpus_per_task=1", "report=false", "sweep.name=mine"]
HANGS = '''
"""One trial hangs, deaf to every signal."""
import signal, time
from lightning.pytorch import Callback

class Hangs(Callback):
    def __init__(self, hangs):
        self.hangs = hangs

    def on_train_batch_end(self, *_):
        if self.hangs:
            signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM, signal.SIGUSR1, signal.SIGUSR2, signal.SIGCONT])
            time.sleep(3600)
'''


@pytest.fixture
def sweep(slurm, words, tmp_path):
    """(words) -> the running command; its output goes to a file, and its jobs end with the test."""
    children = []

    def start(*more: str) -> subprocess.Popen:
        command = [sys.executable, "-m", "starbolt", "train", "-m", *words("mlp"), *JOBS, *more]
        with (tmp_path / "out.txt").open("a") as out:
            children.append(subprocess.Popen(command, cwd=tmp_path, stdout=out, stderr=out))
        return children[-1]

    yield start
    for child in children:
        child.kill()
    for file in (tmp_path / "sweeps").glob("*/*/job.txt"):
        if slurm.job_state(file.read_text()) in ("PENDING", "RUNNING"):
            slurm.scancel("--signal=KILL", "--full", file.read_text())
            slurm.scancel(file.read_text())


def trials(home: Path) -> list[dict]:
    return json.loads((home / "sweeps" / "mine" / "trials.json").read_text())["trials"]


def epochs(folder: Path) -> list[int]:
    if not (folder / "history.csv").exists():
        return []
    with (folder / "history.csv").open(newline="") as file:
        return [int(row["epoch"]) for row in csv.DictReader(file)]


def test_four_trials_are_four_jobs_on_both_nodes(slurm, sweep, tmp_path):
    status = sweep("optim=sgd,adam", "seed=0,1", "launcher.time=5", "launcher.parallel=8").wait(timeout=300)
    assert status == 0, (tmp_path / "out.txt").read_text()
    assert [row["state"] for row in trials(tmp_path)] == ["finished"] * 4
    jobs = {file.read_text() for file in (tmp_path / "sweeps" / "mine").glob("*/job.txt")}
    assert len(jobs) == 4
    assert {slurm.show(job)["NodeList"] for job in jobs} <= {"n1", "n2"}
    assert (tmp_path / "sweeps" / "mine" / "sweep.html").is_file()


def test_a_trial_may_be_several_tasks_that_train_one_network(sweep, tmp_path):
    two = ["launcher.tasks_per_node=2", "trainer=ddp", "trainer.accelerator=cpu", "trainer.devices=2"]
    status = sweep("seed=0,1", *two, "launcher.time=5").wait(timeout=300)
    assert status == 0, (tmp_path / "out.txt").read_text()
    assert [row["state"] for row in trials(tmp_path)] == ["finished"] * 2
    logs = sorted((tmp_path / "sweeps" / "mine" / ".slurm").glob("*_log.out"))
    assert len(logs) == 4, "two tasks of each of two jobs"
    assert epochs(tmp_path / "sweeps" / "mine" / "seed=0") == [0, 1]


def test_a_pre_empted_trial_queues_again_and_goes_on_though_the_sweep_was_killed(slurm, sweep, tmp_path):
    long = ["trainer.max_epochs=300", "callbacks.patience.patience=300", "launcher.time=10", "seed=0,1"]
    child = sweep(*long)
    folder = tmp_path / "sweeps" / "mine" / "seed=0"
    job = slurm_job(slurm, folder)
    slurm.until(job, lambda: len(epochs(folder)) > 3, 120)
    child.kill()
    slurm.scancel("--signal=USR2", job)
    slurm.until(job, lambda: slurm.show(job).get("Restarts") == "1", 60)
    status = sweep(*long).wait(timeout=400)
    assert status == 0, (tmp_path / "out.txt").read_text()
    assert slurm_job(slurm, folder) == job, "the sweep found its job again, and started no other"
    assert epochs(folder) == list(range(300))
    assert [row["state"] for row in trials(tmp_path)] == ["finished"] * 2


def test_a_trial_killed_for_its_time_limit_is_told_and_the_sweep_goes_on(sweep, tmp_path):
    (tmp_path / "hangs.py").write_text(HANGS)
    trouble = ["+callbacks.hangs._target_=hangs.Hangs", "+callbacks.hangs.hangs=true,false"]
    status = sweep(*trouble, "launcher.time=1", "launcher.warning=5", "launcher.requeues=0").wait(timeout=400)
    assert status == 1
    one, other = trials(tmp_path)
    assert (one["state"], other["state"]) == ("failed", "finished")
    assert "TIMEOUT" in one["reason"]
    assert "1 of 2 trials failed" in (tmp_path / "out.txt").read_text()


def slurm_job(slurm, folder: Path) -> str:
    slurm.until("0", lambda: (folder / "job.txt").exists(), 60, never=())
    return (folder / "job.txt").read_text()
