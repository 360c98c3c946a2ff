"""A file is there whole or not at all."""

import pyarrow as pa
import pytest

from starbolt.catalogue.writing import aside, described, sweep


def test_it_is_renamed_when_all_is_written(tmp_path):
    with aside(tmp_path / "new" / "a.csv") as path:
        assert path.suffix == ".csv"
        path.write_text("whole")
        assert not (tmp_path / "new" / "a.csv").exists()
    assert (tmp_path / "new" / "a.csv").read_text() == "whole"
    assert len(list((tmp_path / "new").iterdir())) == 1


def broken_off(path, error):
    with aside(path) as part:
        part.write_text("half")
        raise error


@pytest.mark.parametrize("error", [OSError, KeyboardInterrupt, SystemExit])
def test_nothing_is_left_of_what_was_broken_off(tmp_path, error):
    (tmp_path / "a.csv").write_text("old")
    with pytest.raises(error):
        broken_off(tmp_path / "a.csv", error)
    assert [path.name for path in tmp_path.iterdir()] == ["a.csv"]
    assert (tmp_path / "a.csv").read_text() == "old"


def test_what_killed_processes_left_is_swept_and_nothing_else(tmp_path):
    for name in (".a.csv.host.17.csv", ".a.csv.other.18.csv", "a.csv", ".b.csv.host.17.csv"):
        (tmp_path / name).touch()
    sweep(tmp_path / "a.csv")
    assert sorted(path.name for path in tmp_path.iterdir()) == [".b.csv.host.17.csv", "a.csv"]


def test_units_and_origin_are_in_the_schema():
    table = described(pa.table({"a": [1], "b": [2]}), {"a": "mag", "c": "d"}, {"starbolt": "1"})
    assert table.schema.field("a").metadata == {b"unit": b"mag"}
    assert table.schema.field("b").metadata is None
    assert table.schema.metadata == {b"starbolt": b"1"}
