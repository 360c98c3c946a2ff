"""The scores of each cell of a slicing, with bars, and where they fall behind those of all objects."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import torch

from starbolt.direction import LOWER_IS_BETTER
from starbolt.report.calibrated.chance import wilson
from starbolt.report.intervals import groups_of, intervals, is_redshift
from starbolt.report.results import Results
from starbolt.report.slices.cells import Cell, Slicing, slicings
from starbolt.tasks.scores import nmad

FAILS = 3.0  # bars by which a cell must be worse than all objects
AT_LEAST = 0.1  # and share of the score, so that no trifle of a large catalogue is told
COVERAGE = "coverage"

Measure = Callable[[np.ndarray], dict[str, float]]  # places [m] of objects -> score name -> value


class Point(NamedTuple):
    """A score of a cell, with the ends of its 68% interval."""

    value: float
    low: float
    high: float


class Measured(NamedTuple):
    """A slicing with, per score, its value over all objects and the point of each cell; the first score is the main."""

    slicing: Slicing
    whole: dict[str, float]
    points: dict[str, list[Point]]


class Failure(NamedTuple):
    """A cell that is worse than all objects together in a score."""

    slicing: Slicing
    cell: Cell
    score: str
    value: float
    whole: float


def measure(results: Results) -> list[Measured]:
    """Every slicing of a run, measured."""
    return [_measured(results, slicing) for slicing in slicings(results)]


def failure(told: Sequence[Measured]) -> Failure | None:
    """The cell whose main score is farthest behind that of all objects; None where none is, beyond its bar."""
    found = []
    for each in told:
        score = next(iter(each.points))
        for cell, point in zip(each.slicing.cells, each.points[score], strict=True):
            behind, bar = _behind(score, point, each.whole[score])
            if behind > FAILS * bar and behind > AT_LEAST * abs(each.whole[score]):
                found.append(
                    (behind / abs(each.whole[score]), each.slicing, cell, score, point.value, each.whole[score])
                )
    return Failure(*max(found, key=lambda one: one[0])[1:]) if found else None


def uncovered(told: Sequence[Measured], nominal: float) -> Failure | None:
    """The cell, not of the truth, whose sets or intervals hold far too few truths; None where chance explains all."""
    found = []
    for each in told:
        for cell, point in zip(each.slicing.cells, each.points.get(COVERAGE, []), strict=False):
            if not each.slicing.truth and point.value + FAILS * (point.high - point.value) < nominal:
                found.append(Failure(each.slicing, cell, COVERAGE, point.value, nominal))
    return min(found, key=lambda one: one.value) if found else None


def _behind(score: str, point: Point, whole: float) -> tuple[float, float]:
    """How much worse a point is than all objects, and its bar on that side."""
    lower = score in LOWER_IS_BETTER
    return (point.value - whole, point.value - point.low) if lower else (whole - point.value, point.high - point.value)


def _measured(results: Results, slicing: Slicing) -> Measured:
    scores, inside = _measures(results, slicing.quantity)
    place = np.arange(len(results.loss)) if slicing.quantity is None else results.quantities[slicing.quantity].place
    groups = groups_of(results)
    groups = None if groups is None else groups[place]
    whole, points = scores(np.arange(len(place))), [_points(scores, cell.places, groups) for cell in slicing.cells]
    found = {name: [point[name] for point in points] for name in whole}
    if inside is not None:
        whole[COVERAGE] = float(inside.mean())
        found[COVERAGE] = [_share(inside, cell.places, groups) for cell in slicing.cells]
    return Measured(slicing, whole, found)


def _points(scores: Measure, places: np.ndarray, groups: np.ndarray | None) -> dict[str, Point]:
    """Bootstrapped, groups drawn whole; of a single group no bar is known."""
    values, mine = scores(places), None if groups is None else groups[places]
    spans = intervals(lambda i: scores(places[i]), len(places), values, groups=mine)
    return {name: Point(value, *spans.get(name, (-np.inf, np.inf))) for name, value in values.items()}


def _share(inside: np.ndarray, places: np.ndarray, groups: np.ndarray | None) -> Point:
    """With a binomial bar, or one from groups drawn whole."""
    if groups is not None:
        return _points(lambda i: {COVERAGE: float(inside[i].mean())}, places, groups)[COVERAGE]
    n = np.array(len(places))
    low, high = wilson(inside[places].sum(), n)
    return Point(float(inside[places].mean()), float(low), float(high))


def _measures(results: Results, quantity: int | None) -> tuple[Measure, np.ndarray | None]:
    """The scores, the main one first, and whether the sets or intervals hold the truth, bool [n] or None."""
    if quantity is None:
        right, codes, sets = results.given == results.codes, results.codes, results.sets
        held = None if sets is None else sets[np.arange(len(codes)), codes]
        return (lambda i: _of_classes(right[i], codes[i], len(results.classes))), held
    about = results.quantities[quantity]
    error, width = about.mean - about.truth, 1 + about.truth if is_redshift(results) else np.ones(len(about.truth))
    measure = _of_redshifts if is_redshift(results) else _of_quantities
    return (lambda i: measure(error[i], width[i])), about.inside


def _of_classes(right: np.ndarray, codes: np.ndarray, classes: int) -> dict[str, float]:
    there = np.bincount(codes, minlength=classes)
    recall = np.bincount(codes, right, minlength=classes)[there > 0] / there[there > 0]
    return {"accuracy": float(right.mean()), "balanced_accuracy": float(recall.mean())}


def _of_redshifts(error: np.ndarray, width: np.ndarray) -> dict[str, float]:
    scatter, scaled = nmad(torch.from_numpy(error), torch.from_numpy(width)), error / width
    return {"nmad": scatter, "bias": float(scaled.mean()), "outlier_fraction": float((np.abs(scaled) > 0.15).mean())}


def _of_quantities(error: np.ndarray, _: np.ndarray) -> dict[str, float]:
    return {"rms": float(np.sqrt(np.square(error).mean())), "bias": float(error.mean())}
