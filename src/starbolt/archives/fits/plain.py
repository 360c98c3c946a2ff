"""Plain FITS images read straight from their bytes, many times faster than by a general reader.

Plain is: no compression, no scaling but that of unsigned integers, no BLANK, and every card needed in the standard's
fixed words. Anything else is left to astropy, which judges these pixels too: the tests compare value by value.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from math import prod
from typing import NamedTuple

import numpy as np

from starbolt.archives.fits.checksums import verify_hdu
from starbolt.archives.fits.headers import Bytes, Cards, Hdu, hdus, integer, logical, text

Key = int | str
KINDS = {8: "u1", 16: ">i2", 32: ">i4", 64: ">i8", -32: ">f4", -64: ">f8"}
NUMBER = re.compile(rb"= *([+-]?\d+(\.\d*)?([ED][+-]?\d+)?) *(/|$)")


class Plane(NamedTuple):
    """One image HDU: pixels [C, H, W] in native byte order, EXTNAME, BUNIT, and the number on a card asked for."""

    pixels: np.ndarray
    name: str
    unit: str
    card: float | None = None


class _Form(NamedTuple):
    """What a header says of its pixels: type in the file, what makes them unsigned, shape, and Plane's other fields."""

    kind: np.dtype
    zero: int
    shape: tuple[int, ...]
    name: str
    unit: str
    card: float | None


class _OtherError(Exception):
    """Not plain: for astropy."""


def plain_planes(data: Bytes, keys: Sequence[Key] | None, name: str, card: str = "") -> list[Plane] | None:
    """The image HDUs asked for (None: the first that there is), or None where astropy has to read them.

    card: keyword of a number wanted from each HDU's header, else from the first.
    ValueError where the file ends early or a checksum fails.
    """
    try:
        found, first = _found(data, keys)
        return [_plane(data, hdu, name, card.encode(), first) for hdu in found]
    except _OtherError:
        return None


def _found(data: Bytes, keys: Sequence[Key] | None) -> tuple[list[Hdu], Hdu]:
    """The HDUs in the order of the keys, and the first of the file; headers beyond the last one stay unread."""
    walk, seen = hdus(data), []
    if keys is None:
        for hdu in walk:
            seen.append(hdu)
            if len(_shape(hdu)) >= 2:
                return [hdu], seen[0]
        raise _OtherError
    return [_by_key(walk, seen, key) for key in keys], seen[0]


def _by_key(walk: Iterator[Hdu], seen: list[Hdu], key: Key) -> Hdu:
    for number in range(10_000):
        if number == len(seen):
            seen.append(_next(walk))
        if number == key or (isinstance(key, str) and _is_called(seen[number], key)):
            return seen[number]
    raise _OtherError


def _next(walk: Iterator[Hdu]) -> Hdu:
    hdu = next(walk, None)
    if hdu is None or hdu.size is None:
        raise _OtherError
    return hdu


def _is_called(hdu: Hdu, key: str) -> bool:
    wanted, name = key.strip().upper(), _text(hdu.cards, b"EXTNAME").strip().upper()
    return wanted == (name or ("PRIMARY" if hdu.number == 0 else "")) or (wanted == "PRIMARY" and hdu.number == 0)


def _plane(data: Bytes, hdu: Hdu, name: str, card: bytes, first: Hdu) -> Plane:
    shape = _shape(hdu)
    if len(shape) < 2 or 0 in shape or any(n != 1 for n in shape[:-3]):
        raise _OtherError
    if hdu.size is None or hdu.data + hdu.size > len(data):
        raise ValueError(
            f"HDU {hdu.number} is to hold {hdu.size} bytes of pixels, {max(0, len(data) - hdu.data)} are there"
        )
    verify_hdu(data, hdu, name)
    form = _form(hdu.cards, first.cards, shape, card)
    raw = np.frombuffer(data, form.kind, count=prod(shape), offset=hdu.data).reshape(form.shape)
    return Plane(_native(raw, form.zero), form.name, form.unit, form.card)


@lru_cache(64)
def _form(cards: Cards, first: Cards, shape: tuple[int, ...], card: bytes) -> _Form:
    kind, zero = _kind(cards)
    whole = (prod(shape[:-2]), *shape[-2:])
    return _Form(
        np.dtype(kind), zero, whole, _text(cards, b"EXTNAME"), _text(cards, b"BUNIT"), _number(cards, card, first)
    )


def _shape(hdu: Hdu) -> tuple[int, ...]:
    """Of an image, slowest axis first; () of a table."""
    if hdu.size is None:
        raise _OtherError
    return _shape_of(hdu.cards, hdu.number == 0)


@lru_cache(64)
def _shape_of(cards: Cards, primary: bool) -> tuple[int, ...]:
    if not (logical(cards, b"SIMPLE") if primary else b"XTENSION" in cards) or b"GROUPS" in cards:
        raise _OtherError
    kind = "IMAGE" if primary else text(cards, b"XTENSION")
    if kind == "TABLE" or (kind == "BINTABLE" and b"ZIMAGE" not in cards):
        return ()
    if kind != "IMAGE" or integer(cards, b"PCOUNT", 0) or integer(cards, b"GCOUNT", 1) != 1:
        raise _OtherError
    axes = [integer(cards, b"NAXIS%d" % i, None) for i in range(integer(cards, b"NAXIS", 0) or 0, 0, -1)]
    return tuple(axis for axis in axes if axis is not None)


def _kind(cards: Cards) -> tuple[str, int]:
    """The numbers in the file, and what is to be added to them to make them unsigned."""
    bits = integer(cards, b"BITPIX", None)
    zero, scale = (_number(cards, key, cards) for key in (b"BZERO", b"BSCALE"))
    unsigned = bits in (16, 32, 64) and zero == 2 ** (bits - 1)
    if bits not in KINDS or b"BLANK" in cards or scale not in (None, 1) or not (zero in (None, 0) or unsigned):
        raise _OtherError
    return KINDS[bits], int(zero or 0)


def _native(raw: np.ndarray, zero: int) -> np.ndarray:
    """A copy in this machine's byte order; `zero` flips the top bit, which makes two's complement unsigned."""
    pixels = raw.astype(raw.dtype.newbyteorder("="))
    if not zero:
        return pixels
    unsigned = pixels.view(f"u{pixels.itemsize}")
    return np.bitwise_xor(unsigned, unsigned.dtype.type(zero), out=unsigned)


def _text(cards: Cards, key: bytes) -> str:
    """The text on a card, "" without it; what is not text in one card is for astropy."""
    if key not in cards:
        return ""
    found = text(cards, key)
    if found is None or found.endswith("&"):
        raise _OtherError
    return found


def _number(cards: Cards, key: bytes, first: Cards) -> float | None:
    """The number on a card of a header, else of the first; None without it."""
    value = cards.get(key) or first.get(key)
    if not key or value is None:
        return None
    found = NUMBER.match(value)
    if found is None:
        raise _OtherError
    return float(found[1].replace(b"D", b"E"))
