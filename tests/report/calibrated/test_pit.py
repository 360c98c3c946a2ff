"""PIT figures: coverage counted from the PIT is that of the intervals, and uniform values stay within the bands."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from starbolt.report.calibrated import pit
from starbolt.report.results import Results


def test_coverage_counts_central_intervals_by_hand() -> None:
    values = np.array([0.02, 0.3, 0.5, 0.96])
    assert pit.reached(values, np.array([0.1, 0.5, 0.95])).tolist() == [0.25, 0.5, 0.75]


def test_coverage_is_that_of_intervals_of_one_sigma(table_run: Callable[..., Path]) -> None:
    quantity = Results.read(table_run(2000)).quantities[0]
    assert quantity.pit is not None
    assert quantity.sigma is not None
    inside = np.abs(quantity.truth - quantity.mean) <= 0.6744898 * quantity.sigma
    assert pit.reached(quantity.pit, np.array([0.5]))[0] == pytest.approx(inside.mean(), abs=0.002)


def test_uniform_values_lie_within_the_bands(table_run: Callable[..., Path]) -> None:
    histogram, coverage = pit.draw(Results.read(table_run(2000)))
    numbers = coverage.numbers
    outside = (numbers["reached"] < numbers["low"]) | (numbers["reached"] > numbers["high"])
    assert outside.mean() < 0.3
    assert histogram.numbers["objects"].sum() == 2000


def test_without_a_distribution_there_is_nothing_to_draw(image_run: Path) -> None:
    assert pit.draw(Results.read(image_run)) == []
