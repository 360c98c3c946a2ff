"""Lists in cells are taken apart without losing an element, whichever way they are written."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from starbolt.archives.points.lists import explode, has_lists, knows

CELLS = [[1.5, None, 2.5], None, [], [4.0]]
TEXT = ["[1.5, nan, 2.5]", None, "[]", " [4.] "]


@pytest.mark.parametrize("kind", [pa.list_(pa.float64()), pa.large_list(pa.float32())])
def test_arrow_lists(kind):
    rows, owner = explode(pa.table({"a": pa.array(CELLS, kind), "b": [7, 8, 9, 10]}), ["a", "b"])
    assert rows["a"].to_pylist() == [1.5, None, 2.5, 4.0]
    assert rows["b"].to_pylist() == [7, 7, 7, 10]
    assert owner.tolist() == [0, 0, 0, 3]


@pytest.mark.parametrize("change", [str, lambda t: t.replace(",", ""), lambda t: t.replace("[", "(").replace("]", ")")])
def test_lists_as_text_with_commas_blanks_or_brackets_of_either_kind(change):
    rows, owner = explode(pa.table({"a": [None if t is None else change(t) for t in TEXT]}), ["a"])
    np.testing.assert_array_equal(rows["a"].to_numpy(), [1.5, np.nan, 2.5, 4])
    assert owner.tolist() == [0, 0, 0, 3]


def test_lists_of_structs_fixed_lists_and_nested_lists():
    table = pa.table(
        {
            "lc": [[{"t": 1, "v": 2.0}], [{"t": 3, "v": None}, {"t": 4, "v": 5.0}]],
            "box": [{"t": [1, 2]}, {"t": [3]}],
            "pair": pa.array([[1, 2], [3, 4]], pa.list_(pa.int64(), 2)),
        }
    )
    assert explode(table, ["lc.v"])[0]["lc.v"].to_pylist() == [2.0, None, 5.0]
    assert explode(table, ["box.t"])[1].tolist() == [0, 0, 1]
    assert explode(table, ["pair"])[0]["pair"].to_pylist() == [1, 2, 3, 4]
    assert has_lists(table, "lc.t")
    assert knows(table, "lc.t")
    assert not knows(table, "lc.x")


def test_a_slice_of_a_table_gives_its_own_elements():
    table = pa.table({"a": CELLS, "lc": [[{"t": i}] for i in range(4)]})
    assert explode(table.slice(2), ["a"])[0]["a"].to_pylist() == [4.0]
    assert explode(table.slice(2), ["lc.t"])[0]["lc.t"].to_pylist() == [2, 3]


def test_a_table_without_lists_stays_as_it_is():
    rows, owner = explode(pa.table({"a": [1, 2], "b": ["x", "[y"]}), ["a", "b"])
    assert rows.to_pylist() == [{"a": 1, "b": "x"}, {"a": 2, "b": "[y"}]
    assert owner.tolist() == [0, 1]


def test_uneven_lists_and_words_are_refused_by_row_and_column():
    with pytest.raises(ValueError, match=r"f.csv, row 1: 'a' holds 2 values, 'b' 1"):
        explode(pa.table({"a": [[1], [1, 2]], "b": [[1], [1]]}), ["a", "b"], "f.csv")
    with pytest.raises(ValueError, match=r"column 'a' of f.csv holds lists that are not all numbers.*'x'"):
        explode(pa.table({"a": ["[1, x]"]}), ["a"], "f.csv")
