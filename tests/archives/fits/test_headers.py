"""HDUs are found where astropy finds them, and a header that says nonsense ends the walk."""

from __future__ import annotations

import io

import numpy as np
import pytest
from astropy.io import fits

from starbolt.archives.fits.headers import hdus, integer, text


@pytest.fixture
def data():
    table = fits.BinTableHDU.from_columns([fits.Column("v", "PE()", array=np.array([np.ones(3), np.ones(5)], object))])
    images = [fits.PrimaryHDU(), fits.ImageHDU(np.ones((3, 50, 9)), name="it's"), fits.ImageHDU(np.ones(4, "u1"))]
    for i in range(60):
        images[1].header[f"KEY{i}"] = i  # a header of two blocks
    fits.HDUList([*images, table]).writeto(buffer := io.BytesIO())
    return buffer.getvalue()


def test_every_hdu_is_found_where_astropy_finds_it(data):
    found = list(hdus(data))
    with fits.open(io.BytesIO(data)) as reference:
        infos = [hdu.fileinfo() for hdu in reference]
        assert [hdu.data for hdu in found] == [info["datLoc"] for info in infos]
        assert [hdu.end for hdu in found] == [info["datLoc"] + info["datSpan"] for info in infos]
        assert [text(hdu.cards, b"EXTNAME") or "" for hdu in found[1:]] == [
            hdu.header.get("EXTNAME", "") for hdu in reference[1:]
        ]
    assert integer(found[1].cards, b"KEY59", None) == 59


@pytest.mark.parametrize(
    ("old", "new"), [(b"END     ", b"AND     "), (b"BITPIX  =                  -64", b"BITPIX  = what")]
)
def test_a_header_that_does_not_end_or_says_nonsense_ends_the_walk(data, old, new):
    place = data.index(old, 2880)
    damaged = data[:place] + new.ljust(len(old)) + data[place + len(old) :]
    found = list(hdus(damaged))
    assert len(found) == 2
    assert found[1].size is None
    assert found[1].end > len(data)


def test_files_that_share_a_header_share_its_cards_and_no_others():
    first, second, other = (fits.PrimaryHDU(np.full((2, 2), i, np.float32)) for i in range(3))
    other.header["BUNIT"] = "Jy"
    cards = [next(hdus(written(hdu))).cards for hdu in (first, second, other)]
    assert cards[0] is cards[1]
    assert cards[0] != cards[2]


def written(hdu):
    file = io.BytesIO()
    hdu.writeto(file)
    return file.getvalue()
