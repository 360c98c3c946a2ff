"""FITS files are as they were written: CHECKSUM and DATASUM are honoured wherever a header has them.

Both are sums of big-endian 32-bit words in ones' complement (FITS standard 4.0, section 4.4.2.7 and appendix J). A
compressed image's ZHECKSUM and ZDATASUM speak of the image before compression and are left alone.
"""

from __future__ import annotations

from collections.abc import Container

import numpy as np

from starbolt.archives.fits.headers import Bytes, Hdu, hdus, text

CHUNK = 1 << 24  # bytes summed at a time
ONES = 0xFFFFFFFF
UNSET = "0" * 16  # CHECKSUM before it is computed


class DamageError(ValueError):
    """A file is not as it was written."""


def verify(data: Bytes, name: str, only: Container[int] | None = None) -> None:
    """Check the HDUs (of these numbers only, if given) of a FITS file's uncompressed bytes, called `name` in errors.

    ValueError where a sum is not what its header says. HDUs without the keywords cost nothing but their headers.
    """
    for hdu in hdus(data):
        if only is None or hdu.number in only:
            verify_hdu(data, hdu, name)


def verify_hdu(data: Bytes, hdu: Hdu, name: str) -> None:
    """Check one HDU; ValueError naming file and HDU."""
    if b"CHECKSUM" not in hdu.cards and b"DATASUM" not in hdu.cards:
        return
    whole, part = text(hdu.cards, b"CHECKSUM"), text(hdu.cards, b"DATASUM")
    if not (whole or part) or (whole == UNSET and part == "0"):
        return
    if hdu.size is None or hdu.data + hdu.size > len(data):
        raise _damage(name, hdu, "its header or data are cut short")
    data_sum = ones_sum(data, hdu.data, min(hdu.end, len(data)))  # zeros at the end of a file may be left out
    if part and not (part.strip().isdigit() and int(part) % ONES == data_sum % ONES):
        raise _damage(name, hdu, f"its data sum to {data_sum}, DATASUM says {part[:20]!r}")
    if whole and whole != UNSET and (ones_sum(data, hdu.start, hdu.data) + data_sum) % ONES:
        raise _damage(name, hdu, "it does not sum to what CHECKSUM says")


def ones_sum(data: Bytes, start: int, end: int) -> int:
    """The ones' complement sum of the big-endian 32-bit words from byte `start` to `end`, less than 2^32."""
    total = 0
    for place in range(start, end, CHUNK):
        words = np.frombuffer(data, ">u4", count=(min(place + CHUNK, end) - place) // 4, offset=place)
        total += int(words.sum(dtype=np.uint64))
    return total % ONES or (ONES if total else 0)


def _damage(name: str, hdu: Hdu, found: str) -> DamageError:
    called = text(hdu.cards, b"EXTNAME")
    place = f"HDU {hdu.number}" + (f" ({called})" if called else "")
    return DamageError(f"{name}, {place}: {found}; it is damaged; fetch it again")
