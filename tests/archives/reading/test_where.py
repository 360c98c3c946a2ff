"""Conditions mean what an astronomer means by them, a missing value passes none, and nothing is ever evaluated."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from starbolt.archives.reading.columns import TableError
from starbolt.archives.reading.where import where

TABLE = pa.table(
    {
        "mag": [1.0, 2.0, None, np.nan, 5.0],
        "flag": [0, 1, 0, 1, 0],
        "ok": [True, False, True, None, True],
        "odd-name": ["a", "b & c", None, "d", "e"],
        "single": pa.array([99.9, 1, 2, 3, 4], pa.float32()),
        "id": [2**60, 2**60 + 1, 2**60 + 2, 3, 4],
        "inner": [{"x": i} for i in range(5)],
    }
)


@pytest.mark.parametrize(
    ("expression", "rows"),
    [
        ("mag < 5", "11000"),
        ("mag<5 & flag==0", "10000"),
        ("flag == 1 | mag >= 5", "01011"),
        ("flag == 1 | mag >= 5 & ok", "01011"),
        ("(flag == 1 | mag >= 5) & ok", "00001"),
        ("~(mag < 5)", "00001"),
        ("not mag < 5 or FLAG == 1".replace("FLAG", "flag"), "01011"),
        ("~~ok and mag != 5", "10000"),
        ("ok", "10101"),
        ("~ok", "01000"),
        ("ok == 1", "10101"),
        ("`odd-name` == 'b & c'", "01000"),
        ('"a" == `odd-name`', "10000"),
        ("`odd-name` != 'a'", "01011"),
        ("1.5 < mag", "01001"),
        ("mag > -1e0 & mag <= .2e1", "11000"),
        ("mag > flag", "11001"),
        ("single == 99.9", "10000"),
        ("id == 1152921504606846977", "01000"),
        ("inner.x > 1 && inner.x < 4", "00110"),
        ("flag<0.5", "10101"),
    ],
)
def test_rows(expression: str, rows: str) -> None:
    assert where(TABLE, expression).tolist() == [row == "1" for row in rows]


@pytest.mark.parametrize(
    ("expression", "sentence"),
    [
        ("mg < 3", "cat.csv has no column 'mg'; did you mean 'mag'?"),
        ("inner.y > 1", "cat.csv has no column 'inner.y'; did you mean 'inner.x', 'inner'?"),
        ("mag <", "expected a column, a number or a 'text' before 'the end', character 6"),
        ("", "expected a column, a number or a 'text' before 'the end', character 1"),
        ("mag", "expected a comparison (or a column of true and false) at 'mag', character 1"),
        ("mag < 'a'", "double cannot be compared with string at 'mag', character 1"),
        ("(mag < 3", "expected ) before 'the end', character 9"),
        ("mag < 3)", "expected & or | before ')', character 8"),
        ("mag < 3 flag == 1", "expected & or | before 'flag', character 9"),
        ("1 < 2", "expected a column in the comparison at '1', character 1"),
        ("mag < 3 $ 4", "cannot read '$ 4', character 9"),
        ("mag < 5x", "cannot read '5x', character 7"),
        ("__import__('os').system('ls')", 'cannot read ".system(\'l", character 17'),
    ],
)
def test_sentences(expression: str, sentence: str) -> None:
    with pytest.raises(TableError) as caught:
        where(TABLE, expression, "cat.csv")
    assert str(caught.value).removeprefix(f"data.where='{expression}': ") == sentence


def test_no_rows() -> None:
    assert where(TABLE.slice(0, 0), "mag < 5 & ~ok").shape == (0,)
