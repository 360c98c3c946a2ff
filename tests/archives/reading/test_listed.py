"""Several files as one source, and points as lists in cells."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa

from starbolt.archives.reading.listed import cells, kept, names_files, paths_of


def test_paths_patterns_and_lists_are_files_in_order(tmp_path):
    for name in ("b.csv", "a.csv", "c.txt"):
        (tmp_path / name).touch()
    both = [str(tmp_path / "a.csv"), str(tmp_path / "b.csv")]
    assert paths_of(str(tmp_path / "*.csv")) == both
    assert paths_of([tmp_path / "c.txt", str(tmp_path / "?.csv")]) == [str(tmp_path / "c.txt"), *both]
    assert paths_of(Path("x.csv")) == ["x.csv"]
    assert paths_of("none*.csv") == ["none*.csv"]  # so that a sentence can name it


def test_a_table_in_memory_names_no_files():
    table = pa.table({"id": [1]})
    for source in (table, {"id": np.ones(1)}, None, []):
        assert paths_of(source) == []
        assert not names_files(source)
    assert kept({"id": np.ones(1)}).column_names == ["id"]
    assert kept([Path("a"), "b"]) == ["a", "b"]
    assert kept(None) is None


def test_points_become_lists_beside_the_objects_and_keep_their_units():
    schema = pa.schema([pa.field("t", pa.float64(), metadata={b"unit": b"d"}), pa.field("id", pa.int64())])
    points = pa.table({"t": [1.0, 2.0, 3.0], "id": [7, 7, 9]}, schema=schema)
    table = cells(pa.table({"id": [7, 8, 9]}), points, np.array([2, 0, 1]))
    assert table["t"].to_pylist() == [[1.0, 2.0], [], [3.0]]
    assert table["id"].to_pylist() == [7, 8, 9]
    assert table.schema.field("t").metadata == {b"unit": b"d"}
    assert cells(pa.table({"id": [7]}), points.slice(0, 0), np.array([0]))["t"].to_pylist() == [[]]
