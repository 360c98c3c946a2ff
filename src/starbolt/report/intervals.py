"""How far a score would move with other test objects: the bootstrap (Efron 1979, doi:10.1214/aos/1176344552)."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from starbolt.report.results import Quantity, Results

RESAMPLES = 200
MOST = 10_000  # objects in a resample; of more objects only so many are drawn and the deviations shrunk to match

Score = Callable[[np.ndarray], Mapping[str, float]]  # indices of the objects drawn [m] -> score name -> value


def intervals(score: Score, n: int, values: Mapping[str, float], *, seed: int = 0) -> dict[str, tuple[float, float]]:
    """68% intervals (low, high) of scores over n objects whose values over all of them are given.

    Drawn anew with replacement; the 16th and 84th percentile of the deviations from the resamples' median, laid about
    the value: a score that resampling itself shifts, such as a calibration error, keeps its place in its interval.
    """
    random = np.random.default_rng(seed)
    m = min(n, MOST)
    draws = [score(random.integers(0, n, m)) for _ in range(RESAMPLES)]
    found = {}
    for name in values:
        drawn = np.array([draw.get(name, np.nan) for draw in draws], float)
        drawn = drawn[np.isfinite(drawn)]
        if len(drawn):
            low, middle, high = np.percentile(drawn, [16, 50, 84])
            shrink = np.sqrt(m / n)
            found[name] = (values[name] + shrink * (low - middle), values[name] + shrink * (high - middle))
    return found


def score_intervals(results: Results) -> dict[str, tuple[float, float]]:
    """68% intervals of the scores that the report shows."""
    if results.classes:
        return intervals(_class_score(results), len(results.loss), results.scores)
    found: dict[str, tuple[float, float]] = {}
    for quantity in results.quantities:
        suffix = f"/{quantity.name}" if len(results.quantities) > 1 else ""
        mine = {name: value for name, value in results.scores.items() if name.endswith(suffix)}
        score = _quantity_score(quantity, suffix, is_redshift(results))
        found |= intervals(score, len(quantity.truth), {name: v for name, v in mine.items() if name != "loss"})
    return found | intervals(lambda i: {"loss": results.loss[i].mean()}, len(results.loss), _loss(results))


def is_redshift(results: Results) -> bool:
    """Whether scores are of dz / (1 + z)."""
    return bool(results.config.get("task", {}).get("redshift", False))


def _class_score(results: Results) -> Score:
    import torch

    from starbolt.tasks.scores import class_scores

    prob, codes, loss = torch.from_numpy(results.prob), torch.from_numpy(results.codes), results.loss
    return lambda i: {**class_scores(prob[i], codes[i]), "loss": float(loss[i].mean())}


def _quantity_score(quantity: Quantity, suffix: str, redshift: bool) -> Score:
    import torch

    from starbolt.tasks.scores import quantity_scores

    truth, mean = torch.from_numpy(quantity.truth), torch.from_numpy(quantity.mean)
    sigma = None if quantity.sigma is None else torch.from_numpy(quantity.sigma)

    def score(i: np.ndarray) -> dict[str, float]:
        drawn = quantity_scores(mean[i], None if sigma is None else sigma[i], truth[i], redshift=redshift)
        return {f"{name}{suffix}": value for name, value in drawn.items()}

    return score


def _loss(results: Results) -> dict[str, float]:
    return {"loss": results.scores["loss"]} if "loss" in results.scores else {}
