"""Undeclared sentinels are suspected; ordinary data are not."""

from __future__ import annotations

import numpy as np
import pytest

from starbolt.archives.reading.sentinels import suspects
from starbolt.archives.tables import TableArchive

RNG = np.random.default_rng(5)


@pytest.mark.parametrize("value", [99, -99, 99.99, 999, -999, -9999, 1e20, -1e30, -32768, -2147483648])
def test_a_sentinel_is_suspected_where_it_stands(value: float) -> None:
    x = RNG.normal(20, 2, (200, 3)).astype(np.float32)
    x[7, 1] = value
    x[8, 2] = np.nan
    (sentence,) = suspects(x, ["u", "g", "r"])
    assert sentence.startswith(f"column 'g' has 1 value of {value:.10g} far from all others")
    assert sentence.endswith(f"data.missing=[{value:.10g}]")


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


@pytest.mark.parametrize("kind", [np.float32, np.float64, np.int32, np.int64])
@pytest.mark.parametrize("value", [-9999, 99, -2147483648])
def test_the_words_of_the_sentence_make_it_null(kind: type, value: int) -> None:
    column = np.append(RNG.integers(10, 30, 50), [value, value]).astype(kind)
    archive = TableArchive({"a": np.ma.array(column, mask=np.arange(52) == 3)})
    (sentence,) = suspects(archive.load_rows(archive.read())["table"].x, ["a"])
    declared = TableArchive(archive.path, missing=[float(sentence.split("[")[1].rstrip("]"))])
    catalogue = declared.read()
    assert np.flatnonzero(catalogue["a"].is_null()).tolist() == [3, 50, 51]
    assert catalogue["a"].type.to_pandas_dtype() == kind
    assert suspects(declared.load_rows(catalogue)["table"].x, ["a"]) == []
