"""Cells: numbers in bins of equal numbers, words as they are, nobody twice and nobody without a value."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np

from starbolt.report.results import Results
from starbolt.report.slices.cells import BINS, cells, slicings


def test_numbers_are_cut_into_bins_of_equal_numbers_in_order() -> None:
    values = np.random.default_rng(0).lognormal(size=1200)
    found = cells(values)
    assert [len(cell.places) for cell in found] == [1200 // BINS] * BINS
    assert sorted(np.concatenate([cell.places for cell in found]).tolist()) == list(range(1200))
    assert all(a.high < b.low for a, b in itertools.pairwise(found))
    assert all(cell.low <= cell.middle <= cell.high for cell in found)


def test_few_numbers_have_fewer_bins_and_gaps_are_in_none() -> None:
    values = np.append(np.arange(50.0), [np.nan] * 9)
    found = cells(values)
    assert len(found) == 2
    assert sum(len(cell.places) for cell in found) == 50


def test_many_equal_numbers_share_a_bin() -> None:
    found = cells(np.array([1] * 500 + [2, 3, 4] * 30))
    assert found[0].words == "1"
    assert len(found[0].places) == 500


def test_words_are_cells_of_their_own_unless_they_are_rare() -> None:
    found = cells(np.array(["north"] * 30 + ["south"] * 20 + ["west"] * 2 + [""] * 10))
    assert [(cell.words, len(cell.places)) for cell in found] == [("north", 30), ("south", 20)]


def test_classes_are_cut_by_declared_columns_alone(image_run: Path) -> None:
    assert [slicing.column for slicing in slicings(Results.read(image_run))] == ["seeing", "field"]


def test_quantities_are_cut_by_truth_and_prediction_too(table_run) -> None:
    found = slicings(Results.read(table_run(300)))
    assert [(slicing.column, slicing.truth) for slicing in found] == [
        ("true z", True),
        ("predicted z", False),
        ("mag_r", False),
    ]
