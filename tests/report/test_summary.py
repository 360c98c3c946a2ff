"""The summary: what the numbers bear out, and nothing more."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from starbolt.report import summary
from starbolt.report.results import Results
from starbolt.report.slices.measured import measure

SPAN = {"accuracy": (0.78, 0.82), "nmad": (0.018, 0.022)}


def with_controls(folder: Path, **scores: float) -> Results:
    controls = {name: {"test/accuracy": score, "test/nmad": score} for name, score in scores.items()}
    (folder / "controls.json").write_text(json.dumps(controls))
    metrics = json.loads((folder / "metrics.json").read_text()) | {"test/accuracy": 0.8, "test/nmad": 0.02}
    (folder / "metrics.json").write_text(json.dumps(metrics))
    return Results.read(folder)


def test_controls_are_beaten_only_beyond_the_interval(image_run: Path) -> None:
    words = summary.beside_controls(with_controls(image_run, boosting=0.79, linear=0.7, naive=0.5), SPAN)
    assert "better than a linear model on simple features (0.7) and always answering the commonest class (0.5)" in words
    assert "not clearly better than gradient boosting on simple features (0.79)" in words


def test_a_control_that_beats_the_network_is_told(image_run: Path) -> None:
    words = summary.beside_controls(with_controls(image_run, boosting=0.85), SPAN)
    assert words.startswith("By accuracy it is worse than gradient boosting on simple features (0.85)")


def test_of_scatters_the_smaller_is_better(table_run: Callable[..., Path]) -> None:
    words = summary.beside_controls(with_controls(table_run(100), linear=0.03, boosting=0.01), SPAN)
    assert "better than a linear model" in words
    assert "worse than gradient boosting" in words


def test_calibration_is_told_beside_chance(image_run: Path, table_run: Callable[..., Path]) -> None:
    (classes,) = summary.calibrated(Results.read(image_run))
    assert "The 90% sets hold the truth of" in classes
    assert "(chance allows" in classes
    assert "The calibration error is" in classes
    (redshifts,) = summary.calibrated(Results.read(table_run(500)))
    assert "The 90% intervals hold the truth of" in redshifts
    assert "The PIT's distance from uniform is" in redshifts


def test_alike_objects_are_called_neither_failing_nor_shifted(image_run: Path) -> None:
    results = Results.read(image_run)
    assert summary.failing(results, measure(results)) == []
    assert summary.shifted(results) == []


def test_a_shift_of_the_inputs_is_told_of_a_scored_test_part_alone(image_run: Path) -> None:
    column = {"name": "u", "share": False, "distance": 0.3, "p": 1e-20, "train": 1.0, "test": 2.0}
    (image_run / "shift.json").write_text(json.dumps({"rows": {}, "columns": [column]}))
    (told,) = summary.shifted(Results.read(image_run))
    assert "u (median 2, 1 in training)" in told
    (image_run / "metrics.json").write_text('{"val/accuracy": 0.8}')
    assert summary.shifted(Results.read(image_run)) == []


@pytest.mark.parametrize("name", ["accuracy", "nothing"])
def test_the_headline_goes_without_a_score_where_there_is_none(image_run: Path, name: str) -> None:
    (image_run / "metrics.json").write_text(json.dumps({f"test/{name}": 0.8}))
    words = summary.headline(Results.read(image_run), {})
    assert ("its accuracy is 0.8000" in words) == (name == "accuracy")
