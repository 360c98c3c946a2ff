"""Every format gives back what was written, bit for bit; every bad file gets one sentence."""

from __future__ import annotations

import gzip
import os
import sys
from pathlib import Path

import astropy.units as u
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from astropy.io import fits
from astropy.table import MaskedColumn, QTable, Table
from astropy.time import Time

from starbolt.archives.reading.columns import unit
from starbolt.archives.reading.files import read_table

RNG = np.random.default_rng(3)
MAG = RNG.normal(20, 2, 30)
NUMBER = np.arange(30) + 2**60
KIND = np.array(["RR Lyrae", "Mira", "é"])[np.arange(30) % 3]
GONE = np.arange(30) % 7 == 0


def sky() -> Table:
    """30 objects: a quantity, a 19-digit number, text with blanks, and a column with gaps."""
    gaps = MaskedColumn(MAG / 3, mask=GONE)
    return Table({"mag": MAG * u.mag, "objid": NUMBER, "kind": KIND, "gaps": gaps})


def same(table: pa.Table) -> bool:
    columns = table.to_pydict()
    return (
        columns["mag"] == MAG.tolist()
        and columns["objid"] == NUMBER.tolist()
        and columns["kind"] == KIND.tolist()
        and columns["gaps"] == [None if gone else value for gone, value in zip(GONE, MAG / 3, strict=True)]
    )


@pytest.mark.parametrize(
    ("file", "form"),
    [
        ("a.csv", "ascii.csv"),
        ("a.tsv", "ascii.tab"),
        ("a.txt", "ascii.commented_header"),
        ("a.dat", "ascii.basic"),
        ("a.ipac", "ascii.ipac"),
        ("a.ecsv", "ascii.ecsv"),
        ("a.vot", "votable"),
        ("a", "votable"),
        ("a.parquet", "parquet"),
        ("b", "parquet"),
        ("a.h5", "hdf5"),
    ],
)
@pytest.mark.filterwarnings("ignore::astropy.utils.exceptions.AstropyWarning")
def test_formats_are_read_bit_for_bit(tmp_path: Path, file: str, form: str) -> None:
    table, path = sky(), tmp_path / file
    bare = form in ("ascii.csv", "ascii.tab", "ascii.commented_header", "ascii.basic")
    options = {"hdf5": {"path": "sky", "serialize_meta": True}, "ascii.ipac": {"DBMS": False}}.get(form, {})
    table.write(path, format=form, **options)
    read = read_table(path)
    assert same(read)
    assert unit(read, "mag") == ("" if bare else "mag")


@pytest.mark.parametrize("packed", [False, True])
def test_fits_swaps_once_and_masks_tnull(tmp_path: Path, packed: bool) -> None:
    path = tmp_path / ("a.fits.gz" if packed else "a.fits")
    vector = RNG.normal(size=(30, 4)).astype(np.float32)
    columns = [
        fits.Column("mag", "D", "mag", array=MAG),
        fits.Column("n", "J", null=-1, array=np.where(GONE, -1, np.arange(30))),
        fits.Column("name", "8A", array=np.char.encode(["RR Lyrae", "x", "y"] * 10)),
        fits.Column("ok", "L", array=GONE),
        fits.Column("vector", "4E", array=vector),
        fits.Column("any", "PE()", array=np.array([np.arange(i % 3, dtype="f4") for i in range(30)], object)),
    ]
    fits.BinTableHDU.from_columns(columns, name="PHOT").writeto(path)
    read = read_table(path, table="phot")
    assert read.equals(read_table(path))
    assert read.equals(read_table(path, table=1))
    assert read["mag"].to_pylist() == MAG.tolist()
    assert unit(read, "mag") == "mag"
    assert read["n"].to_pylist() == [None if gone else i for i, gone in enumerate(GONE)]
    assert read["name"].to_pylist() == ["RR Lyrae", "x", "y"] * 10
    assert read["ok"].to_pylist() == GONE.tolist()
    assert read["vector"].to_pylist() == vector.tolist()
    assert read["any"].to_pylist() == [list(map(float, range(i % 3))) for i in range(30)]
    with pytest.raises(ValueError, match=r"no table 'photo'; did you mean 'PHOT'\?"):
        read_table(path, table="photo")


