"""local: trials are processes that share the machine fairly, can be asked and ended, and outlive their sweep."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from starbolt.endurance import lease
from starbolt.launch import Local, local
from starbolt.launch.local import Child, Orphan

DEAF = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); time.sleep(600)"
HEARS = """
import signal, sys, time
signal.signal(signal.SIGTERM, lambda *_: sys.exit(75))
print("up", flush=True)
time.sleep(600)
"""
FAMILY = """
import subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
print(child.pid, flush=True)
time.sleep(600)
"""


class Process:
    """A real process that looks like multiprocessing's; own: whether it leads a group of its own, as a trial does."""

    def __init__(self, code: str, own: bool = True) -> None:
        command = [sys.executable, "-c", code]
        self.popen = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=own)
        self.said = self.popen.stdout.readline().strip()
        self.pid = self.popen.pid

    @property
    def exitcode(self) -> int | None:
        return self.popen.poll()

    def join(self) -> None:
        self.popen.wait(timeout=10)


@pytest.fixture
def process():
    made: list[Process] = []

    def start(code: str, own: bool = True) -> Process:
        made.append(Process(code, own))
        return made[-1]

    yield start
    for each in made:
        each.popen.kill()
        each.popen.wait()
        each.popen.stdout.close()


class FakeServer:
    """A fork server whose processes do nothing: what they were given is kept."""

    def __init__(self) -> None:
        self.given: list[tuple] = []
        self.processes: list[FakeProcess] = []

    def Process(self, target, args):  # noqa: N802 (multiprocessing's name)
        self.given.append(args)
        self.processes.append(FakeProcess())
        return self.processes[-1]


class FakeProcess:
    pid, exitcode = None, None

    def start(self) -> None: ...


@pytest.fixture
def served(monkeypatch):
    """(**words of Local) -> the launcher and its server."""

    def make(**words) -> tuple[Local, FakeServer]:
        launcher, server = Local(**words), FakeServer()
        launcher._server = server
        return launcher, server

    return make


@pytest.mark.parametrize("parallel", [0, -1])
def test_no_trial_at_a_time_is_refused(parallel):
    with pytest.raises(ValueError, match=f"launcher.parallel={parallel} is no number of trials"):
        Local(parallel=parallel)


@pytest.mark.parametrize(("words", "cores", "threads"), [
    ({}, 8, None),  # as a run has them
    ({"parallel": 4}, 8, 2),
    ({"parallel": 3}, 8, 2),
    ({"parallel": 8}, 4, 1),
    ({"parallel": 2}, 1, 1),
    ({"parallel": 4, "threads": 5}, 8, 5),
    ({"threads": 2}, 8, 2),
])  # fmt: skip
def test_the_cores_are_shared(monkeypatch, words, cores, threads):
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.setattr(local, "cores", lambda: cores)
    assert Local(**words).threads == threads


def test_each_trial_is_given_its_folder_its_threads_and_a_slot(served):
    launcher, server = served(parallel=3, threads=2)
    launcher.start([Path("/a"), Path("/b")])
    assert server.given == [("/a", 2, 0), ("/b", 2, 1)]


def test_the_slot_of_a_trial_that_ended_is_given_to_the_next(served):
    launcher, server = served(parallel=3, threads=1)
    launcher.start([Path("/a"), Path("/b"), Path("/c")])
    server.processes[1].exitcode = 0
    launcher.start([Path("/d")])
    assert server.given[-1] == ("/d", 1, 1)
    server.processes[0].exitcode = server.processes[2].exitcode = 1
    launcher.start([Path("/e"), Path("/f")])
    assert [slot for *_, slot in server.given[-2:]] == [0, 2]


def test_a_trial_that_runs_alone_has_no_slot_and_all_the_gpus(served):
    launcher, server = served()
    launcher.start([Path("/a")])
    assert server.given == [("/a", None, -1)]


@pytest.mark.parametrize(("code", "told"), [
    (0, "left with status 0"), (75, "left with status 75"), (-9, "killed by SIGKILL"), (-11, "killed by SIGSEGV"),
])  # fmt: skip
def test_how_a_process_ended_is_told_in_words(code, told):
    process = FakeProcess()
    assert Child(process).ended() is None
    process.exitcode = code
    assert Child(process).ended() == told


