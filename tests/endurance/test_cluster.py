"""cluster: what Slurm gave us is read from its environment, and what it says of a job from its commands.

The commands here are scripts that answer as Slurm 22.05 does, and write down what they were asked.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

import pytest
from lightning.fabric.plugins.environments import LightningEnvironment, SLURMEnvironment

from starbolt.endurance import cluster

SHOWN = """JobId=7 JobName=train
   UserId=root(0) GroupId=root(0) MCS_label=N/A
   JobState={state} Reason=None Dependency=(null)
   Requeue=1 Restarts=0 BatchFlag=1 Reboot=0 ExitCode=0:0
   PreemptEligibleTime=2026-11-02T03:04:05 PreemptTime={preempted}
"""
DOWN = "slurm_load_jobs error: Unable to contact slurm controller (connect failure)"


@pytest.fixture(autouse=True)
def _no_job(monkeypatch):
    for name in list(os.environ):
        if name.startswith("SLURM_"):
            monkeypatch.delenv(name)


@pytest.fixture
def slurm(tmp_path, monkeypatch):
    """Slurm's commands, as we say: slurm(command, out, err, status, words); slurm.asked() is what they were asked."""
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    return Commands(tmp_path)


class Commands:
    """scontrol, squeue and scancel of the tests' own."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.log = folder, folder / "asked"
        for name in ("scontrol", "squeue", "scancel"):
            self(name)

    def __call__(self, name: str, out: str = "", err: str = "", status: int = 0, only: str = "") -> None:
        """How a command answers; only: the first word to answer so, of a command that has several."""
        answers = self.folder / f"{name}.answers"
        answers.mkdir(exist_ok=True)
        (answers / f"{only or 'any'}.out").write_text(out)
        (answers / f"{only or 'any'}.err").write_text(err)
        (answers / f"{only or 'any'}.status").write_text(str(status))
        script = self.folder / name
        script.write_text(
            f'#!/bin/sh\necho "{name} $*" >> {self.log}\ncd {answers}\n'
            'one=any; [ -f "$1.out" ] && one=$1\ncat $one.out; cat $one.err >&2\nexit $(cat $one.status)\n'
        )
        script.chmod(0o755)

    def job(self, state: str, preempted: str = "None") -> None:
        """There is a job of this state."""
        self("scontrol", SHOWN.format(state=state, preempted=preempted), only="show")

    def asked(self) -> list[str]:
        return self.log.read_text().splitlines() if self.log.is_file() else []


def set_env(monkeypatch, **words: object) -> None:
    for name, value in words.items():
        monkeypatch.setenv(f"SLURM_{name}", str(value))


@pytest.mark.parametrize(("words", "name"), [
    ({}, None),
    ({"JOB_ID": 7}, "7"),
    ({"JOB_ID": 9, "ARRAY_JOB_ID": 7, "ARRAY_TASK_ID": 0}, "7_0"),
    ({"JOB_ID": 7, "ARRAY_JOB_ID": 7, "ARRAY_TASK_ID": 3}, "7_3"),
])  # fmt: skip
def test_a_job_is_known_by_its_number_and_one_of_an_array_by_both(monkeypatch, words, name):
    set_env(monkeypatch, **words)
    assert cluster.job() == name


@pytest.mark.parametrize(("words", "count"), [
    ({}, 1),
    ({"JOB_ID": 7, "NTASKS": 4}, 1),  # a batch script, or salloc: srun did not start us
    ({"JOB_ID": 7, "NTASKS": 4, "STEP_ID": "batch"}, 1),
    ({"JOB_ID": 7, "NTASKS": 4, "STEP_ID": 0, "STEP_NUM_TASKS": 2}, 2),
    ({"JOB_ID": 7, "NTASKS": 4, "STEP_ID": 0}, 4),
    ({"JOB_ID": 7, "NTASKS": 4, "STEP_ID": 4294967290, "STEP_NUM_TASKS": 1}, 1),  # the shell of an interactive step
    ({"JOB_ID": 7, "STEP_ID": 1}, 1),
])  # fmt: skip
def test_tasks_are_those_that_srun_started_together(monkeypatch, words, count):
    set_env(monkeypatch, **words)
    assert cluster.tasks() == count


def test_without_a_job_lightning_finds_its_environment_itself():
    assert cluster.plugins() == []


@pytest.mark.parametrize(("words", "kind"), [
    ({"JOB_ID": 7, "NTASKS": 4}, LightningEnvironment),
    ({"JOB_ID": 7, "NTASKS": 1, "STEP_ID": 0, "STEP_NUM_TASKS": 1}, LightningEnvironment),
    ({"JOB_ID": 7, "NTASKS": 4, "NTASKS_PER_NODE": 2, "STEP_ID": 0, "STEP_NUM_TASKS": 4}, SLURMEnvironment),
])  # fmt: skip
def test_ranks_are_slurms_only_where_srun_started_several(monkeypatch, words, kind):
    set_env(monkeypatch, **words)
    (environment,) = cluster.plugins()
    assert type(environment) is kind
    assert not getattr(environment, "auto_requeue", False)  # the signals are ours


def test_a_running_job_that_was_asked_to_make_room_is_wanted(slurm):
    slurm.job("RUNNING")
    for number in (signal.SIGUSR1, signal.SIGUSR2, signal.SIGTERM):
        assert cluster.unwanted("7", number) is None
    assert slurm.asked() == ["scontrol show job 7"] * 3


@pytest.mark.parametrize("state", ["COMPLETING", "CANCELLED", "TIMEOUT"])
def test_a_job_that_is_cancelled_or_over_is_not_wanted(slurm, state):
    slurm.job(state)
    assert "cancelled" in cluster.unwanted("7", signal.SIGUSR1)
    assert "cancelled" in cluster.unwanted("7", signal.SIGTERM)


def test_sigterm_to_several_processes_that_nobody_pre_empts_is_of_a_failure(slurm, monkeypatch):
    set_env(monkeypatch, JOB_ID=7, STEP_ID=0, STEP_NUM_TASKS=2)
    slurm.job("RUNNING")
    assert cluster.unwanted("7", signal.SIGTERM) == "another of its processes failed"
    assert cluster.unwanted("7", signal.SIGUSR1) is None
    slurm.job("RUNNING", preempted="2026-11-02T03:04:05")
    assert cluster.unwanted("7", signal.SIGTERM) is None


def test_requeue_says_what_it_did(slurm, monkeypatch):
    assert cluster.requeue(signal.SIGUSR1) == "there is no Slurm job to start again"
    assert slurm.asked() == []
    set_env(monkeypatch, JOB_ID=9, ARRAY_JOB_ID=7, ARRAY_TASK_ID=2)
    slurm.job("RUNNING")
    assert cluster.requeue(signal.SIGUSR1) == "the Slurm job 7_2 is queued again"
    assert slurm.asked() == ["scontrol show job 7_2", "scontrol requeue 7_2"]


def test_requeue_leaves_a_cancelled_job_alone(slurm, monkeypatch):
    set_env(monkeypatch, JOB_ID=7)
    slurm.job("COMPLETING")
    assert cluster.requeue(signal.SIGTERM) == ("the Slurm job 7 is not started again: it was cancelled, or has ended")
    assert slurm.asked() == ["scontrol show job 7"]


def test_requeue_tells_why_slurm_refuses(slurm, monkeypatch):
    set_env(monkeypatch, JOB_ID=7)
    slurm.job("RUNNING")
    slurm("scontrol", err="Requested operation is presently disabled for job 7\n", status=1, only="requeue")
    assert cluster.requeue(signal.SIGUSR1) == (
        "Slurm did not take the job 7 back (Requested operation is presently disabled for job 7); "
        "start it again by hand"
    )


def test_a_slurm_that_does_not_answer_is_not_taken_for_a_cancelled_job(slurm, monkeypatch):
    set_env(monkeypatch, JOB_ID=7)
    slurm("scontrol", err=DOWN, status=1, only="show")
    slurm("scontrol", err=DOWN, status=1, only="requeue")
    said = cluster.requeue(signal.SIGUSR1)
    assert "cancelled" not in said
    assert DOWN in said


@pytest.mark.parametrize("state", ["PENDING", "RUNNING", "TIMEOUT", "OUT_OF_MEMORY"])
def test_the_state_of_a_job_is_slurms_word(slurm, state):
    slurm.job(state)
    assert cluster.state("7") == state


def test_a_forgotten_job_has_no_state_and_one_of_a_silent_slurm_is_unreachable(slurm, monkeypatch):
    slurm("scontrol", err="slurm_load_jobs error: Invalid job id specified", status=1, only="show")
    assert cluster.state("7") is None
    slurm("scontrol", err=DOWN, status=1, only="show")
    assert cluster.state("7") == "UNREACHABLE"
    assert "UNREACHABLE" in cluster.LIVING
    monkeypatch.setenv("PATH", "/nowhere")
    assert cluster.state("7") == "UNREACHABLE"


def test_jobs_in_the_queue_have_both_their_names(slurm):
    slurm("squeue", "12_N/A 12\n15_0 15\n15_1 16\n15_10 17\n")
    assert cluster.queued() == {"12", "15", "15_0", "15_1", "16", "15_10", "17"}
    assert "--array" in slurm.asked()[0]


def test_an_empty_queue_is_empty_and_a_silent_slurm_says_nothing(slurm, monkeypatch):
    assert cluster.queued() == set()
    slurm("squeue", err=DOWN, status=1)
    assert cluster.queued() is None
    monkeypatch.setenv("PATH", "/nowhere")
    assert cluster.queued() is None


def test_a_slurm_that_hangs_is_given_up(monkeypatch, tmp_path):
    (tmp_path / "squeue").write_text(f"#!{sys.executable}\nimport time; time.sleep(60)\n")
    (tmp_path / "squeue").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    run = cluster.subprocess.run
    monkeypatch.setattr(cluster.subprocess, "run", lambda words, **options: run(words, **options | {"timeout": 0.2}))
    assert cluster.queued() is None


def test_a_job_is_cancelled_by_its_name(slurm):
    cluster.cancel("7_2")
    assert slurm.asked() == ["scancel 7_2"]


def test_processes_meet_at_the_address_that_slurm_has_for_the_first_node(slurm, monkeypatch):
    set_env(monkeypatch, JOB_ID=7, JOB_NODELIST="n[1-2]", STEP_ID=0, STEP_NUM_TASKS=2)
    monkeypatch.setenv("MASTER_ADDR", "")  # so that what the code sets is undone
    monkeypatch.delenv("MASTER_ADDR")
    slurm("scontrol", "n1\nNodeName=n1 Arch=x86_64 NodeAddr=10.0.0.7 NodeHostName=login\n", only="show")
    cluster.meet()
    assert slurm.asked() == ["scontrol show hostnames n[1-2]", "scontrol show node -o n1"]
    assert os.environ["MASTER_ADDR"] == "10.0.0.7"
    monkeypatch.setenv("MASTER_ADDR", "10.1.1.1")
    cluster.meet()
    assert os.environ["MASTER_ADDR"] == "10.1.1.1"
