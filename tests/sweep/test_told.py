"""told: the terminal says of every trial how it ended, and of all of them which is the best."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from starbolt.sweep.told import MOST, say_end, say_table
from starbolt.trials.trial import End


def row(number: int, label: str | None = None, state: str = "finished", **metrics: float) -> dict[str, Any]:
    return {
        "number": number, "label": label or f"width={number}", "state": state, "params": {"width": str(number)},
        "metrics": {name.replace("_", "/", 1): value for name, value in metrics.items()},
    }  # fmt: skip


@pytest.mark.parametrize(("end", "out", "err"), [
    (End("finished", 0.123456), "trial 3: val/loss 0.1235\n", ""),
    (End("pruned", reason="pruned after epoch 2: others were better by then"),
     "trial 3: pruned after epoch 2: others were better by then\n", ""),
    (End("failed", reason="the disk is full"), "", "trial 3 failed: the disk is full; see sweeps/mine/t3\n"),
])  # fmt: skip
def test_an_end_is_a_line(capsys, end, out, err):
    say_end(3, end, "val/loss", Path("sweeps/mine/t3"))
    said = capsys.readouterr()
    assert (said.out, said.err) == (out, err)


def test_the_table_has_the_scores_that_all_have_and_marks_the_best(capsys):
    trials = [
        row(0, val_loss=0.5, val_rms=2.0, val_zeta=1.0), row(1, val_loss=0.25, val_rms=1.0, val_nmad=0.1, val_zeta=2.0),
        row(2, state="failed"), row(3, state="pruned"),
    ]  # fmt: skip
    say_table({"trials": trials, "best": 1}, "val/zeta")
    lines = [line.split() for line in capsys.readouterr().out.replace("│", " ").replace("┃", " ").splitlines()]
    assert ["trial", "val/loss", "val/rms", "val/zeta", "state"] in lines
    assert ["width=0", "0.5", "2", "1", "finished"] in lines
    assert ["width=1", "0.25", "1", "2", "best"] in lines
    assert ["width=2", "failed"] in lines
    assert ["width=3", "pruned"] in lines


def test_of_a_single_trial_none_is_called_the_best(capsys):
    say_table({"trials": [row(0, val_loss=0.5)], "best": 0}, "val/loss")
    assert "best" not in capsys.readouterr().out


def test_of_seeds_alone_none_is_called_the_best(capsys):
    trials = [row(number, f"seed={number}", val_loss=0.5) | {"params": {"seed": str(number)}} for number in range(3)]
    say_table({"trials": trials, "best": 0}, "val/loss")
    assert "best" not in capsys.readouterr().out


def test_where_nothing_finished_the_states_are_told(capsys):
    say_table({"trials": [row(0, state="failed"), row(1, state="failed")], "best": None}, "val/loss")
    assert capsys.readouterr().out.count("failed") == 2


def test_of_very_many_the_best_is_shown(capsys):
    trials = [row(number, val_loss=number / 10) for number in range(MOST + 10)]
    say_table({"trials": trials, "best": 0}, "val/loss")
    said = capsys.readouterr().out
    assert "width=0" in said
    assert "width=1" not in said
    assert f"the best of {MOST + 10} trials" in said


@pytest.mark.parametrize("label", [
    "data.features=[u,g]", "data.classes=[E,{S: [Sa,Sb]}]", "data.where='[/x]'", "data.files=[/data/a.fits]",
    "a=[bold]",
])  # fmt: skip
def test_a_label_with_brackets_stands_as_it_is(capsys, label):
    """Which rich would take for its own marks."""
    say_table({"trials": [row(0, label, val_loss=0.5)], "best": 0}, "val/loss")
    assert label in capsys.readouterr().out
