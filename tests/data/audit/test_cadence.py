"""What is told of how a series was observed, against a loop over the series."""

import numpy as np

from starbolt.archives import Ragged
from starbolt.data.audit.cadence import observed


def test_numbers_are_those_of_a_loop_whatever_the_order_of_the_objects():
    random = np.random.default_rng(0)
    counts = np.array([0, 1, 2, 3, 7, 0, 20, 1, 12])
    offsets = np.concatenate([[0], np.cumsum(counts)])
    time = np.concatenate([np.sort(random.uniform(0, 100, n)) for n in counts])
    x = np.where(random.random((len(time), 2)) < 0.6, 1.0, np.nan).astype(np.float32)
    data, places = Ragged(offsets=offsets, time=time, x=x), np.array([6, 0, 4, 1, 8, 3, 2, 5])
    told = observed(data, places, ("g", "r"))
    shared = ["the share of g", "the share of r"]
    assert list(told) == ["the number of points", "their extent", "their median spacing", *shared]
    for i, place in enumerate(places):
        span = slice(offsets[place], offsets[place + 1])
        times, values = time[span], x[span]
        n, gaps = len(times), np.sort(np.diff(times))
        extent, spacing = (np.ptp(times), gaps[(len(gaps) - 1) // 2]) if n > 1 else (np.nan, np.nan)
        shares = np.isfinite(values).mean(axis=0) if n else np.full(2, np.nan)
        expected = [n, extent, spacing, *shares]
        np.testing.assert_allclose([numbers[i] for numbers in told.values()], expected)


def test_a_single_channel_has_no_share():
    data = Ragged(offsets=np.array([0, 2]), time=np.array([0.0, 1.0]), x=np.ones((2, 1), np.float32))
    assert "the share of g" not in observed(data, np.array([0]), ("g",))
