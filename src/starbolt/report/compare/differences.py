"""Differences of scores between settings, and how far they would move with other objects and other seeds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from starbolt.compose import UserError
from starbolt.report.compare.draws import over_seeds, resampled
from starbolt.report.compare.labels import Flat
from starbolt.report.compare.pairs import Pairs, pair
from starbolt.report.compare.settings import Setting, part_of, shared
from starbolt.report.resample import Units, central
from starbolt.report.results import Results

Interval = tuple[float, float]
UNKNOWN = (np.nan, np.nan)


class Row(NamedTuple):
    """A score of a setting: its mean over the seeds, the standard deviation over them (NaN for one), its 68% interval.

    difference: to the first setting, with its 68% and 95% intervals; same_sign: share of the resamples that have its
    sign, NaN where it is 0. All NaN for the first setting.
    """

    score: str
    setting: str
    value: float
    seed_spread: float
    value_68: Interval
    difference: float = np.nan
    within_68: Interval = UNKNOWN
    within_95: Interval = UNKNOWN
    same_sign: float = np.nan

    @property
    def distinguishable(self) -> bool:
        """Whether the 95% interval leaves 0 out."""
        return self.within_95[0] > 0 or self.within_95[1] < 0


class Compared(NamedTuple):
    """The settings (with the runs that were compared), the rows score by score, and what a reader must know."""

    settings: list[Setting]
    part: str
    objects: int
    groups: int | None
    rows: list[Row]
    notes: list[str]
    first: Results


def compare(
    settings: Sequence[Setting], *, progress: Callable[[int, int], None] | None = None, seed: int = 0
) -> Compared:
    """The settings on the objects and repeats that they share; UserError where they cannot be compared."""
    kept, part = shared(settings), part_of(settings)
    pairs = pair(kept, part)
    units = Units.of(len(pairs.ids), pairs.groups)
    if len(units.count) < 2:
        raise UserError(f"the settings share one {'object' if pairs.groups is None else 'group'}, which says little")
    random = np.random.default_rng(seed)
    names, values, drawn = resampled(pairs, units, random, progress)
    means = over_seeds(kept, drawn, random)
    losses = len({_loss(setting.flat) for setting in kept}) > 1
    rows = [
        _row(name, kept, [v[:, k] for v in values], [m[:, k] for m in means])
        for k, name in enumerate(names)
        if not (losses and name == "loss")
    ]
    flat_rows = [row for each in rows for row in each]
    groups = None if pairs.groups is None else len(units.count)
    notes = _notes(settings, kept, pairs, losses)
    return Compared(kept, part, len(pairs.ids), groups, flat_rows, notes, pairs.runs[0][0])


def _row(name: str, settings: Sequence[Setting], values: list[np.ndarray], means: list[np.ndarray]) -> list[Row]:
    """The rows of a score, from its values [S] and its resampled means [R] in each setting."""
    rows: list[Row] = []
    for k, setting in enumerate(settings):
        spread = float(values[k].std(ddof=1)) if len(values[k]) > 1 else np.nan
        row = Row(name, setting.label, float(values[k].mean()), spread, central(means[k], 0.68))
        if k:
            difference, moved = row.value - rows[0].value, means[k] - means[0]
            moved = moved[np.isfinite(moved)]
            same = float(np.mean(np.sign(moved) == np.sign(difference))) if difference else np.nan
            row = row._replace(difference=difference, within_68=central(moved, 0.68), same_sign=same)
            row = row._replace(within_95=central(moved, 0.95))
        rows.append(row)
    return rows


def _loss(flat: Flat) -> str:
    return repr(sorted((key, repr(value)) for key, value in flat.items() if key.startswith("task.")))


def _notes(settings: Sequence[Setting], kept: Sequence[Setting], pairs: Pairs, losses: bool) -> list[str]:
    notes = []
    if left := sum(len(s.runs) for s in settings) - sum(len(s.runs) for s in kept):
        runs = "1 run is" if left == 1 else f"{left} runs are"
        notes.append(f"{runs} left out, whose seed or fold not every setting has")
    if len(pairs.ids) < pairs.seen:
        notes.append(f"{len(pairs.ids):,} of {pairs.seen:,} objects are compared, those that all settings scored")
    if len(kept) > 1 and any(len(setting.seeds) == 1 for setting in kept):
        notes.append("one seed tells nothing of the scatter between trainings; starbolt train -m 'seed=range(3)' would")
    if losses:
        notes.append("the loss is left out, since the settings learnt by different ones")
    return notes
