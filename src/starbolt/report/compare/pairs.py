"""The objects that all settings scored, in one order, so that each is compared with itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import reduce
from typing import NamedTuple

import numpy as np

from starbolt.compose import UserError
from starbolt.report.compare.settings import Setting
from starbolt.report.intervals import groups_of, is_redshift
from starbolt.report.quantity import truth_column
from starbolt.report.results import Results


class Pairs(NamedTuple):
    """ids: of the n objects, sorted. runs: per setting and seed the results of these objects alone, in this order.

    groups: of each object int64 [n], None where none were declared. seen: objects that any of the settings scored.
    """

    ids: np.ndarray
    runs: list[list[Results]]
    groups: np.ndarray | None
    seen: int


def pair(settings: Sequence[Setting], part: str) -> Pairs:
    """The common objects of a part; UserError where there are none or where their truths or the scores differ."""
    pooled = [[setting.pooled(seed, part) for seed in setting.seeds] for setting in settings]
    every = [run for runs in pooled for run in runs]
    for run in every[1:]:
        _refuse_other_scores(every[0], run)
    named = [_ids(run) for run in every]
    ids = reduce(np.intersect1d, named)
    if not len(ids):
        raise UserError(
            f"no object of the {part} part was scored by all of {', '.join(s.label for s in settings)}; "
            "compare runs of the same data and split"
        )
    runs = [[_only(run, ids, every[0]) for run in runs] for runs in pooled]
    for run in (run for each in runs for run in each):
        _refuse_other_truths(runs[0][0], run, ids)
    grouped = (groups for each in runs for run in each if (groups := groups_of(run)) is not None)
    return Pairs(ids, runs, next(grouped, None), len(reduce(np.union1d, named)))


def _ids(run: Results) -> np.ndarray:
    return run.predictions["id"].to_numpy().astype(str)


def _only(run: Results, ids: np.ndarray, first: Results) -> Results:
    """The run's results of these objects, with the classes in the order of the first run."""
    own = _ids(run)
    order = np.argsort(own)
    table = run.predictions.take(order[np.searchsorted(own, ids, sorter=order)])
    return replace(run, spec=replace(run.spec, target=first.spec.target), parts={run.part: table})


def _refuse_other_scores(first: Results, run: Results) -> None:
    """UserError where the scores of two runs have the same names and other meanings."""
    for one, other in ((first.spec.target.names, run.spec.target.names), (first.classes, run.classes)):
        if set(one) != set(other):
            raise UserError(
                f"{first.folder} learnt {', '.join(one) or 'quantities'} and {run.folder} "
                f"{', '.join(other) or 'quantities'}; compare runs with the same target and classes"
            )
    if is_redshift(first) != is_redshift(run):
        raise UserError(
            f"task.redshift is {str(is_redshift(first)).lower()} in {first.folder} and not in {run.folder}, so that "
            "scores of one name mean two things; train them alike"
        )


def _refuse_other_truths(first: Results, run: Results, ids: np.ndarray) -> None:
    """UserError where two runs were told different truths of an object."""
    for name in first.spec.target.names:
        column = truth_column(name, first.spec)
        one, other = (results.predictions[column].to_numpy() for results in (first, run))
        same = (one == other) | ((one != one) & (other != other))
        if not np.all(same):
            i = int(np.argmin(same))
            raise UserError(
                f"{name} of object {ids[i]} is {one[i]} in {first.folder} and {other[i]} in {run.folder}; "
                "compare runs that were given the same truths"
            )
