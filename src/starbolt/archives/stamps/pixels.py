"""One image file, whatever its format: FITS (plain, gzip, tile-compressed), PNG, JPEG or NPY, told apart by content.

Pixels keep the file's own dtype in the machine's byte order; integers that the header calls BLANK become float NaN.
"""

from __future__ import annotations

import gzip
import io
import mmap
import os
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from astropy.units import Unit, UnrecognizedUnit
from PIL import Image

from starbolt.archives.fits.checksums import DamageError
from starbolt.archives.fits.headers import Bytes
from starbolt.archives.fits.odd import UnfitError, astropy_planes, native
from starbolt.archives.fits.plain import Plane, plain_planes

Hdu = int | str | Sequence[int | str] | None


LARGE = 1 << 24  # bytes of a file from which on only the parts needed are read


class Picture(NamedTuple):
    """pixels [C, H, W], with a name and a unit (empty where unknown) for each of the C channels.

    err: like pixels, one sigma, where the files have it. card: per channel, the number on the header card asked for.
    """

    pixels: np.ndarray
    channels: tuple[str, ...]
    units: tuple[str, ...]
    err: np.ndarray | None = None
    card: tuple[float | None, ...] = ()


def read_image(source: str | bytes, hdu: Hdu = None) -> np.ndarray:
    """The pixels [C, H, W] of a file, or of a file's bytes; see `read_picture`."""
    return read_picture(source, hdu).pixels


def read_picture(source: str | bytes, hdu: Hdu = None, name: str = "") -> Picture:
    """An image with its channel names and units, from a path or from a file's bytes (called `name` in errors).

    hdu: number or name in a FITS file; several become channels; None takes the first that holds an image.
    A FITS cube is [C, H, W]; an NPY array may also be [H, W, C], see `channels_first`.
    FileNotFoundError without the file; ValueError, with what the reader said, where it cannot be read.
    """
    return read_pictures(source, [hdu], name)[0]


def read_pictures(source: str | bytes, hdus: Sequence[Hdu], name: str = "", card: str = "") -> list[Picture]:
    """Several pictures from one file, which is opened once: the science, mask and error HDUs. See `read_picture`.

    card: keyword of a number wanted from the headers, see `Picture`.
    """
    name = name or str(source)
    with reading(name):
        data = unpacked(_content(source))
        return [_decode(data, hdu, name, card) for hdu in hdus]


@contextmanager
def reading(name: str) -> Iterator[None]:
    """Whatever a reader raises about a damaged file, as one sentence that names it: ValueError, or as it is without
    the file."""
    try:
        yield
    except (FileNotFoundError, DamageError):
        raise
    except UnfitError as error:
        raise ValueError(f"{name}: {error}") from None
    except Exception as error:
        said = str(error).strip().split("\n")[0] or type(error).__name__
        raise ValueError(f"{name} is truncated or damaged, or no image ({said})") from error


def channels_first(array: np.ndarray) -> np.ndarray:
    """[..., H, W, C] as [..., C, H, W]: the last axis is taken for channels where it is 4 or less and C cannot be."""
    last = array.shape[-1] <= 4 < array.shape[-3]
    return np.moveaxis(array, -1, -3) if last else array


def floating(images: np.ndarray) -> np.ndarray:
    """A copy that can hold NaN: 8 bit as float16, other integers as float32, each exact up to 2^24."""
    if images.dtype.kind == "f":
        return images.copy()
    return images.astype(np.float16 if images.dtype.itemsize == 1 else np.float32)


def named(name: str, count: int) -> tuple[str, ...]:
    """Channel names: the name itself for one channel, name_0, name_1, ... for several."""
    return (name,) if count == 1 else tuple(f"{name}_{i}" for i in range(count))


