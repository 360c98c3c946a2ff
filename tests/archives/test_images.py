"""Images reach the network as they are in the files, from folders, stacks and table cells alike."""

from __future__ import annotations

import gzip
import os
import pickle
from pathlib import Path

import h5py
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from astropy.io import fits
from PIL import Image

from starbolt.archives.base import PART
from starbolt.archives.images import ImageArchive

FLUX = np.random.default_rng(0).normal(size=(3, 6, 8)).astype(np.float32)


@pytest.fixture
def survey(tmp_path):
    """A catalogue of three objects beside their FITS files in two bands."""
    for i, flux in enumerate(FLUX):
        for band, factor in (("g", 1), ("r", 2)):
            hdus = [fits.PrimaryHDU(), fits.ImageHDU(flux * factor, name="SCI"), fits.ImageHDU(flux + 9, name="WHT")]
            hdus[1].header["BUNIT"] = "nJy"
            fits.HDUList(hdus).writeto(tmp_path / f"obj{i}_{band}.fits")
    lines = [f"obj{i},obj{i}_g.fits,obj{i}_r.fits,{20 + i},{-99 if i == 1 else i}" for i in range(3)]
    (tmp_path / "cat.csv").write_text("\n".join(["objid,g,r,mag,z", *lines]) + "\n")
    return str(tmp_path / "cat.csv")


def images(archive):
    return archive.load_rows(archive.read())["image"].x


def test_a_file_column_beside_the_catalogue(survey):
    archive = ImageArchive(survey, file="g", hdu=1)
    np.testing.assert_array_equal(images(archive), FLUX[:, None])
    assert archive.channels == ("SCI",)
    assert archive.units == ("nJy",)
    assert archive.id == "g"
    assert images(archive).dtype == np.float32


@pytest.mark.parametrize("file", [["g", "r"], ["{objid}_g.fits", "{objid}_r.fits"]])
def test_one_file_per_band_by_columns_or_patterns(survey, file):
    archive = ImageArchive(survey, file=file, hdu="SCI", id="objid")
    np.testing.assert_array_equal(images(archive), np.stack([FLUX, FLUX * 2], axis=1))
    assert archive.channels == ("g", "r")
    assert archive.units == ("nJy", "nJy")


def test_several_hdus_and_another_root(survey, tmp_path):
    (tmp_path / "lists").mkdir()
    Path(survey).rename(moved := tmp_path / "lists" / "cat.csv")
    archive = ImageArchive(str(moved), file="g", root=str(tmp_path), hdu=["WHT", 1])
    np.testing.assert_array_equal(images(archive), np.stack([FLUX + 9, FLUX], axis=1))
    assert archive.channels == ("WHT", "SCI")


def test_rows_are_chosen_sentinels_become_null_and_context_comes_along(survey):
    archive = ImageArchive(survey, file="g", hdu=1, where="mag > 20", missing=[-99], context=["mag", "z"])
    catalogue = archive.read()
    assert catalogue["z"].to_pylist() == [None, 2]
    loaded = archive.load_rows(catalogue)
    np.testing.assert_array_equal(loaded["context"].x, [[21, np.nan], [22, 2]])
    np.testing.assert_array_equal(loaded["image"].x, FLUX[1:, None])
    assert archive.channels == {"image": ("SCI",), "context": ("mag", "z")}


def test_a_test_catalogue_has_its_own_folder(survey, tmp_path):
    (tmp_path / "test").mkdir()
    fits.PrimaryHDU(FLUX[0] - 5).writeto(tmp_path / "test" / "obj0_g.fits")
    fits.PrimaryHDU(FLUX[1]).writeto(tmp_path / "a.fits")
    (tmp_path / "train.csv").write_text("file\na.fits\n")
    (tmp_path / "test" / "cat.csv").write_text("file\nobj0_g.fits\n")
    archive = ImageArchive(str(tmp_path / "train.csv"), test_catalogue=str(tmp_path / "test" / "cat.csv"), file="file")
    assert archive.read()[PART].to_pylist() == ["train", "test"]
    np.testing.assert_array_equal(images(archive)[:, 0], [FLUX[1], FLUX[0] - 5])


