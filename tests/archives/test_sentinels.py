"""Undeclared sentinels are suspected; ordinary data are not."""

from __future__ import annotations

import numpy as np
import pytest

from starbolt.archives.sentinels import suspects

RNG = np.random.default_rng(5)


@pytest.mark.parametrize("value", [99, -99, 99.99, 999, -999, -9999])
def test_a_sentinel_is_suspected_where_it_stands(value: float) -> None:
    x = RNG.normal(20, 2, (200, 3)).astype(np.float32)
    x[7, 1] = value
    x[8, 2] = np.nan
    (sentence,) = suspects(x, ["u", "g", "r"])
    assert sentence.startswith(f"column 'g' has 1 value of {value:g} far from all others")
    assert sentence.endswith(f"data.missing=[{value:g}]")


def test_both_signs_in_one_column() -> None:
    x = RNG.normal(20, 2, (200, 1))
    x[:3], x[3:5] = 99, -99
    assert [sentence.split()[3] for sentence in suspects(x, ["u"])] == ["2", "3"]


@pytest.mark.parametrize(
    "values",
    [
        np.arange(100.0),
        np.arange(1000.0) - 999,
        RNG.normal(99, 1, 1000).round(),
        RNG.lognormal(0, 3, 5000).round(1),
        np.append(RNG.integers(0, 30, 500), 99),
        RNG.uniform(0, 360, 1000),
        np.full(50, 99.0),
        np.full(50, np.nan),
    ],
)
def test_ordinary_data_pass(values: np.ndarray) -> None:
    assert suspects(values[:, None].astype(np.float32), ["a"]) == []
