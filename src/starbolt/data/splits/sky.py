"""Positions: HEALPix cells, and objects too close to those of another part."""

from __future__ import annotations

import numpy as np

from starbolt.data.splits.dealing import STRICTEST

CELL = 58.6323  # side [deg] of each of HEALPix's twelve base cells


def checked(sky: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
    """Positions [N, 2] [deg] and which of them are known [N].

    ValueError where there is none, or a coordinate is outside its range.
    """
    if sky is None:
        raise ValueError("split=sky needs positions; say data.ra=COLUMN data.dec=COLUMN [deg]")
    there = np.isfinite(sky).all(1)
    if not there.any():
        raise ValueError("split=sky: no object has a position in the columns of data.ra and data.dec")
    for word, values, low, high in (("ra", sky[there, 0], -180, 360), ("dec", sky[there, 1], -90, 90)):
        strange = values[(values < low) | (values > high)]
        if len(strange):
            raise ValueError(
                f"split=sky: the column of data.{word} holds {strange[0]:g}, outside {low} to {high} deg; leave such "
                "rows out with data.where, or say data.missing=[...] if the value stands for none"
            )
    return sky, there


def order_of(cell: float) -> int:
    """The HEALPix order whose cells are nearest in size to `cell` [deg]; ValueError where there is none."""
    if not 0 < cell <= 60:
        raise ValueError(f"split.cell={cell:g} is no size of a cell [deg]; it is between 0 and 60")
    return int(np.clip(np.round(np.log2(CELL / cell)), 0, 29))


def cells(sky: np.ndarray, order: int) -> np.ndarray:
    """Numbers [N] of the nested HEALPix cells of positions [N, 2] [deg]."""
    from astropy import units
    from astropy_healpix import lonlat_to_healpix

    return lonlat_to_healpix(sky[:, 0] * units.deg, sky[:, 1] * units.deg, 2**order, order="nested")


def directions(sky: np.ndarray) -> np.ndarray:
    """Unit vectors [N, 3] of positions [N, 2] [deg]."""
    ra, dec = np.radians(sky).T
    return np.stack([np.cos(dec) * np.cos(ra), np.cos(dec) * np.sin(ra), np.sin(dec)], axis=1)


def shielded(parts: np.ndarray, sky: np.ndarray, radius: float) -> np.ndarray:
    """Parts [N] without ("") the objects within `radius` [arcsec] of one in a stricter part."""
    from scipy.spatial import cKDTree

    if radius <= 0:
        return parts
    result, point = parts.copy(), directions(sky)
    chord = 2 * np.sin(np.radians(radius / 3600) / 2)
    for place, strict in enumerate(STRICTEST[:-1]):
        guard = (result == strict) & np.isfinite(point).all(1)
        others = np.flatnonzero(np.isin(result, STRICTEST[place + 1 :]) & np.isfinite(point).all(1))
        if guard.any() and len(others):
            distance, _ = cKDTree(point[guard]).query(point[others], distance_upper_bound=chord * (1 + 1e-9))
            result[others[np.isfinite(distance)]] = ""
    return result
