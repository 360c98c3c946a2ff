"""Shift of the answers: told where test objects are answered otherwise, never where they are drawn alike."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from starbolt.report.results import Results
from starbolt.report.shift.answers import answered_otherwise


def with_columns(folder: Path, **columns: np.ndarray) -> Results:
    """The run with other columns in its predictions."""
    table = pq.read_table(folder / "predictions.parquet")
    for name, values in columns.items():
        table = table.drop_columns([name]) if name in table.column_names else table
        table = table.append_column(name, pa.array(values))
    pq.write_table(table, folder / "predictions.parquet")
    return Results.read(folder)


def column(folder: Path, name: str) -> np.ndarray:
    return pq.read_table(folder / "predictions.parquet")[name].to_numpy().copy()


def is_test(folder: Path) -> np.ndarray:
    return column(folder, "part").astype(str) == "test"


def test_alike_objects_are_not_told(image_run: Path, series_run: Path, table_run: Callable[..., Path]) -> None:
    for folder in (image_run, series_run, table_run(5000)):
        assert answered_otherwise(Results.read(folder)) == []


def test_false_alarms_are_as_rare_as_promised(table_run: Callable[..., Path]) -> None:
    folder = table_run(400)
    random, n = np.random.default_rng(0), len(column(folder, "row"))
    told = [
        answered_otherwise(with_columns(folder, loss=random.normal(size=n), z_pit=random.random(n))) for _ in range(60)
    ]
    assert sum(map(bool, told)) <= 1


@pytest.mark.parametrize(("change", "word"), [(-0.5, "easier"), (0.5, "harder")])
def test_easier_and_harder_objects_are_told(image_run: Path, change: float, word: str) -> None:
    loss = column(image_run, "loss") + change * is_test(image_run)
    (told,) = answered_otherwise(with_columns(image_run, loss=loss))
    assert f"They are {word} than the validation objects" in told
    assert "p " in told


def test_a_trifle_of_many_objects_is_harmless(table_run: Callable[..., Path]) -> None:
    folder = table_run(60_000)
    random = np.random.default_rng(1)
    loss = random.normal(size=90_000) + 0.05 * is_test(folder)  # ten standard errors, and nobody need care
    assert answered_otherwise(with_columns(folder, loss=loss)) == []


def test_truths_elsewhere_in_their_distributions_are_told(table_run: Callable[..., Path]) -> None:
    folder = table_run(1000)
    pit = np.where(is_test(folder), column(folder, "z_pit") ** 1.5, column(folder, "z_pit"))
    (told,) = answered_otherwise(with_columns(folder, z_pit=pit))
    assert "lie elsewhere in the predicted distributions" in told


def test_a_shape_that_both_parts_share_is_no_shift(table_run: Callable[..., Path]) -> None:
    folder = table_run(1000)
    assert answered_otherwise(with_columns(folder, z_pit=column(folder, "z_pit") ** 1.5)) == []


def test_intervals_that_hold_too_little_are_told(table_run: Callable[..., Path]) -> None:
    folder = table_run(2000)
    high = np.where(is_test(folder) & (column(folder, "row") % 5 == 0), -1.0, column(folder, "z_high"))
    (told,) = answered_otherwise(with_columns(folder, z_high=high.astype("f4")))
    assert "Their 90% intervals hold the truth of 7" in told


def test_copies_of_a_few_objects_prove_nothing(image_run: Path) -> None:
    random = np.random.default_rng(2)
    n = len(column(image_run, "row"))
    groups = np.array([f"star {k}" for k in random.integers(0, 20, n)])
    of_group = dict(zip(np.unique(groups), random.normal(size=20), strict=True))
    shift = 0.6 * is_test(image_run)
    loss = np.array([of_group[group] for group in groups]) + shift
    assert answered_otherwise(with_columns(image_run, loss=loss))
    assert answered_otherwise(with_columns(image_run, loss=loss, group=groups)) == []


def test_without_a_scored_test_part_there_is_nothing_to_compare(image_run: Path) -> None:
    (image_run / "metrics.json").write_text('{"val/accuracy": 0.8}')
    assert answered_otherwise(Results.read(image_run)) == []
