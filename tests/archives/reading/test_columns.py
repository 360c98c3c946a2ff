"""Columns come by name, dotted into structs, as numbers, or the sentence says what stands in the way."""

from __future__ import annotations

import datetime

import numpy as np
import pyarrow as pa
import pytest

from starbolt.archives.reading.columns import column, is_scalar, nested, numbers, unit

TABLE = pa.table(
    {
        "mag_r": pa.array([1, None, 3], pa.int16()),
        "kind": pa.array(["a", None, "7"]),
        "spelled": pa.array(["1.5", None, "nan"]),
        "day": [datetime.date(2020, 1, 1)] * 3,
        "list": [[1.0], [], None],
        "alert": pa.array([{"jd": 2.5, "deep": {"x": 1}}, None, {"jd": None, "deep": {"x": 3}}]),
    }
).cast(
    pa.schema(
        [
            pa.field("mag_r", pa.int16(), metadata={b"unit": b"mag"}),
            pa.field("kind", pa.string()),
            pa.field("spelled", pa.string()),
            pa.field("day", pa.date32()),
            pa.field("list", pa.list_(pa.float64())),
            pa.field("alert", pa.struct([("jd", pa.float64()), ("deep", pa.struct([("x", pa.int64())]))])),
        ]
    )
)


def test_dots_reach_into_structs() -> None:
    assert nested(TABLE) == ["alert.jd", "alert.deep", "alert.deep.x"]
    assert column(TABLE, "alert.jd").to_pylist() == [2.5, None, None]
    assert column(TABLE, "alert.deep.x").to_pylist() == [1, None, 3]
    assert unit(TABLE, "alert.jd") == ""
    assert unit(TABLE, "mag_r") == "mag"
    assert [field.name for field in TABLE.schema if is_scalar(field.type)] == ["mag_r", "kind", "spelled", "day"]


def test_numbers_are_nan_where_null() -> None:
    for name, expected in (("mag_r", [1, np.nan, 3]), ("spelled", [1.5, np.nan, np.nan])):
        values = numbers(TABLE, name)
        assert values.dtype == np.float64
        assert np.array_equal(values, expected, equal_nan=True)
    assert numbers(pa.table({"flag": [True, False]}), "flag").tolist() == [1, 0]
    assert numbers(pa.table({"id": [2**60 + 1]}), "id").tolist() == [2.0**60]


def test_sentences() -> None:
    with pytest.raises(ValueError, match=r"^cat.fits has no column 'MAG'; did you mean 'mag_r'\?$"):
        column(TABLE, "MAG", "cat.fits")
    with pytest.raises(ValueError, match=r"has no column 'qqq'; there are 'mag_r', 'kind'"):
        column(TABLE, "qqq")
    with pytest.raises(ValueError, match=r"^column 'kind' of cat.fits holds 'a' where a number is needed$"):
        numbers(TABLE, "kind", "cat.fits")
    with pytest.raises(ValueError, match="column 'day' of the table holds '2020-01-01' where"):
        numbers(TABLE, "day")
    with pytest.raises(ValueError, match=r"column 'list' of the table holds '\[1.0\]' where"):
        numbers(TABLE, "list")
    with pytest.raises(ValueError, match=r"holds '149_499' where"):
        numbers(pa.table({"star": ["149_499"]}), "star")