def test_pictures_stay_eight_bit(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 255, (5, 5, 3), np.uint8)
    Image.fromarray(pixels).save(tmp_path / "a.png")
    archive = ImageArchive(pa.table({"file": ["a.png"]}), file="file", root=str(tmp_path))
    np.testing.assert_array_equal(images(archive)[0], pixels.transpose(2, 0, 1))
    assert images(archive).dtype == np.uint8
    assert archive.channels == ("R", "G", "B")
    padded = images(ImageArchive(pa.table({"file": ["a.png"]}), file="file", root=str(tmp_path), size=7))
    assert padded.dtype == np.float16
    np.testing.assert_array_equal(padded[0, :, 1:6, 1:6], pixels.transpose(2, 0, 1))
    assert np.isnan(padded).sum() == 3 * (49 - 25)


def test_files_inside_table_cells(survey, tmp_path):
    folder = Path(survey).parent
    cells = [{"name": f"o{i}", "data": gzip.compress((folder / f"obj{i}_g.fits").read_bytes())} for i in range(3)]
    (tmp_path / "alerts").mkdir()
    pq.write_table(pa.table({"objid": [1, 2, 3], "stamp": cells}), tmp_path / "alerts" / "part0.parquet")
    archive = ImageArchive(str(tmp_path / "alerts"), file="stamp.data", hdu=1)
    np.testing.assert_array_equal(images(archive), FLUX[:, None])
    assert archive.channels == ("SCI",)
    assert archive.read().column_names == ["objid", "stamp.name", "stamp.data"]
    (tmp_path / "alerts" / "part0.parquet").unlink()
    cells[0]["data"] = cells[0]["data"][:500]
    pq.write_table(pa.table({"objid": [1, 2, 3], "stamp": cells}), tmp_path / "alerts" / "part0.parquet")
    with pytest.raises(ValueError, match=r"'stamp.data' of objid=1 is truncated or damaged"):
        images(archive)


@pytest.mark.parametrize("layout", ["memory", "npy", "npz", "h5", "last"])
def test_a_stack_by_row_number(tmp_path, layout):
    stack = np.random.default_rng(0).integers(0, 99, (4, 3, 6, 7)).astype(np.int16)
    stored = np.moveaxis(stack, 1, -1) if layout == "last" else stack
    path = str(tmp_path / f"stack.{layout}")
    if layout == "npz":
        np.savez(path, images=stored, labels=np.arange(4))
    elif layout == "h5":
        with h5py.File(path, "w") as file:
            file["images"], file["labels"] = stored, np.arange(4)
    else:
        np.save(path := str(tmp_path / "stack.npy"), stored)
    archive = ImageArchive(pa.table({"at": [3, 1]}), stack=stored if layout == "memory" else path, file="at")
    np.testing.assert_array_equal(images(archive), stack[[3, 1]])
    assert images(archive).dtype == np.int16
    again = pickle.loads(pickle.dumps(archive))
    np.testing.assert_array_equal(again.load({"at": 1})["image"].x, stack[1])


def test_a_stack_in_the_order_of_the_catalogue(tmp_path):
    np.save(tmp_path / "stack.npy", FLUX)
    cat = pa.table({"kind": ["a", "b", "a"]})
    archive = ImageArchive(cat, stack=str(tmp_path / "stack.npy"), where="kind == 'a'")
    np.testing.assert_array_equal(images(archive), FLUX[[0, 2], None])


