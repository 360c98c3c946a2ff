"""Every image format comes back bit for bit, and what cannot be read is refused in one sentence."""

from __future__ import annotations

import gzip
import io

import numpy as np
import pytest
from astropy.io import fits
from PIL import Image

from starbolt.archives.stamps.pixels import channels_first, read_image, read_picture

FLOATS = np.random.default_rng(0).normal(size=(5, 7)).astype(np.float32)
BYTES = np.random.default_rng(1).integers(0, 255, (5, 7, 3), np.uint8)


def write_fits(path, *arrays, **cards):
    hdus = [fits.PrimaryHDU(arrays[0]), *(fits.ImageHDU(a, name=f"B{i}") for i, a in enumerate(arrays[1:]))]
    hdus[0].header.update(cards)
    fits.HDUList(hdus).writeto(path)
    return str(path)


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.uint16, np.int32, np.float32, np.float64])
def test_fits_keeps_every_pixel_and_dtype_in_native_byte_order(tmp_path, dtype):
    array = (FLOATS * 20 + 90).astype(dtype)
    read = read_image(write_fits(tmp_path / "a.fits", array))
    assert read.dtype == np.dtype(dtype)
    assert read.dtype.isnative
    np.testing.assert_array_equal(read[0], array)


def test_gzip_and_bytes_read_like_the_plain_file(tmp_path):
    path = write_fits(tmp_path / "a.fits", FLOATS)
    packed = gzip.compress((tmp_path / "a.fits").read_bytes())
    (tmp_path / "a.fits.gz").write_bytes(packed)
    for source in (str(tmp_path / "a.fits.gz"), packed, (tmp_path / "a.fits").read_bytes()):
        np.testing.assert_array_equal(read_image(source), read_image(path))


def test_tile_compressed_fits(tmp_path):
    counts = np.arange(35, dtype=np.int16).reshape(5, 7)
    fits.HDUList([fits.PrimaryHDU(), fits.CompImageHDU(counts)]).writeto(tmp_path / "a.fits.fz")
    picture = read_picture(str(tmp_path / "a.fits.fz"), None)
    np.testing.assert_array_equal(picture.pixels[0], counts)
    assert picture.channels == ("image",)


def test_scaled_integers_are_physical_and_blank_is_nan(tmp_path):
    hdu = fits.PrimaryHDU(np.array([[0.5, 1.5], [2.5, 3.5]]))
    hdu.scale("int16", bscale=0.5, bzero=0.5)
    hdu.header["BLANK"] = 2  # the stored 2 is the value 1.5
    hdu.writeto(tmp_path / "a.fits")
    np.testing.assert_array_equal(read_image(str(tmp_path / "a.fits"))[0], [[0.5, np.nan], [2.5, 3.5]])


@pytest.mark.parametrize(("dtype", "blank"), [(np.int16, 3), (np.uint16, 3 - 32768)])
def test_blank_makes_integers_float_with_nan(tmp_path, dtype, blank):
    path = write_fits(tmp_path / "a.fits", np.arange(6, dtype=dtype).reshape(2, 3), BLANK=blank)
    read = read_image(path)[0]
    np.testing.assert_array_equal(read, [[0, 1, 2], [np.nan, 4, 5]])
    assert read.dtype == np.float32


def test_several_hdus_become_named_channels(tmp_path):
    path = write_fits(tmp_path / "a.fits", FLOATS, FLOATS + 1, FLOATS + 2)
    picture = read_picture(path, ["B1", 0, 1])
    np.testing.assert_array_equal(picture.pixels, [FLOATS + 2, FLOATS, FLOATS + 1])
    assert picture.channels == ("B1", "hdu0", "B0")


def test_a_cube_and_a_radio_map_are_channels_height_width(tmp_path):
    cube = np.stack([FLOATS, FLOATS + 1])
    assert read_picture(write_fits(tmp_path / "c.fits", cube)).channels == ("image_0", "image_1")
    np.testing.assert_array_equal(read_image(write_fits(tmp_path / "r.fits", FLOATS[None, None])), FLOATS[None])


def test_bunit_is_kept_where_astropy_knows_it(tmp_path):
    assert read_picture(write_fits(tmp_path / "a.fits", FLOATS, BUNIT="Jy/beam")).units == ("Jy / beam",)
    assert read_picture(write_fits(tmp_path / "b.fits", FLOATS, BUNIT="what ever")).units == ("",)


