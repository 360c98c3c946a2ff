"""Each fault of a machine that can be planted is told, with what mends it; a sound one has none."""

from __future__ import annotations

import importlib.metadata
import os
from types import SimpleNamespace

import pytest
import torch

from starbolt.doctor import disk, machine
from starbolt.doctor.finding import STATES, Finding, found

GB = 1 << 30


def states(check):
    return [finding.state for finding in check()]


def version_of(**other):
    real = importlib.metadata.version
    return lambda name: other[name] if name in other else real(name)


def test_every_finding_has_a_state_and_each_fault_a_way_out():
    told = list(found(machine.MACHINE))
    assert {finding.what for finding in told} >= {"python", "packages", "device", "processor", "memory", "wandb"}
    assert all(finding.state in STATES for finding in told)
    assert all(finding.mend for finding in told if finding.state == "fault")


def test_packages_that_are_too_old_or_must_not_be_used_are_faults(monkeypatch):
    monkeypatch.setattr(importlib.metadata, "version", version_of(lightning="2.6.3", numpy="1.26.4"))
    old, bad = (
        f for f in machine.packages() if f.state == "fault" and f.told.startswith(("numpy", "lightning 2.6.3:"))
    )
    assert (old.told, old.mend) == ("numpy 1.26.4 is too old or too new", "pip install 'numpy>=2.0'")
    assert "malicious" in bad.told
    assert bad.mend == "pip install --upgrade lightning"


def test_a_gpu_that_torch_cannot_use_is_a_fault(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    monkeypatch.setattr(machine, "driver", lambda: "nvidia-smi shows NVIDIA H100, 580.1")
    monkeypatch.setattr(torch.version, "cuda", None)
    (finding,) = machine.devices()
    assert (finding.state, "built without CUDA" in finding.told) == ("fault", True)
    monkeypatch.setattr(torch.version, "cuda", "13.0")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    assert states(machine.devices) == ["warning"]
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES")
    (finding,) = machine.devices()
    assert "too old a driver" in finding.told


@pytest.mark.parametrize(
    ("built", "free", "state"),
    [(["sm_80", "sm_90a"], 70, "ok"), (["sm_50", "sm_70"], 70, "fault"), (["sm_90"], 10, "warning")],
)
def test_a_gpu_is_told_with_its_memory(monkeypatch, built, free, state):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    about = SimpleNamespace(name="NVIDIA H100", major=9, minor=0)
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda number: about)
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda number: (free * GB, 80 * GB))
    monkeypatch.setattr(torch.cuda, "get_arch_list", lambda: built)
    (finding,) = machine.devices()
    assert finding.state == state
    assert "NVIDIA H100" in finding.told


def test_a_busy_machine_and_a_full_memory_are_warnings(monkeypatch):
    monkeypatch.setattr(os, "getloadavg", lambda: (99.0, 99.0, 99.0))
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.setattr(machine, "memory", lambda: (16 * GB, GB))
    assert states(machine.processor) == ["warning", "warning"]


def test_without_a_compiler_there_is_a_warning(monkeypatch):
    monkeypatch.setattr(machine.native, "load", lambda source: None)
    monkeypatch.delenv("STARBOLT_NATIVE", raising=False)
    assert states(machine.compiler) == ["warning"]


def test_a_cluster_is_told_by_its_partitions(monkeypatch):
    monkeypatch.setattr(machine.shutil, "which", lambda name: f"/bin/{name}")
    monkeypatch.setattr(machine, "_said", lambda command: "gpu* 1-00:00:00 12\nlong infinite 3")
    assert next(machine.cluster()).told == "gpu* (limit 1-00:00:00, 12 nodes); long (limit infinite, 3 nodes)"
    monkeypatch.setattr(machine, "_said", lambda command: "")
    assert states(machine.cluster) == ["warning"]


def test_a_check_that_fails_itself_does_not_stop_the_others():
    def broken():
        raise OSError("no such thing")
        yield

    def sound():
        yield Finding("ok", "sound", "it is")

    assert [finding.state for finding in found([broken, sound])] == ["warning", "ok"]


@pytest.mark.parametrize(("left", "state"), [(500, "ok"), (10, "warning"), (0.5, "fault")])
def test_room_on_the_disk(monkeypatch, tmp_path, left, state):
    monkeypatch.setattr(disk.shutil, "disk_usage", lambda path: SimpleNamespace(free=left * GB))
    monkeypatch.setattr(disk, "speeds", lambda file: (1e9, 1e9))
    (finding,) = disk.examined("cache", tmp_path / "not" / "there", "go elsewhere")
    assert finding.state == state
    assert (finding.mend == "go elsewhere") == (state != "ok")
    assert not list(tmp_path.iterdir()), "nothing is left"


def test_slow_disks_those_without_locks_and_those_that_cannot_be_written(monkeypatch, tmp_path):
    monkeypatch.setattr(disk.shutil, "disk_usage", lambda path: SimpleNamespace(free=500 * GB))
    monkeypatch.setattr(disk, "speeds", lambda file: (1e9, 2e7))
    assert [f.state for f in disk.examined("cache", tmp_path, "")] == ["warning"]
    monkeypatch.setattr(disk, "lockable", lambda file: False)
    assert [f.state for f in disk.examined("cache", tmp_path, "")] == ["fault"]

    def full(file):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(disk, "speeds", full)
    (finding,) = disk.examined("cache", tmp_path, "go elsewhere")
    assert (finding.state, finding.mend) == ("fault", "go elsewhere")


def test_speeds_are_measured(tmp_path, monkeypatch):
    monkeypatch.setattr(disk, "TRIED", 4 << 20)
    assert all(speed > 1e5 for speed in disk.speeds(tmp_path / "trial"))
    assert disk.lockable(tmp_path / "lock")
