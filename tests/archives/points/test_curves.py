"""One file per object: found below the root of its part, read by its own column names."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from astropy.io import fits
from astropy.table import Table

from starbolt.archives.base import PART
from starbolt.archives.points.curves import Curves
from starbolt.archives.points.matching import Named
from starbolt.archives.points.observations import Observations
from starbolt.archives.reading.conditions import terms
from starbolt.archives.series import SeriesArchive
from starbolt.store import pack


@pytest.fixture
def curves(tmp_path):
    for part in ("train", "test"):
        (tmp_path / part).mkdir()
        (tmp_path / part / "s1.dat").write_text(f"1.0 10.0 0.1 g\n2.0 {11 if part == 'train' else 12}.0 0.5 r\n")
    roots = {part: str(tmp_path / part) for part in ("train", "test")}
    return Curves("{star}.dat", roots, ["t", "v", "e", "f"], None, Observations("t", "v", "e", band="f"))


def test_the_part_says_which_root(curves):
    assert curves.points({"star": "s1"}, ["g", "r"], all_bands=True).value.tolist() == [10, 11]
    assert curves.points({"star": "s1", PART: "test"}, ["g", "r"], all_bands=True).value.tolist() == [10, 12]


def test_conditions_on_the_files_columns_are_taken_on(curves):
    objects = Named(pa.table({"star": ["s1"], "kind": ["a"]}), "cat")
    curves.ask(terms("kind == 'a' & e < 0.2"), objects, *curves.look(objects))
    assert curves.points({"star": "s1"}, ["g", "r"], all_bands=True).value.tolist() == [10]


def test_a_band_nobody_asked_for_is_marked_or_refused(curves):
    assert curves.points({"star": "s1"}, ["g"], all_bands=False).band.tolist() == [0, -1]
    with pytest.raises(ValueError, match=r"s1\.dat has band 'r'.*data\.bands=\[g,r\]"):
        curves.points({"star": "s1"}, ["g"], all_bands=True)


def tess(path, seed, mission="TESS"):
    """A light-curve file as the missions write it: a bare primary, LIGHTCURVE, APERTURE; NaN times and fluxes."""
    rng, rows, zero = np.random.default_rng(seed), 50, {"TESS": "2457000", "Kepler": "2454833"}[mission]
    quality = {"TESS": "QUALITY", "Kepler": "SAP_QUALITY"}[mission]
    table = {
        "TIME": 1325.3 + np.arange(rows) * 0.00138889,
        "TIMECORR": rng.random(rows).astype(np.float32),
        "CADENCENO": np.arange(rows, dtype=np.int32),
        "SAP_FLUX": rng.normal(1000, 3, rows).astype(np.float32),
        "PDCSAP_FLUX": rng.normal(1000, 3, rows).astype(np.float32),
        "PDCSAP_FLUX_ERR": rng.uniform(0.5, 1, rows).astype(np.float32),
        quality: np.where(np.arange(rows) % 7 == 3, 128, 0).astype(np.int32),
    }
    table["TIME"][[10, 11]] = np.nan
    table["PDCSAP_FLUX"][[20, 21]] = np.nan
    forms = {name: {"f8": "D", "f4": "E", "i4": "J"}[values.dtype.str[1:]] for name, values in table.items()}
    units = {"TIME": f"BJD - {zero}, days", "PDCSAP_FLUX": "e-/s"}
    columns = [
        fits.Column(n, forms[n], unit=units.get(n), disp="D14.7" if n == "TIME" else None, array=a)
        for n, a in table.items()
    ]
    light = fits.BinTableHDU.from_columns(columns, name="LIGHTCURVE")
    fits.HDUList([fits.PrimaryHDU(), light, fits.ImageHDU(np.ones((3, 3), np.int32), name="APERTURE")]).writeto(path)
    return table, quality


@pytest.mark.parametrize("mission", ["TESS", "Kepler"])
def test_light_curves_of_tess_and_kepler_come_back_bit_for_bit(tmp_path, mission):
    written = [tess(tmp_path / f"tic{i}_lc.fits", i, mission) for i in range(3)]
    (tmp_path / "targets.csv").write_text("ticid,kind\n0,EB\n1,RR\n2,EB\n")
    words = {"file": "tic{ticid}_lc.fits", "where": f"{written[0][1]} == 0"}
    roles = {"time": "TIME", "value": "PDCSAP_FLUX", "error": "PDCSAP_FLUX_ERR"}
    archive = SeriesArchive(objects=str(tmp_path / "targets.csv"), **roles, **words)
    catalogue = archive.read()
    series = archive.load_rows(catalogue)["series"]
    for i, (table, quality) in enumerate(written):
        good = np.isfinite(table["TIME"]) & np.isfinite(table["PDCSAP_FLUX"]) & (table[quality] == 0)
        part = slice(*series.offsets[i : i + 2])
        np.testing.assert_array_equal(series.time[part], table["TIME"][good])
        np.testing.assert_array_equal(series.x[part, 0], table["PDCSAP_FLUX"][good])
        np.testing.assert_array_equal(series.err[part, 0], table["PDCSAP_FLUX_ERR"][good])
    assert archive.axis_unit == "d"
    assert list(archive.tally.values()) == [9]  # of 12 without a time or a flux, 3 go by their quality
    binned = SeriesArchive(objects=str(tmp_path / "targets.csv"), bin=0.02, **roles, **words)
    short = binned.load_rows(binned.read())["series"]
    assert np.diff(short.offsets).max() <= 5
    assert short.err[0, 0] < series.err.min()


def test_files_of_many_bands_by_a_column_of_each(tmp_path):
    rng = np.random.default_rng(0)
    table = {"mjd": 59000 + np.arange(5.0), "g": rng.random(5), "r": rng.random(5), "dg": np.ones(5), "dr": np.ones(5)}
    Table(table).write(tmp_path / "sn1.fits")
    archive = SeriesArchive(
        objects={"name": ["sn1"]},
        root=str(tmp_path),
        file="{name}.fits",
        time="mjd",
        value={"g": "g", "r": "r"},
        error={"g": "dg", "r": "dr"},
    )
    series = archive.load_rows(archive.read())["series"]
    np.testing.assert_array_equal(series.x, np.stack([table["g"], table["r"]], axis=1).astype(np.float32))
    np.testing.assert_array_equal(series.time, table["mjd"])


def test_points_dropped_in_worker_processes_are_counted(tmp_path):
    for i in range(70):
        (tmp_path / f"{i}.csv").write_text("t,v,e\n1,2,0\n2,3,0.1\n3,,0.1\n")
    archive = SeriesArchive(
        objects={"id": np.arange(70)}, root=str(tmp_path), file="{id}.csv", time="t", value="v", error="e"
    )
    store = pack(archive, cache=tmp_path / "cache", workers=2)
    assert store.notes == ("points left out: masked, or without a place, a value or a positive error: 140",)
