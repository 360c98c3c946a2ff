"""HDF5 tables in all their layouts come back bit for bit; image stacks beside them stay on the disk."""

from __future__ import annotations

from pathlib import Path

import astropy.units as u
import numpy as np
import pytest
from astropy.table import Table

from starbolt.archives.reading.columns import unit
from starbolt.archives.reading.files import read_table

h5py = pytest.importorskip("h5py")
RNG = np.random.default_rng(4)
MAG = RNG.normal(20, 2, 30)


def test_a_table_beside_a_stack_of_images(tmp_path: Path) -> None:
    """The layout of Galaxy10."""
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["ans"] = np.arange(30, dtype=np.uint8) % 10
        file["images"] = np.zeros((30, 6, 6, 3), np.uint8)
        file["ra"] = MAG
        file["flux"] = RNG.normal(size=(30, 4)).astype(">f4")
        file["version"] = 3
    read = read_table(tmp_path / "a.h5")
    assert [(field.name, str(field.type)) for field in read.schema] == [
        ("ans", "uint8"),
        ("flux", "fixed_size_list<item: float>[4]"),
        ("ra", "double"),
    ]
    assert read["ra"].to_pylist() == MAG.tolist()


def test_a_compound_dataset_keeps_types_and_units(tmp_path: Path) -> None:
    table = Table(
        {"mag": (MAG * u.mag).astype(np.float32), "n": np.arange(30, dtype=np.int16), "v": RNG.normal(size=(30, 2))}
    )
    table.write(tmp_path / "a.h5", path="sky/phot", serialize_meta=True)
    with h5py.File(tmp_path / "a.h5", "a") as file:
        file["other"] = np.zeros(3, [("a", ">f8")])
    read = read_table(tmp_path / "a.h5", table="sky/phot")
    assert [str(kind) for kind in read.schema.types] == ["float", "int16", "fixed_size_list<item: double>[2]"]
    assert read["mag"].to_pylist() == table["mag"].tolist()
    assert read["v"].to_pylist() == table["v"].tolist()
    assert unit(read, "mag") == "mag"
    with pytest.raises(ValueError, match=r"holds 2 tables; choose with data.table= one of other, sky/phot"):
        read_table(tmp_path / "a.h5")


def test_nothing_but_images_is_no_table(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["images"] = np.zeros((3, 6, 6))
    with pytest.raises(ValueError, match=r"a\.h5 holds no table"):
        read_table(tmp_path / "a.h5")


def frame(path: Path, form: str) -> None:
    """A data frame as pandas 3 and PyTables 3.11 lay it out, in either of their formats."""
    with h5py.File(path, "w") as file:
        group = file.create_group("sky")
        group.attrs["pandas_type"] = np.bytes_("frame" if form == "fixed" else "frame_table")
        if form == "fixed":
            group.attrs["nblocks"] = 3
            group["axis0"] = np.array([b"mag", b"ok", b"n", b"z"])
            group["axis1"] = np.arange(30)
            for i, (names, values) in enumerate(
                (
                    ([b"mag", b"z"], np.stack([MAG, MAG / 3], 1)),
                    ([b"ok"], MAG[:, None] > 20),
                    ([b"n"], np.arange(30)[:, None]),
                )
            ):
                group[f"block{i}_items"] = np.array(names)
                group[f"block{i}_values"] = values
                group[f"block{i}_values"].attrs["value_type"] = np.bytes_(str(values.dtype))
            return
        group.attrs["non_index_axes"] = np.bytes_(
            b"(lp0\n(I1\n(lp1\nVmag\np2\naVok\np3\naVn\np4\naVz\np5\naVkind\np6\natp7\na."
        )
        rows = np.zeros(
            30, [("index", "i8"), ("values_block_0", "f8", (2,)), ("ok", "u1"), ("n", "i8"), ("kind", "S4")]
        )
        rows["values_block_0"], rows["ok"], rows["n"] = np.stack([MAG, MAG / 3], 1), MAG > 20, np.arange(30)
        rows["kind"] = np.array([b"Mira", b"nan"])[np.arange(30) % 2]
        group["table"] = rows
        for name, kind, words in (
            ("values_block_0", "float64", b"(lp0\nVmag\np1\naVz\np2\na."),
            ("ok", "bool", b"(lp0\nVok\np1\na."),
            ("n", "int64", b"(lp0\nVn\np1\na."),
            ("kind", "bytes32", b"(lp0\nVkind\np1\na."),
        ):
            group["table"].attrs[f"{name}_dtype"] = np.bytes_(kind)
            group["table"].attrs[f"{name}_kind"] = np.bytes_(words)
        group["table"].attrs["kind_nan_rep"] = np.bytes_(b"nan")
        group["_i_table/index/sorted"] = np.zeros((2, 5))


@pytest.mark.parametrize("form", ["fixed", "table"])
def test_data_frames_are_read_without_loading_their_pickles(tmp_path: Path, form: str) -> None:
    frame(tmp_path / "a.h5", form)
    read = read_table(tmp_path / "a.h5", table="sky")
    assert read.equals(read_table(tmp_path / "a.h5"))
    assert read.column_names[:4] == ["mag", "ok", "n", "z"]
    assert read["mag"].to_pylist() == MAG.tolist()
    assert read["z"].to_pylist() == (MAG / 3).tolist()
    assert read["ok"].to_pylist() == (MAG > 20).tolist()
    assert read["n"].to_pylist() == list(range(30))
    if form == "table":
        assert read["kind"].to_pylist() == ["Mira", None] * 15


@pytest.mark.parametrize("form", ["fixed", "table"])
def test_what_pandas_writes(tmp_path: Path, form: str) -> None:
    pandas = pytest.importorskip("pandas")
    pytest.importorskip("tables")
    columns = {"mag": MAG, "f": MAG.astype(np.float32), "n": np.arange(30), "ok": MAG > 20,
               "day": np.datetime64("2024-01-01", "ns") + np.arange(30)}  # fmt: skip
    table = pandas.DataFrame(columns, index=np.arange(30) + 7)
    table.to_hdf(tmp_path / "a.h5", key="sky", format=form)
    read = read_table(tmp_path / "a.h5")
    assert [str(kind) for kind in read.schema.types] == ["double", "float", "int64", "bool", "timestamp[ns]"]
    for name, values in columns.items():
        assert (read[name].to_numpy() == values).all()
    table.assign(kind="Mira").to_hdf(tmp_path / "b.h5", key="sky", format=form)
    if form == "table":
        assert read_table(tmp_path / "b.h5")["kind"].to_pylist() == ["Mira"] * 30
    else:
        with pytest.raises(ValueError, match=r"pandas pickled the column 'kind', and pickles are not loaded; write"):
            read_table(tmp_path / "b.h5")
