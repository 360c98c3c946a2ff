"""A recipe makes each channel of its columns, in float64, with the error and the limit that go with it."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from starbolt.archives.channels import Recipe

JD = 2459000 + np.arange(5) / 16


def recipe(*parts: tuple[str, ...], **words: dict) -> Recipe:
    return Recipe(
        parts, **{"errors": {}, "limits": {}, "soft": {}, "zero_points": {}, "zero": {}, "place": "a.fits"} | words
    )


def test_differences_are_taken_before_numbers_are_rounded() -> None:
    table = pa.table({"a": JD, "b": JD - 0.0625})
    assert recipe(("a", "b")).dense(table).x[:, 0].tolist() == [0.0625] * 5
    assert recipe(("a",), zero={"a": 2459000}).dense(table).x[:, 0].tolist() == (JD - 2459000).tolist()


def test_what_float32_would_blur_is_refused_but_not_in_a_difference() -> None:
    table = pa.table({"a": JD, "b": JD - 0.0625})
    with pytest.raises(ValueError, match=r"column 'a' of a.fits \(about 2459000.125\) is too coarse in float32"):
        recipe(("a",)).refuse_coarse(table)
    recipe(("a", "b")).refuse_coarse(table)


def test_errors_and_limits_are_those_of_all_columns_of_a_channel() -> None:
    table = pa.table({"a": [5.0, 6.0], "b": [1.0, 2.0], "ea": [3.0, 3.0], "eb": [4.0, None], "l": [False, True]})
    made = recipe(("a", "b"), ("b",), errors={"a": "ea", "b": "eb"}, limits={"a": "l"}).dense(table)
    assert made.err is not None
    assert np.array_equal(made.err, np.float32([[5, 4], [np.nan, np.nan]]), equal_nan=True)
    assert made.limit is not None
    assert made.limit.tolist() == [[False, False], [True, False]]
    plain = recipe(("a",)).dense(table)
    assert plain.err is None
    assert plain.limit is None
