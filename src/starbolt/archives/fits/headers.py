"""The HDUs of a FITS file as ranges of its bytes: enough of a header parser to find, check and read them.

Astropy stays the judge of every header; what is read here is what the FITS standard (4.0, section 4) fixes to the byte.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from mmap import mmap
from typing import NamedTuple

BLOCK, CARD = 2880, 80
END = b"END     "

Bytes = bytes | memoryview | mmap


class Cards(dict[bytes, bytes]):
    """The cards of a header: keyword -> the 72 bytes after it (the first where one repeats).

    Told apart as objects, so that what follows from one header is worked out once for all files that share it.
    """

    __hash__ = object.__hash__  # type: ignore[assignment]
    __eq__ = object.__eq__
    __ne__ = object.__ne__


class Hdu(NamedTuple):
    """One HDU: its cards, and where its parts are [bytes].

    start to data: the header; data to end: the data with their padding, `end` beyond the file where that is cut short.
    size: of the data without padding, None where the header does not say or does not end (`end` is beyond the file).
    """

    number: int
    cards: Cards
    start: int
    data: int
    end: int
    size: int | None


def hdus(data: Bytes) -> Iterator[Hdu]:
    """Each HDU in turn, up to the first whose size is unclear."""
    start, number = 0, 0
    while start < len(data):
        cards, begin = _header(data, start)
        size = data_size(cards) if begin <= len(data) else None
        end = len(data) + 1 if size is None else begin + -(-size // BLOCK) * BLOCK
        yield Hdu(number, cards, start, begin, end, size)
        start, number = end, number + 1


def _header(data: Bytes, start: int) -> tuple[Cards, int]:
    """The cards, and where the data begin: beyond the file where no END comes."""
    header = b""
    for block in range(start, len(data), BLOCK):
        header += data[block : block + BLOCK]
        last = _last(header)
        if last is not None:
            return _cards(header, last), block + BLOCK
        if header.count(0, len(header) - BLOCK) > CARD:  # these are data: a header is text
            break
    return _cards(header, len(header)), len(data) + 1


def _last(header: bytes) -> int | None:
    """Where the END card is, looked for in the last block."""
    place = header.find(END, max(0, len(header) - BLOCK))
    while place >= 0 and place % CARD:
        place = header.find(END, place + 1)
    return place if place >= 0 else None


@lru_cache(64)  # stamps of one survey share most of their headers' bytes, often all of them
def _cards(header: bytes, last: int) -> Cards:
    cards = Cards()
    for place in range(0, last, CARD):
        cards.setdefault(header[place : place + 8].rstrip(), header[place + 8 : place + CARD])
    return cards


@lru_cache(64)
def data_size(cards: Cards) -> int | None:
    """Bytes of the data unit without padding: |BITPIX|/8 GCOUNT (PCOUNT + product of NAXISn); None where unclear."""
    axes = [integer(cards, b"NAXIS%d" % (i + 1), None) for i in range(min(integer(cards, b"NAXIS", 0) or 0, 999))]
    if not axes:
        return 0
    bits, pcount, gcount = (integer(cards, key, default) for key, default in COUNTS)
    numbers = [bits, pcount, gcount, *axes]
    if any(number is None for number in numbers):
        return None
    if axes[0] == 0 and logical(cards, b"GROUPS"):
        axes = axes[1:]
    product = 1
    for axis in axes:
        product *= axis  # type: ignore[operator]
    size = abs(bits) // 8 * gcount * (pcount + product)  # type: ignore[operator,arg-type]
    return size if size >= 0 else None


COUNTS = ((b"BITPIX", None), (b"PCOUNT", 0), (b"GCOUNT", 1))
INTEGER = re.compile(rb"= *([+-]?\d{1,18}) *(/|$)")
TEXT = re.compile(rb"= *'((?:[^']|'')*)' *(/|$)")


def integer(cards: dict[bytes, bytes], key: bytes, default: int | None) -> int | None:
    """An integer value; `default` without the card, None where the value is no plain integer."""
    if key not in cards:
        return default
    found = INTEGER.match(cards[key])
    return int(found[1]) if found else None


def text(cards: dict[bytes, bytes], key: bytes) -> str | None:
    """A text value without the blanks at its end; None without the card, or where it is no text."""
    found = TEXT.match(cards[key]) if key in cards else None
    return found[1].replace(b"''", b"'").decode("ascii", "replace").rstrip() if found else None


def logical(cards: dict[bytes, bytes], key: bytes) -> bool:
    """Whether the value is T."""
    return cards.get(key, b"")[1:].lstrip().startswith(b"T")
