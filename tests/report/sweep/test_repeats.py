"""Mean and spread over seeds and folds are those of the trials that finished, setting by setting."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from starbolt.report.sweep import repeats
from starbolt.report.sweep.reading import read
from starbolt.report.sweep.words import rounded, with_spread

Maker = Callable[..., Path]
AXES = {
    "optim": {"kind": "choice", "values": ["sgd", "adam"]},
    "seed": {"kind": "range", "values": ["0", "1", "2"]},
    "split.fold": {"kind": "range", "values": ["0", "1"]},
}
VALUES = {"sgd": np.array([[0.5, 0.7], [0.6, 0.8], [0.7, 0.9]]), "adam": np.array([[0.3, 0.2], [0.4, 0.3], [0.2, 0.4]])}


@pytest.fixture
def crossed(write: Maker) -> Path:
    """Two settings by three seeds by two folds."""
    trials: list[dict[str, Any]] = []
    for optim, values in VALUES.items():
        for (seed, fold), value in np.ndenumerate(values):
            params = {"optim": optim, "seed": str(seed), "split.fold": str(fold)}
            entry = {"number": len(trials), "folder": f"t{len(trials)}", "state": "finished", "value": float(value)}
            trials.append(entry | {"params": params, "metrics": {"val/loss": float(value), "test/loss": value * 2}})
    return write(trials, AXES, 6)


def test_settings_are_told_best_mean_first_with_their_moments(crossed: Path) -> None:
    found = repeats.settings(read(crossed))
    assert [one.words for one in found] == ["optim=adam", "optim=sgd"]
    for one in found:
        values = VALUES[one.words.removeprefix("optim=")]
        assert repeats.moments(one.trials, "val/loss") == pytest.approx((values.mean(), values.std(ddof=1)))
        assert repeats.moments(one.trials, "test/loss") == pytest.approx((2 * values.mean(), 2 * values.std(ddof=1)))
        assert repeats.between(one.trials, "seed", "val/loss") == pytest.approx(values.mean(1).std(ddof=1))
        assert repeats.between(one.trials, "split.fold", "val/loss") == pytest.approx(values.mean(0).std(ddof=1))


def test_where_more_is_better_the_greatest_mean_is_first(crossed: Path) -> None:
    about = json.loads((crossed / "sweep.json").read_text())
    (crossed / "sweep.json").write_text(json.dumps(about | {"mode": "max"}))
    assert [one.words for one in repeats.settings(read(crossed))] == ["optim=sgd", "optim=adam"]


def test_trials_that_failed_are_counted_and_not_averaged(crossed: Path) -> None:
    told = json.loads((crossed / "trials.json").read_text())
    told["trials"][0] |= {"state": "failed", "value": None}
    told["trials"][1] |= {"state": "pruned", "value": 99.0}
    (crossed / "trials.json").write_text(json.dumps(told))
    sweep = read(crossed)
    sgd = repeats.settings(sweep)[1]
    assert (sgd.tried, len(sgd.trials)) == (6, 4)
    assert repeats.moments(sgd.trials, "val/loss")[0] == pytest.approx(VALUES["sgd"][1:].mean())
    assert "4 of 6" in repeats.told(sweep)


def test_a_sweep_without_seeds_and_folds_has_no_such_table(mixed: Path) -> None:
    assert repeats.told(read(mixed)) == ""


@pytest.mark.parametrize(
    ("value", "spread", "words"),
    [(0.12345, 0.0123, "0.123 ± 0.012"), (0.0421, 0.004, "0.0421 ± 0.0040"), (512.3, 33, "512 ± 33"), (0.5, 0, "0.5")],
)
def test_a_mean_has_the_digits_that_its_spread_allows(value: float, spread: float, words: str) -> None:
    assert with_spread(value, spread) == words
    assert rounded(value, spread) == words.partition(" ")[0]
