"""`starbolt runs` finds every run folder, and shows the newest first with the scores that count."""

import json
import os
from pathlib import Path

import pytest

from starbolt.compose import UserError
from starbolt.verbs import runs


def make_run(folder: Path, *, age: float = 0.0, metrics: dict | None = None, done: bool = True) -> Path:
    folder.mkdir(parents=True)
    (folder / "config.yaml").write_text("name: x\n")
    os.utime(folder / "config.yaml", (1.7e9 - age, 1.7e9 - age))
    if metrics:
        (folder / "metrics.json").write_text(json.dumps(metrics))
    if done:
        (folder / "provenance.json").write_text(json.dumps({"seconds": 12.4}))
    return folder


def test_newest_first_below_runs_and_sweeps(tmp_path: Path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    make_run(Path("runs/old/a"), age=100)
    make_run(Path("sweeps/s/3"), age=50)
    make_run(Path("runs/new/b"))
    runs.main([])
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == ["run", "runs/new/b", "sweeps/s/3", "runs/old/a"]


def test_what_lies_inside_a_run_is_no_run(tmp_path: Path):
    run = make_run(tmp_path / "a")
    make_run(run / "wandb" / "files")
    assert list(runs.run_folders(tmp_path)) == [run]


def test_test_scores_stand_before_validation_scores():
    assert runs.main_scores({"val/accuracy": 0.8, "test/accuracy": 0.75, "test/loss": 1.0}) == "test: accuracy 0.75"
    assert runs.main_scores({"val/rms": 0.02, "val/crps": 1.0}) == "val: rms 0.02"
    assert runs.main_scores({"test/rms/teff": 90.0, "test/rms/logg": 0.2}) == "test: rms/teff 90, rms/logg 0.2"


def test_a_run_without_an_end_is_unfinished(tmp_path: Path):
    run = make_run(tmp_path / "a", done=False)
    assert runs.look(run).state == "unfinished"
    (run / "history.csv").write_text("epoch,seconds\n0,1.5\n1,3.0\n")
    assert runs.look(run)[3:] == (3.0, "unfinished, 2 epochs")
    assert runs.look(make_run(tmp_path / "b"))[3:] == (12.4, "done")


def test_an_empty_place_and_a_missing_one(tmp_path: Path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    runs.main([])
    assert "no runs below runs, sweeps" in capsys.readouterr().out
    with pytest.raises(UserError, match="no folder nowhere"):
        runs.main(["nowhere"])
