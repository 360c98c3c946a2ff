"""The fast reader gives what astropy gives, pixel for pixel and dtype for dtype, or leaves the file to astropy."""

from __future__ import annotations

import io
from contextlib import suppress

import numpy as np
import pytest
from astropy.io import fits
from hypothesis import given, settings
from hypothesis import strategies as st

from starbolt.archives.fits.plain import plain_planes
from starbolt.archives.stamps import pixels
from starbolt.archives.stamps.pixels import read_picture, read_pictures

RNG = np.random.default_rng(0)
DTYPES = ["u1", "i1", "i2", "u2", "i4", "u4", "i8", "u8", "f4", "f8"]
SHAPES = [(5, 7), (3, 5, 7), (1, 1, 5, 7), (1, 3, 4, 4), (1, 1)]


def written(*hdus, **options):
    buffer = io.BytesIO()
    fits.HDUList(list(hdus)).writeto(buffer, output_verify="ignore", **options)
    return buffer.getvalue()


def by_astropy(data, hdu=None, **words):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pixels, "plain_planes", lambda *args: None)
        return read_pictures(data, [hdu], **words)[0]


def assert_alike(one, other):
    assert one.pixels.dtype == other.pixels.dtype
    assert one.pixels.flags.writeable
    np.testing.assert_array_equal(one.pixels, other.pixels)
    assert (one.channels, one.units, one.card) == (other.channels, other.units, other.card)


@st.composite
def files(draw):
    """FITS files of one to three HDUs of any kind, and an HDU, or several, of them."""
    count = draw(st.integers(1, 3))
    hdus = []
    for i in range(count):
        dtype, shape = np.dtype(draw(st.sampled_from(DTYPES))), draw(st.sampled_from(SHAPES))
        data = RNG.normal(scale=50, size=shape).astype("f8") if dtype.kind == "f" else None
        data = RNG.integers(0, 120, shape) if data is None else data
        hdu = (fits.ImageHDU if i else fits.PrimaryHDU)(data.astype(dtype) if draw(st.booleans()) or i else None)
        name = draw(st.sampled_from(["", "SCI", "it's", "A" * 75]))
        with suppress(ValueError):
            hdu.header.update({"EXTNAME": name} if name else {})
        for key, values in (("BUNIT", ["Jy/beam", "what"]), ("MAGZP", [25, 24.5, "none"]), ("NOTE", ["x" * 90])):
            if draw(st.booleans()):
                hdu.header[key] = draw(st.sampled_from(values))
        if dtype.kind in "iu" and dtype.itemsize > 1 and hdu.data is not None and draw(st.booleans()):
            hdu.header["BLANK"] = draw(st.sampled_from([0, 7, -32761]))
        hdus.append(hdu)
    hdu = draw(st.sampled_from([None, 0, count - 1, -1, "SCI", "primary", "it's"]))
    return written(*hdus, checksum=draw(st.booleans())), hdu


@pytest.mark.filterwarnings("ignore")
@settings(max_examples=150, deadline=None)
@given(files())
def test_any_file_reads_as_by_astropy(drawn):
    data, hdu = drawn
    try:
        reference = by_astropy(data, hdu, name="a", card="MAGZP")
    except ValueError:
        with pytest.raises(ValueError, match=r"^a[ :]"):
            read_pictures(data, [hdu], "a", "MAGZP")
        return
    assert_alike(read_pictures(data, [hdu], "a", "MAGZP")[0], reference)


@pytest.mark.parametrize("dtype", [d for d in DTYPES if d != "i1"])
@pytest.mark.parametrize("shape", SHAPES)
def test_plain_images_are_not_left_to_astropy(dtype, shape):
    array = RNG.normal(scale=50, size=shape).astype(dtype)
    planes = plain_planes(written(fits.PrimaryHDU(array)), None, "a")
    np.testing.assert_array_equal(planes[0].pixels.reshape(shape), array)
    assert planes[0].pixels.dtype == array.dtype
    np.testing.assert_array_equal(fits.getdata(io.BytesIO(written(fits.PrimaryHDU(array)))), array)


def test_extremes_of_every_integer_survive():
    for kind in ("i2", "u2", "i4", "u4", "i8", "u8"):
        about = np.iinfo(kind)
        array = np.array([[about.min, 0, 1, about.max]], kind)
        np.testing.assert_array_equal(read_picture(written(fits.PrimaryHDU(array))).pixels[0], array)


def test_scaled_or_compressed_images_are_left_to_astropy():
    scaled = fits.PrimaryHDU(np.arange(6.0).reshape(2, 3))
    scaled.scale("int16", bscale=0.5, bzero=1)
    for hdus in ([scaled], [fits.PrimaryHDU(), fits.CompImageHDU(np.ones((9, 9), "i2"))]):
        data = written(*hdus)
        assert plain_planes(data, None, "a") is None
        assert_alike(read_picture(data), by_astropy(data))


def test_a_keyword_is_looked_up_in_the_hdu_then_in_the_first():
    first, second = fits.PrimaryHDU(), fits.ImageHDU(np.zeros((2, 2), "f4"))
    first.header["MAGZP"] = 27.5
    assert read_pictures(written(first, second), [1], "a", "MAGZP")[0].card == (27.5,)
    second.header["MAGZP"] = 24
    assert read_pictures(written(first, second), [1], "a", "MAGZP")[0].card == (24,)
    assert read_pictures(written(first, second), [1], "a", "OTHER")[0].card == (None,)


@pytest.mark.parametrize(("key", "value"), [("NAXIS1", 10**15), ("NAXIS2", 10**17), ("NAXIS", 900), ("BITPIX", -33)])
@pytest.mark.parametrize("compressed", [False, True])
@pytest.mark.filterwarnings("ignore")
def test_absurd_sizes_are_a_sentence(key, value, compressed):
    array = np.arange(400, dtype="i2").reshape(20, 20)
    data = written(*([fits.PrimaryHDU(), fits.CompImageHDU(array)] if compressed else [fits.PrimaryHDU(array)]))
    name = ("Z" if compressed else "") + key
    place = data.index(f"{name:8}=".encode())
    damaged = data[:place] + f"{name:8}= {value:20}".encode().ljust(80) + data[place + 80 :]
    with pytest.raises(ValueError, match=r"^a[ :]"):
        read_picture(damaged, None, "a")


def test_a_checksum_that_fails_is_told_as_damage():
    for hdus in ([fits.PrimaryHDU(np.ones((9, 9)))], [fits.PrimaryHDU(), fits.CompImageHDU(np.ones((9, 9), "i2"))]):
        data = bytearray(written(*hdus, checksum=True))
        read_picture(bytes(data))
        place = len(data) - 10 if len(hdus) == 1 else data.rindex(b"ZIMAGE") + 60
        data[place] ^= 1
        with pytest.raises(ValueError, match=r"^a, HDU \d.*damaged; fetch it again"):
            read_picture(bytes(data), None, "a")
