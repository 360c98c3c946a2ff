"""child: a trial's process keeps to its part of the machine."""

from __future__ import annotations

import os
import sys

import pytest
import torch

from starbolt.launch import child


@pytest.fixture
def machine(monkeypatch):
    """(count of GPUs that torch sees, those that the user may see) -> a machine whose threads are noted."""
    threads: list[int] = []
    monkeypatch.setattr(torch, "set_num_threads", threads.append)
    monkeypatch.setenv("OMP_NUM_THREADS", "8")

    def make(count: int, visible: str | None = None) -> list[int]:
        monkeypatch.setattr(torch.cuda, "device_count", lambda: count)
        monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
        if visible is not None:
            monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
        return threads

    return make


def test_its_threads_are_those_of_all_that_it_starts(machine):
    threads = machine(0)
    child._share(3, 0)
    assert threads == [3]
    assert os.environ["OMP_NUM_THREADS"] == "3"


def test_without_a_number_the_threads_stay_as_they_are(machine):
    assert machine(0) == []
    child._share(None, -1)
    assert machine(0) == []
    assert os.environ["OMP_NUM_THREADS"] == "8"


@pytest.mark.parametrize(("count", "slot", "seen"), [
    (4, 0, "0"), (4, 3, "3"), (4, 5, "1"),
    (1, 2, None), (0, 2, None),  # nothing to choose
    (4, -1, None),  # it runs alone, and has them all
])  # fmt: skip
def test_gpus_are_dealt_in_turn(machine, count, slot, seen):
    machine(count)
    child._share(1, slot)
    assert os.environ.get("CUDA_VISIBLE_DEVICES") == seen


@pytest.mark.parametrize(("visible", "slot", "seen"), [
    ("2,3", 0, "2"), ("2,3", 1, "3"), ("2,3", 2, "2"), ("GPU-8932f937,GPU-46788301", 1, "GPU-46788301"),
])  # fmt: skip
def test_only_gpus_that_the_user_may_see_are_dealt(machine, visible, slot, seen):
    """The others are other people's."""
    machine(2, visible)
    child._share(1, slot)
    assert os.environ["CUDA_VISIBLE_DEVICES"] == seen


def test_it_looks_like_the_run_that_lightning_repeats_for_further_ranks(monkeypatch):
    from starbolt import run

    monkeypatch.setattr(sys, "argv", ["pytest"])
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setitem(sys.modules, "__main__", sys.modules["__main__"])
    with child._as_program("/some/run"):
        assert sys.argv == [run.__file__, "/some/run"]
        assert sys.modules["__main__"].__spec__.name == "starbolt.run"
        assert sys.path[0] == os.getcwd()
