"""Scores by slice: those of the scores' own functions, a planted failure found, and none where there is none."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch

from starbolt.report.results import Results
from starbolt.report.slices import draw
from starbolt.report.slices.measured import failure, measure, uncovered
from starbolt.tasks.scores import class_scores, quantity_scores


def spoilt(folder: Path, column: str, value: Callable[[pa.Table], np.ndarray]) -> Results:
    """The run with another column in its predictions."""
    table = pq.read_table(folder / "predictions.parquet")
    place = table.column_names.index(column)
    pq.write_table(table.set_column(place, column, pa.array(value(table))), folder / "predictions.parquet")
    return Results.read(folder)


def test_scores_of_a_slice_are_those_of_its_objects(table_run: Callable[..., Path]) -> None:
    results = Results.read(table_run(600))
    told = measure(results)[1]
    quantity = results.quantities[0]
    assert quantity.inside is not None
    for k, cell in enumerate(told.slicing.cells):
        mean, truth = (torch.from_numpy(values[cell.places]) for values in (quantity.mean, quantity.truth))
        wanted = quantity_scores(mean, truth, redshift=True)
        for name in ("nmad", "bias", "outlier_fraction"):
            assert told.points[name][k].value == pytest.approx(wanted[name], rel=1e-6, abs=1e-12)
        assert told.points["coverage"][k].value == quantity.inside[cell.places].mean()


def test_scores_of_classes_are_those_of_the_decisions(image_run: Path) -> None:
    results = Results.read(image_run)
    told = measure(results)[1]
    for k, cell in enumerate(told.slicing.cells):
        prob, codes = (torch.from_numpy(values[cell.places]) for values in (results.prob, results.codes))
        wanted = class_scores(prob, codes, code=torch.from_numpy(results.given[cell.places]))
        for name in ("accuracy", "balanced_accuracy"):
            assert told.points[name][k].value == pytest.approx(wanted[name], rel=1e-6)


def test_bars_hold_their_points(table_run: Callable[..., Path]) -> None:
    for told in measure(Results.read(table_run(600))):
        for points in told.points.values():
            assert all(point.low <= point.value <= point.high for point in points)


def test_a_slice_that_fails_is_found(image_run: Path) -> None:
    results = spoilt(image_run, "prediction", lambda t: np.where(
        t["field"].to_numpy().astype(str) == "south", "spiral", t["prediction"].to_numpy().astype(str)
    ))  # fmt: skip
    found = failure(measure(results))
    assert found is not None
    assert (found.slicing.column, found.cell.words, found.score) == ("field", "south", "accuracy")
    assert found.value < found.whole


def test_a_slice_whose_intervals_hold_too_little_is_found(table_run: Callable[..., Path]) -> None:
    results = spoilt(table_run(600), "z_high", lambda t: np.where(
        t["mag_r"].to_numpy() > 18, t["z_low"].to_numpy(), t["z_high"].to_numpy()
    ))  # fmt: skip
    found = uncovered(measure(results), 0.9)
    assert found is not None
    assert found.slicing.column == "mag_r"
    assert found.cell.high > 18


def test_alike_slices_do_not_fail(image_run: Path, table_run: Callable[..., Path]) -> None:
    for folder in (image_run, table_run(600)):
        told = measure(Results.read(folder))
        declared = [each for each in told if each.slicing.column in ("seeing", "field", "mag_r")]
        assert failure(declared) is None
        assert uncovered(declared, 0.9) is None


def test_each_slicing_has_a_figure_with_its_numbers(image_run: Path) -> None:
    results = Results.read(image_run)
    seeing, field = draw(results, measure(results))
    assert seeing.name == "slices_seeing"
    assert field.numbers["slice"] == ["north", "south"]
    assert {"accuracy", "accuracy_low", "accuracy_high", "balanced_accuracy", "coverage", "objects"} <= set(
        field.numbers
    )


def test_groups_of_alike_objects_have_wider_bars(image_run: Path) -> None:
    whole = pq.read_table(image_run / "predictions.parquet")
    copies = whole.take(np.arange(whole.num_rows).repeat(9))
    names = np.char.add("star ", np.arange(whole.num_rows).astype(str)).repeat(9)
    wide = {}
    for name, table in (("objects", copies), ("groups", copies.append_column("group", pa.array(names)))):
        pq.write_table(table, image_run / "predictions.parquet")
        told = measure(Results.read(image_run))[1]
        wide[name] = [told.points[score][0] for score in ("accuracy", "coverage")]
    for few, many in zip(wide["groups"], wide["objects"], strict=True):
        assert few.high - few.low == pytest.approx(3 * (many.high - many.low), rel=0.3)


def test_a_single_group_proves_nothing(image_run: Path) -> None:
    table = pq.read_table(image_run / "predictions.parquet")
    fields = table["field"].to_numpy().astype(str)
    wrong = np.where(fields == "south", "spiral", table["prediction"].to_numpy().astype(str))
    table = table.drop_columns(["prediction"]).append_column("prediction", pa.array(wrong))
    pq.write_table(table.append_column("group", pa.array(fields)), image_run / "predictions.parquet")
    results = Results.read(image_run)
    told = [each for each in measure(results) if each.slicing.column == "field"]
    assert failure(told) is None
    assert len(draw(results, told)) == 1
