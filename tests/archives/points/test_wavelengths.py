"""Wavelengths in any unit, and logarithms, become Angstrom."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from starbolt.archives.points.wavelengths import wavelengths


@pytest.mark.parametrize(
    ("name", "values", "unit", "angstrom"),
    [
        ("wave", [3600.0, 3601.0], "", [3600, 3601]),
        ("wave", [3600.0, np.nan], "Angstrom", [3600, np.nan]),
        ("wave", [400.0], "nm", [4000]),
        ("wave", [2.2], "um", [22000]),
        ("wave", [3.5, 3.6], "um", [35000, 36000]),
        ("wave", [0.5, 1.2], "", [0.5, 1.2]),
        ("lc.loglam", [3.6], "", [10**3.6]),
        ("lambda", [3.55, 3.95], "", [10**3.55, 10**3.95]),
        ("lambda", [3.55, 7000.0], "", [3.55, 7000.0]),
    ],
)
def test_units_and_logarithms(name, values, unit, angstrom):
    found, told = wavelengths(pa.table({name: values}), name, unit)
    np.testing.assert_allclose(found, angstrom, rtol=1e-14)
    assert (told == "log10") == (name.endswith("loglam") or (not unit and min(values) > 2 and max(values) < 6))


def test_a_unit_of_something_else_is_refused():
    with pytest.raises(ValueError, match=r"column 'wave' of s\.fits has the unit 'd', which is none of wavelength"):
        wavelengths(pa.table({"wave": [1.0]}), "wave", "d", "s.fits")
