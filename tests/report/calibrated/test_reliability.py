"""Reliability diagrams: bins of equal numbers, the error they are drawn with, and no figure for quantities."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from starbolt.report.calibrated import reliability
from starbolt.report.results import Results
from starbolt.tasks.reliability import calibration_error


def test_bins_hold_equal_numbers_in_the_order_of_confidence() -> None:
    random = np.random.default_rng(0)
    confidence = random.random(1003)
    told = reliability.binned(confidence, random.random(1003) < confidence)
    assert told.objects.sum() == 1003
    assert np.ptp(told.objects) <= 1
    assert (np.diff(told.confidence) > 0).all()


def test_points_give_the_calibration_error_that_the_caption_tells() -> None:
    random = np.random.default_rng(1)
    confidence = random.random(500)
    right = random.random(500) < confidence**2
    told = reliability.binned(confidence, right)
    by_hand = (told.objects * np.abs(told.confidence - told.share)).sum() / 500
    assert by_hand == pytest.approx(calibration_error(confidence, right))


def test_fewer_objects_than_bins_are_a_bin_each() -> None:
    told = reliability.binned(np.array([0.9, 0.4, 0.6]), np.array([True, False, True]))
    assert told.confidence.tolist() == [0.4, 0.6, 0.9]
    assert told.share.tolist() == [0, 1, 1]


def test_calibrated_probabilities_have_an_error_like_that_of_chance(image_run: Path) -> None:
    error, perfect = reliability.top_error(Results.read(image_run))
    assert error < 2 * perfect


def test_every_class_of_few_has_its_panel(series_run: Path) -> None:
    top, each = reliability.draw(Results.read(series_run))
    assert "chance alone gives" in top.caption
    assert [ax.get_title() for ax in each.figure.axes if ax.get_title()] == list(Results.read(series_run).classes)
    assert set(each.numbers) == {"class", "confidence", "share_right", "objects"}


def test_quantities_have_no_confidence(table_run: Callable[..., Path]) -> None:
    assert reliability.draw(Results.read(table_run(50))) == []
