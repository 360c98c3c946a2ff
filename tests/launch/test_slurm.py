"""slurm: what is asked for reaches sbatch, a refusal is a sentence, and a job's end is Slurm's word.

sbatch, squeue and scontrol are scripts here, that answer as Slurm does.
"""

from __future__ import annotations

import os
import pickle
import re
import signal
import sys
from pathlib import Path

import pytest

from starbolt.endurance import cluster
from starbolt.launch import Slurm, slurm
from starbolt.launch.slurm import FILE, Execute, Job

SBATCH = """#!/bin/sh
cp "$1" {folder}/script
echo "Submitted batch job 42"
"""


@pytest.fixture
def commands(tmp_path, monkeypatch):
    """(name, script) -> that command, in front of those of the machine; there is srun, and an sbatch that takes all."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")

    def put(name: str, script: str) -> Path:
        (folder / name).write_text(script)
        (folder / name).chmod(0o755)
        return folder

    put("srun", "#!/bin/sh\nexit 1\n")
    put("sbatch", SBATCH.format(folder=folder))
    return put


@pytest.fixture
def submitted(commands, tmp_path):
    """(number of jobs, **words of Slurm) -> the script that sbatch was given, and the jobs."""
    home = tmp_path / "sweep"

    def submit(count: int = 1, **words) -> tuple[str, list[Job]]:
        folders = [home / f"seed={seed}" for seed in range(count)]
        for folder in folders:
            folder.mkdir(parents=True, exist_ok=True)
        jobs = Slurm(**words).start(folders)
        return (tmp_path / "bin" / "script").read_text(), jobs

    return submit


@pytest.fixture(autouse=True)
def _no_queue(monkeypatch):
    monkeypatch.setattr(Job, "_queue", (-slurm.POLL - 1e9, set()))


def options(script: str) -> dict[str, str]:
    return dict(re.findall(r"^#SBATCH --([\w-]+)=?(.*)$", script, re.MULTILINE))


def test_the_plain_launcher_asks_for_one_task_and_an_hour(submitted):
    told = options(submitted()[0])
    assert (told["time"], told["nodes"], told["ntasks-per-node"], told["cpus-per-task"]) == ("60", "1", "1", "2")
    assert told["signal"] == "USR2@90"
    assert {"partition", "account", "qos", "constraint", "gpus-per-node", "mem"}.isdisjoint(told)


@pytest.mark.parametrize(("words", "option", "value"), [
    ({"time": 90}, "time", "90"),
    ({"partition": "gpu"}, "partition", "gpu"),
    ({"account": "astro"}, "account", "astro"),
    ({"qos": "long"}, "qos", "long"),
    ({"constraint": "a100|v100"}, "constraint", "'a100|v100'"),
    ({"nodes": 2}, "nodes", "2"),
    ({"tasks_per_node": 4}, "ntasks-per-node", "4"),
    ({"cpus_per_task": 8}, "cpus-per-task", "8"),
    ({"gpus_per_node": 2}, "gpus-per-node", "2"),
    ({"mem_gb": 16}, "mem", "16000M"),
    ({"mem_gb": 0.5}, "mem", "500M"),
    ({"warning": 300}, "signal", "USR2@300"),
    ({"more": {"mail-type": "FAIL", "exclusive": True}}, "mail-type", "FAIL"),
    ({"more": {"mail-type": "FAIL", "exclusive": True}}, "exclusive", ""),
])  # fmt: skip
def test_each_setting_is_an_option_of_sbatch(submitted, words, option, value):
    assert options(submitted(**words)[0])[option] == value


def test_lines_of_shell_come_before_the_run(submitted):
    script, _ = submitted(setup=["module load cuda", "export X=1"])
    lines = script.splitlines()
    assert lines.index("module load cuda") < lines.index("export X=1") < next(
        i for i, line in enumerate(lines) if line.startswith("srun ")
    )  # fmt: skip


@pytest.mark.parametrize("count", [1, 3])
def test_python_is_the_one_that_runs_or_the_one_that_is_named(submitted, count):
    assert f" {sys.executable} -u -m submitit" in submitted(count)[0]
    script, _ = submitted(count, python="apptainer exec image.sif python")
    assert " apptainer exec image.sif python -u -m submitit" in script


def test_one_job_goes_alone_and_several_as_an_array(submitted, tmp_path):
    script, jobs = submitted(1)
    assert "array" not in options(script)
    assert [job.name for job in jobs] == ["42"]
    script, jobs = submitted(5, parallel=3)
    assert options(script)["array"] == "0-4%3"
    assert [job.name for job in jobs] == [f"42_{i}" for i in range(5)]
    written = [(tmp_path / "sweep" / f"seed={i}" / FILE).read_text() for i in range(5)]
    assert written == [f"42_{i}" for i in range(5)]


@pytest.mark.parametrize("count", [1, 3])
def test_what_submitit_keeps_stays_in_the_sweeps_folder(submitted, tmp_path, count):
    """And how often a job goes on after its time limit is kept there too."""
    submitted(count, requeues=7)
    kept = sorted((tmp_path / "sweep" / ".slurm").glob("*submitted.pkl"))
    assert len(kept) == count
    job = pickle.loads(kept[0].read_bytes())
    assert job.function.folder == str(tmp_path / "sweep" / "seed=0")
    assert job._timeout_countdown == 7


@pytest.mark.parametrize("count", [1, 3])
def test_a_refused_submission_is_one_sentence(submitted, commands, count):
    commands("sbatch", "#!/bin/sh\necho 'sbatch: error: invalid partition specified: x' >&2\nexit 1\n")
    with pytest.raises(ValueError, match=r"^Slurm did not take the jobs") as told:
        submitted(count)
    assert "invalid partition specified: x" in str(told.value)
    assert "\n" not in str(told.value)


def test_a_refusal_without_words_is_a_sentence_too(submitted, commands):
    commands("sbatch", "#!/bin/sh\nexit 1\n")
    with pytest.raises(ValueError, match=r"^Slurm did not take the jobs"):
        submitted()


def test_where_there_is_no_slurm_that_is_one_sentence(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ValueError, match=r"Slurm|srun") as told:
        Slurm().start([tmp_path / "a"])
    assert "\n" not in str(told.value)


def test_a_missing_submitit_is_one_sentence_with_the_way_out(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "submitit", None)
    with pytest.raises(ModuleNotFoundError, match=r"launcher=slurm needs submitit; pip install 'starbolt\[slurm\]'"):
        Slurm().start([tmp_path / "a"])


# how a job ends


def queue(commands, text: str) -> None:
    commands("squeue", f"#!/bin/sh\necho asked >> {commands('x', '')}/looks\nprintf '{text}'\n")


def shown(commands, state: str | None) -> None:
    if state:
        commands("scontrol", f"#!/bin/sh\necho '   JobState={state} Reason=None'\n")
    else:
        commands("scontrol", "#!/bin/sh\necho 'slurm_load_jobs error: Invalid job id specified' >&2\nexit 1\n")


def test_a_job_in_the_queue_has_not_ended(commands):
    queue(commands, "42_N/A 42\\n50_1 52\\n")
    shown(commands, None)
    assert Job("42").ended() is None
    assert Job("50_1").ended() is None


@pytest.mark.parametrize("state", cluster.LIVING)
def test_a_job_that_just_came_or_comes_back_has_not_ended(commands, state):
    queue(commands, "")
    shown(commands, state)
    assert Job("42").ended() is None


@pytest.mark.parametrize(("state", "told"), [
    ("TIMEOUT", "Slurm job 42 ended as TIMEOUT"),
    ("OUT_OF_MEMORY", "Slurm job 42 ended as OUT_OF_MEMORY"),
    (None, "Slurm job 42 ended as unknown to Slurm"),
])  # fmt: skip
def test_a_job_ended_as_slurm_says(commands, state, told):
    queue(commands, "7_N/A 7\\n")
    shown(commands, state)
    assert Job("42").ended() == told


def test_while_slurm_is_silent_no_job_has_ended(commands):
    commands("squeue", "#!/bin/sh\nexit 1\n")
    commands("scontrol", "#!/bin/sh\necho 'Unable to contact slurm controller' >&2\nexit 1\n")
    assert Job("42").ended() is None
    queue(commands, "")
    assert Job("42").ended() is None


def test_many_jobs_look_at_the_queue_once(commands, tmp_path, monkeypatch):
    queue(commands, "1_N/A 1\\n")
    shown(commands, "RUNNING")
    now = [1000.0]
    monkeypatch.setattr(slurm.time, "monotonic", lambda: now[0])
    for number in range(5):
        Job(str(number)).ended()
    assert (tmp_path / "bin" / "looks").read_text().count("asked") == 1
    now[0] += slurm.POLL + 1
    Job("1").ended()
    assert (tmp_path / "bin" / "looks").read_text().count("asked") == 2


def test_a_sweep_that_is_started_again_finds_its_jobs(commands, tmp_path):
    queue(commands, "42_N/A 42\\n")
    shown(commands, "CANCELLED")
    assert Slurm().alive(tmp_path) is None
    (tmp_path / FILE).write_text("42")
    assert Slurm().alive(tmp_path) == "Slurm job 42"
    assert Slurm().adopt(tmp_path).name == "42"
    (tmp_path / FILE).write_text("41")
    assert Slurm().alive(tmp_path) is None


def test_a_job_is_left_by_stop_and_cancelled_by_end(commands, tmp_path):
    folder = commands("scancel", f"#!/bin/sh\necho $* >> {tmp_path}/bin/cancelled\n")
    Job("42_1").stop()
    assert not (folder / "cancelled").exists()
    Job("42_1").end()
    assert (folder / "cancelled").read_text() == "42_1\n"


# what a job does


@pytest.fixture
def execution(monkeypatch):
    """(what the run does) -> what Execute did: the folder it executed, whether it asked to be queued again."""
    from starbolt import run
    from starbolt.endurance import signals

    def execute(error: BaseException | None = None, unwanted: str | None = None) -> list:
        done: list = []

        def main(folder: str) -> None:
            done.append(folder)
            if error:
                raise error

        monkeypatch.setattr(run, "main", main)
        monkeypatch.setattr(signals, "deaf", lambda: done.append("deaf"))
        monkeypatch.setattr(cluster, "unwanted", lambda name, number: unwanted)
        monkeypatch.setattr(sys, "argv", ["pytest"])
        monkeypatch.setitem(sys.modules, "__main__", sys.modules["__main__"])
        before = signal.signal(signal.SIGUSR2, lambda number, frame: done.append("again"))
        try:
            assert Execute("/sweep/seed=0")() == "/sweep/seed=0"
        finally:
            signal.signal(signal.SIGUSR2, before)
        return done

    return execute


def test_a_job_executes_its_folder(execution):
    assert execution() == ["/sweep/seed=0"]


def test_a_job_whose_machine_is_taken_is_queued_again_by_submitit(execution):
    from starbolt.endurance.signals import Stopped

    assert execution(Stopped(signal.SIGUSR2)) == ["/sweep/seed=0", "deaf", "again"]


def test_a_job_that_was_cancelled_is_not(execution):
    from starbolt.endurance.signals import Stopped

    assert execution(Stopped(signal.SIGTERM), unwanted="it was cancelled") == ["/sweep/seed=0", "deaf"]


def test_a_mistake_goes_on_to_submitit(execution):
    with pytest.raises(ValueError, match="no column"):
        execution(ValueError("no column z"))


def test_what_is_queued_again_is_the_same(tmp_path):
    again = Execute("/sweep/seed=0").checkpoint()
    assert again.function.folder == "/sweep/seed=0"
    assert pickle.loads(pickle.dumps(Execute("/x"))).folder == "/x"
