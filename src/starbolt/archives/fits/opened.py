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

from starbolt.archives.fits.headers import Bytes, hdus, integer

MOST = 999  # axes, and columns of a table: the standard's own limits


@contextmanager
def opened(path: Path) -> Iterator[tuple[fits.HDUList, Bytes]]:
    """A file's HDUs and bytes, mapped into memory, or decompressed where it is gzip; ValueError as `refuse_absurd`."""
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
    """ValueError where an HDU claims more axes or columns than FITS allows, or a negative size.

    Astropy would look for each of them, or read backwards for ever.
    """
    for hdu in hdus(data):
        for key in (b"NAXIS", b"TFIELDS", b"PCOUNT", b"GCOUNT", b"NAXIS1", b"NAXIS2", b"NAXIS3"):
            value = integer(hdu.cards, key, 0) or 0
            if value < 0 or (key in (b"NAXIS", b"TFIELDS") and value > MOST):
                raise ValueError(f"{name} is damaged: HDU {hdu.number} says {key.decode()} = {value}; fetch it again")
