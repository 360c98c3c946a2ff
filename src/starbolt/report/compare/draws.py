"""Scores of objects and seeds drawn anew.

Each resample draws objects (or groups) jointly for all settings and, apart from them, seeds: the pigeonhole bootstrap
of two crossed factors (Owen 2007, doi:10.1214/07-AOAS122), which errs on the wide side. Of S seeds S - 1 are drawn,
with which the variance of their mean is unbiased (Rao & Wu 1988, doi:10.1080/01621459.1988.10478591): S is small.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from starbolt.report.compare.pairs import Pairs
from starbolt.report.compare.settings import Setting
from starbolt.report.intervals import score_of
from starbolt.report.resample import Units, about

RESAMPLES = 500


def resampled(
    pairs: Pairs, units: Units, random: np.random.Generator, progress: Callable[[int, int], None] | None
) -> tuple[list[str], list[np.ndarray], list[np.ndarray]]:
    """Names of the scores that all have, and per setting their values [S, names] and resamples [R, S, names]."""
    scores = [[score_of(run) for run in runs] for runs in pairs.runs]
    everyone = np.arange(len(pairs.ids))
    whole = [[score(everyone) for score in each] for each in scores]
    names = [name for name in whole[0][0] if all(name in told for each in whole for told in each)]
    drawn = []
    for r in range(RESAMPLES):
        i = units.draw(random)
        drawn.append([[[told.get(name, np.nan) for name in names] for told in (s(i) for s in each)] for each in scores])
        if progress:
            progress(r + 1, RESAMPLES)
    values = [np.array([[told[name] for name in names] for told in each], float) for each in whole]
    moved = [np.array([one[k] for one in drawn], float) for k in range(len(scores))]
    usable = np.all(
        [np.isfinite(v).all(0) & np.isfinite(m).any(0).all(0) for v, m in zip(values, moved, strict=True)], 0
    )
    settled = [about(v[:, usable], m[..., usable], units.shrink) for v, m in zip(values, moved, strict=True)]
    return [n for n, good in zip(names, usable, strict=True) if good], [v[:, usable] for v in values], settled


def over_seeds(settings: Sequence[Setting], drawn: list[np.ndarray], random: np.random.Generator) -> list[np.ndarray]:
    """Mean scores of each setting over seeds drawn anew [R, names]; settings of the same seeds share the draws."""
    weights: dict[tuple[int, ...], np.ndarray] = {}
    for seeds in dict.fromkeys(setting.seeds for setting in settings):
        weights[seeds] = _weights(len(seeds), random)
    return [np.einsum("rs,rsn->rn", weights[s.seeds], mine) for s, mine in zip(settings, drawn, strict=True)]


def _weights(seeds: int, random: np.random.Generator) -> np.ndarray:
    """How much each seed counts in each resample [R, S]."""
    if seeds == 1:
        return np.ones((RESAMPLES, 1))
    return random.multinomial(seeds - 1, np.full(seeds, 1 / seeds), RESAMPLES) / (seeds - 1)
