"""compare: the scores are those of the runs, a folder stands for its runs, and a mistake is told in a sentence."""

from __future__ import annotations

import json
import re
import shutil
from math import isfinite
from pathlib import Path

import pytest

from starbolt.cli import main as cli
from starbolt.verbs.compare import finished, main


@pytest.fixture(autouse=True)
def _few_resamples(monkeypatch):
    monkeypatch.setattr("starbolt.report.compare.draws.RESAMPLES", 20)


@pytest.fixture
def copy(trained, tmp_path):
    """(model, name, old, new) -> a copy of a trained run with other words in its configuration."""

    def make(model: str, name: str, old: str = "", new: str = "") -> Path:
        folder = tmp_path / "sweep" / name
        folder.mkdir(parents=True)
        for file in ("spec.json", "metrics.json", "predictions.parquet", "calibration.json"):
            if (trained(model) / file).exists():
                shutil.copy(trained(model) / file, folder)
        config = (trained(model) / "config.yaml").read_text()
        assert old in config
        (folder / "config.yaml").write_text(config.replace(old, new, 1))
        return folder

    return make


@pytest.mark.parametrize("model", ["mlp", "cnn", "gru"])
def test_the_scores_of_a_single_run_are_its_own(trained, tmp_path, model, capsys):
    main([str(trained(model)), f"output={tmp_path / 'out'}"])
    told = json.loads((tmp_path / "out" / "compare.json").read_text())
    metrics = json.loads((trained(model) / "metrics.json").read_text())
    wanted = {name.removeprefix("test/"): v for name, v in metrics.items() if name.startswith("test/") and isfinite(v)}
    assert {row["score"]: row["value"] for row in told["scores"]} == pytest.approx(wanted, rel=1e-4, abs=1e-6)
    lines = capsys.readouterr().out.splitlines()
    assert lines[-1] == str(tmp_path / "out")
    assert "the runs differ in nothing but seed and fold: there is one setting to tell of" in lines


def test_a_folder_stands_for_all_runs_in_it(trained, copy, tmp_path, monkeypatch, capsys):
    rate = re.search(r"^  lr: .*$", (trained("mlp") / "config.yaml").read_text(), re.MULTILINE)[0]
    copy("mlp", "a0")
    copy("mlp", "a1", "seed: 0", "seed: 1")
    copy("mlp", "b0", rate, "  lr: 0.5")
    copy("mlp", "broken", rate, "  lr: 0.6").joinpath("metrics.json").unlink()
    monkeypatch.chdir(tmp_path)
    main(["sweep"])
    out = capsys.readouterr().out
    assert "optim.lr=0.5: 1 run\n" in out
    assert "nmad: optim.lr=0.5 cannot be told from" in out
    assert "note: sweep/broken is left out: it is not finished" in out
    assert "note: 1 run is left out, whose seed or fold not every setting has" in out
    assert out.splitlines()[-2:] == ["figure: compare/compare.png", "compare"]
    assert sorted(path.name for path in Path("compare").iterdir()) == [
        f"compare.{ending}" for ending in ("csv", "json", "pdf", "png")
    ]


def test_a_run_named_before_its_folder_comes_first_and_only_once(copy, tmp_path):
    runs = [copy("mlp", name) for name in "abc"]
    assert [folder for _, folder in finished([str(runs[1]), str(tmp_path)])[0]] == [runs[1], runs[0], runs[2]]
    assert finished([str(runs[0]), str(runs[0])])[0] == [(0, runs[0]), (1, runs[0])]


def test_runs_at_odds_and_places_without_runs_are_told_in_a_sentence(trained, copy, tmp_path, capsys):
    broken = copy("mlp", "broken")
    (broken / "metrics.json").unlink()
    for words, sentence in (
        ([], "say which runs to compare, as in starbolt compare RUN RUN"),
        (["/nowhere"], "/nowhere is neither a run nor a folder of runs"),
        ([str(broken)], "broken is not finished; starbolt train run=.* goes on with it"),
        ([str(trained("mlp")), str(trained("cnn"))], "learnt redshift and .* compare runs with the same target"),
    ):
        with pytest.raises(SystemExit) as left:
            cli(["compare", *words, f"output={tmp_path / 'out'}"])
        assert left.value.code == 1
        said = capsys.readouterr().err.strip()
        assert [line.split(" ")[0] for line in said.splitlines()] == ["starbolt:", "more:"]
        assert re.search(sentence, said), said
    assert not (tmp_path / "out").exists()
