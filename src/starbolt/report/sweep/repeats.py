"""Mean and spread of each setting over its seeds and folds: one training is one draw."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from starbolt.report.markup import paragraph
from starbolt.report.sweep.reading import REPEATS, Sweep, Trial
from starbolt.report.sweep.table import Cell, cell, numeric, sortable
from starbolt.report.sweep.words import both, rounded, setting, shown_scores, with_spread

NOTE = "Standard deviations (of n - 1) are those of single trainings, not of the mean."
FOLDS = (
    " Folds share most of their training objects: the mean over them is known less well than as many independent "
    "trainings would tell."
)
CROSSED = " Between seeds: of the means over folds; between folds: of the means over seeds."


class Setting(NamedTuple):
    """Trials that agree in all but seed and fold. tried: those that did not finish, too."""

    words: str
    tried: int
    trials: list[Trial]


def settings(sweep: Sweep) -> list[Setting]:
    """Those with finished trials, the best mean first; none where no setting could be repeated."""
    groups: dict[str, list[Trial]] = {}
    for trial in sweep.trials if sweep.repeats else ():
        groups.setdefault(setting(trial, REPEATS), []).append(trial)
    found = [Setting(words, len(group), [t for t in group if t.scored]) for words, group in groups.items()]
    way = 1 if sweep.mode == "min" else -1
    return sorted((s for s in found if s.trials), key=lambda s: way * moments(s.trials, sweep.objective)[0])


def moments(trials: Sequence[Trial], score: str) -> tuple[float, float]:
    """Mean and standard deviation (of n - 1) of a score; NaN where they are not known."""
    return _moments([value for trial in trials if (value := value_of(trial, score)) is not None])


def between(trials: Sequence[Trial], axis: str, score: str) -> float:
    """Standard deviation of the means of the trials that share a value of this axis."""
    groups: dict[str, list[Trial]] = {}
    for trial in trials:
        groups.setdefault(trial.params.get(axis, ""), []).append(trial)
    return _moments([moments(group, score)[0] for group in groups.values()])[1]


def value_of(trial: Trial, score: str) -> float | None:
    """A score of a trial; the objective is its value."""
    return trial.metrics.get(score, trial.value if score.startswith("val/") else None)


def told(sweep: Sweep) -> str:
    """HTML: the table of settings; empty where neither seed nor fold varies."""
    found, crossed = settings(sweep), len(sweep.repeats) > 1
    if not found:
        return ""
    scores = shown_scores(sweep)
    header = ["setting", "trials", f"{sweep.objective}, mean", "standard deviation"]
    header += [f"between {axis.rpartition('.')[2]}s" for axis in sweep.repeats if crossed] + scores
    rows = [_cells(sweep, one, scores, crossed) for one in found]
    over = f"Over {both(sweep.repeats)}, the best mean first." if len(found) > 1 else f"Over {both(sweep.repeats)}."
    if scores:
        over += " Other scores: mean ± standard deviation."
    notes = f"{NOTE}{FOLDS if 'split.fold' in sweep.repeats else ''}{CROSSED if crossed else ''}"
    return sortable(header, rows) + paragraph(f"{over} {notes}", "note")


def _cells(sweep: Sweep, one: Setting, scores: Sequence[str], crossed: bool) -> list[Cell]:
    mean, spread = moments(one.trials, sweep.objective)
    done = len(one.trials)
    counted = numeric(done, str(done) if done == one.tried else f"{done} of {one.tried}")
    across = [between(one.trials, axis, sweep.objective) for axis in sweep.repeats if crossed]
    others = [moments(one.trials, score) for score in scores]
    return [
        cell(one.words or "all trials"),
        counted,
        numeric(mean, f"<b>{rounded(mean, spread)}</b>"),
        *(_cell(x, rounded(x, x)) for x in (spread, *across)),
        *(_cell(m, with_spread(m, s)) for m, s in others),
    ]


def _cell(value: float, shown: str) -> Cell:
    return numeric(value if math.isfinite(value) else None, shown)


def _moments(values: Sequence[float]) -> tuple[float, float]:
    x = np.asarray(values, float)
    return float(x.mean()) if len(x) else math.nan, float(x.std(ddof=1)) if len(x) > 1 else math.nan
