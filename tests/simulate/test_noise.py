import numpy as np
import pytest

from starbolt.simulate.noise import magnitude_error


def test_errors_grow_with_magnitude_and_are_a_fifth_at_the_depth():
    assert np.all(np.diff(magnitude_error(np.linspace(14, 26, 50), 23.0)) > 0)
    assert magnitude_error(np.array(23.0), 23.0) == pytest.approx(0.2, abs=0.001)  # five sigma


def test_difficulty_multiplies_errors():
    mag = np.linspace(14, 26, 50)
    assert magnitude_error(mag, 23.0, 3.0) == pytest.approx(3 * magnitude_error(mag, 23.0))
