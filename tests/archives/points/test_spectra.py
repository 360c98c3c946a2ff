"""Spectra in the layouts of SDSS, DESI, LAMOST and IRAF, written with astropy, come back bit for bit."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from astropy.io import fits
from astropy.table import Table

from starbolt.archives.series import SeriesArchive
from starbolt.data import SpectraDataModule

PIXELS = 40
ARMS = {"B": (3600.0, 30), "R": (5760.0, 20), "Z": (7520.0, 25)}


def sdss(path, seed, bad=(3,)):
    """spec-PLATE-MJD-FIBER.fits: COADD first, then SPECOBJ and SPZLINE. Returns what COADD holds."""
    rng = np.random.default_rng(seed)
    coadd = {
        "flux": rng.normal(5, 1, PIXELS).astype(">f4"),
        "loglam": (3.5798 + 1e-4 * np.arange(PIXELS)).astype(">f4"),
        "ivar": rng.uniform(0.5, 2, PIXELS).astype(">f4"),
        "and_mask": np.zeros(PIXELS, ">i4"),
    }
    coadd["ivar"][7] = 0
    coadd["and_mask"][list(bad)] = 1 << 24
    hdus = [fits.BinTableHDU(Table(coadd), name="COADD")]
    hdus += [fits.BinTableHDU(Table({name: [1.0, 2.0]}), name=name) for name in ("SPECOBJ", "SPZLINE")]
    fits.HDUList([fits.PrimaryHDU(), *hdus]).writeto(path)
    return coadd


def spectra_of(archive):
    catalogue = archive.read()
    return archive.load_rows(catalogue)["series"]


SDSS = {"time": "loglam", "value": "flux", "error": "ivar", "ivar": True, "mask": "and_mask", "axis": "wavelength"}


def test_sdss_files_one_per_object(tmp_path):
    plates = {"plate": [266, 1034], "mjd": [51602, 52813], "fiberid": [3, 21]}
    written = [sdss(tmp_path / f"spec-{p:04d}-{m}-{f:04d}.fits", p) for p, m, f in zip(*plates.values(), strict=True)]
    pattern = "spec-{plate:04d}-{mjd}-{fiberid:04d}.fits"
    archive = SeriesArchive(objects=pa.table(plates), root=str(tmp_path), file=pattern, **SDSS)
    series = spectra_of(archive)
    good = np.ones(PIXELS, bool)
    good[[3, 7]] = False
    np.testing.assert_array_equal(series.offsets, [0, PIXELS - 2, 2 * PIXELS - 4])
    for i, coadd in enumerate(written):
        part = slice(*series.offsets[i : i + 2])
        np.testing.assert_array_equal(series.x[part, 0], coadd["flux"][good])
        np.testing.assert_array_equal(series.time[part], 10 ** coadd["loglam"][good].astype(float))
        np.testing.assert_array_equal(
            series.err[part, 0], (coadd["ivar"][good].astype(float) ** -0.5).astype(np.float32)
        )
    assert archive.dropped == 4
    assert list(archive.tally.values()) == [4]
    assert archive.axis == "wavelength"
    assert archive.axis_unit == "Angstrom"
    assert archive.notes == ["wavelengths are decimal logarithms, read as their powers of ten [Angstrom]"]


def desi(path, spectra=6, arms=ARMS):
    """A coadd file: FIBERMAP, EXP_FIBERMAP and images per arm. Returns {HDU: array}."""
    rng = np.random.default_rng(1)
    hdus = [
        fits.PrimaryHDU(),
        fits.BinTableHDU(
            Table({"TARGETID": 39627000 + np.arange(spectra), "EBV": rng.random(spectra)}), name="FIBERMAP"
        ),
        fits.BinTableHDU(Table({"TARGETID": np.repeat(39627000, 2 * spectra)}), name="EXP_FIBERMAP"),
    ]
    written = {}
    for arm, (first, pixels) in arms.items():
        written |= {
            f"{arm}_WAVELENGTH": first + 0.8 * np.arange(pixels),
            f"{arm}_FLUX": rng.normal(size=(spectra, pixels)).astype(np.float32),
            f"{arm}_IVAR": rng.uniform(1, 2, (spectra, pixels)).astype(np.float32),
            f"{arm}_MASK": np.zeros((spectra, pixels), np.int32),
            f"{arm}_RESOLUTION": rng.random((spectra, 3, pixels)).astype(np.float32),
        }
    written["R_MASK"][-1, 5] = 2
    written[f"{list(arms)[-1]}_IVAR"][-2, :3] = 0
    hdus += [fits.ImageHDU(array, name=name) for name, array in written.items()]
    hdus[3].header["BUNIT"] = "Angstrom"
    hdus[4].header["BUNIT"] = "10**-17 erg/(s cm2 Angstrom)"
    fits.HDUList(hdus).writeto(path)
    return written


DESI = {
    "time": "WAVELENGTH",
    "value": "FLUX",
    "error": "IVAR",
    "ivar": True,
    "mask": "MASK",
    "axis": "wavelength",
    "id": "TARGETID",
}


@pytest.mark.parametrize("beside", [False, True])
def test_desi_arms_are_joined_in_wavelength(tmp_path, beside):
    written = desi(tmp_path / "coadd.fits")
    fits.BinTableHDU(Table({"TARGETID": 39627000 + np.arange(6)[::-1], "Z": np.arange(6.0)})).writeto(
        tmp_path / "redrock.fits"
    )
    tables = ("coadd.fits", "redrock.fits") if beside else (None, "coadd.fits")
    archive = SeriesArchive(*(None if name is None else str(tmp_path / name) for name in tables), **DESI)
    catalogue = archive.read()
    series = archive.load_rows(catalogue)["series"]
    flux, ivar, mask = (np.hstack([written[f"{arm}_{name}"] for arm in ARMS]) for name in ("FLUX", "IVAR", "MASK"))
    grid = np.concatenate([written[f"{arm}_WAVELENGTH"] for arm in ARMS])
    good = (ivar > 0) & (mask == 0)
    assert catalogue["TARGETID"].to_pylist() == [39627000 + i for i in (range(5, -1, -1) if beside else range(6))]
    for row, name in enumerate(catalogue["TARGETID"].to_pylist()):
        i, part = name - 39627000, slice(*series.offsets[row : row + 2])
        np.testing.assert_array_equal(series.time[part], grid[good[i]])
        np.testing.assert_array_equal(series.x[part, 0], flux[i, good[i]])
    assert archive.dropped == 4
    assert archive.channels == ("FLUX",)
    assert archive.units[0].startswith("10**-17 erg")
    assert ("EBV" in catalogue.column_names) != beside


def test_overlapping_arms_merge_in_bins(tmp_path):
    written = desi(tmp_path / "coadd.fits", 3, {"B": (3600.0, 30), "R": (3600.0, 30)})
    archive = SeriesArchive(objects=str(tmp_path / "coadd.fits"), bin=0.8, **DESI)
    series = spectra_of(archive)
    flux, ivar = (np.stack([written[f"{arm}_{name}"][0] for arm in "BR"]).astype(float) for name in ("FLUX", "IVAR"))
    assert series.offsets[1] <= 30
    wide = spectra_of(SeriesArchive(objects=str(tmp_path / "coadd.fits"), bin=1000.0, **DESI))
    np.testing.assert_allclose(wide.x[0, 0], (flux * ivar).sum() / ivar.sum(), rtol=1e-5)
    np.testing.assert_allclose(wide.err[0, 0], ivar.sum() ** -0.5, rtol=1e-6)


def test_images_that_fit_no_table_are_refused(tmp_path):
    hdus = [fits.PrimaryHDU(), fits.ImageHDU(np.arange(9.0), name="WAVELENGTH")]
    hdus += [fits.ImageHDU(np.ones((n, 9)), name=name) for n, name in ((4, "FLUX"), (5, "IVAR"))]
    fits.HDUList(hdus).writeto(tmp_path / "bad.fits")
    with pytest.raises(ValueError, match="has 4 spectra, another image or the table 5"):
        SeriesArchive(
            objects=str(tmp_path / "bad.fits"), time="WAVELENGTH", value="FLUX", error="IVAR", axis="wavelength"
        ).read()


def test_a_file_cut_short_is_told_in_a_sentence(tmp_path):
    desi(tmp_path / "coadd.fits")
    whole = (tmp_path / "coadd.fits").read_bytes()
    for length in (0, 100, 2880, len(whole) // 2, len(whole) - 2880):
        (tmp_path / "coadd.fits").write_bytes(whole[:length])
        with pytest.raises(ValueError, match=r"coadd\.fits"):
            SeriesArchive(objects=str(tmp_path / "coadd.fits"), **DESI).read()


def vectors():
    rng = np.random.default_rng(2)
    return {
        "name": ["a", "b", "c"],
        "wave": np.tile(np.linspace(400.0, 900.0, 30), (3, 1)),
        "flux": rng.normal(size=(3, 30)),
        "err": rng.uniform(0.1, 0.2, (3, 30)),
    }


@pytest.mark.parametrize("kind", ["fits", "parquet"])
def test_vector_columns_in_nanometres_become_angstrom(tmp_path, kind):
    table, path = Table(vectors()), tmp_path / f"spectra.{kind}"
    table["wave"].unit = "nm"
    if kind == "fits":
        table.write(path)
    else:
        lists = {name: list(values) if np.ndim(values) > 1 else values for name, values in vectors().items()}
        schema = pa.table(lists).schema
        pq.write_table(
            pa.table(lists, schema=schema.set(1, schema.field("wave").with_metadata({b"unit": b"nm"}))), path
        )
    archive = SeriesArchive(objects=str(path), time="wave", value="flux", error="err", axis="wavelength", id="name")
    series = spectra_of(archive)
    np.testing.assert_allclose(series.time[:30], vectors()["wave"][0] * 10, rtol=1e-15)
    np.testing.assert_array_equal(series.x[:, 0], vectors()["flux"].ravel().astype(np.float32))
    np.testing.assert_array_equal(series.err[:, 0], vectors()["err"].ravel().astype(np.float32))


def test_lamost_files_hold_a_table_of_one_row(tmp_path):
    rng = np.random.default_rng(5)
    row = {
        "FLUX": rng.normal(9, 1, (1, PIXELS)).astype(">f4"),
        "IVAR": rng.uniform(1, 2, (1, PIXELS)).astype(">f4"),
        "WAVELENGTH": 10 ** (3.57 + 1e-4 * np.arange(PIXELS))[None].astype(">f4"),
        "ANDMASK": np.zeros((1, PIXELS), ">i4"),
    }
    row["ANDMASK"][0, 2] = 1
    hdus = [fits.PrimaryHDU(), fits.BinTableHDU(Table(row), name="COADD")]
    fits.HDUList(hdus).writeto(tmp_path / "spec-55859-F5902_sp01-001.fits.gz")
    words = {"time": "WAVELENGTH", "value": "FLUX", "error": "IVAR", "ivar": True, "mask": "ANDMASK"}
    heads = pa.table({"file": ["spec-55859-F5902_sp01-001.fits.gz"]})
    series = spectra_of(SeriesArchive(objects=heads, root=str(tmp_path), file="file", axis="wavelength", **words))
    good = np.arange(PIXELS) != 2
    np.testing.assert_array_equal(series.x[:, 0], row["FLUX"][0, good])
    np.testing.assert_array_equal(series.time, row["WAVELENGTH"][0, good].astype(float))


def test_one_grid_for_the_vectors_of_a_table(tmp_path):
    flux = np.random.default_rng(6).normal(size=(4, 9))
    grid = fits.ImageHDU(np.linspace(4000, 5000, 9), name="WAVELENGTH")
    table = fits.BinTableHDU(Table({"name": list("abcd"), "flux": flux}), name="SPECTRA")
    fits.HDUList([fits.PrimaryHDU(), grid, table]).writeto(tmp_path / "all.fits")
    archive = SeriesArchive(objects=str(tmp_path / "all.fits"), time="wavelength", value="flux", axis="wavelength")
    series = spectra_of(archive)
    np.testing.assert_array_equal(series.x[:, 0], flux.ravel().astype(np.float32))
    np.testing.assert_array_equal(series.time, np.tile(grid.data, 4))


def test_nested_spectra_in_parquet(tmp_path):
    cells = [
        {"flux": [1.5, 2.5, 3.5], "ivar": [1.0, 4.0, 0.0], "lambda": [4000.0, 4001.0, 4002.0], "mask": [False] * 3},
        {"flux": [1.0, 2.0], "ivar": [1.0, 1.0], "lambda": [4000.0, 4001.0], "mask": [True, False]},
    ]
    pq.write_table(pa.table({"object_id": ["a", "b"], "spectrum": cells}), tmp_path / "spectra.parquet")
    roles = {"time": "spectrum.lambda", "value": "spectrum.flux", "error": "spectrum.ivar", "mask": "spectrum.mask"}
    series = spectra_of(SeriesArchive(objects=str(tmp_path / "spectra.parquet"), ivar=True, axis="wavelength", **roles))
    assert series.offsets.tolist() == [0, 2, 3]
    assert series.x[:, 0].tolist() == [1.5, 2.5, 2.0]
    assert series.err[:, 0].tolist() == [1.0, 0.5, 1.0]


HEADERS = {
    "linear": ({"CRVAL1": 4000.0, "CDELT1": 1.5, "CRPIX1": 1}, lambda p: 4000.0 + 1.5 * p),
    "cd, reference in the middle": ({"CRVAL1": 5000.0, "CD1_1": 2.0, "CRPIX1": 11}, lambda p: 5000.0 + 2.0 * (p - 10)),
    "nanometres": ({"CRVAL1": 400.0, "CDELT1": 0.5, "CUNIT1": "nm"}, lambda p: (400.0 + 0.5 * p) * 10),
    "IRAF log": ({"CRVAL1": 3.6, "CDELT1": 1e-4, "DC-FLAG": 1}, lambda p: 10 ** (3.6 + 1e-4 * p)),
    "natural log": ({"CRVAL1": 4000.0, "CDELT1": 1.0, "CTYPE1": "WAVE-LOG"}, lambda p: 4000.0 * np.exp(p / 4000.0)),
    "SDSS, LAMOST": ({"COEFF0": 3.5682, "COEFF1": 1e-4}, lambda p: 10 ** (3.5682 + 1e-4 * p)),
}


@pytest.mark.parametrize("name", HEADERS)
def test_wavelengths_from_the_header(tmp_path, name):
    words, grid = HEADERS[name]
    rows = np.random.default_rng(3).uniform(1, 2, (3, 25)).astype(np.float32)
    hdu = fits.PrimaryHDU(rows)
    hdu.header.update(words)
    hdu.writeto(tmp_path / "star.fits")
    heads = pa.table({"file": ["star.fits"]})
    archive = SeriesArchive(
        objects=heads, root=str(tmp_path), file="file", time="wavelength", value="flux", error="row1", axis="wavelength"
    )
    series = spectra_of(archive)
    np.testing.assert_allclose(series.time, grid(np.arange(25)), rtol=1e-14)
    np.testing.assert_array_equal(series.x[:, 0], rows[0])
    np.testing.assert_array_equal(series.err[:, 0], rows[1])


def test_a_header_without_wavelengths_is_refused(tmp_path):
    fits.PrimaryHDU(np.ones(9)).writeto(tmp_path / "star.fits")
    archive = SeriesArchive(
        objects=pa.table({"file": ["star.fits"]}),
        root=str(tmp_path),
        file="file",
        time="wavelength",
        value="flux",
        axis="wavelength",
    )
    with pytest.raises(ValueError, match=r"header of .*star\.fits gives no wavelengths"):
        archive.read()


def test_the_words_of_spectra_reach_a_spec(tmp_path):
    rng = np.random.default_rng(4)
    names = [f"s{i}" for i in range(40)]
    for i, name in enumerate(names):
        sdss(tmp_path / f"{name}.fits", i, bad=())
    catalogue = {"name": names, "kind": rng.choice(["STAR", "QSO"], 40), "z": rng.random(40)}
    words = {"wavelength": "loglam", "ivar": "ivar", "mask": "and_mask", "bin": 2.0, "cache": str(tmp_path / "cache")}
    data = SpectraDataModule(Table(catalogue), file="{name}.fits", root=str(tmp_path), target="kind", **words)
    spec = data.open("class")
    assert "points left out: masked, or without a place, a value or a positive error: 40" in data.notes  # ivar = 0
    assert spec.inputs["series"].shape[1] < PIXELS
    series = data.sources["series"].modality
    assert (series.axis, series.axis_unit) == ("wavelength", "Angstrom")
    assert 3800 < series.data.time.min() < series.data.time.max() < 3840
