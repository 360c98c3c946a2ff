"""`starbolt doctor` says how the machine is; a fault is its status; words that are wrong are told before anything."""

from __future__ import annotations

import pytest

from starbolt.cli import main
from starbolt.compose import UserError
from starbolt.doctor import disk, machine, walk
from starbolt.doctor.finding import Finding
from starbolt.verbs import doctor


@pytest.fixture(autouse=True)
def sound(monkeypatch):
    """A machine of one check, which finds nothing."""
    monkeypatch.setattr(machine, "MACHINE", (lambda: [Finding("ok", "python", "3.11")],))
    monkeypatch.setattr(disk, "DISKS", ())
    monkeypatch.setattr(walk, "SECONDS", 0.05)


def test_a_sound_machine_has_status_0(capsys):
    doctor.main([])
    assert capsys.readouterr().out == "ok       python      3.11\n\nno faults, no warnings\n"


def test_a_fault_has_status_1_and_what_mends_it(monkeypatch, capsys):
    monkeypatch.setattr(disk, "DISKS", (lambda: [Finding("fault", "cache", "is full", "make room")],))
    with pytest.raises(SystemExit) as left:
        doctor.main([])
    assert left.value.code == 1
    out = capsys.readouterr().out
    assert "fault    cache       is full\n" in out
    assert "mend: make room\n" in out
    assert out.endswith("\n1 fault, no warnings\n")


def test_with_data_and_a_model_a_batch_goes_its_way(words, capsys):
    main(["doctor", *words("mlp")])
    out = capsys.readouterr().out
    assert [line.split()[1] for line in out.splitlines() if line.startswith("ok")][:4] == [
        "python",
        "data",
        "split",
        "audit",
    ]
    assert "an epoch in about" in out


def test_a_mistake_in_the_words_is_told_first(capsys):
    with pytest.raises(UserError, match="no model is chosen"):
        doctor.main(["data=table", "data.path=cat.fits", "data.target=z"])
    assert capsys.readouterr().out == ""
