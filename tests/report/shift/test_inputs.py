"""Shift of the inputs: told with size and p where test rows differ from training rows, and not where they do not."""

from __future__ import annotations

import json

import numpy as np

from starbolt.archives import Dense
from starbolt.contract import InputSpec, Spec, TargetSpec
from starbolt.data.sources import Source
from starbolt.report.shift.inputs import MOST, measured_otherwise, shift_table
from starbolt.store.store import Modality

NAMES = ("u", "g", "r")


def about(kind: str, shape: tuple[int, ...]) -> InputSpec:
    ones, zeros = (1.0,) * shape[0], (0.0,) * shape[0]
    return InputSpec(kind, NAMES[: shape[0]], ("",) * shape[0], shape, ("linear",) * shape[0], ones, zeros, ones, zeros)


def told(x: np.ndarray, y: np.ndarray, target: TargetSpec, train: int, **options: np.ndarray) -> dict:
    """shift.json of objects of which the first ones were trained on."""
    kind = "image" if x.ndim == 4 else "table"
    modality = Modality(kind, NAMES[: x.shape[1]], ("",) * x.shape[1], x.shape[1:], False, Dense(x.astype("f4")))
    parts = {"train": np.arange(train), "val": np.arange(0), "test": np.arange(train, len(x))}
    spec = Spec({kind: about(kind, x.shape[1:])}, target)
    return json.loads(json.dumps(shift_table({kind: Source(modality)}, spec, y, parts, **options)))


def table(n: int = 3000, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    return random.normal(20, 1, (n, 3)), random.normal(size=(n, 1)).astype("f4")


REDSHIFT = TargetSpec(("z",), ("",))
CLASSES = TargetSpec(("type",), ("",), ("E", "S"), (1, 1))


def test_alike_rows_are_not_told_in_any_of_forty_draws() -> None:
    assert not any(measured_otherwise(told(*table(600, seed), REDSHIFT, 300)) for seed in range(40))


def test_a_shifted_column_is_named_with_size_and_p() -> None:
    x, y = table()
    x[1500:, 1] += 0.5
    words = measured_otherwise(told(x, y, REDSHIFT, 1500))
    assert words.startswith("They differ from the training objects in g (median 20.")
    assert "p < 1e-12" in words
    assert "u (" not in words


def test_a_shifted_target_is_named() -> None:
    x, y = table()
    y[1500:] += 1
    assert "the true z (median" in measured_otherwise(told(x, y, REDSHIFT, 1500))


def test_other_class_shares_are_named() -> None:
    x, _ = table()
    random = np.random.default_rng(1)
    y = np.where(np.arange(3000) < 1500, random.random(3000) < 0.5, random.random(3000) < 0.7).astype(np.int64)
    words = measured_otherwise(told(x, y, CLASSES, 1500))
    assert "the share of " in words
    assert "% of them, " in words


def test_a_shift_of_a_hundredth_is_harmless_in_any_catalogue() -> None:
    x, y = table(60_000)
    x[30_000:] += 0.03
    found = told(x, y, REDSHIFT, 30_000)
    assert found["rows"] == {"train": MOST, "test": MOST}
    assert measured_otherwise(found) == ""


def test_missing_values_are_left_out_and_a_column_without_any_is_not_told() -> None:
    x, y = table()
    x[::3, 0], x[:, 2] = np.nan, np.nan
    assert [column["name"] for column in told(x, y, REDSHIFT, 1500)["columns"]] == ["u", "g", "the true z"]


def test_images_are_told_by_the_level_and_noise_of_their_channels() -> None:
    random = np.random.default_rng(3)
    x = random.normal(100, 5, (200, 2, 16, 16))
    x[100:, 1] = random.normal(100, 9, (100, 16, 16))
    words = measured_otherwise(told(x, np.zeros(200, np.int64), CLASSES, 100))
    assert "scale of g" in words
    assert "scale of u" not in words


def test_of_a_group_one_row_counts() -> None:
    x, y = table()
    groups = np.arange(3000) // 100
    x += np.random.default_rng(4).normal(size=(30, 1)).repeat(100, 0)  # rows of a group are alike
    assert measured_otherwise(told(x, y, REDSHIFT, 1500)) != ""
    assert told(x, y, REDSHIFT, 1500, groups=groups).get("rows") == {"train": 15, "test": 15}


def test_without_test_rows_there_is_nothing_to_tell() -> None:
    x, y = table(300)
    assert told(x, y, REDSHIFT, 300) == {}
    assert measured_otherwise({}) == ""
