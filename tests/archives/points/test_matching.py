"""Ids match across types, and each part of a condition goes to the table that knows its columns."""

from __future__ import annotations

import pyarrow as pa
import pytest

from starbolt.archives.points.matching import owners, places, split_terms
from starbolt.archives.reading.conditions import terms


def column(values):
    return pa.chunked_array([pa.array(values)])


@pytest.mark.parametrize("change", [int, str, float])
def test_ids_match_as_numbers_or_as_text(change):
    ids = [10, 20, 30]
    observed = column([change(v) if change is not str else str(v) for v in (30, 10, 99, 30)])
    assert owners(observed, column(ids), "id", "cat").tolist() == [2, 0, -1, 2]


def test_a_missing_id_belongs_to_nobody():
    assert owners(column([1, None]), column([1, None]), "id", "cat").tolist() == [0, -1]


def test_a_repeated_id_is_refused_with_its_name():
    with pytest.raises(ValueError, match=r"the id 'b' stands 2 times in column 'id' of cat.csv"):
        owners(column(["a"]), column(["a", "b", "b"]), "id", "cat.csv")


def test_places_count_what_is_kept():
    assert places(pa.array([True, False, True]).to_numpy(zero_copy_only=False)).tolist() == [0, -1, 1, -1]


def test_conditions_go_to_their_table():
    of_points, of_objects = split_terms(
        terms("a < 1 & b > 2 & both"), {"a", "both"}.__contains__, {"b", "both"}.__contains__, []
    )
    assert [t.text for t in of_points] == ["a < 1"]
    assert [t.text for t in of_objects] == ["b > 2", "both"]
