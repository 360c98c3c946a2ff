"""Float32 is refused where it would blur, and only there."""

from __future__ import annotations

import numpy as np

from starbolt.archives.reading.precision import coarse

RNG = np.random.default_rng(1)


def test_coarse() -> None:
    assert coarse(2459000 + np.arange(100) / 100)
    assert coarse(2.0**40 + np.arange(100))
    assert not coarse(np.append(RNG.normal(size=1000), 1e30))
    assert not coarse(59000 + np.arange(1000.0))
    assert not coarse(np.full(10, 2459000.123))
    assert not coarse(np.full(10, np.nan))
