"""While they are measured, values and errors follow the same curve."""

import numpy as np
import pytest

from starbolt.data.transforms import constants_of, curve_of, slope, stretch_of, transformed

CURVES = ["linear", "log", "asinh", "stretch asinh", "stretch log", "stretch zscale"]


@pytest.mark.parametrize("curve", CURVES)
def test_the_slope_is_that_of_the_curve(curve):
    zero, step = (1.0 if curve.startswith("stretch") else 0.0), 1e-6
    values = np.array([1.2, 2.5, 3.9])
    wanted = transformed(values + step, curve, 3.0, zero) - transformed(values - step, curve, 3.0, zero)
    assert slope(values, curve, 3.0, zero) * np.ones(3) == pytest.approx(wanted / (2 * step), rel=1e-5)


def test_a_channel_s_own_word_goes_before_the_stretch():
    assert curve_of("log", "zscale") == "log"
    assert curve_of("linear", "zscale") == "stretch zscale"
    assert curve_of("linear", "linear") == "linear"


@pytest.mark.parametrize("curve", CURVES)
@pytest.mark.parametrize("values", [np.full(9, 3.0), np.full(9, np.nan), np.array([np.nan, 3.0])])
def test_constants_are_finite_and_soft_is_positive(curve, values):
    zero, soft = constants_of(values, np.full_like(values, 0.1), curve)
    assert np.isfinite(zero)
    assert np.isfinite(soft)
    assert soft > 0


def test_a_stretch_that_does_not_exist_is_named():
    with pytest.raises(ValueError, match=r"data\.stretch=sqrt is not one of linear, asinh, log, zscale"):
        stretch_of("sqrt")
