"""Bootstrap intervals: they hold the truth as often as they say, also of many objects drawn from few."""

from __future__ import annotations

import numpy as np
import pytest

from starbolt.report import intervals


def mean_interval(values: np.ndarray, seed: int = 0) -> tuple[float, float]:
    return intervals.intervals(lambda i: {"mean": values[i].mean()}, len(values), {"mean": values.mean()}, seed=seed)[
        "mean"
    ]


def test_interval_holds_the_true_mean_in_68_per_cent_of_draws() -> None:
    random = np.random.default_rng(0)
    spans = [mean_interval(random.normal(5, 2, 100), seed) for seed in range(200)]
    assert np.mean([low < 5 < high for low, high in spans]) == pytest.approx(0.68, abs=0.1)


def test_interval_of_many_objects_has_the_width_of_theory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(intervals, "MOST", 500)
    low, high = mean_interval(np.random.default_rng(0).normal(5, 2, 20_000))
    assert high - low == pytest.approx(2 * 2 / np.sqrt(20_000), rel=0.2)


def test_a_score_missing_from_some_resamples_takes_its_interval_from_the_others() -> None:
    found = intervals.intervals(lambda i: {"rare": 1.0} if 0 in i else {}, 3, {"rare": 1.0, "never": 2.0})
    assert found == {"rare": (1.0, 1.0)}
