"""FITS files opened by astropy, after a look at headers that would keep it busy for hours."""

from __future__ import annotations

import gzip
import io
import mmap
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from astropy.io import fits

from starbolt.archives.fits.checksums import DamageError
from starbolt.archives.fits.headers import Bytes, hdus, integer, text

SIZE = 10**17  # no file is as large
LIMITS = (
    (b"NAXIS", 0, 999), (b"TFIELDS", 0, 999), (b"PCOUNT", 0, SIZE), (b"GCOUNT", 0, SIZE), (b"NAXIS1", 0, SIZE),
    (b"NAXIS2", 0, SIZE), (b"NAXIS3", 0, SIZE), (b"ZNAXIS", 0, 999), (b"ZNAXIS1", 0, SIZE), (b"ZNAXIS2", 0, SIZE),
    (b"ZTILE1", 1, SIZE), (b"ZTILE2", 1, SIZE), (b"ZTILE3", 1, SIZE),
)  # fmt: skip
TILES = {"BYTEPIX": (1, 8), "BLOCKSIZE": (1, 4096)}  # of Rice compression


@contextmanager
def opened(path: Path) -> Iterator[tuple[fits.HDUList, Bytes]]:
    """A file's HDUs and bytes, mapped into memory, or decompressed where it is gzip; DamageError as `refuse_absurd`."""
    with ExitStack() as stack:
        file = stack.enter_context(path.open("rb"))
        if file.read(2) == b"\x1f\x8b":
            data: Bytes = gzip.decompress(path.read_bytes())
            source: Any = io.BytesIO(data)
        else:
            data = stack.enter_context(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
            source = path
        refuse_absurd(data, str(path))
        yield stack.enter_context(fits.open(source)), data


def refuse_absurd(data: Bytes, name: str) -> None:
    """DamageError where an HDU claims more axes or columns than FITS allows, a negative size, or impossible tiles.

    Astropy would look for each of them, read backwards for ever, or crash in its decompressor.
    """
    for hdu in hdus(data):
        for key, low, high in LIMITS:
            value = integer(hdu.cards, key, low)
            if value is not None and not low <= value <= high:
                raise DamageError(_sentence(name, hdu.number, key, value))
        for i in range(1, 10):
            low, high = TILES.get(text(hdu.cards, b"ZNAME%d" % i) or "", (0, 0))
            value = integer(hdu.cards, b"ZVAL%d" % i, low)
            if high and (value is None or not low <= value <= high):
                raise DamageError(_sentence(name, hdu.number, b"ZVAL%d" % i, value))


def refuse_short(data: Bytes, name: str) -> None:
    """DamageError where the last HDU goes on beyond the end of the file, so that others may be missing behind it."""
    for hdu in hdus(data):
        if hdu.end > len(data) and hdu.data - hdu.start + (hdu.size or 0) > len(data) - hdu.start:
            raise DamageError(f"{name} is cut short in HDU {hdu.number}, it has {len(data):,} bytes; fetch it again")


def _sentence(name: str, number: int, key: bytes, value: int | None) -> str:
    return f"{name} is damaged: HDU {number} says {key.decode()} = {value}; fetch it again"
