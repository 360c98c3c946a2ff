"""Where mosaics lie on the sky: which of them hold a position, at which pixel, and how far from their edge."""

from __future__ import annotations

import atexit
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from astropy.coordinates import SkyCoord
from astropy.io import fits
from astropy.utils.exceptions import AstropyWarning
from astropy.wcs import WCS
from astropy.wcs.utils import pixel_to_skycoord, skycoord_to_pixel

from starbolt.archives.fits.odd import first_image, image_hdu
from starbolt.archives.fits.opened import opened as sound
from starbolt.archives.stamps.pixels import Hdu, reading
from starbolt.archives.stamps.skyscale import wcs_of

OPEN = 16  # mosaics held open by a process


class Tile(NamedTuple):
    """A mosaic's footprint: its file, its coordinates, its shape (rows, columns), its middle and radius [deg]."""

    path: str
    wcs: WCS
    shape: tuple[int, int]
    middle: tuple[float, float]
    radius: float


def depth(tile: Tile, ra: np.ndarray, dec: np.ndarray) -> np.ndarray:
    """How far from the mosaic's edge positions [N] lie [pixels]; negative outside of it, and without a position."""
    x, y = pixel(tile, ra, dec)
    rows, columns = tile.shape
    inside = np.min([x + 0.5, y + 0.5, columns - 0.5 - x, rows - 0.5 - y], axis=0)
    return np.where(np.isfinite(inside), inside, -1.0)


def pixel(tile: Tile, ra: np.ndarray, dec: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Positions [N] as pixels (x, y), counted from 0; NaN far from the mosaic."""
    x, y = np.full((2, len(ra)), np.nan)
    near = np.flatnonzero(_separation(ra, dec, tile) <= tile.radius)
    if len(near):
        with np.errstate(invalid="ignore"):
            x[near], y[near] = skycoord_to_pixel(SkyCoord(ra[near], dec[near], unit="deg"), tile.wcs)
    return x, y


def _separation(ra: np.ndarray, dec: np.ndarray, tile: Tile) -> np.ndarray:
    """Angles between positions and the mosaic's middle [deg], by the haversine formula."""
    ra0, dec0, ra1, dec1 = np.radians(tile.middle[0]), np.radians(tile.middle[1]), np.radians(ra), np.radians(dec)
    half = np.sin((dec1 - dec0) / 2) ** 2 + np.cos(dec0) * np.cos(dec1) * np.sin((ra1 - ra0) / 2) ** 2
    return np.degrees(2 * np.arcsin(np.sqrt(np.clip(half, 0, 1))))


@contextmanager
def quietly_reading(path: str) -> Iterator[None]:
    """As `reading`, without astropy's warnings about cards off the standard and files cut short, which are errors."""
    with reading(path), warnings.catch_warnings():
        warnings.simplefilter("ignore", AstropyWarning)
        yield


def state(path: str) -> tuple[int, int]:
    """The process and the file's date: what is remembered of a file holds while these are the same."""
    return os.getpid(), os.stat(path).st_mtime_ns


@lru_cache(4096)
def tile_of(path: str, hdu: Hdu, state: tuple[int, int]) -> Tile:
    """The footprint of a mosaic; ValueError where its header has no celestial coordinates."""
    with quietly_reading(path):
        header, shape = _headed(path, hdu)
    wcs = wcs_of(header)
    if wcs is None:
        raise ValueError(
            f"the header of {path} has no celestial coordinates (CTYPE1, CRVAL1 ...); choose with data.hdu="
        )
    rows, columns = shape
    edge = np.array([0, 0.25, 0.5, 0.75, 1])
    xs, ys = np.meshgrid(edge * columns - 0.5, edge * rows - 0.5)
    sky = pixel_to_skycoord(xs.ravel(), ys.ravel(), wcs).icrs
    middle = (float(sky[12].ra.deg), float(sky[12].dec.deg))
    tile = Tile(path, wcs, shape, middle, 0.0)
    reach = np.nanmax(_separation(sky.ra.deg, sky.dec.deg, tile))
    return tile._replace(radius=1.2 * float(reach) if np.isfinite(sky.ra.deg).all() else 180.0)


def _headed(path: str, hdu: Hdu) -> tuple[fits.Header, tuple[int, int]]:
    with sound(Path(path)) as (hdus, _):
        image = images_of(hdus, hdu)[0]
        return image.header, image.shape[-2:]


_HELD: dict[tuple[str, tuple[int, int]], fits.HDUList] = {}


@atexit.register
def _close() -> None:
    while _HELD:
        _HELD.popitem()[1].close()


def opened(path: str, state: tuple[int, int]) -> fits.HDUList:
    """A mosaic, its pixels unread, held open for the next cut; the one opened first is closed for the seventeenth."""
    if (path, state) not in _HELD:
        while len(_HELD) >= OPEN:
            _HELD.pop(next(iter(_HELD))).close()
        with quietly_reading(path):
            _HELD[path, state] = fits.open(path)
    return _HELD[path, state]


def images_of(hdus: fits.HDUList, hdu: Hdu) -> list[Any]:
    """The image HDUs asked for; None: the first."""
    keys = [first_image(hdus)] if hdu is None else [hdu] if isinstance(hdu, int | str) else list(hdu)
    return [image_hdu(hdus, key) for key in keys]
