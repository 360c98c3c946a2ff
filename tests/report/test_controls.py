"""Controls: naive is the majority or the mean, linear finds lines, boosting what is no line; no test row is seen."""

from __future__ import annotations

import numpy as np
import pytest

from starbolt.archives import Dense
from starbolt.contract import TargetSpec
from starbolt.data.sources import Source
from starbolt.report.controls import MOST, controls, evenly
from starbolt.store.store import Modality
from starbolt.tasks import Classification, Regression

PARTS = {"train": np.arange(600), "val": np.arange(600, 800), "cal": np.arange(0), "test": np.arange(800, 1000)}


def table(x: np.ndarray) -> dict[str, Source]:
    names = tuple("abc"[: x.shape[1]])
    return {"table": Source(Modality("table", names, ("",) * len(names), x.shape[1:], False, Dense(x.astype("f4"))))}


def features() -> np.ndarray:
    return np.random.default_rng(0).normal(size=(1000, 3))


def classification(y: np.ndarray) -> Classification:
    counts = np.bincount(y[PARTS["train"]])
    return Classification(4, TargetSpec(("type",), ("",), tuple("pqr"[: len(counts)]), tuple(counts.tolist())))


def regression(y: np.ndarray, **options: bool) -> Regression:
    names = tuple(f"q{k}" for k in range(y.shape[1]))
    logs = np.log10(np.maximum(y, 1e-9))
    statistics = [
        tuple(np.nanmean(v, 0)) if first else tuple(np.nanstd(v, 0)) for v in (y, logs) for first in (True, False)
    ]
    return Regression(4, TargetSpec(names, ("",) * len(names), (), (), *statistics), **options)


def test_naive_accuracy_is_the_share_of_the_commonest_class() -> None:
    y = np.random.default_rng(1).choice(3, 1000, p=[0.2, 0.5, 0.3])
    found = controls(table(features()), y, PARTS, classification(y))
    assert found["naive"]["test/accuracy"] == pytest.approx(np.mean(y[PARTS["test"]] == 1))
    assert found["naive"]["val/balanced_accuracy"] == pytest.approx(1 / 3)


def test_linear_model_separates_what_a_plane_separates() -> None:
    x = features()
    y = (x @ [1.0, -2.0, 0.5] > 0).astype(np.int64)
    assert controls(table(x), y, PARTS, classification(y))["linear"]["test/accuracy"] > 0.97


def test_a_class_too_rare_to_be_drawn_is_given_no_probability() -> None:
    y = np.zeros(1000, np.int64)
    y[[0, 900]] = 1  # the only one in the training part is among the rows held back
    found = controls(table(features()), y, PARTS, classification(y))["linear"]
    assert found["test/accuracy"] == pytest.approx(0.995)


def test_naive_rms_is_the_scatter_about_the_training_mean() -> None:
    y = np.random.default_rng(2).normal(3, 2, (1000, 1)).astype(np.float32)
    found = controls(table(features()), y, PARTS, regression(y))
    expected = np.sqrt(np.mean((y[PARTS["test"]] - y[PARTS["train"]].mean()) ** 2))
    assert found["naive"]["test/rms"] == pytest.approx(expected, rel=1e-5)
    assert found["naive"]["test/coverage_90"] == pytest.approx(0.9, abs=0.06)


def test_linear_model_finds_a_power_law_where_the_task_learns_logarithms() -> None:
    x = features()
    y = (10 ** (x[:, :1] + 1)).astype(np.float32)
    in_logs, as_is = (
        controls(table(x), y, PARTS, regression(y, log=log))["linear"]["test/r2"] for log in (True, False)
    )
    assert in_logs > 0.999 > as_is


def test_missing_values_and_unknown_targets_are_allowed() -> None:
    x = features()
    y = np.stack([x[:, 0], x[:, 1]], 1).astype(np.float32)
    x[::7, 2], y[::5, 1] = np.nan, np.nan
    found = controls(table(x), y, PARTS, regression(y))["linear"]
    assert found["test/r2/q0"] > 0.99
    assert found["test/r2/q1"] > 0.99


def test_test_rows_change_no_validation_score() -> None:
    x = features()
    y = (x[:, 0] > 0).astype(np.int64)
    before = controls(table(x), y, PARTS, classification(y), score=("val",))
    x[PARTS["test"]], y[PARTS["test"]] = 1e6, 0
    assert controls(table(x), y, PARTS, classification(y), score=("val",)) == before


def test_an_empty_part_is_left_out() -> None:
    y = (features()[:, 0] > 0).astype(np.int64)
    found = controls(table(features()), y, PARTS, classification(y), score=("cal", "test"))
    assert {name.partition("/")[0] for name in found["linear"]} == {"test"}


def test_rows_are_drawn_evenly_from_first_to_last() -> None:
    drawn = evenly(np.arange(10 * MOST), MOST)
    assert (len(drawn), drawn[0], drawn[-1]) == (MOST, 0, 10 * MOST - 1)
    assert set(np.diff(drawn)) <= {10, 11}


def test_boosting_finds_what_no_plane_separates() -> None:
    x = features()
    y = ((x[:, 0] > 0) ^ (x[:, 1] > 0)).astype(np.int64)
    found = controls(table(x), y, PARTS, classification(y))
    assert found["linear"]["test/accuracy"] < 0.65
    assert found["boosting"]["test/accuracy"] > 0.9
    assert found["boosting"]["test/log_loss"] < found["linear"]["test/log_loss"]


def test_boosting_finds_a_parabola_and_knows_its_scatter_on_rows_it_never_saw() -> None:
    x = features()
    y = (x[:, :1] ** 2 + np.random.default_rng(3).normal(0, 0.3, (1000, 1))).astype(np.float32)
    found = controls(table(x), y, PARTS, regression(y))
    assert found["linear"]["test/r2"] < 0.3
    assert found["boosting"]["test/r2"] > 0.8
    assert found["boosting"]["test/coverage_90"] == pytest.approx(0.9, abs=0.07)


def test_noise_is_not_boosted() -> None:
    y = np.random.default_rng(4).choice(2, 1000)
    found = controls(table(features()), y, PARTS, classification(y))["boosting"]
    assert found["test/log_loss"] == pytest.approx(np.log(2), abs=0.03)


def test_boosting_gives_the_same_scores_each_time() -> None:
    x = features()
    y = np.stack([x[:, 0] ** 2, np.where(np.arange(1000) % 5, x[:, 1], np.nan)], 1).astype(np.float32)
    first, again = (controls(table(x), y, PARTS, regression(y))["boosting"] for _ in range(2))
    assert first == again
    assert "test/rms/q1" in first


def test_a_class_too_rare_to_be_drawn_is_not_boosted_either() -> None:
    y = np.zeros(1000, np.int64)
    y[[0, 900]] = 1
    assert controls(table(features()), y, PARTS, classification(y))["boosting"]["test/accuracy"] == pytest.approx(0.995)


def test_few_rows_are_enough() -> None:
    parts = {"train": np.arange(6), "test": np.arange(6, 12)}
    y = (np.arange(1000) % 2).astype(np.int64)
    task = Classification(4, TargetSpec(("type",), ("",), ("p", "q"), (3, 3)))
    assert controls(table(features()), y, parts, task)["boosting"]["test/accuracy"] == pytest.approx(0.5)
