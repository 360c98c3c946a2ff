"""What a packed store is asked at every start is found in pieces, and is the same as if looked at whole."""

import numpy as np
import pytest

from starbolt.archives import Dense
from starbolt.archives.reading.sentinels import suspects
from starbolt.data.objects import _sentinels
from starbolt.store.store import Modality


@pytest.mark.parametrize("complete", [True, False])
def test_sentinels_are_found_in_pieces_as_in_the_whole(complete):
    x = np.random.default_rng(0).normal(size=(70_000, 5)).astype(np.float32)
    x[3, 1], x[69_999, 2] = 99, -9999
    if not complete:
        x[5, 1], x[66_000, 2], x[:, 4] = np.inf, np.nan, np.nan
    modality = Modality("table", tuple("abcde"), ("",) * 5, (5,), complete, Dense(x))
    found = _sentinels(modality)
    assert [note[:10] for note in found] == ["column 'b'", "column 'c'"]
    assert found == suspects(x, modality.channels)