def test_pictures_and_arrays_keep_their_bytes(tmp_path):
    Image.fromarray(BYTES).save(tmp_path / "rgb.png")
    Image.fromarray(BYTES[..., 0]).save(tmp_path / "grey.png")
    Image.fromarray(BYTES[..., 0].astype(np.uint16) * 200).save(tmp_path / "deep.png")
    np.save(tmp_path / "a.npy", BYTES)
    np.save(tmp_path / "big.npy", FLOATS.astype(">f4"))
    rgb = read_picture(str(tmp_path / "rgb.png"))
    np.testing.assert_array_equal(rgb.pixels, BYTES.transpose(2, 0, 1))
    assert rgb.pixels.dtype == np.uint8
    assert rgb.channels == ("R", "G", "B")
    assert read_picture(str(tmp_path / "grey.png")).channels == ("L",)
    np.testing.assert_array_equal(read_image(str(tmp_path / "grey.png"))[0], BYTES[..., 0])
    np.testing.assert_array_equal(read_image(str(tmp_path / "deep.png"))[0], BYTES[..., 0].astype(np.uint16) * 200)
    np.testing.assert_array_equal(read_image(str(tmp_path / "a.npy")), BYTES.transpose(2, 0, 1))
    assert read_image(str(tmp_path / "big.npy")).dtype.isnative


def test_jpeg_is_read_by_content_not_by_ending(tmp_path):
    Image.fromarray(BYTES).save(tmp_path / "stamp.dat", format="JPEG")
    assert read_image(str(tmp_path / "stamp.dat")).shape == (3, 5, 7)


def test_a_last_axis_of_four_or_less_is_channels_unless_the_first_could_be():
    assert channels_first(np.zeros((9, 8, 8, 3))).shape == (9, 3, 8, 8)
    assert channels_first(np.zeros((3, 8, 8))).shape == (3, 8, 8)
    assert channels_first(np.zeros((3, 8, 4))).shape == (3, 8, 4)


def test_a_card_off_the_standard_is_no_warning(tmp_path):
    path = write_fits(tmp_path / "a.fits", FLOATS)
    raw = (tmp_path / "a.fits").read_bytes()
    bad = b"SIMPLE  = T" + b" " * 69
    (tmp_path / "b.fits").write_bytes(bad + raw[80:])
    np.testing.assert_array_equal(read_image(str(tmp_path / "b.fits")), read_image(path))


@pytest.mark.parametrize("kept", [0, 100, 2000, 2980])
def test_truncated_fits_is_refused_by_name(tmp_path, kept):
    write_fits(tmp_path / "a.fits", FLOATS)
    (tmp_path / "a.fits").write_bytes((tmp_path / "a.fits").read_bytes()[:kept])
    with pytest.raises(ValueError, match=r"a\.fits is truncated or damaged"):
        read_image(str(tmp_path / "a.fits"))


@pytest.mark.parametrize("ending", ["a.fits.gz", "a.png", "a.npy", "a.fz"])
def test_other_truncated_files_are_refused_by_name(tmp_path, ending):
    noise = np.random.default_rng(0).integers(0, 255, (64, 64)).astype(np.int16)
    buffer = io.BytesIO()
    if ending == "a.png":
        Image.fromarray(noise.astype(np.uint8)).save(buffer, format="PNG")
    elif ending == "a.npy":
        np.save(buffer, noise)
    else:
        hdu = fits.CompImageHDU(noise) if ending == "a.fz" else fits.ImageHDU(noise)
        fits.HDUList([fits.PrimaryHDU(), hdu]).writeto(buffer)
    whole = gzip.compress(buffer.getvalue()) if ending == "a.fits.gz" else buffer.getvalue()
    (tmp_path / ending).write_bytes(whole[: len(whole) // 2 + 800])
    with pytest.raises(ValueError, match=f"{ending} is truncated or damaged"):
        read_image(str(tmp_path / ending), None)


@pytest.mark.parametrize(
    ("hdu", "said"),
    [(4, r"no HDU 4 \(there are 0 'PRIMARY': 5x7"), ("SCI", "no HDU 'SCI'"), (1, "HDU 1 holds no image")],
)
def test_a_wrong_hdu_lists_those_there(tmp_path, hdu, said):
    table = fits.BinTableHDU.from_columns([fits.Column("a", "E", array=[1.0])])
    fits.HDUList([fits.PrimaryHDU(FLOATS), table]).writeto(tmp_path / "a.fits")
    with pytest.raises(ValueError, match=said):
        read_image(str(tmp_path / "a.fits"), hdu)


def test_hdus_of_different_shape_and_files_without_any_image_are_refused(tmp_path):
    with pytest.raises(ValueError, match=r"different shapes"):
        read_image(write_fits(tmp_path / "a.fits", FLOATS, FLOATS[1:]), [0, 1])
    fits.PrimaryHDU().writeto(tmp_path / "b.fits")
    with pytest.raises(ValueError, match=r"no HDU holds an image"):
        read_image(str(tmp_path / "b.fits"), None)
