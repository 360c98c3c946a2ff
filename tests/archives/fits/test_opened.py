"""A header that would keep astropy busy for hours is told in a sentence before astropy sees it."""

import io

import numpy as np
import pytest
from astropy.io import fits
from astropy.table import Table

from starbolt.archives.fits.opened import opened, refuse_absurd
from starbolt.archives.stamps.pixels import read_image


def table() -> bytes:
    out = io.BytesIO()
    fits.HDUList([fits.PrimaryHDU(), fits.BinTableHDU(Table({"a": np.arange(3)}))]).writeto(out)
    return out.getvalue()


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"NAXIS   =                    2", b"NAXIS   =             99999999"),
        (b"TFIELDS =                    1", b"TFIELDS =             99999999"),
        (b"GCOUNT  =                    1", b"GCOUNT  =                   -7"),
        (b"NAXIS2  =                    3", b"NAXIS2  =                   -3"),
    ],
)
def test_absurd_numbers_are_told(old, new, tmp_path):
    harmed = table().replace(old, new)
    assert harmed != table()
    (tmp_path / "harmed.fits").write_bytes(harmed)
    with pytest.raises(ValueError, match=rf"harmed\.fits is damaged: HDU 1 says {old[:8].decode().strip()} ="):
        opened(tmp_path / "harmed.fits").__enter__()


def test_impossible_tiles_are_told():
    """A negative BYTEPIX makes astropy's decompressor crash the whole process."""
    out = io.BytesIO()
    fits.HDUList([fits.PrimaryHDU(), fits.CompImageHDU(np.ones((8, 8), np.float32))]).writeto(out)
    refuse_absurd(out.getvalue(), "sound.fits.fz")
    harmed = out.getvalue().replace(b"ZVAL2   =                    4", b"ZVAL2   =                   -7")
    with pytest.raises(ValueError, match=r"HDU 1 says ZVAL2 = -7"):
        refuse_absurd(harmed, "harmed.fits.fz")


def test_a_file_cut_short_is_no_file_without_that_hdu(tmp_path):
    out = io.BytesIO()
    planes = [fits.ImageHDU(np.ones((40, 40), np.float32), name=name) for name in ("G", "R")]
    fits.HDUList([fits.PrimaryHDU(), *planes]).writeto(out)
    with pytest.raises(ValueError, match=r"short\.fits is cut short in HDU 1"):
        _read(tmp_path, out.getvalue()[:9000])
    with pytest.raises(ValueError, match="there is no HDU 'I'"):
        read_image(out.getvalue(), "I")


def _read(folder, content):
    (folder / "short.fits").write_bytes(content)
    return read_image(str(folder / "short.fits"), "R")


def test_sound_headers_pass():
    refuse_absurd(table(), "sound.fits")
