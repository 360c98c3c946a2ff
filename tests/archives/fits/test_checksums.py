"""A flipped byte is found wherever a checksum covers it, and no sound file is accused."""

from __future__ import annotations

import gzip
import io

import numpy as np
import pytest
from astropy.io import fits

from starbolt.archives.fits.checksums import ones_sum, verify
from starbolt.archives.reading.files import read_table

RNG = np.random.default_rng(0)
FLUX = RNG.normal(size=(2, 9, 11)).astype(np.float32)
COUNTS = RNG.integers(0, 900, (40, 30)).astype(np.int16)
TABLE = fits.BinTableHDU.from_columns(
    [
        fits.Column("a", "J", array=[1, 2]),
        fits.Column("v", "PE()", array=np.array([FLUX[0, 0], FLUX[0, 1, :3]], object)),
    ]
)
KINDS = {
    "image": [fits.PrimaryHDU(FLUX)],
    "unsigned": [fits.PrimaryHDU(), fits.ImageHDU(COUNTS.astype(np.uint16), name="SCI")],
    "table": [fits.PrimaryHDU(), TABLE],
    "text table": [fits.PrimaryHDU(), fits.TableHDU.from_columns([fits.Column("s", "A3", array=["x", "yz"])])],
    "rice": [fits.PrimaryHDU(), fits.CompImageHDU(COUNTS, compression_type="RICE_1")],
    "gzip_2": [fits.PrimaryHDU(), fits.CompImageHDU(FLUX[0], compression_type="GZIP_2", quantize_level=0)],
}


def written(hdus, checksum=True):
    buffer = io.BytesIO()
    fits.HDUList([hdu.copy() for hdu in hdus]).writeto(buffer, checksum=checksum)
    return buffer.getvalue()


def refused(data):
    try:
        verify(data, "a.fits")
    except ValueError:
        return True
    return False


@pytest.mark.parametrize("kind", KINDS)
def test_sound_files_pass_and_every_flipped_bit_is_found(kind):
    data = written(KINDS[kind])
    verify(data, "a.fits")
    missed = []
    for place in RNG.integers(0, len(data), 150):
        damaged = bytearray(data)
        damaged[place] ^= 1 << int(RNG.integers(8))
        if not refused(bytes(damaged)):
            missed.append(data[place // 80 * 80 :][:8])
    assert set(missed) <= {b"CHECKSUM"}  # its own name, and nothing else, is not covered


def test_the_sentence_names_file_and_hdu():
    data = bytearray(written(KINDS["unsigned"]))
    data[-2000] ^= 1
    with pytest.raises(
        ValueError, match=r"^b\.fits, HDU 1 \(SCI\): its data sum to \d+, DATASUM says '\d+'; it is dam"
    ):
        verify(bytes(data), "b.fits")
    verify(bytes(data), "b.fits", only=[0])


def test_without_keywords_anything_passes():
    data = bytearray(written(KINDS["image"], checksum=False))
    data[-100] ^= 255
    verify(bytes(data), "a.fits")
    verify(b"no FITS at all", "a.txt")


@pytest.mark.parametrize(
    "cards",
    [{"CHECKSUM": "", "DATASUM": ""}, {"CHECKSUM": "0" * 16, "DATASUM": "0"}, {"DATASUM": ""}, {"CHECKSUM": ""}],
)
def test_undefined_values_of_the_standard_are_no_alarm(cards):
    hdu = fits.PrimaryHDU(FLUX)
    hdu.header.update(cards)
    verify(written([hdu], checksum=False), "a.fits")


def test_the_sums_of_the_image_before_compression_are_left_alone():
    with fits.open(io.BytesIO(written(KINDS["rice"])), disable_image_compression=True) as hdus:
        hdus[1].header["ZHECKSUM"], hdus[1].header["ZDATASUM"] = "abcdefghijklmnop", "12345"
        hdus.writeto(buffer := io.BytesIO(), checksum=True)
    verify(buffer.getvalue(), "a.fits.fz")


def test_files_are_checked_plain_and_gzipped(tmp_path):
    data = bytearray(written(KINDS["table"]))
    for name, packed in (("a.fits", bytes), ("a.fits.gz", gzip.compress)):
        (tmp_path / name).write_bytes(packed(bytes(data)))
        assert read_table(tmp_path / name).num_rows
    data[-2870] ^= 4
    for name, packed in (("a.fits", bytes), ("a.fits.gz", gzip.compress)):
        (tmp_path / name).write_bytes(packed(bytes(data)))
        with pytest.raises(ValueError, match=rf"{name}, HDU 1: "):
            read_table(tmp_path / name)


def test_a_file_cut_short_is_told_where_a_checksum_was_promised():
    data = written(KINDS["image"])
    with pytest.raises(ValueError, match="cut short"):
        verify(data[:2900], "a.fits")
    with pytest.raises(ValueError, match="cut short"):
        verify(data[:1500], "a.fits")


def test_the_sum_carries_around():
    words = np.array([0xFFFFFFFF, 1, 5], ">u4").tobytes()
    assert ones_sum(words, 0, 12) == 6
    assert ones_sum(words, 0, 4) == 0xFFFFFFFF
    assert ones_sum(bytes(8), 0, 8) == 0
