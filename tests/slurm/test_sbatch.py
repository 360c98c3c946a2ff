"""train.sbatch: several nodes train one network, and a job whose machines are taken away goes on where it was."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pyarrow.parquet as pq
import pytest

pytestmark = pytest.mark.slow
TRAIN = Path(__file__).resolve().parents[2] / "scripts" / "slurm" / "train.sbatch"
SIZE = ["--gpus-per-node=0", "--cpus-per-task=1"]
TWO = ["trainer=ddp", "trainer.accelerator=cpu"]
EPOCHS = 300  # so many that it can be stopped on the way


@pytest.fixture
def sbatch(slurm, tmp_path):
    """(words) -> job; train.sbatch with the words, in tmp_path, by a python that notes on which node it was started."""
    (tmp_path / "bin").mkdir()
    python = tmp_path / "bin" / "python"
    note = f'echo "$SLURM_STEP_ID $SLURM_PROCID $SLURMD_NODENAME" >>{tmp_path}/starts.txt'
    python.write_text(f'#!/bin/sh\n{note}\nexec {sys.executable} "$@"\n')
    python.chmod(0o755)
    path = f"{python.parent}:{os.environ['PATH']}"
    jobs = []

    def submit(*words: str, orders: tuple[str, ...] = ()) -> str:
        jobs.append(slurm.sbatch(*SIZE, *orders, TRAIN, *words, cwd=tmp_path, PATH=path))
        return jobs[-1]

    yield submit
    for job in jobs:
        if slurm.job_state(job) in ("PENDING", "RUNNING"):
            slurm.scancel("--signal=KILL", "--full", job)
            slurm.scancel(job)


def epochs(run: Path) -> list[int]:
    if not (run / "history.csv").exists():
        return []
    with (run / "history.csv").open(newline="") as file:
        return [int(row["epoch"]) for row in csv.DictReader(file)]


def long_enough(words) -> list[str]:
    return [*words("mlp"), *TWO, f"trainer.max_epochs={EPOCHS}", "~callbacks.patience", "report=false"]


def test_two_nodes_train_one_network(slurm, sbatch, words, tmp_path):
    job = sbatch(*words("mlp"), *TWO)
    slurm.wait_for(job, {"COMPLETED"}, 400)
    run = tmp_path / "runs" / "starbolt" / job
    assert slurm.log(job).splitlines()[-1] == str(run)
    assert "test/rms" in json.loads((run / "metrics.json").read_text())
    starts = [line.split(" ") for line in (tmp_path / "starts.txt").read_text().splitlines()]
    ranks = {rank: node for step, rank, node in starts if step}
    assert len(ranks) == len(set(ranks.values())) == 2
    split = pq.read_table(run / "split.parquet").to_pylist()
    times = Counter((row["part"], row["id"]) for row in pq.read_table(run / "predictions.parquet").to_pylist())
    assert {key for key in times if key[0] == "test"} == {("test", row["id"]) for row in split if row["part"] == "test"}
    assert set(times.values()) == {1}
    assert epochs(run) == [0, 1]


@pytest.mark.parametrize("taken", ["by a signal", "for an urgent job"])
def test_a_job_whose_machines_are_taken_away_goes_on_in_the_same_folder(slurm, sbatch, words, tmp_path, taken):
    if taken == "for an urgent job" and "urgent" not in _partitions():
        pytest.skip("this cluster has no partition that takes the machines of another")
    job = sbatch(*long_enough(words))
    run = tmp_path / "runs" / "starbolt" / job
    slurm.until(job, lambda: len(epochs(run)) > 5, 200)
    if taken == "by a signal":
        slurm.scancel("--signal=USR1", job)
    else:
        slurm.sbatch("--partition=urgent", "-N2", "--ntasks-per-node=4", "--wrap", "sleep 1", cwd=tmp_path)
    slurm.until(job, lambda: slurm.show(job)["Restarts"] == "1" and slurm.job_state(job) == "PENDING", 120)
    before = epochs(run)
    assert 5 < len(before) < EPOCHS
    assert (run / "checkpoints" / "last.ckpt").exists()
    assert not (run / "metrics.json").exists()
    slurm.wait_for(job, {"COMPLETED"}, 500)
    assert slurm.show(job)["Restarts"] == "1"
    assert epochs(run) == list(range(EPOCHS))
    assert "test/rms" in json.loads((run / "metrics.json").read_text())
    assert [path.name for path in run.parent.iterdir()] == [job]


def test_a_job_goes_on_after_its_time_limit(slurm, sbatch, words, tmp_path):
    job = sbatch(*long_enough(words), "trainer.max_epochs=100000", orders=("--time=2", "--signal=USR1@30"))
    run = tmp_path / "runs" / "starbolt" / job
    slurm.until(job, lambda: slurm.show(job)["Restarts"] == "1" and slurm.job_state(job) == "PENDING", 200)
    before = epochs(run)
    slurm.until(job, lambda: len(epochs(run)) > len(before) > 0, 200)
    assert epochs(run)[: len(before) + 1] == list(range(len(before) + 1))


def test_a_cancelled_job_stays_cancelled(slurm, sbatch, words, tmp_path):
    job = sbatch(*long_enough(words))
    run = tmp_path / "runs" / "starbolt" / job
    slurm.until(job, lambda: len(epochs(run)) > 5, 200)
    slurm.scancel(job)
    slurm.wait_for(job, {"CANCELLED"}, 60)
    assert slurm.show(job)["Restarts"] == "0"
    stopped = len(epochs(run))
    (tmp_path / "starts.txt").unlink()

    job = sbatch(orders=(f"--export=ALL,STARBOLT_RUN={run}",))  # no words: the run has them, and goes on
    slurm.until(job, lambda: len(epochs(run)) > stopped, 200)
    assert epochs(run) == list(range(len(epochs(run))))
    slurm.scancel(job)


def test_a_process_that_fails_while_the_first_still_packs_fails_the_job_once(slurm, sbatch, words, tmp_path):
    """srun then tells the first to end, as a cluster does that wants its machine back: but nobody will."""
    packs = "import runpy, time; from starbolt import build; build.data = lambda cfg: time.sleep(60); "
    packs += "runpy.run_module('starbolt.run', run_name='__main__', alter_sys=True)"
    python = tmp_path / "bin" / "python"
    ranks = f"""case "$SLURM_STEP_ID.$SLURM_PROCID" in
0.0) exec {sys.executable} -c "{packs}" "$3" ;;
0.1) until [ -e "$3/.alive" ]; do sleep 0.1; done; exit 1 ;;
esac
"""
    python.write_text(python.read_text().replace("exec", f"{ranks}exec", 1))
    job = sbatch(*words("mlp"), *TWO)
    slurm.wait_for(job, {"FAILED"}, 100)
    assert slurm.show(job)["Restarts"] == "0"


def test_words_that_are_wrong_fail_the_job_at_once_in_one_sentence(slurm, sbatch, words):
    job = sbatch(*words("mlp"), *TWO, "trainer.max_epoch=3")
    slurm.wait_for(job, {"FAILED"}, 100)
    assert "did you mean trainer.max_epochs?" in slurm.log(job)
    assert "Traceback" not in slurm.log(job)


def _partitions() -> list[str]:
    return subprocess.run(["sinfo", "-h", "-o", "%R"], capture_output=True, text=True, check=True).stdout.split()
