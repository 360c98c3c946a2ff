"""sweep: each trial is a run folder of its own, and test rows stay unseen where something is chosen."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from starbolt.cli import main as cli
from starbolt.compose import UserError
from starbolt.sweep import REPEATS, finish, monitored, run_to_its_end, varying


@pytest.mark.parametrize(
    ("words", "keys"),
    [
        (["optim=sgd,adam", "model=mlp"], {"optim"}),
        (["seed=range(3)", "split.fold=0,1"], {"seed", "split.fold"}),
        (["data.features=[u,g]", "data.where='a, b'"], set()),
        (["data.features=[u,g],[u,g,r]", "seed=1"], {"data.features"}),
        (["optim.lr=choice(1,2)", "data.classes=[a,{b: [c,d]}]"], {"optim.lr"}),
        (["+data.time={b: x},{b: y}"], {"data.time"}),
    ],
)
def test_what_varies_is_what_hydra_would_vary(words, keys):
    assert {key.lstrip("+") for key in varying(words)} == keys


def test_only_seeds_and_folds_repeat():
    assert varying(["seed=0,1", "split.fold=range(5)"]) <= REPEATS
    assert not varying(["seed=0,1", "data.features=[u],[g]"]) <= REPEATS


def test_a_word_that_cannot_be_read_is_told(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match=r"data\.path=a b"):
        varying(["data.path=a b("])
    with pytest.raises(SystemExit):
        cli(["train", "-m", "optim=sgd,adam"])
    assert "no data is chosen" in capsys.readouterr().err


def test_a_child_answers_for_itself():
    assert run_to_its_end([sys.executable, "-c", "raise SystemExit(3)"]) == 3
    with pytest.raises(KeyboardInterrupt):
        run_to_its_end([sys.executable, "-c", "raise SystemExit(130)"])


def test_the_table_and_figure_of_finished_trials(trained, tmp_path, capsys):
    trials = {"a": trained("mlp"), "b": trained("mlp")}
    finish(tmp_path, trials)
    said = capsys.readouterr().out
    assert said.splitlines()[-1] == str(tmp_path)
    assert (tmp_path / "comparison.png").is_file()
    wanted = json.loads((trained("mlp") / "metrics.json").read_text())["val/loss"]
    assert monitored(trained("mlp"), "val/loss") == wanted
    assert f"{wanted:.4g}" in said


def test_a_failed_trial_fails_the_sweep_after_all(trained, tmp_path, capsys):
    with pytest.raises(SystemExit) as left:
        finish(tmp_path, {"a": trained("mlp"), "b": tmp_path / "nothing"})
    assert left.value.code == 1
    assert "1 of 2 trials failed" in capsys.readouterr().err
    assert monitored(tmp_path / "nothing", "val/loss") is None


@pytest.mark.slow
def test_two_optimisers_give_two_folders_and_one_figure(words, tmp_path):
    command = [sys.executable, "-m", "starbolt", "train", "-m", *words("mlp"), "optim=sgd,adam", "name=both"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    folder = tmp_path / "sweeps" / "both"
    assert done.stdout.splitlines()[-1] == str(folder)
    assert sorted(path.name for path in folder.iterdir() if path.is_dir()) == ["optim=adam", "optim=sgd"]
    for trial in ("optim=adam", "optim=sgd"):
        assert "test/" not in (folder / trial / "metrics.json").read_text()  # something is chosen
    assert (folder / "comparison.png").is_file()


@pytest.mark.slow
def test_seeds_score_their_test_rows_and_a_failed_trial_does_not_stop_the_others(words, tmp_path):
    plain = [sys.executable, "-m", "starbolt", "train", "-m", *words("mlp"), "trainer.max_epochs=1"]
    done = subprocess.run([*plain, "seed=0,1", "name=seeds"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "test/rms" in (tmp_path / "sweeps" / "seeds" / "seed=1" / "metrics.json").read_text()
    done = subprocess.run(
        [*plain, "data.features=[u,g],[nothing],[u]", "data.colours=[]", "data.log=[]", "name=some"],
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert "1 of 3 trials failed" in done.stderr
    assert "Traceback" not in done.stderr
    folder = tmp_path / "sweeps" / "some"
    assert sum((path / "metrics.json").is_file() for path in folder.iterdir()) == 2
