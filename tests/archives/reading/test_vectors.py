"""The elements of a vector are columns, to the last bit; what is missing in it is missing in them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from astropy.io import fits

from starbolt.archives.reading.columns import unit
from starbolt.archives.reading.files import read_table
from starbolt.archives.reading.vectors import elements, expanded
from starbolt.archives.tables import TableArchive

RNG = np.random.default_rng(2)
FLUX = RNG.normal(size=(20, 4)).astype(np.float32)


def channels(source: object, **words: object) -> tuple[tuple[str, ...], np.ndarray]:
    archive = TableArchive(source, **words)  # type: ignore[arg-type]
    x = archive.load_rows(archive.read())["table"].x
    return archive.channels, x


@pytest.mark.parametrize("file", ["a.fits", "a.parquet"])
def test_elements_with_units_and_gaps(tmp_path: Path, file: str) -> None:
    gaps = np.where(RNG.random((20, 3)) < 0.3, -1, np.arange(60).reshape(20, 3))
    if file == "a.fits":
        columns = [fits.Column("flux", "4E", "mJy", array=FLUX), fits.Column("n", "3J", null=-1, array=gaps)]
        fits.BinTableHDU.from_columns(columns).writeto(tmp_path / file)
    else:
        flux = pa.FixedSizeListArray.from_arrays(pa.array(FLUX.ravel()), 4)
        n = pa.FixedSizeListArray.from_arrays(pa.array(gaps.ravel().astype(np.int32), mask=gaps.ravel() < 0), 3)
        fields = [pa.field("flux", flux.type, metadata={b"unit": b"mJy"}), pa.field("n", n.type)]
        pq.write_table(pa.table([flux, n], schema=pa.schema(fields)), tmp_path / file)
    table = expanded(read_table(tmp_path / file))
    assert table.column_names == [*(f"flux_{i}" for i in range(4)), "n_0", "n_1", "n_2"]
    assert unit(table, "flux_3") == "mJy"
    assert str(table.schema.field("flux_0").type) == "float"
    for i in range(4):
        assert (np.asarray(table[f"flux_{i}"]) == FLUX[:, i]).all()
    for i in range(3):
        assert table[f"n_{i}"].to_pylist() == [None if value < 0 else value for value in gaps[:, i].tolist()]


def test_a_missing_vector_has_missing_elements() -> None:
    table = pa.table({"v": pa.array([[1.0, 2.0], None], pa.list_(pa.float64(), 2))})
    assert expanded(table).to_pydict() == {"v_0": [1, None], "v_1": [2, None]}


def test_vectors_and_elements_are_features_by_name() -> None:
    source = {"flux": FLUX, "z": np.arange(20.0)}
    assert channels(source)[0] == ("flux_0", "flux_1", "flux_2", "flux_3", "z")
    assert channels(source, exclude=["flux"])[0] == ("z",)
    assert channels(source, exclude=["flux_1", "z"])[0] == ("flux_0", "flux_2", "flux_3")
    names, x = channels(source, features=["z", "flux"], colours=[["flux_0", "flux_1"]])
    assert names == ("z", "flux_0", "flux_1", "flux_2", "flux_3", "flux_0-flux_1")
    assert (x[:, 1:5] == FLUX).all()
    assert channels(source, features=["flux_3"])[1].tolist() == FLUX[:, 3:].tolist()
    with pytest.raises(ValueError, match=r"no column 'flux_4'; did you mean 'flux_3'"):
        channels(source, features=["flux_4"])


def test_long_vectors_and_lists_must_be_named(tmp_path: Path) -> None:
    spectrum = RNG.normal(size=(20, 600))
    source = {"z": np.arange(20.0), "spectrum": spectrum}
    assert channels(source)[0] == ("z",)
    assert channels(source, features=["spectrum_7"])[1].tolist() == np.float32(spectrum[:, 7:8]).tolist()
    assert channels(source, features=["spectrum"])[1].shape == (20, 600)
    lists = pa.table({"z": np.arange(20.0), "e": FLUX.tolist(), "ragged": [[1.0] * i for i in range(20)]})
    pq.write_table(lists, tmp_path / "a.parquet")
    assert channels(tmp_path / "a.parquet")[0] == ("z",)
    assert channels(tmp_path / "a.parquet", features=["e"])[1].tolist() == FLUX.tolist()
    with pytest.raises(ValueError, match=r"column 'ragged' holds lists of 0 to 19 elements"):
        channels(tmp_path / "a.parquet", features=["ragged"])


def test_an_element_never_hides_another_column() -> None:
    source = {"flux": FLUX, "flux_2": np.arange(20.0)}
    with pytest.raises(ValueError, match=r"element 'flux_2', as another column is called; .* data.exclude=\[flux\]"):
        channels(source)
    assert channels(source, exclude=["flux"])[0] == ("flux_2",)


def test_elements_stand_in_their_order() -> None:
    there = [f"v_{i}" for i in range(10, -1, -1)] + ["v_err", "w", "mag_1", "mag_2"]
    assert elements("v", there) == [f"v_{i}" for i in range(11)]
    assert elements("mag", there) == ["mag"]
    assert elements("w", there) == ["w"]
    assert elements("x", there) == ["x"]
