"""SNANA's HEAD and PHOT files, written in their own layout, come back bit for bit."""

from __future__ import annotations

import gzip

import numpy as np
import pytest
from astropy.io import fits

from starbolt.archives.points.snana import ROLES, is_snana, read_snana
from starbolt.archives.series import SeriesArchive
from starbolt.data import SeriesDataModule

BANDS = np.array(["g", "r", "i", "z"])


def write_pair(folder, version="SIM", counts=(5, 3, 7), *, band="BAND", zipped=False, seed=0, said=None):
    """A pair as SNANA writes it: a separator row with MJD = -777 behind each light curve. Returns (path, phot)."""
    rng, total = np.random.default_rng(seed), sum(counts)
    keep = np.concatenate([[True] * n + [False] for n in counts])
    columns = {
        "MJD": rng.uniform(56000, 57000, total),
        band: rng.choice(BANDS, total),
        "PHOTFLAG": rng.choice([0, 4096], total),
        "FLUXCAL": rng.normal(20, 30, total).astype(np.float32),
        "FLUXCALERR": rng.uniform(1, 5, total).astype(np.float32),
    }
    empty = {"MJD": -777.0, band: "-", "PHOTFLAG": 0, "FLUXCAL": -777.0, "FLUXCALERR": -777.0}
    forms = {"MJD": "1D", band: "2A", "PHOTFLAG": "1J", "FLUXCAL": "1E", "FLUXCALERR": "1E"}
    full = {name: np.full(len(keep), empty[name], np.asarray(values).dtype) for name, values in columns.items()}
    for name, values in columns.items():
        full[name][keep] = values
    ends = np.cumsum(np.array(counts) + 1)
    head = {
        "SNID": (np.array([f"{version}{i}   " for i in range(len(counts))]), "16A"),
        "SNTYPE": (np.array([101 + i % 2 for i in range(len(counts))]), "1J"),
        "MWEBV": (rng.uniform(0, 0.3, len(counts)).astype(np.float32), "1E"),
        "PTROBS_MIN": (ends - counts, "1J"),
        "PTROBS_MAX": (ends - 1, "1J"),
    }
    ending = ".FITS.gz" if zipped else ".FITS"
    first = fits.PrimaryHDU()
    first.header["PHOTFILE"] = said or f"{version}_PHOT.FITS"
    table = fits.BinTableHDU.from_columns([fits.Column(n, f, array=a) for n, (a, f) in head.items()], name="Header")
    fits.HDUList([first, table]).writeto(folder / f"{version}_HEAD{ending}")
    observed = fits.BinTableHDU.from_columns([fits.Column(n, forms[n], array=a) for n, a in full.items()])
    fits.HDUList([fits.PrimaryHDU(), observed]).writeto(folder / f"{version}_PHOT{ending}")
    return str(folder / f"{version}_HEAD{ending}"), columns


@pytest.mark.parametrize("band", ["BAND", "FLT"])
@pytest.mark.parametrize("zipped", [False, True])
def test_a_pair_comes_back_bit_for_bit(tmp_path, band, zipped):
    path, phot = write_pair(tmp_path, band=band, zipped=zipped)
    archive = SeriesArchive(objects=path, **ROLES)
    catalogue = archive.read()
    assert catalogue["SNID"].to_pylist() == ["SIM0", "SIM1", "SIM2"]
    assert archive.channels == ("FLUXCAL_g", "FLUXCAL_i", "FLUXCAL_r", "FLUXCAL_z")
    series = archive.load_rows(catalogue)["series"]
    assert np.diff(series.offsets).tolist() == [5, 3, 7]
    for first, last in ((0, 5), (5, 8), (8, 15)):
        order = first + np.argsort(phot["MJD"][first:last])
        np.testing.assert_array_equal(series.time[first:last], phot["MJD"][order])
        places = np.searchsorted(np.sort(BANDS), phot[band][order])
        np.testing.assert_array_equal(series.x[np.arange(first, last), places], phot["FLUXCAL"][order])
        np.testing.assert_array_equal(series.err[np.arange(first, last), places], phot["FLUXCALERR"][order])
    assert np.isfinite(series.x).sum() == 15
    assert archive.notes == []