def test_memory(tmp_path: Path) -> None:
    pandas = pytest.importorskip("pandas")
    assert same(read_table(sky()))
    assert same(read_table(QTable(sky())))
    assert unit(read_table(QTable(sky())), "mag") == "mag"
    gaps = np.where(GONE, np.nan, MAG / 3)
    frame = pandas.DataFrame({"mag": MAG, "objid": NUMBER, "kind": KIND, "gaps": gaps}, index=np.arange(30) + 5)
    assert same(read_table(frame))
    assert same(read_table({"mag": MAG.astype(">f8"), "objid": NUMBER, "kind": KIND.tolist(), "gaps": sky()["gaps"]}))
    assert same(read_table(read_table(sky())))
    coded = pa.table({"kind": pa.array(KIND).dictionary_encode(), "void": pa.nulls(30)})
    assert [str(kind) for kind in read_table(coded).schema.types] == ["string", "double"]
    assert read_table(Table({"t": Time([59000.5, 59001.5], format="mjd")}))["t"].to_pylist() == [59000.5, 59001.5]


def test_parquet_folder_of_a_hats_catalogue(tmp_path: Path) -> None:
    nested = pa.array([{"t": [1.0, 2.0]}, {"t": []}])
    for pixel in (3, 12):
        folder = tmp_path / "dataset" / "Norder=1" / "Dir=0"
        folder.mkdir(parents=True, exist_ok=True)
        pq.write_table(pa.table({"pixel": [pixel] * 2, "curve": nested}), folder / f"Npix={pixel}.parquet")
    pq.write_table(pa.table({"pixel": [-1]}), tmp_path / "dataset" / "data_thumbnail.parquet")
    (tmp_path / "dataset" / "_metadata").write_text("x")
    (tmp_path / "hats.properties").write_text("x")
    read = read_table(tmp_path)
    assert read.column_names == ["pixel", "curve"]
    assert sorted(read["pixel"].to_pylist()) == [3, 3, 12, 12]
    assert read["curve"].to_pylist()[0] == {"t": [1.0, 2.0]}


