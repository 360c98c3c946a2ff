"""What the header of an image says about the sky: its pixel scale, sizes in its pixels, and its zero point."""

from __future__ import annotations

import io
import warnings
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from astropy.io import fits
from astropy.units import Quantity, UnitConversionError, UnitTypeError, arcsec
from astropy.utils.exceptions import AstropyWarning
from astropy.wcs import WCS
from astropy.wcs.utils import proj_plane_pixel_area

from starbolt.archives.fits.odd import first_image, image_hdu
from starbolt.archives.fits.opened import refuse_absurd
from starbolt.archives.stamps.pixels import Hdu, Picture, floating, reading, unpacked

ZERO_POINT = 25.0  # [mag] of images calibrated by a header keyword; any number would do, one for all is what matters
SCALES = ("PIXSCALE", "PIXSCAL1", "SECPIX")  # keywords of the pixel scale [arcsec]: ZTF, DECam, WCSTools
FLUXES = ("FLUXMAG0",)  # keywords that give the flux of magnitude 0 (LSST, HSC)


def read_header(source: str | bytes, hdu: Hdu, name: str) -> fits.Header:
    """The header of the (first) HDU asked for; an empty one of a file that is not FITS. Errors as `read_picture`."""
    with reading(name), warnings.catch_warnings():
        warnings.simplefilter("ignore", AstropyWarning)
        data = unpacked(Path(source).read_bytes() if isinstance(source, str) else source)
        if data[:6] != b"SIMPLE":
            return fits.Header()
        refuse_absurd(data, name)
        with fits.open(io.BytesIO(data)) as hdus:
            return image_hdu(hdus, first_image(hdus) if hdu is None else first_of(hdu)).header


def first_of(hdu: int | str | Sequence[int | str]) -> int | str:
    """The HDU, or the first of several."""
    return hdu if isinstance(hdu, int | str) else hdu[0]


def wcs_of(header: fits.Header) -> WCS | None:
    """The celestial part of a header's coordinates, None where there is none."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # dates and units off the standard
        wcs = WCS(header)
        return wcs.celestial if wcs.has_celestial else None


def pixel_scale(header: fits.Header) -> float | None:
    """The side of a pixel [arcsec], of a square one of the same area; else what one of `SCALES` says, or None."""
    if (wcs := wcs_of(header)) is not None:
        return round(float(np.sqrt(proj_plane_pixel_area(wcs))) * 3600, 6)
    told = (header.get(keyword) for keyword in SCALES)
    return next((float(value) for value in told if isinstance(value, int | float) and 0 < value < np.inf), None)


def pixels_of(size: int | str | None, scale: float | None) -> int | None:
    """data.size in pixels: the number itself, or a text such as "20 arcsec" by the pixel scale [arcsec].

    ValueError for a text that is no angle, or without a pixel scale.
    """
    if size is None or isinstance(size, int):
        return size
    try:
        angle = float(Quantity(size).to_value(arcsec))
    except (TypeError, ValueError, UnitConversionError, UnitTypeError):
        raise ValueError(f"data.size={size!r} is neither a number of pixels nor an angle such as '20 arcsec'") from None
    if scale is None:
        raise ValueError(
            f"data.size={size!r} needs a pixel scale, which the first image does not tell; add data.pixel_scale=ARCSEC"
        )
    return max(1, round(angle / scale))


def calibrated(picture: Picture, keyword: str, place: str) -> Picture:
    """The picture in units whose zero point is ZERO_POINT, from that on its cards, flux = 10^(0.4 (zero point - mag)).

    ValueError where a header does not tell it.
    """
    zero = np.array([np.nan if value is None else value for value in picture.card])
    if keyword.upper() in FLUXES:
        zero = 2.5 * np.log10(np.where(zero > 0, zero, np.nan))
    if len(zero) != len(picture.pixels) or not np.isfinite(zero).all():
        raise ValueError(
            f"{place} has no number under the keyword {keyword!r} in its header; give data.zero_point=NUMBER, or leave "
            "such rows out with data.where="
        )
    if not ((zero > -20) & (zero < 60)).all():
        raise ValueError(f"{place} has {keyword} = {zero[0]:g}, which is no magnitude; is it a flux?")
    factor = (10 ** (0.4 * (ZERO_POINT - zero)))[:, None, None].astype(np.float32)
    err = None if picture.err is None else picture.err * factor
    return picture._replace(pixels=floating(picture.pixels) * factor, err=err, units=("",) * len(zero))
