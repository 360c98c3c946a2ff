"""sweep: each trial is a run folder of its own, and test rows stay unseen where something is chosen."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from starbolt.cli import main as cli
from starbolt.compose import UserError, compose
from starbolt.sweep import best_words

pytestmark = pytest.mark.slow


@pytest.fixture
def sweep(words, tmp_path):
    """(more words) -> the finished command and the sweep's folder."""

    def run(*more: str, model: str = "mlp") -> tuple[subprocess.CompletedProcess, Path]:
        command = [sys.executable, "-m", "starbolt", "train", "-m", *words(model), "sweep.name=mine", *more]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
        return done, tmp_path / "sweeps" / "mine"

    return run


def trials(folder: Path) -> list[dict]:
    return json.loads((folder / "trials.json").read_text())["trials"]


def test_a_grid_gives_a_folder_a_trial_and_a_page_and_goes_on_with_more_values(sweep):
    done, folder = sweep("optim=sgd,adam")
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == str(folder)
    assert {"optim=adam", "optim=sgd"} <= {path.name for path in folder.iterdir()}
    for trial in ("optim=adam", "optim=sgd"):
        assert "test/" not in (folder / trial / "metrics.json").read_text()  # something is chosen
    assert (folder / "sweep.html").is_file()
    assert [(folder / row["folder"] / "report.html").is_file() for row in trials(folder)].count(True) == 1  # the best
    before = (folder / "optim=sgd" / "metrics.json").stat().st_mtime_ns
    done, _ = sweep("optim=sgd,adam,rmsprop")
    assert done.returncode == 0, done.stderr
    assert [row["state"] for row in trials(folder)] == ["finished"] * 3
    assert (folder / "optim=sgd" / "metrics.json").stat().st_mtime_ns == before
    done, _ = sweep("optim=sgd,adam", "model.width=16")
    assert done.returncode == 1
    assert "model.width=16" in done.stderr
    assert "Traceback" not in done.stderr


def test_seeds_score_their_test_rows_and_a_failed_trial_does_not_stop_the_others(sweep):
    done, folder = sweep("seed=0,1", "trainer.max_epochs=1")
    assert done.returncode == 0, done.stderr
    assert "test/rms" in (folder / "seed=1" / "metrics.json").read_text()
    some = ["data.features=[u,g],[nothing],[u]", "data.colours=[]", "data.log=[]", "sweep.name=some"]
    done, folder = sweep(*some, "trainer.max_epochs=1")
    folder = folder.parent / "some"
    assert done.returncode == 1
    assert "1 of 3 trials failed" in done.stderr
    assert "Traceback" not in done.stderr
    assert [row["state"] for row in trials(folder)] == ["finished", "failed", "finished"]
    assert "'nothing'" in trials(folder)[1]["reason"]


TROUBLE = '''
"""A trial that raises, is killed, or hangs."""
import os, signal, time
from lightning.pytorch import Callback

class Trouble(Callback):
    def __init__(self, kind):
        self.kind = kind

    def on_train_batch_end(self, *_):
        if self.kind == "raises":
            raise RuntimeError("a bug of one's own")
        if self.kind == "killed":
            os.kill(os.getpid(), signal.SIGKILL)
        if self.kind == "hangs":
            signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
            time.sleep(3600)
'''


def test_trials_that_raise_are_killed_or_hang_are_told_and_do_not_stop_the_sweep(sweep, tmp_path):
    (tmp_path / "trouble.py").write_text(TROUBLE)
    done, folder = sweep(
        "+callbacks.trouble._target_=trouble.Trouble", "+callbacks.trouble.kind=none,raises,killed,hangs,also_none",
        "sweep.timeout=0.25", "trainer.max_epochs=1",
    )  # fmt: skip
    assert done.returncode == 1
    assert "3 of 5 trials failed" in done.stderr
    rows = {row["params"]["+callbacks.trouble.kind"]: row for row in trials(folder)}
    assert [rows[kind]["state"] for kind in rows] == ["finished", "failed", "failed", "failed", "finished"]
    assert rows["raises"]["reason"] == "a bug of one's own"
    assert rows["killed"]["reason"] == "killed by SIGKILL"
    assert rows["hangs"]["reason"] == "took longer than sweep.timeout=0.25 minutes"
    again, _ = sweep(
        "+callbacks.trouble._target_=trouble.Trouble", "+callbacks.trouble.kind=none,raises,killed,hangs,also_none",
        "sweep.timeout=0.25", "trainer.max_epochs=1",
    )  # fmt: skip
    assert "trial 1" not in again.stdout  # what failed is not tried again unasked
    assert again.returncode == 1


def test_a_search_prunes_runs_two_at_a_time_and_its_best_is_an_experiment(sweep, tmp_path, monkeypatch):
    space = ["optim.lr=tag(log,interval(1e-4,1e-1))", "model.width=choice(8,64)", "model.depth=range(1,3)"]
    done, folder = sweep(
        *space, "sweep=optuna", "sweep.trials=8", "sweep.startup=3", "sweep.pruner=median", "launcher=local_parallel",
        "launcher.parallel=2", "trainer.max_epochs=4",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    rows = trials(folder)
    assert len(rows) == 8
    assert {row["state"] for row in rows} == {"finished", "pruned"}
    assert all(row["curve"] for row in rows)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "conf" / "experiment").mkdir(parents=True)
    (tmp_path / "conf" / "experiment" / "mine.yaml").write_text((folder / "best.yaml").read_text())
    best = json.loads((folder / "trials.json").read_text())["best"]
    by_yaml, by_words = compose(["experiment=mine"]), compose(best_words("mine"))
    for cfg in (by_yaml, by_words):
        assert str(cfg.model.width) == rows[best]["params"]["model.width"]
        assert repr(cfg.optim.lr) == rows[best]["params"]["optim.lr"]
        assert cfg.test
    by_yaml.run = by_words.run = by_yaml.name = by_words.name = ""
    assert by_yaml == by_words


def test_the_winner_is_trained_and_tested_by_name(sweep, tmp_path, monkeypatch):
    _, _ = sweep("optim=sgd,adam", "trainer.max_epochs=1")
    command = [sys.executable, "-m", "starbolt", "train", "sweep.best=mine", "report=false", f"run={tmp_path / 'won'}"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "test/rms" in (tmp_path / "won" / "metrics.json").read_text()


@pytest.mark.parametrize(("word", "told"), [
    ("optim=sgd,adam sweep.objective=test/rms", "no score of the validation part"),
    ("optim.lr=interval(0,1)", "sweep=optuna"),
    ("optim=sgd,adamm", "did you mean adam"),
    ("optim.lrr=1,2", "did you mean optim.lr"),
    ("seed=0", "nothing varies"),
    ("seed=0,1 launcher.parallel=0", "launcher.parallel=0"),
])  # fmt: skip
def test_what_cannot_be_is_told_in_a_sentence_and_writes_nothing(words, tmp_path, monkeypatch, capsys, word, told):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit):
        cli(["train", "-m", *words("mlp"), *word.split()])
    said = capsys.readouterr().err
    assert told in said
    assert "Traceback" not in said
    assert not (tmp_path / "sweeps").exists()


def test_best_of_no_sweep_is_told(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match="names no sweep"):
        best_words("nothing")