def test_hdf5_groups_of_columns(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    h5py = pytest.importorskip("h5py")
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["phot/mag"] = MAG.astype(">f8")
        file["phot/mag"].attrs["unit"] = "mag"
        file["phot/kind"] = np.char.encode(KIND, "utf-8")
        file["spec/z"] = MAG
    read = read_table(tmp_path / "a.h5", table="phot")
    assert read["mag"].to_pylist() == MAG.tolist()
    assert read["kind"].to_pylist() == KIND.tolist()
    assert unit(read, "mag") == "mag"
    with pytest.raises(ValueError, match=r"holds 2 tables; choose with data.table= one of phot, spec"):
        read_table(tmp_path / "a.h5")
    monkeypatch.setitem(sys.modules, "h5py", None)
    with pytest.raises(ImportError, match=r"pip install starbolt\[hdf5\]"):
        read_table(tmp_path / "a.h5")


def test_several_tables_in_a_votable(tmp_path: Path) -> None:
    from astropy.io.votable import from_table
    from astropy.io.votable.tree import Resource, TableElement

    document = from_table(Table({"a": [1.0, 2.0]}), table_id="first")
    second = from_table(Table({"b": [3.0]}), table_id="second")
    assert isinstance(document.resources[0], Resource)
    for table in second.iter_tables():
        assert isinstance(table, TableElement)
        document.resources[0].tables.append(table)
    document.to_xml(str(tmp_path / "a.xml"))
    assert read_table(tmp_path / "a.xml", table="second")["b"].to_pylist() == [3.0]
    assert read_table(tmp_path / "a.xml", table=0)["a"].to_pylist() == [1.0, 2.0]


def test_names_replace_those_of_any_file(tmp_path: Path) -> None:
    sky()[["mag", "objid", "gaps"]].write(tmp_path / "a.fits")
    assert read_table(tmp_path / "a.fits", names=list("abc")).column_names == list("abc")
    with pytest.raises(ValueError, match=r"data.names has 2 names, but .*a.fits has 3 columns"):
        read_table(tmp_path / "a.fits", names=list("ab"))


def test_a_missing_file_says_what_is_near(tmp_path: Path) -> None:
    (tmp_path / "catalogue.csv").write_text("a,b\n1,2\n")
    with pytest.raises(FileNotFoundError, match=r"there is no file .*catalog.csv; did you mean 'catalogue.csv'\?"):
        read_table(tmp_path / "catalog.csv")
    with pytest.raises(FileNotFoundError, match=r"there is no folder .*nowhere"):
        read_table(tmp_path / "nowhere" / "a.csv")
    with pytest.raises(ValueError, match="holds no Parquet file"):
        read_table(tmp_path)


@pytest.mark.parametrize("ending", ["fits", "vot", "parquet", "h5", "csv.gz", "fits.gz"])
def test_damaged_files_get_one_sentence(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"cut.{ending}"
    content = _written(tmp_path / f"whole.{ending}")
    for damaged in (content[: len(content) * 2 // 3], b"\x00\x01 nonsense" * 300, b"<html>not found</html>", b""):
        path.write_bytes(damaged)
        with pytest.raises(ValueError, match=f"cut.{ending}") as caught:
            read_table(path)
        assert "\n" not in str(caught.value)
        assert len(str(caught.value)) < 250 + len(str(path))


def _written(path: Path) -> bytes:
    table = Table({"a": RNG.normal(size=2000), "b": RNG.normal(size=2000)})
    if path.name == "whole.csv.gz":
        return gzip.compress("\n".join(["a,b", *(f"{a},{b}" for a, b in table)]).encode())
    if path.name == "whole.vot":
        table.write(path, format="votable")
    else:
        table.write(path, **({"path": "sky"} if path.suffix == ".h5" else {}))
    return path.read_bytes()


def test_an_image_is_no_table(tmp_path: Path) -> None:
    fits.PrimaryHDU(np.zeros((4, 4))).writeto(tmp_path / "a.fits")
    with pytest.raises(ValueError, match=r"a.fits holds no table, only images"):
        read_table(tmp_path / "a.fits")


def test_twin_columns_are_refused(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("mag,mag\n1,2\n")
    with pytest.raises(ValueError, match=r"several columns called 'mag'; give all names with data.names"):
        read_table(tmp_path / "a.csv")
    assert read_table(tmp_path / "a.csv", names=["u", "g"]).to_pydict() == {"u": [1], "g": [2]}


@pytest.mark.skipif("STARBOLT_DATA" not in os.environ, reason="STARBOLT_DATA is unset")
def test_real_files() -> None:
    data = Path(os.environ["STARBOLT_DATA"])
    names = "zs u g r i z u-g g-r r-i i-z eu eg er ei ez eu-g eg-r er-i ei-z".split()  # noqa: SIM905
    sdss = data / "table_sdss_mgs"
    assert read_table(sdss / "SDSS_MGS.test").column_names == names
    with pytest.raises(ValueError, match=r"has 18 names, but its rows have 19 columns; give all 19 with data.names="):
        read_table(sdss / "SDSS_MGS.train")
    train = read_table(sdss / "SDSS_MGS.train", names=names)
    plain = np.loadtxt(sdss / "SDSS_MGS.train")
    assert all((np.asarray(train[name]) == plain[:, i]).all() for i, name in enumerate(names))
    curves = read_table(data / "timeseries_eros1" / "test_varlength_features.csv.gz")
    assert curves.shape == (729, 11)
    assert curves["Unnamed: 0"][0].as_py() == "149_499"
    renamed = read_table(data / "timeseries_eros1" / "test_varlength_features.csv.gz", names=[*"abcdefghijk"])
    assert renamed.num_rows == 729
    alerts = read_table(data / "images_ztf_alerts_fixture")
    assert alerts.num_rows > 100
    assert pa.types.is_struct(alerts.schema.field("candidate").type)


@pytest.mark.parametrize("ending", ["fits", "fits.gz"])
def test_the_checksum_of_a_fits_table_is_honoured(tmp_path: Path, ending: str) -> None:
    path = tmp_path / "a.fits"
    columns = [fits.Column("mag", "D", array=MAG), fits.Column("objid", "K", array=NUMBER)]
    fits.BinTableHDU.from_columns(columns, name="PHOT").writeto(path, checksum=True)
    content = bytearray(path.read_bytes())
    target = tmp_path / f"b.{ending}"

    def written(data: bytes) -> Path:
        target.write_bytes(gzip.compress(data) if ending.endswith("gz") else data)
        return target

    assert read_table(written(content))["mag"].to_pylist() == MAG.tolist()
    content[content.index(MAG.astype(">f8")[3:4].tobytes()) + 6] ^= 1
    with pytest.raises(
        ValueError, match=r"b\.fits.*, HDU 1 \(PHOT\): its data sum to .*; it is damaged; fetch it again$"
    ):
        read_table(written(content))


def test_only_the_columns_asked_for(tmp_path: Path) -> None:
    sky()["mag", "objid", "gaps"].write(tmp_path / "a.fits")
    assert read_table(tmp_path / "a.fits", columns=["gaps", "mag", "other"]).column_names == ["mag", "gaps"]
    assert read_table(tmp_path / "a.fits", names=list("abc"), columns=["c"]).column_names == ["c"]
    assert read_table(sky(), columns=lambda field: pa.types.is_string(field.type)).column_names == ["kind"]


def test_a_votable_inside_parquet_metadata_gives_units(tmp_path: Path) -> None:
    sky()["mag", "objid"].write(
        tmp_path / "a.parquet", format="parquet.votable", metadata={"mag": {"unit": "mag"}, "objid": {"unit": None}}
    )
    read = read_table(tmp_path / "a.parquet")
    assert read["mag"].to_pylist() == MAG.tolist()
    assert unit(read, "mag") == "mag"
