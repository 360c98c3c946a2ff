"""One image file, whatever its format: FITS (plain, gzip, tile-compressed), PNG, JPEG or NPY, told apart by content.

Pixels keep the file's own dtype in the machine's byte order; integers that the header calls BLANK become float NaN.
"""

from __future__ import annotations

import gzip
import io
import warnings
from collections import Counter
from collections.abc import Sequence
from typing import Any, BinaryIO, NamedTuple

import numpy as np
from astropy.io import fits
from astropy.units import Unit, UnrecognizedUnit
from astropy.utils.exceptions import AstropyWarning
from PIL import Image

Hdu = int | str | Sequence[int | str] | None


class Picture(NamedTuple):
    """pixels [C, H, W], with a name and a unit (empty where unknown) for each of the C channels."""

    pixels: np.ndarray
    channels: tuple[str, ...]
    units: tuple[str, ...]


class _UnfitError(ValueError):
    """A readable file that does not hold what was asked for."""


def read_image(source: str | bytes, hdu: Hdu = 0) -> np.ndarray:
    """The pixels [C, H, W] of a file, or of a file's bytes; see `read_picture`."""
    return read_picture(source, hdu).pixels


def read_picture(source: str | bytes, hdu: Hdu = 0, name: str = "") -> Picture:
    """An image with its channel names and units, from a path or from a file's bytes (called `name` in errors).

    hdu: number or name in a FITS file; several become channels; None takes the first that holds an image.
    A FITS cube is [C, H, W]; an NPY array may also be [H, W, C], see `channels_first`.
    FileNotFoundError without the file; ValueError, with what the reader said, where it cannot be read.
    """
    name = name or str(source)
    try:
        with open(source, "rb") if isinstance(source, str) else io.BytesIO(source) as handle:
            return _decode(handle, hdu)
    except FileNotFoundError:
        raise
    except _UnfitError as error:
        raise ValueError(f"{name}: {error}") from None
    except (OSError, EOFError, ValueError, TypeError, LookupError, SyntaxError, fits.VerifyError) as error:
        said = str(error).strip().split("\n")[0] or type(error).__name__
        raise ValueError(f"{name} is truncated or damaged, or no image ({said})") from error


def channels_first(array: np.ndarray) -> np.ndarray:
    """[..., H, W, C] as [..., C, H, W]: the last axis is taken for channels where it is 4 or less and C cannot be."""
    last = array.shape[-1] <= 4 < array.shape[-3]
    return np.moveaxis(array, -1, -3) if last else array


def native(array: np.ndarray) -> np.ndarray:
    """The array in this machine's byte order, copied only if it was not."""
    return array.astype(array.dtype.newbyteorder("="), copy=False)


def named(name: str, count: int) -> tuple[str, ...]:
    """Channel names: the name itself for one channel, name_0, name_1, ... for several."""
    return (name,) if count == 1 else tuple(f"{name}_{i}" for i in range(count))


def _decode(handle: BinaryIO, hdu: Hdu) -> Picture:
    start = handle.read(8)
    handle.seek(0)
    if start.startswith(b"\x1f\x8b"):
        return _decode(io.BytesIO(gzip.decompress(handle.read())), hdu)
    if start.startswith(b"SIMPLE"):
        return _fits(handle, hdu)
    if start.startswith(b"\x93NUMPY"):
        return _npy(handle)
    return _photograph(handle)


def _npy(handle: BinaryIO) -> Picture:
    pixels = np.load(handle, allow_pickle=False)
    if pixels.ndim not in (2, 3):
        raise _UnfitError(f"an array of shape {pixels.shape} is no image; [H, W], [C, H, W] or [H, W, C] is")
    pixels = pixels[None] if pixels.ndim == 2 else channels_first(pixels)
    names = named("image", len(pixels))
    return Picture(native(pixels), names, ("",) * len(names))


