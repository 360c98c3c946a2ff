"""A catalogue becomes channels: its columns to the last float32 bit, colours, zero points, sentinels as NaN."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import astropy.units as u
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from astropy.table import QTable

from starbolt.archives.base import PART
from starbolt.archives.tables import TableArchive, coarse

RNG = np.random.default_rng(1)
N = 40
TABLE = {
    "id": np.arange(N) + 60,
    "u": RNG.normal(20, 1, N),
    "g": RNG.normal(19, 1, N).astype(np.float32),
    "n": np.arange(N, dtype=np.int16) + 90,
    "ok": np.arange(N) % 2 == 0,
    "kind": np.array(["a", "b"])[np.arange(N) % 2],
    "z": RNG.uniform(0, 1, N),
    "_healpix": np.arange(N),
    "spectrum": RNG.normal(size=(N, 5)),
}


def dense(archive: TableArchive) -> np.ndarray:
    return archive.load_rows(archive.read())["table"].x


def test_default_channels_are_the_numeric_columns() -> None:
    archive = TableArchive(TABLE, id="id", exclude=["z"])
    catalogue = archive.read()
    x = archive.load_rows(catalogue)["table"].x
    assert archive.channels == ("u", "g", "n", "ok")
    assert archive.units == ("", "", "", "")
    assert "spectrum" not in catalogue.column_names
    assert "kind" in catalogue.column_names
    assert x.dtype == np.float32
    assert x.flags.c_contiguous
    for i, name in enumerate(archive.channels):
        assert (x[:, i] == np.float32(TABLE[name])).all()


def test_one_row_loads_as_in_the_pass_over_all() -> None:
    archive = TableArchive(TABLE, features=["u", "n"], colours=[["u", "g"]], missing=[99])
    catalogue = archive.read()
    x = archive.load_rows(catalogue)["table"].x
    rows = np.stack([archive.load(row) for row in catalogue.to_pylist()])
    assert np.array_equal(rows, x, equal_nan=True)
    assert np.isnan(x[9, 1])


def test_sentinels_are_null_but_not_in_the_id() -> None:
    archive = TableArchive(TABLE | {"w": np.where(TABLE["ok"], np.float32(99.9), 1)}, id="id", missing=[99, 99.9])
    catalogue = archive.read()
    assert catalogue["id"].to_pylist() == TABLE["id"].tolist()
    assert catalogue["n"].null_count == 1
    assert catalogue["w"].null_count == N // 2
    assert catalogue["n"].type == pa.int16()


def test_colours_are_exact_and_missing_where_either_is() -> None:
    table = {"u": 2459000 + RNG.uniform(0, 1e-3, N), "g": np.full(N, 2459000.0), "r": RNG.normal(size=N)}
    table["g"][3] = np.nan
    archive = TableArchive(QTable(table, units={"u": u.mag}), features=["r"], colours=[["u", "g"]])
    x = dense(archive)
    assert archive.channels == ("r", "u-g")
    assert archive.units == ("", "mag")
    assert np.array_equal(x[:, 1], np.float32(table["u"] - table["g"]), equal_nan=True)
    assert np.flatnonzero(np.isnan(x[:, 1])).tolist() == [3]


def test_a_colour_that_is_a_column_already_is_one_channel() -> None:
    table = {"u": TABLE["u"], "g": TABLE["g"], "u-g": TABLE["z"]}
    archive = TableArchive(table, colours=[["u", "g"]])
    assert (dense(archive)[:, 2] == np.float32(TABLE["z"])).all()
    assert archive.channels == ("u", "g", "u-g")
    named = TableArchive(TABLE, features=["u", "u-g"], colours=[["u", "g"]])
    named.read()
    assert named.channels == ("u", "u-g")


def test_a_julian_date_needs_its_zero_point() -> None:
    jd = 2459000.123 + np.arange(N) * 10
    with pytest.raises(ValueError, match=r"column 'jd' .* subtract a zero point with data.zero=\{jd: 2450000\}"):
        dense(TableArchive({"jd": jd}))
    assert (dense(TableArchive({"jd": jd}, zero={"jd": 2450000}))[:, 0] == np.float32(jd - 2450000)).all()
    assert dense(TableArchive({"jd": jd.astype(np.float32)})).shape == (N, 1)


@pytest.mark.parametrize("values", [2459000 + np.arange(N) / 1e4, -(2.0**40) + np.arange(N), 1e20 + np.arange(N) * 1e6])
def test_the_zero_point_in_the_sentence_is_enough(values: np.ndarray) -> None:
    with pytest.raises(ValueError, match=r"data\.zero=") as caught:
        dense(TableArchive({"a": values}))
    zero = float(str(caught.value).split("{a: ")[1].split("}")[0])
    assert not coarse(values - zero)


def test_coarse() -> None:
    assert coarse(2459000 + np.arange(100) / 100)
    assert coarse(2.0**40 + np.arange(100))
    assert not coarse(np.append(RNG.normal(size=1000), 1e30))
    assert not coarse(59000 + np.arange(1000.0))
    assert not coarse(np.full(10, 2459000.123))
    assert not coarse(np.full(10, np.nan))


def test_nested_columns(tmp_path: Path) -> None:
    alerts = pa.array([{"magpsf": float(i), "deep": {"rb": i / 2}, "kind": "x"} for i in range(N)])
    pq.write_table(pa.table({"objectId": [f"ZTF{i}" for i in range(N)], "candidate": alerts}), tmp_path / "a.parquet")
    archive = TableArchive(
        str(tmp_path / "a.parquet"),
        features=["candidate.deep.rb", "candidate.magpsf"],
        keep=["candidate.kind", "label.z"],
        where="candidate.magpsf > 1",
    )
    catalogue = archive.read()
    assert catalogue.column_names == ["objectId", "candidate.deep.rb", "candidate.magpsf", "candidate.kind"]
    assert archive.load_rows(catalogue)["table"].x.tolist() == [[i / 2, i] for i in range(2, N)]


def test_training_and_test_file(tmp_path: Path) -> None:
    pq.write_table(pa.table({"u": [1, 2, 3], "z": [0.1, 0.2, 0.3]}), tmp_path / "train.parquet")
    pq.write_table(pa.table({"v": [7.0, 8.0], "u": [4.5, 5.5]}), tmp_path / "test.parquet")
    archive = TableArchive(
        tmp_path / "train.parquet", test_path=tmp_path / "test.parquet", exclude=["z"], where="u > 1"
    )
    catalogue = archive.read()
    assert catalogue.to_pydict() == {
        "u": [2, 3, 4.5, 5.5],
        "z": [0.2, 0.3, None, None],
        PART: ["train", "train", "test", "test"],
    }
    assert archive.load_rows(catalogue)["table"].x.tolist() == [[2], [3], [4.5], [5.5]]
    assert archive.sources(archive.read()) == [str(tmp_path / "train.parquet"), str(tmp_path / "test.parquet")]
    with pytest.raises(ValueError, match=r"test.parquet has no column 'z'; there are 'v', 'u'"):
        TableArchive(tmp_path / "train.parquet", test_path=tmp_path / "test.parquet").read()


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"features": ["u", "kind"]}, "column 'kind' of the table holds 'a' where a number is needed"),
        ({"features": ["U2"]}, r"no column 'U2'; did you mean 'u'\?"),
        ({"colours": [["u", "r"]]}, "no column 'r'"),
        ({"zero": {"jd": 5}}, "no column 'jd'"),
        ({"id": "idd"}, r"no column 'idd'; did you mean 'id'\?"),
        ({"exclude": list(TABLE)}, r"no numeric column left to learn from; see data.features="),
    ],
)
def test_sentences(options: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        dense(TableArchive(TABLE, **options))


def test_infinities_and_overflows_are_unmeasured() -> None:
    x = dense(TableArchive({"flux": np.array([1.0, np.inf, -np.inf, 1e200])}))
    assert np.isnan(x[:, 0]).tolist() == [False, True, True, True]


@pytest.mark.skipif("STARBOLT_DATA" not in os.environ, reason="STARBOLT_DATA is unset")
def test_the_sloan_catalogue_as_shipped() -> None:
    folder = Path(os.environ["STARBOLT_DATA"]) / "table_sdss_mgs"
    names = "zs u g r i z u-g g-r r-i i-z eu eg er ei ez eu-g eg-r er-i ei-z".split()  # noqa: SIM905
    files = {"path": folder / "SDSS_MGS.train", "test_path": folder / "SDSS_MGS.test"}
    archive = TableArchive(**files, names=names, exclude=["zs"], colours=[["u", "r"]])
    x = dense(archive)
    train, test = (np.loadtxt(path) for path in files.values())
    assert archive.channels == (*names[1:], "u-r")
    assert (x[:5000, :18] == train[:, 1:].astype(np.float32)).all()
    assert (x[5000:, :18] == test[:, 1:].astype(np.float32)).all()
