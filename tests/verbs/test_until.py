"""evaluate with several days: each is scored as if it were asked for alone, and the test rows are looked at once."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from pyarrow import csv

from starbolt.cli import main as cli
from starbolt.verbs.evaluate import main
from starbolt.verbs.until import days_of, several


@pytest.fixture
def run(trained, tmp_path):
    """A copy of the trained GRU's run."""
    return Path(shutil.copytree(trained("gru"), tmp_path / "run"))


@pytest.fixture(autouse=True)
def _few_resamples(monkeypatch):
    monkeypatch.setattr("starbolt.report.intervals.RESAMPLES", 5)


def looks(run):
    return json.loads((run / "looks.json").read_text())


def test_each_day_is_scored_as_if_it_were_asked_for_alone(run, tmp_path, capsys):
    before = len(looks(run))
    main([f"checkpoint={run}", "data.until=[100,0,20]"])
    said = capsys.readouterr().out.splitlines()
    folder = Path(said[-1])
    assert folder == run / "evaluate" / "test_until"
    assert len(looks(run)) == before + 1
    told = json.loads((folder / "until.json").read_text())
    assert (told["part"], told["unit"]) == ("test", "d")
    assert [each["until"] for each in told["until"]] == [0, 20, 100, None]
    for each in told["until"]:
        word = "null" if each["until"] is None else f"{each['until']:g}"
        main([f"checkpoint={run}", f"data.until={word}", f"output={tmp_path / word}"])
        alone = json.loads((tmp_path / word / "metrics.json").read_text())
        assert {f"test/{name}": each[name] for name in ("loss", "accuracy", "log_loss")}.items() <= alone.items()
    predictions, whole = pq.read_table(folder / "predictions.parquet"), pq.read_table(run / "predictions.parquet")
    days = predictions["until"].to_numpy()
    assert [int((days == day).sum()) for day in (0, 20, 100)] == [told["until"][0]["objects"]] * 3
    last = predictions.filter(np.isnan(days)).select(["id", "prediction"])
    assert last.equals(whole.filter(np.array(whole["part"].to_pylist()) == "test").select(["id", "prediction"]))
    assert csv.read_csv(folder / "until.csv")["until"].to_pylist() == [0, 20, 100, None]
    assert (folder / "until.png").read_bytes().startswith(b"\x89PNG")
    assert (folder / "until.pdf").read_bytes().startswith(b"%PDF")


def test_the_table_has_a_column_per_day_and_says_what_is_in_it(run, capsys):
    main([f"checkpoint={run}", "part=val", "data.until=[0,30]"])
    said = capsys.readouterr().out
    told = json.loads((run / "evaluate" / "val_until" / "until.json").read_text())["until"]
    assert f"{told[0]['objects']} objects of the val part, by time since the first detection [d]" in said
    assert re.search(r"^ +0 +30 +whole$", said, re.M)
    for name, form in (("points", "d"), ("outside", "d"), ("accuracy", ".4g")):
        cells = " +".join(format(each[name], form) for each in told)
        assert re.search(rf"^ +{name} +{cells}$", said, re.M)
    assert told[0]["points"] < told[1]["points"] < told[2]["points"]
    assert told[0]["median_points"] == 1  # nights are steps, and the first has a detection
    assert "with data.early=0.5 it would have met curves of any day" in said


def test_new_data_are_scored_as_of_each_day_without_a_look(run, sky, tmp_path):
    before = looks(run)
    new = [f"data.observations={sky['photometry']}", f"data.objects={sky['stars']}"]
    main([f"checkpoint={run}", *new, "data.until=[10]", f"output={tmp_path / 'out'}"])
    told = json.loads((tmp_path / "out" / "until.json").read_text())
    assert told["part"] == "new"
    assert [each["objects"] for each in told["until"]] == [60, 60]
    assert looks(run) == before


@pytest.mark.usefixtures("unreported")
def test_a_network_for_early_curves_is_not_warned_of(words, execute, tmp_path, capsys):
    run = execute(tmp_path / "run", [*words("gru"), "data.early=0.5", "trainer.max_epochs=1"])
    capsys.readouterr()
    main([f"checkpoint={run}", "part=val", "data.until=[0]", "data.detection=null"])
    said = capsys.readouterr().out
    assert "data.early" not in said
    assert "were calibrated on whole curves" in said
    told = json.loads((run / "evaluate" / "val_until" / "until.json").read_text())["until"]
    assert told[0]["outside"] <= 1


def test_days_are_sorted_and_each_scored_once():
    assert days_of(several(["part=val", "data.until=[20,0,5.5,20,null]"])) == [0.0, 5.5, 20.0]
    found = several(["data.modules.curves.until=[1,2]"])
    assert (found[1], found[2]) == ("data.modules.curves.until", "curves")
    assert several(["data.until=5", "data.detection=[5]"]) is None


@pytest.mark.parametrize(
    ("model", "typed", "sentence"),
    [
        ("gru", "data.until=[]", r"data\.until=\[\] names no day; give some, as in data\.until=\[0,5,10,20\]"),
        ("gru", "data.until=[-3,5]", r"data\.until=-3 is no time since the first detection"),
        ("gru", "data.until=[0,soon]", r"data\.until=soon is no time since the first detection"),
        ("gru", "data.until=0,5", r"names several values; a saved run takes one, or a list as \[a,b\]"),
        ("mlp", "data.until=[0,5]", r"data\.until is a setting of data=series, and not of the data that is chosen"),
        ("cnn", "data.until=5", r"data\.until is a setting of data=series, and not of the data that is chosen"),
    ],
)
def test_a_mistake_is_told_in_one_sentence(trained, model, typed, sentence, capsys):
    with pytest.raises(SystemExit) as left:
        cli(["evaluate", f"checkpoint={trained(model)}", typed])
    assert left.value.code == 1
    said = capsys.readouterr().err.strip()
    assert [line.split(" ")[0] for line in said.splitlines()] == ["starbolt:", "more:"]
    assert re.search(sentence, said), said


def test_a_list_is_for_evaluate_alone(trained, tmp_path, capsys):
    with pytest.raises(SystemExit):
        cli(["predict", f"checkpoint={trained('gru')}", "data.until=[0,5]", f"output={tmp_path / 'p.parquet'}"])
    assert "only evaluate takes a list" in capsys.readouterr().err


def test_predictions_can_be_made_of_one_day(trained, tmp_path):
    for word in ("3", "null"):
        cli(["predict", f"checkpoint={trained('gru')}", f"data.until={word}", f"output={tmp_path / word}.parquet"])
    early, whole = (pq.read_table(tmp_path / f"{word}.parquet") for word in ("3", "null"))
    assert early["id"].equals(whole["id"])
    assert not early["prob_mira"].equals(whole["prob_mira"])
