"""Columns of values and limits are told from texts and from plain numbers."""

from __future__ import annotations

import pyarrow as pa
import pytest

from starbolt.archives.reading.signs import without_signs


def test_values_and_limits_are_taken_apart() -> None:
    table = pa.table({"g": ["21.3", "<21.5", " > 20", None, "<=1e3"], "n": [1, 2, 3, 4, 5]})
    read = without_signs(table, "a")
    assert read.to_pydict() == {
        "g": [21.3, 21.5, 20, None, 1000],
        "n": [1, 2, 3, 4, 5],
        "_limit_of_g": [False, True, True, False, True],
    }


@pytest.mark.parametrize("cells", [["<", ">", None], ["00123", "456"], ["<21", "Mira"], ["a<3", "2"], [None, None]])
def test_other_texts_stay(cells: list[str | None]) -> None:
    table = pa.table({"t": pa.array(cells, pa.string())})
    assert without_signs(table, "a").equals(table)


def test_a_late_limit_is_seen_and_the_id_spared() -> None:
    cells = [None] * 150 + ["20.5"] * 5000 + ["<21"]
    read = without_signs(pa.table({"g": cells, "id": cells}), "a", spare=["id"])
    assert read["_limit_of_g"].to_pylist() == [False] * 5150 + [True]
    assert read["id"].to_pylist() == cells