def test_the_source_of_a_stale_store_is_known(survey):
    archive = ImageArchive(survey, file="g", hdu=1)
    named, *files = [source for source in archive.sources(archive.read()) if source]
    assert named == survey
    assert len(files) == archive.read().num_rows
    assert all(Path(file).is_file() for file in files)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({}, "name the column of their files with data.file="),
        ({"file": "gg"}, "no column 'gg'"),
        ({"file": "{obj}.fits"}, "no column 'obj'; did you mean 'objid'"),
        ({"file": "g", "hdu": 0}, r"HDU 0 holds no image \(there are 0 'PRIMARY': no image, 1 'SCI': 6x8"),
        ({"file": "g", "hdu": "SKY"}, r"obj0_g.fits: there is no HDU 'SKY'"),
        ({"file": "g", "hdu": 1, "context": ["mga"]}, "no column 'mga'; did you mean 'mag'"),
        ({"stack": "cube.npy"}, "no stack 'cube.npy'"),
        ({"stack": np.zeros((2, 5, 5))}, "has 3 rows and the array data.stack 2 images"),
        ({"stack": np.zeros((2, 5, 5)), "file": "mag"}, "row 0: 'mag' is 20; the array data.stack has rows 0 to 1"),
        ({"stack": np.zeros((3, 5))}, r"has shape \(3, 5\)"),
        ({"stack": np.zeros((3, 5, 5)), "test_catalogue": "t.csv"}, "which rows of the stack"),
    ],
)
def test_what_does_not_fit_is_refused_in_a_sentence(survey, options, said):
    with pytest.raises((ValueError, FileNotFoundError), match=said):
        ImageArchive(survey, **options).read()


def test_missing_files_and_odd_shapes_are_refused_by_path(survey, tmp_path):
    archive = ImageArchive(survey, file="g", hdu=1)
    rows = archive.read().to_pylist()
    with pytest.raises(FileNotFoundError, match=r"obj9_g\.fits.*did you mean 'obj"):
        archive.load(rows[0] | {"g": "obj9_g.fits"})
    with pytest.raises(ValueError, match=r"no file in column 'g' of the row objid=obj0"):
        archive.load(rows[0] | {"g": None})
    fits.HDUList([fits.PrimaryHDU(), fits.ImageHDU(FLUX[0, :4])]).writeto(tmp_path / "small.fits")
    with pytest.raises(ValueError, match=r"small\.fits is 1x4x8, the first image 1x6x8 .* data\.size=PIXELS"):
        archive.load(rows[0] | {"g": "small.fits"})
    cropped = ImageArchive(survey, file="g", hdu=1, size=4)
    cropped.read()
    np.testing.assert_array_equal(cropped.load(rows[0] | {"g": "small.fits"})["image"].x[0], FLUX[0, :4, 2:6])


@pytest.mark.skipif("STARBOLT_DATA" not in os.environ, reason="STARBOLT_DATA names no folder of real data")
def test_ztf_alert_stamps_without_a_warning():
    stamps = [f"cutout{kind}.stampData" for kind in ("Science", "Template", "Difference")]
    folder = Path(os.environ["STARBOLT_DATA"]) / "images_ztf_alerts_fixture"
    archive = ImageArchive(str(folder), file=stamps, id="candid", context=["candidate.drb"], size=63)
    loaded = archive.load_rows(archive.read())
    assert loaded["image"].x.shape == (124, 3, 63, 63)
    assert loaded["image"].x.dtype == np.float32
    assert archive.channels["image"] == ("cutoutScience", "cutoutTemplate", "cutoutDifference")
    assert ((loaded["context"].x >= 0) & (loaded["context"].x <= 1)).all()
    assert np.isfinite(loaded["image"].x).mean() > 0.9


@pytest.mark.skipif("STARBOLT_DATA" not in os.environ, reason="STARBOLT_DATA names no folder of real data")
def test_efigi_pictures():
    archive = ImageArchive(str(Path(os.environ["STARBOLT_DATA"]) / "images_efigi" / "labels.csv"), file="file")
    catalogue = archive.read()
    assert archive.load_rows(catalogue.slice(0, 20))["image"].x.shape == (20, 3, 88, 88)
