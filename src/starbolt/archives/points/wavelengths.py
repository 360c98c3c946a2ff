"""Wavelengths as float64 [Angstrom]: from any unit of length, and from decimal logarithms as SDSS writes them."""

from __future__ import annotations

import warnings

import numpy as np
import pyarrow as pa

from starbolt.archives.reading.columns import TableError, numbers

LOGARITHMS = 2.0, 6.0  # log10 of 100 Angstrom to 100 micrometres; linear wavelengths without a unit lie beyond
UNIT = "Angstrom"


def wavelengths(table: pa.Table, name: str, has: str = "", where: object = "the table") -> tuple[np.ndarray, str]:
    """(float64 [P] wavelengths [Angstrom], "log10" where the column held their decimal logarithms, else "").

    has: the column's unit. Logarithms are recognised by a name that begins with "log", or by values between 2 and 6 in
    a column without a unit. NaN where missing. TableError where the unit is none of length.
    """
    values = numbers(table, name, where)
    if _logarithms(values, name, has):
        with np.errstate(over="ignore"):
            return 10.0**values, "log10"
    return values * scale(has, name, where), ""


def scale(has: str, name: str, where: object) -> float:
    """How many Angstrom the unit is; 1 for none. TableError where it is no length."""
    from astropy import units

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # old spellings
            known = units.Unit(has.strip() or UNIT)
            return 1.0 if known == units.Angstrom else float(known.to(units.Angstrom))
    except (ValueError, units.UnitConversionError):
        raise TableError(f"column '{name}' of {where} has the unit {has!r}, which is none of wavelength") from None


def _logarithms(values: np.ndarray, name: str, has: str) -> bool:
    if name.lower().split(".")[-1].startswith("log"):
        return True
    known = values[np.isfinite(values)]
    low, high = LOGARITHMS
    return bool(not has and len(known) and known.min() >= low and known.max() <= high)
