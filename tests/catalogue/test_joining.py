"""One file says what the partitions said, in whatever format, and comes out the same each time."""

import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from astropy.table import Table
from astropy.units import Unit

from starbolt.catalogue import joining
from starbolt.catalogue.joining import WRITERS, is_joined, join
from starbolt.catalogue.plan import Plan


def same(one, other):
    """Whether two tables have the same schema and values, NaN being NaN."""
    nan = np.array_equal(np.asarray(one["mag"]), np.asarray(other["mag"]), equal_nan=True)
    return nan and one.schema == other.schema and one.drop_columns("mag").equals(other.drop_columns("mag"))


@pytest.mark.parametrize("ending", WRITERS)
def test_a_joined_file_has_the_same_bytes_each_time_and_knows_its_plan(parts, tmp_path, ending):
    first, second = tmp_path / f"a{ending}", tmp_path / f"b{ending}"
    assert not is_joined(first, parts.plan)
    join(parts, first)
    join(parts, second)
    assert first.read_bytes() == second.read_bytes()
    assert is_joined(first, parts.plan)
    assert not is_joined(first, Plan("m", "d", 23, 5))
    beside = {f"{name}{ending}{more}" for name in "ab" for more in (["", ".json"] if ending == ".csv" else [""])}
    assert {path.name for path in tmp_path.iterdir()} == beside | {"parts"}


def test_parquet(parts, tmp_path, whole):
    join(parts, tmp_path / "a.parquet")
    table = pq.read_table(tmp_path / "a.parquet")
    assert same(table, whole)
    assert table.schema.metadata == {key.encode(): value.encode() for key, value in parts.plan.metadata.items()}
    assert table.schema.field("flux").metadata[b"unit"] == b"uJy"
    assert same(pq.read_table(parts.folder), whole), "the folder of partitions is a data set by itself"


def test_csv_with_units_and_origin_beside_it(parts, tmp_path, whole):
    join(parts, tmp_path / "a.csv")
    table = Table.read(tmp_path / "a.csv", converters={"id": str, "outside": str})
    assert table["id"].filled("").tolist() == whole["id"].to_pylist()
    assert table["prediction"].tolist() == whole["prediction"].to_pylist()
    assert np.array_equal(table["flux"].astype(np.float32), np.asarray(whole["flux"]))
    density = np.array(whole["density"].to_pylist(), np.float32)
    assert np.array_equal(table["density_2"].astype(np.float32), density[:, 2])
    assert "density" not in table.colnames
    about = json.loads((tmp_path / "a.csv.json").read_text())
    assert about["starbolt_model"] == parts.plan.model
    assert about["units"] == {"flux": "uJy", "mag": "no such unit", "density": "1/Mpc"}


def test_ecsv(parts, tmp_path, whole, monkeypatch):
    monkeypatch.setattr(joining, "LINES", 2)
    join(parts, tmp_path / "a.ecsv")
    table = Table.read(tmp_path / "a.ecsv")
    assert table.colnames == whole.column_names
    assert len(table) == 23
    assert np.array_equal(table["flux"], np.asarray(whole["flux"]))
    assert np.array_equal(table["density"], np.array(whole["density"].to_pylist(), np.float32))
    assert [str(word) for word in table["id"].filled("")] == whole["id"].to_pylist()
    assert table["flux"].unit == Unit("uJy")
    assert table.meta["starbolt_data"] == parts.plan.data
    assert "starbolt_outside" not in table.meta
    lines = (tmp_path / "a.ecsv").read_text().splitlines()
    assert sum(line.startswith("id ") for line in lines) == 1


@pytest.mark.parametrize("ending", WRITERS)
def test_a_join_that_is_broken_off_leaves_nothing(parts, tmp_path, ending, monkeypatch):
    opened = parts.opened

    def broken(number):
        if number == 1:
            raise KeyboardInterrupt
        return opened(number)

    monkeypatch.setattr(parts, "opened", broken)
    with pytest.raises(KeyboardInterrupt):
        join(parts, tmp_path / f"a{ending}")
    assert [path.name for path in tmp_path.iterdir()] == ["parts"]


def test_partitions_that_another_version_of_arrow_wrote_are_written_anew(parts, tmp_path, whole):
    path = parts.file(2)
    table = pq.read_table(path)
    pq.write_table(table.cast(table.schema.set(0, table.schema.field("id").with_type(pa.large_string()))), path)
    join(parts, tmp_path / "a.parquet")
    assert same(pq.read_table(tmp_path / "a.parquet"), whole)


@pytest.mark.parametrize("ending", WRITERS)
def test_a_file_of_somebody_elses_is_not_ours(parts, tmp_path, ending):
    path = tmp_path / f"a{ending}"
    path.write_text("something else")
    assert not is_joined(path, parts.plan)
    join(parts, path)
    assert is_joined(path, parts.plan)
