"""FITS images as astropy reads them: compressed, scaled, with BLANK, or with cards a little off the standard."""

from __future__ import annotations

import io
import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
from astropy.io import fits
from astropy.utils.exceptions import AstropyWarning

from starbolt.archives.fits.checksums import verify
from starbolt.archives.fits.headers import Bytes
from starbolt.archives.fits.opened import refuse_absurd, refuse_short
from starbolt.archives.fits.plain import Plane

BOMB = 10_000  # a compressed image is not this many times larger than its file


class UnfitError(ValueError):
    """A readable file that does not hold what was asked for."""


def astropy_planes(data: Bytes, keys: Sequence[int | str] | None, name: str, card: str) -> list[Plane]:
    """The image HDUs asked for, as `plain_planes` gives them; UnfitError where there is none of them."""
    refuse_absurd(data, name)
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore", AstropyWarning)  # cards a little off the standard; truncation raises below
        with fits.open(io.BytesIO(data), memmap=False, lazy_load_hdus=True) as hdus:
            try:
                found = [image_hdu(hdus, key) for key in ([first_image(hdus)] if keys is None else keys)]
            except UnfitError:
                refuse_short(data, name)
                raise
            verify(data, name, [hdus.index(hdu) for hdu in found])
            return [_plane(hdu, hdus[0], len(data), card) for hdu in found]


def first_image(hdus: fits.HDUList) -> int:
    """The number of the first HDU with an image; UnfitError where there is none."""
    found = next((i for i, each in enumerate(hdus) if _is_image(each)), None)
    if found is None:
        raise UnfitError(f"no HDU holds an image (there are {_listed(hdus)})")
    return found


def image_hdu(hdus: fits.HDUList, key: int | str) -> Any:
    """The HDU of that number or name; UnfitError where it is not there or holds no image."""
    try:
        hdu = hdus[key]
    except (LookupError, TypeError):
        raise UnfitError(f"there is no HDU {key!r} (there are {_listed(hdus)}); choose with data.hdu=") from None
    if not _is_image(hdu):
        raise UnfitError(f"HDU {key!r} holds no image (there are {_listed(hdus)}); choose with data.hdu=")
    return hdu


def _plane(hdu: Any, first: Any, size: int, card: str) -> Plane:
    """One HDU of a file of `size` bytes."""
    pixels = np.prod(hdu.shape, dtype=float) * abs(hdu.header["BITPIX"]) / 8
    if not 0 < pixels <= BOMB * size:
        raise UnfitError(f"an image of {'x'.join(map(str, hdu.shape))} cannot be in {size} bytes; is it damaged?")
    return plane_of(hdu, hdu.data, first.header, card)


def plane_of(hdu: Any, data: np.ndarray, first: Any, card: str) -> Plane:
    """The data of an astropy HDU, or a part of them, with what its header, else the `first` of the file, says."""
    values = unblanked(data, hdu.header)
    value = hdu.header.get(card, first.get(card)) if card else None
    number = float(value) if isinstance(value, int | float) else None
    name, unit = (str(hdu.header.get(key) or "") for key in ("EXTNAME", "BUNIT"))
    return Plane(values.reshape(-1, *values.shape[-2:]), name, unit, number)


def unblanked(data: np.ndarray, header: Any) -> np.ndarray:
    """Scaled data in native byte order, NaN where BLANK.

    Astropy ignores BLANK where BZERO makes integers unsigned, and where it is 0.
    """
    blank, zero, scale = header.get("BLANK"), header.get("BZERO", 0), header.get("BSCALE", 1)
    pixels = native(data)
    if blank is None or header["BITPIX"] < 0 or (pixels.dtype.kind != "u" and blank != 0):
        return pixels
    return np.where(pixels == pixels.dtype.type(blank * scale + zero), np.nan, pixels).astype(_float(pixels.dtype))


def _float(dtype: np.dtype) -> np.dtype:
    return dtype if dtype.kind == "f" else np.dtype(np.float32)


def _is_image(hdu: Any) -> bool:
    """Two axes, or three after axes of length one in front (a radio map is [1, 1, H, W])."""
    return bool(hdu.is_image and len(hdu.shape) >= 2 and all(n == 1 for n in hdu.shape[:-3]))


def _listed(hdus: fits.HDUList) -> str:
    sizes = ("x".join(map(str, hdu.shape)) if hdu.is_image and hdu.shape else "no image" for hdu in hdus)
    return ", ".join(f"{i} {hdu.name!r}: {size}" for i, (hdu, size) in enumerate(zip(hdus, sizes, strict=True)))


def native(array: np.ndarray) -> np.ndarray:
    """The array in this machine's byte order, copied only if it was not."""
    return array.astype(array.dtype.newbyteorder("="), copy=False)
