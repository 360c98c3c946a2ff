"""attempt: a trial's end is in its folder and in the journal, whichever way it ends; other runs are no attempts."""

from __future__ import annotations

import json
import signal
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from starbolt.endurance.signals import Stopped
from starbolt.trials.attempt import Attempt, Prune, Pruned
from starbolt.trials.study import Study
from starbolt.trials.trial import STATE, End, assign, ended


@pytest.fixture
def study(tmp_path):
    (tmp_path / "sweep").mkdir()
    study = Study(tmp_path / "sweep", pruner="median", startup=1)
    study.plan([{"seed": str(seed)} for seed in range(4)])
    return study


@pytest.fixture
def begin(study, tmp_path):
    """(pruner) -> the folder of a trial that was just started."""

    def start(pruner: str | None = None) -> Path:
        number = study.next(0, "me").number
        folder = tmp_path / "sweep" / f"seed={number}"
        folder.mkdir()
        assign(folder, number, "val/loss", "min", pruner, 1)
        return folder

    return start


def scored(folder: Path, **scores: float) -> None:
    (folder / "metrics.json").write_text(json.dumps({name.replace("_", "/"): value for name, value in scores.items()}))


def test_a_run_that_was_given_out_by_a_sweep_is_an_attempt(begin):
    folder = begin()
    assert Attempt.of(folder).about["number"] == 0
    assert not Attempt.of(folder, tells=False).tells


def test_any_other_run_is_none(tmp_path, begin):
    assert Attempt.of(tmp_path) is None
    folder = begin()
    taken = tmp_path / "elsewhere"
    folder.rename(taken)
    assert Attempt.of(taken) is None


def test_a_trial_in_another_sweeps_folder_is_none(tmp_path, begin):
    begin()
    folder = begin()
    (tmp_path / "other").mkdir()
    Study(tmp_path / "other").plan([{"seed": "0"}])
    folder.rename(tmp_path / "other" / folder.name)
    assert Attempt.of(tmp_path / "other" / folder.name) is None


@pytest.mark.parametrize("state", ["finished", "pruned", "failed"])
def test_a_trial_that_ended_is_an_attempt_no_more(study, begin, state):
    folder = begin()
    study.tell(0, state, 1.0 if state == "finished" else None, "so it went")
    assert Attempt.of(folder) is None


def test_a_finished_trial_is_recorded_with_its_value(study, begin):
    folder = begin()
    with Attempt.of(folder).recorded():
        scored(folder, val_loss=0.25, val_f1=0.9)
    assert ended(folder) == End("finished", 0.25)
    trial = study.trials()[0]
    assert (trial.state, trial.value) == ("finished", 0.25)
    assert json.loads((folder / STATE).read_text()).keys() == {"state", "value", "reason", "seconds", "when"}
    assert Attempt.of(folder) is None


def test_a_failed_one_with_its_reason_and_the_error_goes_on(study, begin):
    folder = begin()
    with pytest.raises(ValueError, match="no column"), Attempt.of(folder).recorded():
        raise ValueError("no column 'z'; say data.target=\nand more")
    assert ended(folder) == End("failed", reason="no column 'z'; say data.target=")
    assert (study.trials()[0].state, study.trials()[0].reason) == ("failed", "no column 'z'; say data.target=")


@pytest.mark.parametrize(("error", "reason"), [
    (RuntimeError(), "RuntimeError"),
    (RuntimeError("x" * 9999), "x" * 500),
    (MemoryError(), "the memory does not suffice"),
    (OSError(28, "No space left on device", "/data"), "no space left on the disk of /data"),
    (SystemExit(3), "3"),
])  # fmt: skip
def test_whatever_is_raised_is_a_sentence(study, begin, error, reason):
    folder = begin()
    with pytest.raises(type(error)), Attempt.of(folder).recorded():
        raise error
    assert ended(folder).reason.startswith(reason)
    assert len(ended(folder).reason) <= 500
    assert study.trials()[0].reason == ended(folder).reason