def _content(source: str | bytes) -> Bytes:
    if isinstance(source, bytes):
        return source
    with open(source, "rb", buffering=0) as handle:
        if os.fstat(handle.fileno()).st_size < LARGE:
            return handle.readall()
        return mmap.mmap(handle.fileno(), 0, access=mmap.ACCESS_READ)


def unpacked(data: Bytes) -> Bytes:
    return gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data


def _decode(data: Bytes, hdu: Hdu, name: str, card: str) -> Picture:
    if data[:6] == b"SIMPLE":
        return _fits(data, hdu, name, card)
    if data[:6] == b"\x93NUMPY":
        return _npy(data)
    return _photograph(data)


def _npy(data: Bytes) -> Picture:
    pixels = np.load(io.BytesIO(data), allow_pickle=False)
    if pixels.ndim not in (2, 3):
        raise UnfitError(f"an array of shape {pixels.shape} is no image; [H, W], [C, H, W] or [H, W, C] is")
    pixels = pixels[None] if pixels.ndim == 2 else channels_first(pixels)
    names = named("image", len(pixels))
    return Picture(native(pixels), names, ("",) * len(names))


def _photograph(data: Bytes) -> Picture:
    with Image.open(io.BytesIO(data)) as image:
        grey = image.mode in ("1", "L", "F") or image.mode.startswith("I")
        picture = (image.convert("L") if image.mode == "1" else image) if grey else image.convert("RGB")
        pixels = np.array(picture)
    if grey:
        return Picture(native(pixels)[None], ("L",), ("",))
    return Picture(np.ascontiguousarray(pixels.transpose(2, 0, 1)), ("R", "G", "B"), ("",) * 3)


def _fits(data: Bytes, hdu: Hdu, name: str, card: str) -> Picture:
    keys = [hdu] if isinstance(hdu, int | str) else None if hdu is None else list(hdu)
    planes = plain_planes(data, keys, name, card) or astropy_planes(data, keys, name, card)
    return joined(planes, hdu)


def joined(planes: Sequence[Plane], hdu: Hdu) -> Picture:
    """HDUs side by side as one picture; UnfitError where their shapes differ."""
    shapes = {plane.pixels.shape[1:] for plane in planes}
    if len(shapes) > 1:
        raise UnfitError(f"the HDUs {hdu} have different shapes {sorted(shapes)}")
    key = hdu if hdu is None or isinstance(hdu, int | str) else tuple(hdu)
    channels, units = _labels(tuple([(plane.name, plane.unit, len(plane.pixels)) for plane in planes]), key)
    cards = tuple([plane.card for plane in planes for _ in plane.pixels])
    pixels = np.concatenate([plane.pixels for plane in planes]) if planes[1:] else planes[0].pixels
    return Picture(pixels, channels, units, card=cards)


@lru_cache(256)
def _labels(planes: tuple[tuple[str, str, int], ...], hdu: Hdu) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Names and units of the channels of planes, each given as EXTNAME, BUNIT and how many channels it has."""
    keys: Sequence[int | str | None] = [None] if len(planes) == 1 else list(hdu)  # type: ignore[arg-type]
    names = [word for (name, _, n), key in zip(planes, keys, strict=True) for word in _names(name, n, key)]
    count = Counter(names)
    channels = tuple(name if count[name] == 1 else f"{name}_{i}" for i, name in enumerate(names))
    return channels, tuple(unit_of(unit) for _, unit, n in planes for _ in range(n))


def _names(name: str, count: int, key: int | str | None) -> tuple[str, ...]:
    """The channels of an HDU are called after its EXTNAME, else after the key asked for, else "image"."""
    default = "image" if key is None else f"hdu{key}"
    return named(default if name in ("", "PRIMARY", "COMPRESSED_IMAGE") else name, count)


@lru_cache(256)
def unit_of(text: str) -> str:
    """BUNIT where astropy knows it, else empty."""
    unit = Unit(text.strip(), parse_strict="silent")
    return "" if isinstance(unit, UnrecognizedUnit) else unit.to_string()
