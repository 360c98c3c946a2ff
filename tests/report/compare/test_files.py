"""The words, tables and figure of a comparison say what was found."""

from __future__ import annotations

import json

import numpy as np
import pytest
from pyarrow import csv

from starbolt.report.compare import compare
from starbolt.report.compare.files import write as write_files
from starbolt.report.compare.settings import settings
from starbolt.report.compare.told import HEADER, sentences, table


@pytest.fixture
def told(write):
    random = np.random.default_rng(0)
    truth, error = random.normal(size=300), random.normal(size=300)
    means = {"first": error, "better": 0.5 * error, "worse": 2 * error, "alike": error + 0.01 * random.normal(size=300)}
    runs = [write(name, truth, truth + e, **{"optim.lr": k / 10}) for k, (name, e) in enumerate(means.items())]
    return compare(settings(list(enumerate(runs))))


def test_a_sentence_on_each_main_score_judges_the_difference(told):
    better, worse, alike = sentences(told)
    assert better.startswith("rms: optim.lr=0.1 differs from optim.lr=0.0: ")
    assert "lower, better" in better
    assert "higher, worse" in worse
    assert "cannot be told from" in alike


def test_every_number_stands_in_the_files(told, tmp_path):
    figure = write_files(told, tmp_path / "out")
    assert figure.read_bytes().startswith(b"\x89PNG")
    assert figure.with_suffix(".pdf").is_file()
    whole, numbers = (
        json.loads((tmp_path / "out" / "compare.json").read_text()),
        csv.read_csv(figure.with_suffix(".csv")),
    )
    assert whole["scores"] == numbers.to_pylist()
    assert len(whole["scores"]) == len(told.rows) == len(table(told.rows))
    assert [setting["label"] for setting in whole["settings"]] == [f"optim.lr=0.{k}" for k in range(4)]
    assert whole["scores"][0]["difference"] is None
    assert whole["scores"][1]["low_95"] <= whole["scores"][1]["difference"] <= whole["scores"][1]["high_95"]
    assert all(len(row) == len(HEADER) for row in table(told.rows))


def test_a_single_setting_is_written_without_a_figure(write, tmp_path):
    truth = np.linspace(0, 1, 50)
    told = compare(settings([(0, write("a", truth, truth + truth**2))]))
    assert write_files(told, tmp_path / "out") is None
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["compare.csv", "compare.json"]
