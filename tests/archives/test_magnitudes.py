"""Asinh magnitudes by hand, at the bright end and at no flux at all; zero points from units."""

from __future__ import annotations

import numpy as np
import pytest

from starbolt.archives.magnitudes import asinh_error, asinh_magnitude, zero_point

POGSON = 1.0857362047581296  # 2.5 / ln 10


def test_numbers_worked_by_hand() -> None:
    """SDSS g: b = 0.9e-10 maggies; no flux has 25.11 mag, table 21 of Stoughton et al. 2002, 2002AJ....123..485S."""
    assert asinh_magnitude(np.array([0.0]), 0.9e-10, 0.0)[0] == pytest.approx(25.11, abs=0.005)
    # f = 2b sinh(1) makes the arcus sinus hyperbolicus 1, whatever b
    flux = np.array([2 * 0.3 * 1.1752011936438014])
    assert asinh_magnitude(flux, 0.3, 22.5)[0] == pytest.approx(22.5 - POGSON * (1 - 1.2039728043259361), abs=1e-12)
    # sqrt(3^2 + (2 * 2)^2) = 5
    assert asinh_error(np.array([3.0]), np.array([0.5]), 2.0)[0] == pytest.approx(POGSON * 0.1, abs=1e-15)


def test_bright_sources_have_their_usual_magnitudes_and_errors() -> None:
    flux = np.array([10.0, 100.0, 1e4])
    magnitudes = asinh_magnitude(flux, 1.0, 22.5)
    assert (np.abs(magnitudes - (22.5 - 2.5 * np.log10(flux))) < [0.011, 2e-4, 1e-7]).all()
    assert asinh_error(flux, flux / 50, 1.0)[2] == pytest.approx(POGSON / 50, rel=1e-6)


def test_the_error_is_the_slope() -> None:
    flux, step = np.linspace(-5, 5, 21), 1e-5
    slope = (asinh_magnitude(flux - step, 0.7, 0) - asinh_magnitude(flux + step, 0.7, 0)) / (2 * step)
    np.testing.assert_allclose(asinh_error(flux, np.ones(21), 0.7), slope, rtol=1e-8)


def test_faint_fluxes_keep_their_order_through_zero() -> None:
    assert (np.diff(asinh_magnitude(np.linspace(-9, 9, 100), 1.0, 0)) < 0).all()


@pytest.mark.parametrize(
    ("unit", "expected"),
    [("Jy", 8.9), ("mJy", 16.4), ("uJy", 23.9), ("nJy", 31.4), ("nanomaggies", 22.5), ("nanomaggy", 22.5),
     ("nmgy", 22.5), ("mgy", 0.0), ("1e-6 Jy", 23.9), ("erg / (s cm2 Hz)", -48.6)],
)  # fmt: skip
def test_zero_points_of_units(unit: str, expected: float) -> None:
    assert zero_point(unit, "f") == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("unit", ["", "ct / s", "nonsense"])
def test_other_units_need_a_zero_point(unit: str) -> None:
    with pytest.raises(
        ValueError, match=r"column 'f' of a.fits has .*unit.*; give that of one unit with data.zero_point="
    ):
        zero_point(unit, "f", "a.fits")
