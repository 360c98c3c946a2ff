"""Pixel scale and zero point come from the header where it tells them, and never by guessing."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from astropy.io import fits

from starbolt.archives.images import ImageArchive

FLUX = np.random.default_rng(0).normal(size=(6, 7)).astype("f4")


def archive(tmp_path, cards, data=FLUX, **words):
    hdu = fits.PrimaryHDU(data)
    hdu.header.update(cards)
    hdu.writeto(tmp_path / "a.fits", overwrite=True)
    made = ImageArchive(pa.table({"file": ["a.fits"]}), file="file", root=str(tmp_path), **words)
    return made, made.load_rows(made.read())["image"]


SKY = {"CTYPE1": "RA---TAN", "CTYPE2": "DEC--TAN", "CRVAL1": 10.0, "CRVAL2": 5.0}
CDELT = {"CDELT1": -1e-4, "CDELT2": 1e-4}
CD = {"CD1_1": 0.0, "CD1_2": 1e-4, "CD2_1": 1e-4, "CD2_2": 0.0}


@pytest.mark.parametrize(
    ("cards", "scale"),
    [
        (SKY | CDELT, 0.36),
        (SKY | CD, 0.36),
        (SKY | CD | {"PIXSCALE": 9.0}, 0.36),
        ({}, None),
        ({"CDELT1": 2.0, "CDELT2": 3.0}, None),
        ({"PIXSCALE": 1.01}, 1.01),
        ({"PIXSCALE": "n/a", "PIXSCAL1": 0.27}, 0.27),
        ({"SECPIX": 0}, None),
    ],
)
def test_the_pixel_scale_is_read_from_the_header(tmp_path, cards, scale):
    assert archive(tmp_path, cards)[0].pixel_scale == scale
    assert archive(tmp_path, cards, pixel_scale=0.2)[0].pixel_scale == 0.2


def test_a_size_on_the_sky_needs_a_scale(tmp_path):
    assert archive(tmp_path, SKY | CDELT, size="1.44 arcsec")[1].x.shape == (1, 1, 4, 4)
    assert archive(tmp_path, {}, size="1 arcsec", pixel_scale=0.25)[1].x.shape == (1, 1, 4, 4)
    with pytest.raises(ValueError, match=r"add data\.pixel_scale=ARCSEC"):
        archive(tmp_path, {}, size="1 arcsec")


def test_a_zero_point_is_declared_or_taken_out_image_by_image(tmp_path):
    told, image = archive(tmp_path, {}, zero_point=22.5)
    assert told.zero_point == 22.5
    np.testing.assert_array_equal(image.x[0, 0], FLUX)
    scaled, image = archive(tmp_path, {"MAGZP": 27.5, "BUNIT": "adu"}, zero_point="MAGZP")
    np.testing.assert_allclose(image.x[0, 0], FLUX * 0.1, rtol=1e-6)
    assert scaled.zero_point == 25
    assert scaled.units == ("",)
    counts = archive(tmp_path, {"MAGZP": 25}, (FLUX * 9).astype("i2"), zero_point="MAGZP")[1].x
    np.testing.assert_array_equal(counts[0, 0], (FLUX * 9).astype("i2"))
    with pytest.raises(ValueError, match=r"a\.fits has no number under the keyword 'ZP' in its header"):
        archive(tmp_path, {"MAGZP": 27.5}, zero_point="ZP")


def test_the_flux_of_magnitude_nought_is_a_zero_point_too(tmp_path):
    """LSST and HSC write FLUXMAG0, a flux of 10^(0.4 zero point)."""
    image = archive(tmp_path, {"FLUXMAG0": 10 ** (0.4 * 27.0)}, zero_point="FLUXMAG0")[1]
    np.testing.assert_allclose(image.x[0, 0], FLUX * 10 ** (0.4 * (25 - 27.0)), rtol=1e-5)


def test_a_flux_is_no_magnitude(tmp_path):
    with pytest.raises(ValueError, match=r"MAGZP = 6\.3e\+10, which is no magnitude; is it a flux"):
        archive(tmp_path, {"MAGZP": 6.3e10}, zero_point="MAGZP")
