"""Catalogues lose their sentinels, not their ids; parts stay apart; nested columns come out under dotted names."""

from __future__ import annotations

import pyarrow as pa
import pytest

from starbolt.archives.base import PART
from starbolt.archives.reading.catalogues import flat, in_parts, without_sentinels


def test_sentinels_become_null_in_every_numeric_type_but_not_in_the_id():
    table = pa.table(
        {
            "id": [99, 1],
            "i": [99, 2],
            "f": pa.array([99.9, 3], pa.float32()),
            "d": [99.9, 99],
            "t": ["99", "x"],
            "b": [True, False],
        }
    )
    clean = without_sentinels(table, [99, 99.9, 1], "id")
    assert clean.to_pylist() == [
        {"id": 99, "i": None, "f": None, "d": None, "t": "99", "b": True},
        {"id": 1, "i": 2, "f": 3, "d": None, "t": "x", "b": False},
    ]
    assert clean.schema == table.schema


def test_two_catalogues_are_told_apart_and_a_lacking_column_is_null():
    both = in_parts([pa.table({"a": [1], "label": ["x"]}), pa.table({"a": [2.5]})])
    assert both.to_pylist() == [{"a": 1, "label": "x", PART: "train"}, {"a": 2.5, "label": None, PART: "test"}]
    with pytest.raises(ValueError, match=r"column 'a' is int64 in the first catalogue but string in the test"):
        in_parts([pa.table({"a": [1]}), pa.table({"a": ["x"]})])


def test_scalars_stay_with_their_units_and_nested_ones_come_out():
    inner = pa.struct([pa.field("x", pa.int64(), metadata={b"unit": b"mag"}), pa.field("l", pa.list_(pa.int64()))])
    schema = pa.schema([pa.field("a", pa.int64(), metadata={b"unit": b"d"}), ("s", inner), ("raw", pa.binary())])
    table = pa.Table.from_pylist([{"a": 1, "s": {"x": 2, "l": [3]}, "raw": b"z"}], schema=schema)
    out = flat(table)
    assert out.to_pylist() == [{"a": 1, "s.x": 2}]
    assert [field.metadata[b"unit"] for field in out.schema] == [b"d", b"mag"]
    assert flat(table, ["raw"]).column_names == ["a", "s.x", "raw"]
