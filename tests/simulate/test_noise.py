import numpy as np
import pytest

from starbolt.simulate.noise import magnitude_error, measured


def test_errors_grow_with_magnitude_and_are_a_fifth_at_the_depth():
    assert np.all(np.diff(magnitude_error(np.linspace(14, 26, 50), 23.0)) > 0)
    assert magnitude_error(np.array(23.0), 23.0) == pytest.approx(0.2, abs=0.001)  # five sigma


def test_difficulty_multiplies_errors():
    mag = np.linspace(14, 26, 50)
    assert magnitude_error(mag, 23.0, 3.0) == pytest.approx(3 * magnitude_error(mag, 23.0))


def test_the_error_that_is_told_is_no_second_look_at_the_truth():
    true = np.linspace(18, 24, 5000)
    mag, error = measured(true, 23.0, np.random.default_rng(0))
    assert error == pytest.approx(magnitude_error(mag, 23.0), nan_ok=True)
    assert np.nanstd(mag - true) > 0.05
    seen = np.isfinite(mag)
    assert np.corrcoef((error - magnitude_error(true, 23.0))[seen], (mag - true)[seen])[0, 1] > 0.5


def test_noise_is_gaussian_in_flux():
    true = np.full(20000, 23.0)
    flux = 10 ** (-0.4 * (measured(true, 23.0, np.random.default_rng(0))[0] - true))
    assert flux.mean() == pytest.approx(1, abs=0.01)
    assert flux.std() == pytest.approx(np.log(10) / 2.5 * magnitude_error(true[0], 23.0), rel=0.03)


def test_a_flux_that_is_not_positive_has_no_magnitude():
    mag, error = measured(np.full(1000, 26.0), 23.0, np.random.default_rng(0))
    assert 0.1 < np.isnan(mag).mean() < 0.5
    assert np.array_equal(np.isnan(mag), np.isnan(error))
