"""Files that are put together are what writing their tables to one file would give, and nothing is decoded."""

import io

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from starbolt.catalogue import splicing
from starbolt.catalogue.splicing import UnlikeError, footer, splice
from starbolt.catalogue.writing import write_table

SCHEMA = pa.schema({"id": pa.string(), "x": pa.float32(), "mask": pa.float32()}, metadata={"of": "all"})


def table(first, count):
    rows = np.arange(first, first + count)
    values = [[f"é{i}" if i % 3 else "" for i in rows], np.sin(rows).astype(np.float32), np.zeros(count, np.float32)]
    return pa.table([pa.array(value) for value in values], schema=SCHEMA.with_metadata({"of": f"from {first} on"}))


@pytest.fixture
def files(tmp_path):
    """(writing options) -> files of 0, 5, 70000 and 1 rows, in order."""

    def write(**options):
        first, paths = 0, []
        for i, count in enumerate((0, 5, 70_000, 1)):
            paths.append(tmp_path / f"{i}.parquet")
            if options:
                pq.write_table(table(first, count), paths[-1], **options)
            else:
                write_table(table(first, count), paths[-1])
            first += count
        return paths

    return write


@pytest.mark.parametrize(
    "options",
    [{}, {"row_group_size": 1000}, {"write_page_index": True, "data_page_size": 4096}, {"compression": "zstd"}],
    ids=str,
)
def test_every_row_is_there_in_order(files, tmp_path, options):
    paths, path = files(**options), tmp_path / "all.parquet"
    splice(paths, SCHEMA, path)
    whole = pq.ParquetFile(path)
    groups = [pq.ParquetFile(each).metadata.row_group(i) for each in paths for i in range(footer_groups(each))]
    assert whole.read().equals(table(0, 70_006))
    assert whole.schema_arrow.metadata == {b"of": b"all"}
    assert whole.metadata.num_row_groups == len(groups)
    for i, group in enumerate(groups):
        assert whole.read_row_group(i).num_rows == group.num_rows
        found, stored = (each.column(1).statistics for each in (whole.metadata.row_group(i), group))
        assert found == stored
    few = pq.read_table(path, columns=["x"], filters=[("id", "==", "é69998")])
    assert few["x"].to_pylist() == [pytest.approx(np.sin(69_998))]


def footer_groups(path):
    return pq.ParquetFile(path).metadata.num_row_groups


def test_a_file_with_other_columns_is_refused(files, tmp_path):
    paths = files()
    write_table(table(0, 3).rename_columns(["id", "y", "mask"]), paths[2])
    with pytest.raises(UnlikeError, match=r"2\.parquet has other columns"):
        splice(paths, SCHEMA, tmp_path / "all.parquet")


def test_what_is_no_parquet_has_no_footer():
    with pytest.raises(ValueError, match="no Parquet file"):
        footer(io.BytesIO(b"something else that is long enough"))


def test_the_same_files_give_the_same_bytes_however_small_the_pieces(files, tmp_path, monkeypatch):
    paths = files()
    splice(paths, SCHEMA, tmp_path / "a.parquet")
    monkeypatch.setattr(splicing, "PIECE", 1000)
    splice(paths, SCHEMA, tmp_path / "b.parquet")
    assert (tmp_path / "a.parquet").read_bytes() == (tmp_path / "b.parquet").read_bytes()