def test_supernovae_without_observations_keep_the_others_in_place(tmp_path):
    path, phot = write_pair(tmp_path, counts=(0, 3, 0, 2, 0))
    table = read_snana(path)
    lists = table["FLUXCAL"].to_pylist()
    assert [len(cell) for cell in lists] == [0, 3, 0, 2, 0]
    np.testing.assert_array_equal(np.concatenate(lists), phot["FLUXCAL"])
    assert SeriesArchive(objects=path, **ROLES).read()["SNID"].to_pylist() == ["SIM1", "SIM3"]


def test_several_pairs_are_one_catalogue(tmp_path):
    for i, version in enumerate("AB"):
        write_pair(tmp_path, version, seed=i)
    listed = [str(tmp_path / f"{v}_HEAD.FITS") for v in "AB"]
    for source in (listed, str(tmp_path / "*_HEAD.FITS")):
        table = read_snana(source)
        assert table["SNID"].to_pylist() == [f"{v}{i}" for v in "AB" for i in range(3)]
        assert SeriesArchive(objects=source, **ROLES).read().num_rows == 6
    assert len(SeriesArchive(objects=listed, **ROLES).files()) == 4


def test_two_words_are_enough(tmp_path):
    path, _ = write_pair(tmp_path, counts=(4,) * 40)
    data = SeriesDataModule(objects=path, target="SNTYPE", context=["MWEBV"], cache=str(tmp_path / "cache"))
    spec = data.open("class")
    assert spec.target.classes == ("101", "102")
    assert data.ids[0] == "SIM0"
    assert set(spec.inputs) == {"series", "context"}


def test_conditions_reach_both_files(tmp_path):
    path, phot = write_pair(tmp_path)
    archive = SeriesArchive(objects=path, where="PHOTFLAG == 0 & SNTYPE == 101", **ROLES)
    catalogue = archive.read()
    assert catalogue["SNID"].to_pylist() == ["SIM0", "SIM2"]
    kept = (phot["PHOTFLAG"] == 0)[[*range(5), *range(8, 15)]].sum()
    assert archive.load_rows(catalogue)["series"].offsets[-1] == kept


def test_the_phot_file_may_be_zipped_or_go_unnamed(tmp_path):
    path, _ = write_pair(tmp_path)
    phot = tmp_path / "SIM_PHOT.FITS"
    (tmp_path / "SIM_PHOT.FITS.gz").write_bytes(gzip.compress(phot.read_bytes()))
    phot.unlink()
    assert read_snana(path).num_rows == 3
    other, _ = write_pair(tmp_path, "B", said="OLD_NAME.FITS")
    assert read_snana(other).num_rows == 3
    (tmp_path / "B_PHOT.FITS").unlink()
    with pytest.raises(FileNotFoundError, match=r"B_HEAD\.FITS needs its PHOT file.*OLD_NAME\.FITS"):
        read_snana(other)


def test_only_names_of_head_files_are_taken_for_snana(tmp_path):
    assert is_snana("x/DES_HEAD.FITS.gz")
    assert is_snana(["A_HEAD.FITS", "B_HEAD.FITS"])
    assert not is_snana("the_head0/star.fits")
    assert not is_snana(None)
    assert not is_snana({"SNID": [1]})


def test_pointers_beyond_the_phot_file_are_refused(tmp_path):
    path, _ = write_pair(tmp_path)
    with fits.open(path, mode="update") as hdus:
        hdus[1].data["PTROBS_MAX"][2] = 99
    with pytest.raises(ValueError, match=r"PTROBS_MAX of .* reaches to 99, the PHOT file has 18 rows"):
        read_snana(path)


def test_a_damaged_head_is_told_in_a_sentence(tmp_path):
    path, _ = write_pair(tmp_path)
    whole = (tmp_path / "SIM_HEAD.FITS").read_bytes()
    for length in (0, 100, 2880, len(whole) - 2880):
        (tmp_path / "SIM_HEAD.FITS").write_bytes(whole[:length])
        archive = SeriesArchive(objects=path, **ROLES)
        assert len(archive.files()) == 2
        with pytest.raises(ValueError, match=r"SIM_HEAD\.FITS"):
            archive.read()
