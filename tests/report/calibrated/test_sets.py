"""Coverage of sets and intervals: counted by hand, with the range that chance allows beside it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from starbolt.report.calibrated import sets
from starbolt.report.calibrated.before import told
from starbolt.report.results import Results
from starbolt.tasks.conformal import expected, least


def changed(folder: Path, **words: object) -> Results:
    """The run with other words in its calibration.json."""
    path = folder / "calibration.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | words))
    return Results.read(folder)


def test_coverage_and_size_of_sets_are_counted_per_class(image_run: Path) -> None:
    results = Results.read(image_run)
    assert results.sets is not None
    whole, *each = sets.covered(results)
    for code, row in enumerate(each):
        mine = results.codes == code
        assert row.reached == results.sets[mine, code].mean()
        assert row.size == results.sets[mine].sum(1).mean()
        counts = results.calibration["counts"][row.name]
        assert (row.low, row.high) == expected(counts, int(mine.sum()), 0.9)
    assert whole.reached == pytest.approx(sum(row.reached * row.objects for row in each) / 300)
    assert all(row.inside for row in (whole, *each))


def test_range_of_all_is_that_of_one_class_where_there_is_but_one() -> None:
    low, high = sets._together([60], [100], 0.9, 0.95)
    assert (low, high) == pytest.approx(expected(60, 100, 0.9), abs=0.011)


@pytest.mark.parametrize("calibration", [[60, 300], [12, 25], [5, 60]])
def test_range_of_all_holds_as_often_as_it_says(calibration: list[int]) -> None:
    random, test, reached = np.random.default_rng(1), [100, 500], []
    for _ in range(2000):  # scores of calibration and test objects, as conformal prediction meets them
        edges = [least(random.random(n), 0.9) for n in calibration]
        held = [(random.random(m) >= edge).sum() for m, edge in zip(test, edges, strict=True)]
        reached.append(sum(held) / 600)
    low, high = sets._together(calibration, test, 0.9, 0.95)
    assert np.mean([low <= share <= high for share in reached]) == pytest.approx(0.95, abs=0.015)


def test_too_few_calibration_objects_are_told(image_run: Path) -> None:
    results = changed(image_run, counts={"elliptical": 5, "spiral": 100, "merger <&>": 100})
    assert sets.covered(results)[1][3:5] == (1.0, 1.0)
    assert "too few calibration objects" in sets.table(results)


def test_intervals_are_counted_and_groups_are_told(table_run: Callable[..., Path]) -> None:
    results = changed(table_run(500), groups=[{"group": "mag_r < 17", "objects": 200, "coverage": 0.7}])
    whole, group = sets.covered(results)
    quantity = results.quantities[0]
    assert quantity.inside is not None
    assert whole.reached == quantity.inside.mean()
    assert (group.name, group.reached, group.inside) == ("mag_r < 17", 0.7, False)


def test_a_run_without_sets_shows_none(image_run: Path) -> None:
    results = Results.read(image_run)
    results.parts["test"] = results.predictions.drop_columns([f"set_{name}" for name in results.classes])
    assert sets.covered(results) == []
    assert sets.table(results) == ""
    assert sets.draw(results) == []


def test_scores_before_and_after_are_told_where_they_differ(image_run: Path) -> None:
    page = told(changed(image_run, by=["mag_r"]))
    assert "Fitted to 400 objects" in page
    assert "for each mag_r" in page
    assert page.count("<tr>") == 2  # the head, and log_loss alone


def test_answers_that_were_not_calibrated_are_called_so(image_run: Path) -> None:
    (image_run / "calibration.json").unlink()
    assert "not calibrated" in told(Results.read(image_run))