def test_a_pruned_trial_ends_well(study, begin):
    folder = begin()
    with Attempt.of(folder).recorded():
        raise Pruned("pruned after epoch 2: others were better by then")
    assert ended(folder) == End("pruned", reason="pruned after epoch 2: others were better by then")
    assert study.trials()[0].state == "pruned"


def test_a_stopped_trial_still_runs_by_the_journal_and_goes_on(study, begin):
    folder = begin()
    with pytest.raises(Stopped), Attempt.of(folder).recorded():
        raise Stopped(signal.SIGTERM)
    assert ended(folder) == End("stopped", reason="stopped by SIGTERM")
    assert study.trials()[0].state == "running"
    with Attempt.of(folder).recorded():
        assert ended(folder) is None  # what is over is not told while it goes on
        scored(folder, val_loss=0.5)
    assert ended(folder) == End("finished", 0.5)


def test_an_objective_that_is_no_score_fails_with_the_names_of_those_there_are(study, begin):
    folder = begin()
    with Attempt.of(folder).recorded():
        scored(folder, val_rms=1.0, val_nmad=2.0, test_rms=3.0)
    end = ended(folder)
    assert end.state == study.trials()[0].state == "failed"
    assert end.reason == "sweep.objective=val/loss is the name of no score; there are val/rms, val/nmad"


def test_a_score_that_is_no_number_is_a_failure(study, begin):
    """A run that diverged: no sampler can learn from its value, and its sweep must go on."""
    folder = begin()
    with Attempt.of(folder).recorded():
        scored(folder, val_loss=float("nan"))
    assert ended(folder).state == study.trials()[0].state == "failed"
    assert "val/loss" in ended(folder).reason


def test_ranks_but_the_first_tell_nothing(study, begin):
    folder = begin()
    with Attempt.of(folder, tells=False).recorded():
        pass
    with Attempt.of(folder, tells=False).recorded():
        raise Pruned("x")
    with pytest.raises(ValueError, match="x"), Attempt.of(folder, tells=False).recorded():
        raise ValueError("x")
    assert ended(folder) is None
    assert study.trials()[0].state == "running"


def test_the_objective_of_each_epoch_is_told_and_only_a_pruner_ends_a_trial(study, begin):
    good = Attempt.of(begin("median"))
    assert not good.poor(0, 0.1)
    study.tell(0, "finished", 0.1)
    assert not Attempt.of(begin(None)).poor(0, 99.0)
    assert Attempt.of(begin("median")).poor(0, 99.0)
    assert [trial.curve for trial in study.trials()[:3]] == [[(0, 0.1)], [(0, 99.0)], [(0, 99.0)]]


class FakeTrainer:
    """As much of a Trainer as Prune reads; broadcast: what the first rank says, where this is another one."""

    def __init__(self, score: float | None, epoch: int = 0, first: bool = True, broadcast: bool | None = None) -> None:
        self.callback_metrics = {} if score is None else {"val/loss": torch.tensor(score)}
        self.is_global_zero, self.current_epoch = first, epoch
        self.strategy = SimpleNamespace(broadcast=lambda poor: poor if broadcast is None else broadcast)


def test_a_poor_trial_is_ended_on_all_ranks(study, begin):
    Prune(Attempt.of(begin("median"))).on_train_epoch_end(FakeTrainer(0.1), None)
    study.tell(0, "finished", 0.1)
    attempt = Attempt.of(begin("median"))
    with pytest.raises(Pruned, match="after epoch 1"):
        Prune(attempt).on_train_epoch_end(FakeTrainer(99.0), None)
    with pytest.raises(Pruned):
        Prune(attempt).on_train_epoch_end(FakeTrainer(99.0, first=False, broadcast=True), None)
    Prune(attempt).on_train_epoch_end(FakeTrainer(99.0, epoch=1, first=False, broadcast=False), None)
    assert study.trials()[1].curve == [(0, pytest.approx(99.0))]  # told once


def test_an_epoch_without_the_objective_is_left_out(study, begin):
    Prune(Attempt.of(begin("median"))).on_train_epoch_end(FakeTrainer(None), None)
    assert study.trials()[0].curve == []
