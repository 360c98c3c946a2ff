"""Supernovae: the function of Bazin et al., and what the survey sees of it."""

import numpy as np
import pytest

from starbolt.simulate import lightcurves, supernovae


def test_the_peak_is_the_brightest_and_the_rise_begins_at_a_hundredth():
    since = np.linspace(-60, 200, 5201)
    for rise, fall in ((13.0, 25.0), (17.4, 35.0), (23.0, 45.0)):
        below = supernovae.fading(since, rise, fall)
        assert since[below.argmin()] == pytest.approx(0, abs=0.06)
        assert below.min() == pytest.approx(0, abs=1e-4)
        explosion = 10 ** (-0.4 * supernovae.fading(np.array(-rise), rise, fall))
        assert 0.002 < explosion < 0.05
        later = np.diff(below[since > 5 * rise]) / np.diff(since[since > 5 * rise])
        assert later == pytest.approx(2.5 / np.log(10) / fall, rel=0.01)  # an exponential is a straight line


def test_each_is_seen_around_its_peak_and_reddens():
    seen = lightcurves.seen_supernovae(200, np.random.default_rng(0), 1.0)
    assert set(seen.kind) == {"supernova"}
    assert np.bincount(seen.star, minlength=200).min() >= 3
    spans = [np.ptp(seen.mjd[seen.star == i]) for i in range(200)]
    assert 20 < np.median(spans) < 120  # the stars are seen in two seasons
    assert np.all(seen.mag < lightcurves.DEPTH[seen.band])
    early, late = [], []
    for i in range(200):
        r, g = ((seen.star == i) & (seen.band == band) for band in (1, 0))
        peak = seen.mjd[r][seen.mag[r].argmin()]
        for bag, low, high in ((early, -5, 5), (late, 20, 30)):
            window = (seen.mjd > peak + low) & (seen.mjd < peak + high)
            if (window & r).any() and (window & g).any():
                bag.append(seen.mag[window & g].mean() - seen.mag[window & r].mean())
    assert np.median(late) > np.median(early) + 0.15
