"""The words of data=images reach the packed store: planes, mosaics, scales and the layouts surveys publish."""

from __future__ import annotations

import h5py
import numpy as np
import pyarrow as pa
import pytest
from astropy.io import fits

from starbolt.data import ImageDataModule

RNG = np.random.default_rng(0)
SKY = {"CTYPE1": "RA---TAN", "CTYPE2": "DEC--TAN", "CRVAL1": 10.0, "CRVAL2": 5.0, "CRPIX1": 20, "CRPIX2": 20}
CDELT = {"CDELT1": -1e-4, "CDELT2": 1e-4}


def opened(tmp_path, catalogue, target="class", **words):
    data = ImageDataModule(catalogue, target="kind", cache=str(tmp_path / "cache"), **words)
    data.open(target)
    return data


def test_galaxy10_is_one_file(tmp_path):
    images, answers = RNG.integers(0, 255, (60, 69, 69, 3), np.uint8), np.arange(60) % 3
    path = str(tmp_path / "Galaxy10.h5")
    with h5py.File(path, "w") as file:
        file["images"], file["ans"] = images, answers.astype("u1")
    data = ImageDataModule(path, stack=f"{path}:images", target="ans", cache=str(tmp_path / "cache"))
    spec = data.open("class")
    stored = data.sources["image"].modality.data.x
    np.testing.assert_array_equal(stored, images.transpose(0, 3, 1, 2))
    assert stored.dtype == np.uint8
    assert spec.target.classes == ("0", "1", "2")
    np.testing.assert_array_equal(data.y, answers)


@pytest.fixture
def survey(tmp_path):
    """Forty cut-outs with mask and variance, and their catalogue."""
    for i in range(40):
        hdus = [fits.PrimaryHDU(RNG.normal(size=(8, 8)).astype("f4")), fits.ImageHDU(np.zeros((8, 8), "i2"), name="DQ")]
        hdus[0].header.update(SKY | CDELT | {"MAGZP": 25 + i % 2})
        hdus[1].data[2, 3] = 4
        hdus.append(fits.ImageHDU(np.full((8, 8), 9, "f4"), name="VAR"))
        fits.HDUList(hdus).writeto(tmp_path / f"{i}.fits")
    lines = [f"{i}.fits,{'ab'[i % 2]},{10 + i * 1e-6},5" for i in range(40)]
    (tmp_path / "cat.csv").write_text("\n".join(["file,kind,ra,dec", *lines]))
    return str(tmp_path / "cat.csv")


def test_masks_errors_scale_and_zero_point_reach_the_store(tmp_path, survey):
    words = {"mask_hdu": "DQ", "variance_hdu": "VAR", "zero_point": "MAGZP"}
    image = opened(tmp_path, survey, file="file", **words).sources["image"].modality
    x, err = image.data.x, image.data.err
    assert np.isnan(x).sum() == np.isnan(x[:, 0, 2, 3]).sum() == 40
    np.testing.assert_allclose(np.nanmax(err, axis=(1, 2, 3)), 3 * 10 ** (-0.4 * (np.arange(40) % 2)), rtol=1e-6)
    first = fits.getdata(tmp_path / "0.fits")
    np.testing.assert_array_equal(x[0, 0][~np.isnan(x[0, 0])], first[~np.isnan(x[0, 0])])
    assert image.pixel_scale == pytest.approx(0.36)
    assert image.zero_point == 25


def test_the_second_start_does_not_read_the_catalogue(tmp_path, survey):
    data = ImageDataModule(survey, file="file", target="kind", cache=str(tmp_path / "cache"))
    assert data.archive.files() == [survey]
    assert ImageDataModule(pa.table({"file": ["a"]}), file="file").archive.files() is None


def test_cut_outs_from_a_mosaic_by_the_positions_of_the_catalogue(tmp_path, survey):
    mosaic = fits.PrimaryHDU(RNG.normal(size=(40, 40)).astype("f4"))
    mosaic.header.update(SKY | CDELT)
    mosaic.writeto(tmp_path / "mosaic.fits")
    words = {"mosaic": str(tmp_path / "mosaic.fits"), "ra": "ra", "dec": "dec", "size": "1.8 arcsec", "id": "file"}
    image = opened(tmp_path, survey, **words).sources["image"].modality
    assert image.shape == (1, 5, 5)
    np.testing.assert_array_equal(image.data.x[0, 0], mosaic.data[17:22, 17:22])
    assert image.pixel_scale == pytest.approx(0.36)
