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

from starbolt.archives.base import PART, Dense, Sample
from starbolt.archives.reading.precision import coarse
from starbolt.archives.tables import TableArchive
from starbolt.store import pack

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
    assert archive.channels == ("u", "g", "n", "ok", *(f"spectrum_{i}" for i in range(5)))
    assert archive.units == ("",) * 9
    assert "spectrum" not in catalogue.column_names
    assert "kind" in catalogue.column_names
    assert x.dtype == np.float32
    assert x.flags.c_contiguous
    assert (x[:, 4:] == np.float32(TABLE["spectrum"])).all()
    for i, name in enumerate(archive.channels[:4]):
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


@pytest.mark.parametrize("missing", [[], [99]])
def test_a_sentinel_in_a_colour_is_told_by_the_column_that_it_is_of(missing, tmp_path) -> None:
    table = {"u": RNG.normal(20, 1, N), "g": RNG.normal(20, 1, N), "r": RNG.normal(20, 1, N)}
    table["u"][:3] = 99
    archive = TableArchive(table, features=["r"], colours=[["u", "g"]], missing=missing)
    told = [note for note in pack(archive, cache=tmp_path).notes if "data.missing=[99]" in note]
    assert len(told) == (not missing)
    assert all("column 'u' has 3 values of 99" in note for note in told)


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
        ({"features": ["u"], "errors": {"g": "n"}}, r"data.errors names 'g', which is no feature; there are 'u'"),
        ({"errors": {"u": "err"}}, "no column 'err'"),
        ({"limits": {"u": "kind"}}, "column 'kind' of the table holds 'a', which is neither '<' or '>'"),
        ({"asinh_magnitudes": {"u": 1}}, r"column 'u' .* no unit, so .* data.zero_point="),
        (
            {"asinh_magnitudes": {"u": 0}, "zero_point": 25},
            "gives 'u' the softening 0, not positive|softening 0 for 'u'",
        ),
        ({"exclude": list(TABLE)}, r"no numeric column left to learn from; see data.features="),
    ],
)
def test_sentences(options: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        dense(TableArchive(TABLE, **options))


FLUXES = {
    "u": [1.0, 2.0, np.nan, 4.0, -1.0],
    "g": [2.0, 3.0, 4.0, 5.0, 6.0],
    "eu": [0.1, 0.0, 0.3, np.nan, 0.5],
    "eg": [0.2, 0.2, 0.2, 0.2, 0.2],
    "lu": ["", "<", None, "=", ">"],
}


def planes(source: Any, **words: Any) -> Dense:
    archive = TableArchive(source, **words)
    catalogue = archive.read()
    whole = archive.load_rows(catalogue)["table"]
    assert isinstance(whole, Dense)
    for start in range(catalogue.num_rows):  # any slice gives the same, bit for bit, as does one row
        part = archive.load_rows(catalogue.slice(start, 2))["table"]
        one = archive.load(catalogue.slice(start, 1).to_pylist()[0])
        row = (one.x, one.err, one.limit) if isinstance(one, Sample) else (one, None, None)
        for plane, piece, single in zip(
            (whole.x, whole.err, whole.limit), (part.x, part.err, part.limit), row, strict=True
        ):
            if plane is not None:
                assert np.array_equal(piece, plane[start : start + 2], equal_nan=plane.dtype != bool)
                assert np.array_equal(single, plane[start], equal_nan=plane.dtype != bool)
            else:
                assert piece is None
    return whole


def test_errors_go_with_their_features() -> None:
    archive = TableArchive(FLUXES, errors={"u": "eu", "g": "eg"}, colours=[["u", "g"]], exclude=["lu"])
    archive.read()
    assert archive.channels == ("u", "g", "u-g")
    nan = np.nan
    found = planes(FLUXES, errors={"u": "eu"}, colours=[["g", "u"]], features=["g", "u"])
    assert found.err is not None
    assert found.err.dtype == np.float32
    assert np.isnan(found.err[:, 0]).all()  # no column is named for g
    expected = np.float32([0.1, nan, nan, nan, 0.5])  # zero is no error, and what is unmeasured has none
    assert np.array_equal(found.err[:, 1], expected, equal_nan=True)
    both = planes(FLUXES, errors={"u": "eu", "g": "eg"}, colours=[["u", "g"]], features=["u"])
    assert both.err is not None
    assert both.err[0, 1] == np.float32(np.hypot(0.1, 0.2))
    assert both.limit is None


def test_limits_are_apart_from_what_was_not_observed() -> None:
    found = planes(FLUXES, features=["u", "g"], limits={"u": "lu"}, colours=[["u", "g"]])
    assert found.limit is not None
    assert found.limit.T.tolist() == [[False, True, False, False, True], [False] * 5, [False, True, False, False, True]]
    assert np.isnan(found.x[2, 0])
    number = planes(FLUXES | {"lu": [0, 1, 1, 0, -1]}, features=["u"], limits={"u": "lu"}).limit
    assert number is not None
    assert number[:, 0].tolist() == [False, True, False, False, True]


def test_cells_with_a_sign_are_limits_by_themselves(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("id,g,r\n1,<21.5,3\n2,20,4\n3,,5\n")
    (tmp_path / "b.csv").write_text("id,g,r\n4,19,>3\n5,18,4\n")
    found = planes(tmp_path / "a.csv", id="id")
    assert np.array_equal(found.x, np.float32([[21.5, 3], [20, 4], [np.nan, 5]]), equal_nan=True)
    assert found.limit is not None
    assert found.limit.tolist() == [[True, False], [False, False], [False, False]]
    both = planes(tmp_path / "a.csv", test_path=tmp_path / "b.csv", id="id")
    assert both.x[3:].tolist() == [[19, 3], [18, 4]]
    assert both.limit is not None
    assert both.limit[3:].tolist() == [[False, True], [False, False]]


def test_fluxes_become_magnitudes_before_colours() -> None:
    source = QTable({"u": [3.0, -1.0, 0.0, np.nan] * u.uJy, "g": [100.0, 3, 5, 7] * u.uJy, "eu": [0.5, 0.5, 0.5, 0.5]})
    words: dict[str, Any] = {"asinh_magnitudes": {"u": 2.0, "g": 0.1}, "errors": {"u": "eu"}, "colours": [["u", "g"]]}
    archive = TableArchive(source, **words)
    archive.read()
    assert archive.channels == ("u", "g", "u-g")
    assert archive.units == ("mag softened at 23.147", "mag softened at 26.400", "mag softened at 23.147")
    found = planes(source, **words)
    flux = np.array([3.0, -1.0, 0.0])
    m = 23.9 - 2.5 / np.log(10) * (np.arcsinh(flux / 4) + np.log(2))
    g = 23.9 - 2.5 / np.log(10) * (np.arcsinh(np.array([100.0, 3, 5]) / 0.2) + np.log(0.1))
    np.testing.assert_allclose(found.x[:3, 0], m, rtol=1e-7)
    np.testing.assert_allclose(found.x[:3, 2], m - g, rtol=1e-6)
    assert np.isnan(found.x[3]).tolist() == [True, False, True]
    assert found.err is not None
    np.testing.assert_allclose(found.err[0, 0], 2.5 / np.log(10) * 0.1, rtol=1e-6)
    given = planes({"f": [3.0, 1.0]}, asinh_magnitudes={"f": 2.0}, zero_point=25.0)
    np.testing.assert_allclose(given.x[0, 0], m[0] + 25 - 23.9, rtol=1e-6)


def test_vectors_have_their_errors_and_softenings() -> None:
    flux, err = RNG.normal(size=(4, 3)), RNG.uniform(1, 2, (4, 3))
    source = QTable({"flux": flux * u.Jy, "flux_err": err * u.Jy})
    found = planes(source, errors={"flux": "flux_err"}, asinh_magnitudes={"flux": 0.5})
    assert found.x.shape == (4, 3)
    assert found.err is not None
    np.testing.assert_allclose(found.err, 2.5 / np.log(10) * err / np.hypot(flux, 1), rtol=1e-6)


def test_several_files_are_one_catalogue(tmp_path: Path) -> None:
    for i in range(3):
        pq.write_table(pa.table({"a": [float(i)], "b": [i]}), tmp_path / f"p{i}.parquet")
    archive = TableArchive(f"{tmp_path}/p*.parquet", test_path=[f"{tmp_path}/p0.parquet"])
    catalogue = archive.read()
    assert catalogue[PART].to_pylist() == ["train"] * 3 + ["test"]
    assert archive.load_rows(catalogue)["table"].x.tolist() == [[0, 0], [1, 1], [2, 2], [0, 0]]
    assert archive.files() == [*(f"{tmp_path}/p{i}.parquet" for i in range(3)), f"{tmp_path}/p0.parquet"]
    assert TableArchive(TABLE).files() is None
    assert TableArchive(TABLE, test_path=f"{tmp_path}/p0.parquet").files() is None


def test_bytes_and_light_curves_of_a_catalogue_are_not_decoded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    table = pa.table({"a": [1.0], "stamp": [b"FITS"], "lc": [[1.0, 2.0]], "s": [{"x": 1, "y": 2}]})
    pq.write_table(table, tmp_path / "a.parquet")
    decoded: list[list[str]] = []
    read = pq.ParquetFile.read
    monkeypatch.setattr(pq.ParquetFile, "read", lambda self, names: decoded.append(names) or read(self, names))
    TableArchive(tmp_path / "a.parquet").read()
    TableArchive(tmp_path / "a.parquet", features=["s.x"], where="s.y > 1").read()
    assert decoded == [["a"], ["a", "s"]]


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
