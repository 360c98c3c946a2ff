"""What a mask, an error plane, a blank value or a padded edge rules out is NaN, and nothing else is."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from astropy.io import fits

from starbolt.archives.images import ImageArchive
from starbolt.archives.stamps.quality import Quality, padded, sigma

RNG = np.random.default_rng(0)
FLUX = RNG.normal(size=(2, 6, 7)).astype("f4")
MASK = RNG.integers(0, 8, (2, 6, 7)).astype("i4")
VARIANCE = RNG.uniform(1, 9, (2, 6, 7)).astype("f4")
VARIANCE[0, 1, 1:5] = [0, -1, np.inf, np.nan]


@pytest.fixture
def one_file(tmp_path):
    """A file with all bands: SCI_g, SCI_r, MASK_g ... and IVAR of both in a cube."""
    planes = {"SCI": FLUX, "MASK": MASK, "VAR": VARIANCE, "ERR": np.sqrt(np.abs(VARIANCE))}
    hdus = [fits.ImageHDU(plane[i], name=f"{key}_{'gr'[i]}") for key, plane in planes.items() for i in (0, 1)]
    with np.errstate(divide="ignore"):
        hdus.append(fits.ImageHDU(1 / VARIANCE, name="IVAR"))
    fits.HDUList([fits.PrimaryHDU(), *hdus]).writeto(tmp_path / "all.fits", checksum=True)
    return {"catalogue": pa.table({"file": ["all.fits"]}), "file": "file", "root": str(tmp_path)}


SCI, VAR = ["SCI_g", "SCI_r"], ["VAR_g", "VAR_r"]
KNOWN = np.isfinite(VARIANCE) & (VARIANCE > 0)


def image(words, **more):
    archive = ImageArchive(**words, **more)
    return archive.load_rows(archive.read())["image"]


def test_a_mask_rules_out_pixels_per_channel_or_for_all(one_file):
    each = image(one_file, hdu=SCI, mask_hdu=["MASK_g", "MASK_r"])
    np.testing.assert_array_equal(each.x[0], np.where(MASK == 0, FLUX, np.nan))
    every = image(one_file, hdu=SCI, mask_hdu="MASK_g")
    np.testing.assert_array_equal(every.x[0], np.where(MASK[0] == 0, FLUX, np.nan))
    assert every.err is None
    bits = image(one_file, hdu=SCI, mask_hdu=["MASK_g", "MASK_r"], mask_bits=[0, 2])
    np.testing.assert_array_equal(bits.x[0], np.where(MASK & 5, np.nan, FLUX))


@pytest.mark.parametrize("words", [{"variance_hdu": VAR}, {"weight_hdu": "IVAR"}])
def test_errors_are_one_sigma_and_pixels_without_are_unmeasured(one_file, words):
    read = image(one_file, hdu=SCI, **words)
    np.testing.assert_allclose(read.err[0][KNOWN], np.sqrt(VARIANCE[KNOWN]), rtol=1e-6)
    assert read.err.dtype == np.float32
    np.testing.assert_array_equal(np.isnan(read.err[0]), ~KNOWN)
    np.testing.assert_array_equal(read.x[0], np.where(KNOWN, FLUX, np.nan))


def test_errors_as_they_are_and_cropped_with_the_image(one_file):
    whole = image(one_file, hdu=SCI, error_hdu=["ERR_g", "ERR_r"], mask_hdu="MASK_g")
    np.testing.assert_array_equal(np.isnan(whole.x), np.isnan(whole.err))
    small = image(one_file, hdu=SCI, error_hdu=["ERR_g", "ERR_r"], mask_hdu="MASK_g", size=4)
    np.testing.assert_array_equal(small.err, whole.err[:, :, 1:5, 1:5])
    np.testing.assert_array_equal(small.x, whole.x[:, :, 1:5, 1:5])
    large = image(one_file, hdu=SCI, error_hdu=["ERR_g", "ERR_r"], size=9)
    assert np.isnan(large.err[..., 0, :]).all()


def test_a_file_per_band_has_its_planes_beside_the_image(tmp_path):
    for i, band in enumerate("gr"):
        hdus = [fits.PrimaryHDU(FLUX[i]), fits.ImageHDU(MASK[i]), fits.ImageHDU(VARIANCE[i])]
        fits.HDUList(hdus).writeto(tmp_path / f"o1_{band}.fits")
    words = {"file": ["{id}_g.fits", "{id}_r.fits"], "root": str(tmp_path), "mask_hdu": 1, "variance_hdu": 2}
    read = image({"catalogue": pa.table({"id": ["o1"]})}, hdu=0, **words)
    good = KNOWN & (MASK == 0)
    np.testing.assert_array_equal(read.x[0], np.where(good, FLUX, np.nan))
    np.testing.assert_allclose(read.err[0][good], np.sqrt(VARIANCE[good]), rtol=1e-6)


def test_blank_values_and_padded_edges_of_integers(tmp_path):
    counts = RNG.integers(1, 200, (8, 9)).astype("u1")
    counts[3, 3], counts[4, 4] = 0, 255
    counts[:2], counts[:, 7:] = 0, 0
    fits.PrimaryHDU(counts).writeto(tmp_path / "a.fits")
    words = {"catalogue": pa.table({"file": ["a.fits"]}), "file": "file", "root": str(tmp_path)}
    expected = counts.astype("f4")
    expected[4, 4] = np.nan
    expected[:2], expected[:, 7:] = np.nan, np.nan
    read = image(words, blank=[255], padding=0).x
    np.testing.assert_array_equal(read[0, 0], expected)  # the 0 inside is a measurement
    assert read.dtype == np.float16
    stack = image({"catalogue": pa.table({"k": [0]}), "stack": counts[None]}, blank=[255], padding=0).x
    np.testing.assert_array_equal(stack, read)


def test_padding_is_found_per_channel_even_if_it_is_all():
    images = np.zeros((2, 4, 4))
    images[0, 1, 2] = 1
    assert (~padded(images, 0)).sum(axis=(1, 2)).tolist() == [1, 0]
    np.testing.assert_array_equal(padded(np.full((3, 3), np.nan), np.nan), np.ones((3, 3), bool))


def test_sigma_never_overflows():
    np.testing.assert_array_equal(
        sigma(np.array([4.0, 1e-90, 1e300, 0]), -0.5), np.array([0.5, np.nan, 1e-150, np.nan], "f4")
    )


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ({"variance_hdu": 1, "weight_hdu": 2}, "choose one of data.variance_hdu and data.weight_hdu"),
        ({"mask_bits": [1]}, r"data.mask_bits=\[1\] needs data.mask_hdu="),
        ({"mask_hdu": 1, "mask_bits": [-1]}, "numbers of bits"),
    ],
)
def test_words_that_do_not_fit_are_refused(words, said):
    with pytest.raises(ValueError, match=said):
        Quality(**words)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ({"mask_hdu": "ODD"}, r"a\.fits: HDU 'ODD' is 1x5x7, the image 1x6x7"),
        ({"mask_hdu": "FLOAT", "mask_bits": [1]}, r"a\.fits: data.mask_bits needs a mask of integers"),
        ({"error_hdu": "NONE"}, r"a\.fits: there is no HDU 'NONE'"),
    ],
)
def test_planes_that_do_not_fit_are_refused_by_file(tmp_path, words, said):
    hdus = [fits.PrimaryHDU(FLUX[0]), fits.ImageHDU(MASK[0, 1:], name="ODD"), fits.ImageHDU(FLUX[1], name="FLOAT")]
    fits.HDUList(hdus).writeto(tmp_path / "a.fits")
    with pytest.raises(ValueError, match=said):
        image({"catalogue": pa.table({"file": ["a.fits"]}), "file": "file", "root": str(tmp_path)}, **words)


def test_a_stack_has_no_planes():
    with pytest.raises(ValueError, match="a stack has no HDUs"):
        ImageArchive(pa.table({"k": [0]}), stack=FLUX, mask_hdu=1)
