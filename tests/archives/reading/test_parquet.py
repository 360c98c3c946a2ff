"""Parquet in every layout of folders is one table, bit for bit, and of each file only what is needed is decoded."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from starbolt.archives.reading.files import files_of, read_table
from starbolt.archives.reading.parquet import parquet_files

RNG = np.random.default_rng(8)


def pixel(number: int) -> pa.Table:
    """Two rows as a survey may ship them: units, a 19-digit number, null, a vector, a light curve, HATS's own."""
    curve = pa.struct([("mjd", pa.list_(pa.float64())), ("flt", pa.list_(pa.string()))])
    schema = pa.schema(
        [
            ("_healpix_29", pa.int64()),
            pa.field("mag", pa.float32(), metadata={b"unit": b"mag"}),
            ("objid", pa.int64()),
            ("gap", pa.int16()),
            ("vector", pa.list_(pa.float32(), 3)),
            ("lc", curve),
            ("kind", pa.dictionary(pa.int8(), pa.string())),
            ("Norder", pa.uint8()),
            ("Npix", pa.uint64()),
        ]
    )
    rows = [
        {"_healpix_29": number, "mag": 20.1 + i, "objid": 2**60 + number + i, "gap": None if i else 7,
         "vector": [1.5, i, number], "lc": {"mjd": [59000.5] * i, "flt": ["g"] * i}, "kind": "AGN", "Norder": 1,
         "Npix": number}
        for i in range(2)
    ]  # fmt: skip
    return pa.Table.from_pylist(rows, schema=schema)


def hats(root: Path, folders: bool) -> pa.Table:
    for number in (3, 12):
        leaf = root / "dataset" / "Norder=1" / "Dir=0" / f"Npix={number}"
        file = leaf / "part0.parquet" if folders else leaf.with_suffix(".parquet")
        file.parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(pixel(number), file)
    pq.write_table(pa.table({"mag": [-1.0]}), root / "dataset" / "data_thumbnail.parquet")
    pq.write_metadata(pixel(3).schema, root / "dataset" / "_common_metadata")
    (root / "hats.properties").write_text("obs_collection=x\n")
    plain = pa.concat_tables([pixel(12), pixel(3)])
    kinds = plain["kind"].cast(pa.string())
    return plain.set_column(6, "kind", kinds).drop_columns(["Norder", "Npix"])


@pytest.mark.parametrize("folders", [False, True])
def test_a_hats_catalogue_bit_for_bit(tmp_path: Path, folders: bool) -> None:
    expected = hats(tmp_path / "sky", folders)
    read = read_table(tmp_path / "sky")
    assert read.to_pylist() == expected.to_pylist()
    assert read.schema.equals(expected.schema)
    assert read.schema.field("mag").metadata == {b"unit": b"mag"}


def test_a_hats_collection_is_read_without_its_margin(tmp_path: Path) -> None:
    expected = hats(tmp_path / "sky", False)
    hats(tmp_path / "sky_margin", False)
    (tmp_path / "collection.properties").write_text("#HATS\nhats_primary_table_url=sky\nall_margins=sky_margin\n")
    assert read_table(tmp_path).num_rows == expected.num_rows


def test_keys_of_folders_are_columns_unless_the_files_have_them(tmp_path: Path) -> None:
    for year, field in ((2023, "a b"), (2024, "__HIVE_DEFAULT_PARTITION__")):
        folder = tmp_path / f"year={year}" / f"field={field.replace(' ', '%20')}"
        folder.mkdir(parents=True)
        pq.write_table(
            pa.table({"x": [1.5, 2.5], "year": [1, 2]} if year == 2023 else {"x": [3.5]}), folder / "0.parquet"
        )
    (tmp_path / "_delta_log").mkdir()
    pq.write_table(pa.table({"x": [0.0]}), tmp_path / "_delta_log" / "0.parquet")
    assert read_table(tmp_path).to_pydict() == {
        "x": [1.5, 2.5, 3.5],
        "year": [1, 2, 2024],
        "field": ["a b", "a b", None],
    }


def test_files_of_other_schemas_are_joined(tmp_path: Path) -> None:
    pq.write_table(pa.table({"a": pa.array([1], pa.int16()), "b": ["x"]}), tmp_path / "0.parquet")
    pq.write_table(pa.table({"a": [2**40], "c": [0.5]}), tmp_path / "1.parquet")
    assert read_table(tmp_path).to_pydict() == {"a": [1, 2**40], "b": ["x", None], "c": [None, 0.5]}


def test_columns_that_nobody_needs_are_not_decoded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hats(tmp_path, False)
    decoded: list[list[str]] = []
    read = pq.ParquetFile.read
    monkeypatch.setattr(pq.ParquetFile, "read", lambda self, names: decoded.append(names) or read(self, names))
    assert read_table(tmp_path, columns=["mag", "lc.mjd", "absent"]).column_names == ["mag", "lc"]
    assert decoded == [["mag", "lc"]] * 2


def test_a_damaged_file_in_a_folder_is_named(tmp_path: Path) -> None:
    hats(tmp_path, False)
    bad = parquet_files(tmp_path)[1]
    bad.write_bytes(bad.read_bytes()[:-50])
    with pytest.raises(ValueError, match=f"{bad.name} cannot be read as PARQUET, is it damaged or cut short"):
        read_table(tmp_path)


def test_a_folder_without_parquet_says_how_to_name_others(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("a\n1\n")
    with pytest.raises(ValueError, match=r"holds no Parquet file; name others by a pattern, such as .*/\*\.fits"):
        read_table(tmp_path)


def test_all_files_of_a_folder_are_known(tmp_path: Path) -> None:
    hats(tmp_path, False)
    files = files_of(tmp_path) or []
    assert [Path(file).name for file in files if file.endswith("parquet")] == [
        "Npix=12.parquet",
        "Npix=3.parquet",
        "data_thumbnail.parquet",
    ]
    assert files_of({"a": [1]}) is None
