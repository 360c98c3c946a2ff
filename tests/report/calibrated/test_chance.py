"""What chance does: intervals of shares worked by hand, and bands that hold as often as they say."""

from __future__ import annotations

import numpy as np
import pytest

from starbolt.report.calibrated.chance import band, wilson


def test_wilson_interval_of_nothing_in_four_trials_by_hand() -> None:
    low, high = wilson(np.array([0.0, 4.0]), np.array([4.0, 4.0]))
    np.testing.assert_allclose(low, [0.0, 0.8])  # 1 / (n + 1) = 0.2 for z = 1
    np.testing.assert_allclose(high, [0.2, 1.0])


def test_wilson_interval_of_half_by_hand() -> None:
    low, high = wilson(np.array([8.0]), np.array([16.0]))
    assert (low[0], high[0]) == pytest.approx((0.5 - 0.5 / np.sqrt(17), 0.5 + 0.5 / np.sqrt(17)))


def test_a_band_holds_as_many_shares_as_it_says() -> None:
    low, high = band(400, 0.9)
    drawn = np.random.default_rng(0).binomial(400, 0.9, 20_000) / 400
    assert ((low <= drawn) & (drawn <= high)).mean() == pytest.approx(0.955, abs=0.015)