def test_who_hears_is_ended_by_asking(process):
    child = Child(process(HEARS))
    assert child.ended() is None
    child.end()
    assert child.ended() == "left with status 75"


def test_who_does_not_hear_is_killed(process, monkeypatch):
    monkeypatch.setattr(local, "PATIENCE", 0.3)
    child = Child(process(DEAF))
    child.stop()
    time.sleep(0.1)
    assert child.ended() is None
    child.end()
    assert child.ended() == "killed by SIGKILL"


def test_what_a_trial_started_ends_with_it(process):
    parent = process(FAMILY)
    Child(parent).end()
    until = time.monotonic() + 5
    while _lives(int(parent.said)) and time.monotonic() < until:
        time.sleep(0.01)
    assert not _lives(int(parent.said))


def _lives(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def test_a_trial_that_is_asked_before_it_has_a_group_of_its_own_hears_it_too(process):
    """As in its first moments, while it imports."""
    child = Child(process(HEARS, own=False))
    child.stop()
    until = time.monotonic() + 2
    while child.ended() is None and time.monotonic() < until:
        time.sleep(0.01)
    assert child.ended() == "left with status 75"


def test_a_trial_that_has_ended_may_be_asked_and_ended(process):
    one = process("print('up')")
    one.join()
    child = Child(one)
    child.stop()
    child.end()
    assert child.ended() == "left with status 0"


def test_a_trial_that_has_ended_is_not_signalled_by_a_number_that_may_be_anothers_by_now(process, monkeypatch):
    one = process("print('up')")
    one.join()
    sent: list[int] = []
    monkeypatch.setattr(local.os, "kill", lambda pid, number: sent.append(number))
    Child(one).stop()
    Child(one).end()
    assert sent == []


HOLD = """
import signal, sys, time
from pathlib import Path
from starbolt.endurance.lease import held
signal.signal(signal.SIGTERM, lambda *_: sys.exit(75))
with held(Path({folder!r})):
    print("up", flush=True)
    time.sleep(600)
"""


def test_a_trial_whose_sweep_was_killed_is_found_and_can_be_ended(tmp_path, process):
    launcher = Local()
    assert launcher.alive(tmp_path) is None
    one = process(HOLD.format(folder=str(tmp_path)))
    assert launcher.alive(tmp_path) == lease.holder(tmp_path)
    assert str(one.pid) in launcher.alive(tmp_path)
    orphan = launcher.adopt(tmp_path)
    assert orphan.ended() is None
    orphan.stop()
    one.join()
    assert orphan.ended() == "its process ended without a word"
    orphan.end()  # and nothing happens


def test_an_orphan_that_does_not_hear_is_killed(tmp_path, process, monkeypatch):
    monkeypatch.setattr(local, "PATIENCE", 0.3)
    deaf = HOLD.format(folder=str(tmp_path)).replace("lambda *_: sys.exit(75)", "signal.SIG_IGN")
    one = process(deaf)
    Orphan(tmp_path).end()
    one.join()
    assert one.exitcode == -signal.SIGKILL


def test_what_runs_on_another_machine_is_not_ours_to_adopt(tmp_path):
    (tmp_path / lease.ALIVE).write_text("elsewhere 1")
    assert Local().alive(tmp_path) is None


@pytest.mark.slow
def test_a_real_trial_is_executed_and_what_it_prints_is_kept(words, tmp_path):
    """The status of one whose settings are wrong is that of a mistake, and its sentence stands in output.txt."""
    from starbolt.compose import compose, write_config

    good = write_config(compose([*words("mlp"), f"run={tmp_path / 'good'}", "report=false", "trainer.max_epochs=1"]))
    bad = write_config(compose([*words("mlp"), f"run={tmp_path / 'bad'}", "data.target=nothing"]))
    launcher = Local(parallel=2)
    jobs = launcher.start([good, bad])
    until = time.monotonic() + 120
    while any(job.ended() is None for job in jobs) and time.monotonic() < until:
        time.sleep(0.1)
    assert [job.ended() for job in jobs] == ["left with status 0", "left with status 1"]
    assert (good / "metrics.json").is_file()
    assert (good / "output.txt").read_text().splitlines()[-1] == str(good)
    assert "nothing" in (bad / "output.txt").read_text()
    assert lease.holder(good) is None


def test_threads_that_the_user_chose_stay(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    assert Local(parallel=4).threads is None
    assert Local(parallel=4, threads=3).threads == 3