def _photograph(handle: BinaryIO) -> Picture:
    with Image.open(handle) as image:
        grey = image.mode in ("1", "L", "F") or image.mode.startswith("I")
        picture = (image.convert("L") if image.mode == "1" else image) if grey else image.convert("RGB")
        pixels = np.array(picture)
    if grey:
        return Picture(native(pixels)[None], ("L",), ("",))
    return Picture(np.ascontiguousarray(pixels.transpose(2, 0, 1)), ("R", "G", "B"), ("",) * 3)


def _fits(handle: BinaryIO, hdu: Hdu) -> Picture:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", AstropyWarning)  # cards a little off the standard; truncation raises below
        with fits.open(handle, memmap=False, lazy_load_hdus=True) as hdus:
            keys = _keys(hdus, hdu)
            planes = [_plane(hdus, key, f"hdu{key}" if len(keys) > 1 else "image") for key in keys]
    shapes = {plane.pixels.shape[1:] for plane in planes}
    if len(shapes) > 1:
        raise _UnfitError(f"the HDUs {hdu} have different shapes {sorted(shapes)}")
    names = [name for plane in planes for name in plane.channels]
    count = Counter(names)
    channels = tuple(name if count[name] == 1 else f"{name}_{i}" for i, name in enumerate(names))
    pixels = planes[0].pixels if len(planes) == 1 else np.concatenate([plane.pixels for plane in planes])
    return Picture(pixels, channels, tuple(unit for plane in planes for unit in plane.units))


def _keys(hdus: fits.HDUList, hdu: Hdu) -> list[int | str]:
    """The HDUs asked for; for None the first with an image."""
    if hdu is not None:
        return [hdu] if isinstance(hdu, int | str) else list(hdu)
    found = [i for i, each in enumerate(hdus) if _is_image(each)]
    if not found:
        raise _UnfitError(f"no HDU holds an image (there are {_listed(hdus)})")
    return [found[0]]


def _plane(hdus: fits.HDUList, key: int | str, default: str) -> Picture:
    """One HDU as [C, H, W], its channels called after EXTNAME or else `default`."""
    try:
        hdu = hdus[key]
    except (LookupError, TypeError):
        raise _UnfitError(f"there is no HDU {key!r} (there are {_listed(hdus)}); choose with data.hdu=") from None
    if not _is_image(hdu):
        raise _UnfitError(f"HDU {key!r} holds no image (there are {_listed(hdus)}); choose with data.hdu=")
    name = str(hdu.header.get("EXTNAME", default))
    name = default if name in ("", "PRIMARY", "COMPRESSED_IMAGE") else name
    unit = _unit(hdu.header.get("BUNIT"))
    pixels = _unblanked(hdu)
    pixels = pixels.reshape(-1, *pixels.shape[-2:])
    return Picture(pixels, named(name, len(pixels)), (unit,) * len(pixels))


def _unblanked(hdu: Any) -> np.ndarray:
    """The scaled data, NaN where BLANK; astropy itself ignores BLANK where BZERO makes integers unsigned."""
    blank, zero = hdu.header.get("BLANK"), hdu.header.get("BZERO", 0)
    pixels = native(hdu.data)
    if blank is None or pixels.dtype.kind != "u":
        return pixels
    return np.where(pixels == blank + zero, np.nan, pixels).astype(np.float32)


def _is_image(hdu: Any) -> bool:
    """Two axes, or three after axes of length one in front (a radio map is [1, 1, H, W])."""
    return bool(hdu.is_image and len(hdu.shape) >= 2 and all(n == 1 for n in hdu.shape[:-3]))


def _listed(hdus: fits.HDUList) -> str:
    sizes = ("x".join(map(str, hdu.shape)) if hdu.is_image and hdu.shape else "no image" for hdu in hdus)
    return ", ".join(f"{i} {hdu.name!r}: {size}" for i, (hdu, size) in enumerate(zip(hdus, sizes, strict=True)))


def _unit(text: Any) -> str:
    """BUNIT where astropy knows it, else empty."""
    unit = Unit(str(text or "").strip(), parse_strict="silent")
    return "" if isinstance(unit, UnrecognizedUnit) else unit.to_string()
