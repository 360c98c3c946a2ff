"""`starbolt reproduce` trains the same again, to the last digit, and tells what is no longer the same."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest
from omegaconf import OmegaConf

from starbolt import run as running
from starbolt.compose import UserError
from starbolt.verbs import reproduce


@pytest.fixture
def run(trained, tmp_path, monkeypatch) -> Path:
    """A copy of a finished run, in an empty current directory."""
    monkeypatch.chdir(tmp_path)
    folder = Path(shutil.copytree(trained("mlp"), tmp_path / "old"))
    change(folder / "provenance.json", directory=str(tmp_path), git=None, changes=None)
    return folder


@pytest.fixture
def inside(monkeypatch, unreported) -> None:
    """Train in this process, and without a report: both take time that says nothing here."""

    def execute(folder: Path) -> int:
        running.execute(folder)
        return 0

    monkeypatch.setattr(reproduce, "execute", execute)


def change(file: Path, **words) -> None:
    file.write_text(json.dumps(json.loads(file.read_text()) | words))


def test_the_scores_are_equal_to_the_last_digit(run, inside, capsys):
    reproduce.main(["old", "run=new"])
    said = capsys.readouterr().out.splitlines()
    old, new = (json.loads((Path(folder) / "metrics.json").read_text()) for folder in ("old", "new"))
    assert old == new
    assert said[0] == f"nothing differs from {run}: code, packages, machine, data and split are the same"
    assert said[-2:] == [f"reproduced: all {len(old)} scores are equal to the last digit", str(run.parent / "new")]
    (row,) = [line.split() for line in said if line.split()[:1] == ["test/rms"]]
    assert row[1:] == [repr(old["test/rms"]), repr(old["test/rms"]), "0"]
    assert Path("new/command.txt").read_text() == "starbolt reproduce old run=new\n"
    before, after = (OmegaConf.load(f"{folder}/config.yaml") for folder in ("old", "new"))
    assert after.run == str(run.parent / "new")
    assert {k: v for k, v in after.items() if k not in ("run", "logger")} == {
        k: v for k, v in before.items() if k not in ("run", "logger")
    }


def test_other_scores_end_with_status_1(run, inside, capsys):
    scores = json.loads((run / "metrics.json").read_text())
    change(run / "metrics.json", **{"test/rms": scores["test/rms"] * (1 + 1e-15), "test/gone": 1.0})
    with pytest.raises(SystemExit) as left:
        reproduce.main(["old"])
    assert left.value.code == 1
    said = capsys.readouterr().out.splitlines()
    assert said[-2] == f"not reproduced: 2 of {len(scores) + 1} scores differ, although nothing else does"
    assert Path(said[-1]).parent == run.parent / "runs" / OmegaConf.load(run / "config.yaml").name


def test_what_differs_is_told_before_the_training(run, monkeypatch, capsys):
    then = json.loads((run / "provenance.json").read_text())
    packages = then["packages"] | {"torch": "1.0", "gone": "2.0"}
    change(run / "provenance.json", source="abc", python="3.8.1", packages=packages, split="xyz", git="c0ffee")
    monkeypatch.setattr(reproduce, "train", lambda cfg, words: stop())
    with pytest.raises(InterruptedError):
        reproduce.main(["old"])
    said = capsys.readouterr().out
    for line in (
        rf"code of starbolt: abc then, {then['source']} now",
        r"git commit: c0ffee then, \w+(\+changes)? now",
        r"Python: 3\.8\.1 then, 3\.\d+\.\d+ now",
        r"torch: 1\.0 then, [\d.]+\S* now",
        r"gone: 2\.0 then, none now",
        rf"split: xyz then, {then['split']} now",
    ):
        assert re.search(f"^{line}$", said, re.MULTILINE), line
    assert len(said.splitlines()) == 6


def stop() -> None:
    raise InterruptedError


def test_what_was_not_written_down_is_not_compared():
    now = dict.fromkeys(reproduce.WORDS, "now") | {"packages": {"torch": "2"}}
    assert list(reproduce.differences({}, now)) == []
    assert list(reproduce.differences({"git": None}, now)) == ["git commit: none then, now now"]


def test_relative_paths_begin_where_they_did(run, tmp_path, monkeypatch, capsys):
    there, here = tmp_path / "there", tmp_path / "here"
    there.mkdir()
    here.mkdir()
    cfg = OmegaConf.load(run / "config.yaml")
    shutil.copy(cfg.data.path, there / "cat.fits")
    cfg.data.path = "cat.fits"
    OmegaConf.save(cfg, run / "config.yaml")
    change(run / "provenance.json", directory=str(there))
    monkeypatch.chdir(here)
    monkeypatch.setattr(reproduce, "train", lambda cfg, words: stop())
    with pytest.raises(InterruptedError):
        reproduce.main(["../old", "run=new"])
    assert f"in {there}, as then" in capsys.readouterr().out


def test_a_training_that_fails_is_told(run, monkeypatch, capsys):
    monkeypatch.setattr(reproduce.sys, "executable", shutil.which("false"))
    with pytest.raises(SystemExit) as left:
        reproduce.main(["old", "run=new"])
    assert left.value.code == 1
    assert "nothing to compare, the training ended with status 1" in capsys.readouterr().err


def test_no_run_an_unfinished_one_and_other_words(run, tmp_path):
    with pytest.raises(UserError, match="say which run"):
        reproduce.main([])
    with pytest.raises(UserError, match="nothing else but run=FOLDER"):
        reproduce.main(["old", "seed=3"])
    with pytest.raises(UserError, match="nowhere is no run folder"):
        reproduce.main(["nowhere"])
    with pytest.raises(UserError, match="run=old is a run already"):
        reproduce.main(["old", "run=old"])
    (run / "provenance.json").unlink()
    with pytest.raises(UserError, match=f"is not finished; starbolt train run={run} goes on with it"):
        reproduce.main(["old"])


def test_scores_that_are_no_numbers_equal_themselves():
    nan = float("nan")
    assert reproduce.differing({"a": nan, "b": 1.0}, {"a": nan, "b": 1.0}) == []
    assert reproduce.differing({"a": 1.0}, {"a": nan}) == ["a"]
    assert reproduce.rows_of({"a": 1.0}, {"b": 2.0}) == [("a", "1.0", "", ""), ("b", "", "2.0", "")]


@pytest.mark.slow
@pytest.mark.parametrize("model", ["cnn", "gru"])
def test_in_a_process_of_its_own_the_scores_are_equal_too(trained, tmp_path, monkeypatch, model):
    """Their augmentations and dropouts draw at random, and the first process has drawn before them."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("OMP_NUM_THREADS", "1")  # as the tests of this process
    reproduce.main([str(trained(model)), "run=new"])
    old, new = (json.loads((folder / "metrics.json").read_text()) for folder in (trained(model), tmp_path / "new"))
    assert old == new
