"""trial: a run folder says which trial it is, and how that ended, whoever reads it."""

from __future__ import annotations

import json

import pytest

from starbolt.aside import write_json
from starbolt.trials import trial
from starbolt.trials.trial import FILE, STATE, End, assign, ended


def test_a_folder_is_assigned_to_a_trial(tmp_path):
    assign(tmp_path, 3, "val/loss", "min", None, 10)
    told = {"number": 3, "objective": "val/loss", "mode": "min", "pruner": None, "startup": 10, "warmup": 0}
    assert json.loads((tmp_path / FILE).read_text()) == told


def test_a_trial_that_wrote_nothing_has_no_end(tmp_path):
    assert ended(tmp_path) is None
    assert ended(tmp_path / "nowhere") is None


@pytest.mark.parametrize("end", [
    End("finished", 0.25), End("finished", float("inf")), End("pruned", reason="others were better"),
    End("failed", reason="no 'column'\u00e9"), End("stopped", reason="stopped by SIGTERM"),
])  # fmt: skip
def test_an_end_is_read_as_it_was_written(tmp_path, end):
    write_json(tmp_path / STATE, {**end._asdict(), "seconds": 1.0, "when": 2.0})
    assert ended(tmp_path) == end


def test_a_file_is_whole_or_as_it_was(tmp_path, monkeypatch):
    write_json(tmp_path / STATE, End("stopped")._asdict())
    monkeypatch.setattr(trial.Path, "replace", lambda *_: (_ for _ in ()).throw(OSError("killed here")))
    with pytest.raises(OSError, match="killed here"):
        write_json(tmp_path / STATE, End("finished", 1.0)._asdict())
    assert ended(tmp_path) == End("stopped")


def test_the_end_of_an_earlier_trial_is_not_the_end_of_the_one_that_the_folder_is_given_to(tmp_path):
    """sweep.retry=true gives a failed trial's folder to a new one, and other sweeps look at it before that begins."""
    assign(tmp_path, 0, "val/loss", "min", None, 10)
    write_json(tmp_path / STATE, End("failed", reason="bad luck")._asdict())
    assign(tmp_path, 7, "val/loss", "min", None, 10)
    assert ended(tmp_path) is None


def test_the_end_of_a_trial_that_is_given_out_again_stays(tmp_path):
    """A sweep that finds it, and starts it once more, has nothing else to know that it only stopped."""
    assign(tmp_path, 0, "val/loss", "min", None, 10)
    write_json(tmp_path / STATE, End("stopped", reason="stopped by SIGTERM")._asdict())
    assign(tmp_path, 0, "val/loss", "min", None, 10)
    assert ended(tmp_path) in (None, End("stopped", reason="stopped by SIGTERM"))
