"""Archives in memory, of every kind and dtype."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from starbolt.archives import Archive, Sample


class Boxed(Archive):
    """Samples from a list; with `fail`, the row whose decoding raises. `decoded` counts what this process decoded."""

    def __init__(self, samples, channels, *, id=None, ids=None, fail=None, option=0):
        self._samples, self.channels, self.id, self._ids = samples, channels, id, ids
        self._fail, self.option, self._decoded = fail, option, 0

    @property
    def decoded(self):
        return self._decoded

    def read(self):
        columns = {"row": np.arange(len(self._samples))}
        return pa.table(columns if self._ids is None else columns | {"name": self._ids})

    def load(self, row):
        self._decoded += 1
        if row["row"] == self._fail:
            raise OSError(f"row {self._fail} is unreadable")
        return self._samples[row["row"]]


@pytest.fixture
def boxed():
    return Boxed


@pytest.fixture
def light_curves():
    """12 series of 0 to 9 points in two bands, with errors, limits and NaN, times in any order."""
    random = np.random.default_rng(1)
    samples = []
    for n in [3, 0, 9, 1, 0, 5, 2, 7, 4, 6, 8, 0]:
        x = random.normal(size=(2, n)).astype(np.float32)
        x[:, ::4] = np.nan
        err = random.uniform(0.1, 1, (2, n)).astype(np.float32)
        samples.append(Sample(x, err, random.random((2, n)) < 0.3, random.uniform(5e4, 6e4, n)))
    return samples
