"""foreign: a launcher of Hydra's is handed batches, and what it returns or raises ends no sweep."""

from __future__ import annotations

import os
import sys
import threading
import time
from pathlib import Path

import pytest
from omegaconf import OmegaConf

from starbolt.aside import write_json
from starbolt.sweep import execute
from starbolt.sweep.foreign import BASIC, Foreign, launcher_size
from starbolt.sweep.space import parse
from starbolt.trials.trial import STATE, End


class Hydras:
    """A launcher as Hydra's are: launch() returns when all is done."""

    def __init__(self, error: BaseException | None = None, **words) -> None:
        self.given, self.error, self.go = [], error, threading.Event()
        self.__dict__ |= words

    def launch(self, words: list[list[str]], initial_job_idx: int) -> list[object]:
        self.given.append((words, initial_job_idx))
        assert self.go.wait(5)
        if self.error is not None:
            raise self.error
        return [object() for _ in words]


def wait_for(batch) -> str:
    until = time.monotonic() + 5
    while batch.ended() is None and time.monotonic() < until:
        time.sleep(0.005)
    return batch.ended()


FOLDERS = [Path("/sweeps/mine/trial_0000"), Path("/sweeps/mine/trial_0001")]


def test_folders_are_handed_over_together_while_the_sweep_looks_on():
    hydras = Hydras()
    jobs = Foreign(hydras).start(FOLDERS)
    assert len(jobs) == 2
    assert [job.ended() for job in jobs] == [None, None]
    hydras.go.set()
    assert [wait_for(job) for job in jobs] == ["its launcher returned"] * 2
    ((words, first),) = hydras.given
    assert [parse(each)[0].value() for each in words] == [str(folder) for folder in FOLDERS]
    assert first == 0


@pytest.mark.parametrize(
    "name", ["trial_0003", "seed=0,optim=sgd", "data.features=[u,g],a={b: 1}", "data.where='x < 1'", r"data.id='it\'s'"]
)
def test_what_is_handed_over_is_read_as_it_was_meant(name):
    """Hydra reads these words again, and a folder's name has signs that mean something to it."""
    hydras, folder = Hydras(), Path("/my sweeps/mine") / name
    hydras.go.set()
    (job,) = Foreign(hydras).start([folder])
    wait_for(job)
    read = parse(hydras.given[0][0][0])
    assert not any(item.is_sweep_override() for item in read)
    assert [item.value() for item in read] == [str(folder), name]


@pytest.mark.parametrize(("error", "told"), [
    (RuntimeError("no such host\nand more"), "its launcher said no such host"),
    (KeyError(), "its launcher said KeyError"),
    (SystemExit(3), "its launcher said 3"),
    (RuntimeError("x" * 999), "its launcher said " + "x" * 300),
])  # fmt: skip
def test_a_launcher_that_raises_is_a_reason(error, told):
    hydras = Hydras(error)
    hydras.go.set()
    (job,) = Foreign(hydras).start(FOLDERS[:1])
    assert wait_for(job) == told


def test_a_batch_cannot_be_stopped_and_is_nobodys_to_adopt():
    hydras = Hydras()
    foreign = Foreign(hydras)
    (job,) = foreign.start(FOLDERS[:1])
    job.stop()
    job.end()
    assert job.ended() is None
    assert foreign.alive(FOLDERS[0]) is None
    hydras.go.set()
    wait_for(job)


@pytest.mark.parametrize(("words", "size"), [
    ({}, 1),
    ({"joblib": {"n_jobs": 3}}, 3),
    ({"joblib": {"n_jobs": -1}}, os.cpu_count()),
    ({"joblib": {}}, 1),
    ({"params": {"array_parallelism": 16}}, 16),
    ({"params": {"array_parallelism": None}}, 1),
])  # fmt: skip
def test_how_many_it_works_on_at_a_time_is_its_own_word(words, size):
    assert launcher_size(Hydras(**words)) == size
    assert Foreign(Hydras(**words)).parallel == size


@pytest.mark.parametrize(("target", "meant"), [(BASIC, False), ("hydra_plugins.joblib.JoblibLauncher", True)])
def test_it_is_meant_where_the_user_named_a_launcher_of_hydras(target, meant):
    assert Foreign.meant(OmegaConf.create({"hydra": {"launcher": {"_target_": target}}})) is meant


@pytest.mark.parametrize(
    ("end", "value"), [(End("finished", 0.25), 0.25), (End("failed", reason="x"), None), (None, None)]
)
def test_what_hydra_is_given_back_is_the_trials_own_value(tmp_path, monkeypatch, end, value):
    """The task that a launcher of Hydra's executes, in whichever process."""
    commands = []

    def run(command: list[str], check: bool) -> None:
        commands.append(command)
        if end:
            write_json(tmp_path / STATE, end._asdict())

    monkeypatch.setattr("subprocess.run", run)
    assert execute(OmegaConf.create({"run": str(tmp_path)})) == value
    assert commands == [[sys.executable, "-m", "starbolt.run", str(tmp_path)]]
