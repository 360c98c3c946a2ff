"""How far a score would move with other test objects: its bootstrap interval, over objects or over groups of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from starbolt.report.quantity import Quantity
from starbolt.report.resample import Units, about, central
from starbolt.report.results import Results

RESAMPLES = 200
GROUP = "group"  # column of predictions.parquet, there where groups were declared
JUDGED = ("mean", "pit", "crps", "cde", "low", "high")  # what the scores of a quantity look at beside the truth

Score = Callable[[np.ndarray], Mapping[str, float]]  # indices of the objects drawn [m] -> score name -> value


def intervals(
    score: Score, n: int, values: Mapping[str, float], *, groups: np.ndarray | None = None, seed: int = 0
) -> dict[str, tuple[float, float]]:
    """68% intervals (low, high) of scores over n objects whose values over all of them are given.

    The 16th and 84th percentile of the resamples about the value, see `about`. groups: of each object [n], drawn whole;
    of a single one no interval is known.
    """
    random, units = np.random.default_rng(seed), Units.of(n, groups)
    if groups is not None and len(units.count) < 2:
        return {}
    draws = [score(units.draw(random)) for _ in range(RESAMPLES)]
    found = {}
    for name, value in values.items():
        drawn = np.array([draw.get(name, np.nan) for draw in draws], float)
        drawn = drawn[np.isfinite(drawn)]
        if len(drawn):
            found[name] = central(about(value, drawn, units.shrink), 0.68)
    return found


def score_intervals(results: Results) -> dict[str, tuple[float, float]]:
    """68% intervals of the scores that the report shows."""
    return intervals(score_of(results), len(results.loss), results.scores, groups=groups_of(results))


def score_of(results: Results) -> Score:
    """The scores of metrics.json, by their names, of any of a run's labelled objects."""
    return _class_score(results) if results.classes else _quantity_scores(results)


def groups_of(results: Results) -> np.ndarray | None:
    """The group of each labelled object, int64 [n]; None where no groups were declared. Without a group: its own."""
    if GROUP not in results.predictions.column_names:
        return None
    words = results.predictions[GROUP].to_numpy().astype(str)
    codes = np.unique(words, return_inverse=True)[1]
    return np.where(words == "", len(words) + np.arange(len(words)), codes)


def is_redshift(results: Results) -> bool:
    """Whether scores are of dz / (1 + z)."""
    return bool(results.config.get("task", {}).get("redshift", False))


def _class_score(results: Results) -> Score:
    import torch

    from starbolt.tasks.scores import class_scores

    prob, codes, given = (torch.from_numpy(values) for values in (results.prob, results.codes, results.given))
    sets = None if results.sets is None else torch.from_numpy(results.sets)
    cuts = results.calibration.get("working_point", {})
    working = [cuts[name] for name in results.classes] if cuts else ()

    def score(i: np.ndarray) -> dict[str, float]:
        held = None if sets is None else sets[i]
        found = class_scores(prob[i], codes[i], code=given[i], sets=held, working=working)
        return {"loss": float(results.loss[i].mean()), **found}

    return score


def _quantity_scores(results: Results) -> Score:
    several, redshift = len(results.quantities) > 1, is_redshift(results)
    each = [
        (f"/{q.name}" if several else "", _quantity_score(q, len(results.loss), redshift)) for q in results.quantities
    ]

    def score(i: np.ndarray) -> dict[str, float]:
        found = {f"{name}{suffix}": value for suffix, one in each for name, value in one(i).items()}
        return {"loss": float(results.loss[i].mean()), **found}

    return score


def _quantity_score(quantity: Quantity, n: int, redshift: bool) -> Score:
    """Scores of one quantity, from indices among all n objects; none where it is known of none of them."""
    import torch

    from starbolt.tasks.scores import quantity_scores

    truth = torch.from_numpy(quantity.truth)
    told = {name: getattr(quantity, name) for name in JUDGED}
    told = {name: torch.from_numpy(values) for name, values in told.items() if values is not None}
    place = np.full(n, -1)
    place[quantity.place] = np.arange(len(quantity.truth))

    def score(i: np.ndarray) -> dict[str, float]:
        known = place[i][place[i] >= 0]
        mine = {name: values[known] for name, values in told.items()}
        return quantity_scores(y=truth[known], redshift=redshift, **mine) if len(known) else {}

    return score
