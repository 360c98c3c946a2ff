"""Asinh magnitudes (Lupton, Gunn & Szalay 1999, 1999AJ....118.1406L): magnitudes that faint, even negative fluxes have.

    m = zp - 2.5 log10(e) [asinh(f / 2b) + ln b]        b: softening, about the flux at a signal-to-noise of 1
    err_m = 2.5 log10(e) err_f / sqrt(f^2 + 4 b^2)      f, b, err_f in one unit; zp: the magnitude of one such unit

Bright sources have their usual magnitude: it differs by less than 0.011 mag above f = 10 b.
"""

from __future__ import annotations

import numpy as np

from starbolt.archives.reading.columns import TableError

POGSON = 2.5 / np.log(10)
MAGGIES = {"maggy": 0.0, "mgy": 0.0, "nanomaggy": 22.5, "nmgy": 22.5}  # names that catalogues use, AB magnitudes
SOFTENED = "mag softened at "
JANSKY = 8.90  # AB magnitude of 1 Jy


def asinh_magnitude(flux: np.ndarray, soft: float, zero_point: float) -> np.ndarray:
    """Asinh magnitudes [N] of fluxes [N]; soft: b, in the flux's unit; zero_point: magnitude of one unit [mag]."""
    magnitudes: np.ndarray = zero_point - POGSON * (np.arcsinh(flux / (2 * soft)) + np.log(soft))
    return magnitudes


def asinh_error(flux: np.ndarray, err: np.ndarray, soft: float) -> np.ndarray:
    """One-sigma errors [N] of the asinh magnitudes [mag], from those of the fluxes [N]."""
    errors: np.ndarray = POGSON * err / np.hypot(flux, 2 * soft)
    return errors


def softened_unit(soft: float, zero_point: float) -> str:
    """The unit of asinh magnitudes, with that of their softening: fluxes in another unit must not pass for the same."""
    return f"{SOFTENED}{zero_point - 2.5 * np.log10(soft):.3f}"


def zero_point(unit: str, name: str, where: object = "the table") -> float:
    """The AB magnitude of one `unit`: 8.90 for Jy, 16.40 mJy, 23.90 uJy, 31.40 nJy, 22.5 nanomaggies.

    TableError where the unit of the column `name` is none of a flux density.
    """
    from astropy import units

    word = unit.lower().removesuffix("s").replace("maggie", "maggy")
    if word in MAGGIES:
        return MAGGIES[word]
    try:
        return JANSKY - 2.5 * float(np.log10(units.Unit(unit or "unknown").to(units.Jy)))
    except (ValueError, TypeError):
        raise TableError(
            f"column '{name}' of {where} has {'the unit ' + repr(unit) if unit else 'no unit'}, so its magnitudes have "
            "no zero point; give that of one unit with data.zero_point= [mag]"
        ) from None
