"""Tables of series as they are shipped: HATS folders, nested Parquet, several files, units of time."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from astropy.table import Table

from starbolt.archives.series import SeriesArchive

RNG = np.random.default_rng(0)
COUNTS = [4, 0, 3, 5]
ROLES = {"time": "lc.mjd", "value": "lc.mag", "error": "lc.err", "band": "lc.band"}


def curves():
    """One list of points per object, as nested-pandas keeps them."""
    return [
        [
            {"mjd": 59000 + float(RNG.random()), "mag": float(RNG.normal(20, 1)), "err": 0.1, "band": str(band)}
            for band in RNG.choice(["g", "r"], n)
        ]
        for n in COUNTS
    ]


def hats(folder, rows, lists_of_structs):
    """A HATS catalogue of two pixels: properties, _metadata and Norder=/Dir=/Npix=.parquet."""
    cells = (
        rows if lists_of_structs else [{k: [p[k] for p in row] for k in ("mjd", "mag", "err", "band")} for row in rows]
    )
    table = pa.table({"_healpix_29": np.arange(4), "objid": np.arange(4) + 100, "ra": np.ones(4), "lc": cells})
    (folder / "dataset" / "Norder=1" / "Dir=0").mkdir(parents=True)
    (folder / "hats.properties").write_text("catalog_name=test\n")
    for pixel, part in ((5, table.slice(0, 2)), (9, table.slice(2))):
        pq.write_table(part, folder / "dataset" / "Norder=1" / "Dir=0" / f"Npix={pixel}.parquet")
    pq.write_table(table.slice(0, 0), folder / "dataset" / "_metadata")


@pytest.mark.parametrize("lists_of_structs", [True, False])
def test_a_hats_folder_of_nested_light_curves(tmp_path, lists_of_structs):
    rows = curves()
    hats(tmp_path / "cat", rows, lists_of_structs)
    archive = SeriesArchive(objects=str(tmp_path / "cat"), id="objid", **ROLES)
    catalogue = archive.read()
    assert catalogue["objid"].to_pylist() == [100, 102, 103]
    assert archive.notes == ["objects left out because no usable point remains: 1"]
    series = archive.load_rows(catalogue)["series"]
    for i, row in enumerate(row for row in rows if row):
        points = sorted(row, key=lambda p: p["mjd"])
        part = slice(*series.offsets[i : i + 2])
        np.testing.assert_array_equal(series.time[part], [p["mjd"] for p in points])
        places = ["gr".index(p["band"]) for p in points]
        found = series.x[part][np.arange(len(points)), places]
        np.testing.assert_array_equal(found, np.float32([p["mag"] for p in points]))
    assert archive.files() == [str(tmp_path / "cat")]


def long_table(first, count):
    return {"id": np.repeat(np.arange(first, first + count), 3), "t": RNG.random(3 * count), "v": RNG.random(3 * count)}


@pytest.mark.parametrize("pattern", [True, False])
def test_several_files_are_one_table(tmp_path, pattern):
    parts = [long_table(0, 2), long_table(2, 3)]
    for i, part in enumerate(parts):
        pq.write_table(pa.table(part), tmp_path / f"phot{i}.parquet")
    files = [str(tmp_path / f"phot{i}.parquet") for i in range(2)]
    archive = SeriesArchive(str(tmp_path / "phot?.parquet") if pattern else files, id="id", time="t", value="v")
    catalogue = archive.read()
    assert catalogue["id"].to_pylist() == [0, 1, 2, 3, 4]
    series = archive.load_rows(catalogue)["series"]
    time, value = (np.concatenate([part[name] for part in parts]).reshape(5, 3) for name in "tv")
    order = np.argsort(time, axis=1)
    np.testing.assert_array_equal(series.time, np.take_along_axis(time, order, 1).ravel())
    np.testing.assert_array_equal(series.x[:, 0], np.take_along_axis(value, order, 1).ravel().astype(np.float32))
    assert archive.files() == files
    assert archive.sources(catalogue) == files


def test_tables_in_memory_name_no_files():
    assert SeriesArchive(long_table(0, 2), id="id", time="t", value="v").files() is None


def test_the_unit_of_time_is_kept_and_nights_are_days(tmp_path):
    table = Table({"id": [1, 1, 1], "t": [86400.0, 90000.0, 180000.0], "v": [1.0, 3.0, 5.0]})
    table["t"].unit = "s"
    table.write(tmp_path / "phot.fits")
    plain, nightly = (
        SeriesArchive(str(tmp_path / "phot.fits"), id="id", time="t", value="v", nightly=each) for each in (False, True)
    )
    series = plain.load_rows(plain.read())["series"]
    assert series.time.tolist() == [86400, 90000, 180000]
    assert plain.axis_unit == "s"
    assert nightly.load_rows(nightly.read())["series"].time.tolist() == [88200, 180000]


def test_a_bin_without_width_is_refused():
    with pytest.raises(ValueError, match=r"data\.bin=0 is no width of a bin; give a positive number"):
        SeriesArchive(long_table(0, 2), id="id", time="t", value="v", bin=0)
