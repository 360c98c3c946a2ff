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
    assert np.array_equal(error, magnitude_error(mag, 23.0))
    assert (mag - true).std() > 0.05
    pull = (mag - true) / magnitude_error(true, 23.0)
    assert pull.std() == pytest.approx(1, abs=0.05)
