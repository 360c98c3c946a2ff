"""The gallery file holds what was measured, NaN elsewhere, in the order asked for."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from starbolt.archives import Dense, Ragged
from starbolt.contract import InputSpec, Spec, TargetSpec
from starbolt.data.sources import Source
from starbolt.report.gallery import write_gallery
from starbolt.store.store import Modality


def spec(**kinds: tuple[str, tuple[str, ...]]) -> Spec:
    inputs = {
        name: InputSpec(kind, channels, (), (len(channels),), (), (), (), (), ())
        for name, (kind, channels) in kinds.items()
    }
    return Spec(inputs, TargetSpec(("y",)))


def test_images_and_series_come_back_as_measured(tmp_path: Path) -> None:
    image = np.arange(4 * 2 * 3 * 3, dtype="f4").reshape(4, 2, 3, 3)
    image[2, 1, 0, 0] = np.nan
    ragged = Ragged(
        np.array([0, 2, 5, 6, 6]),
        np.array([10.0, 12, 0, 1, 2, 7]),
        np.arange(6, dtype="f4")[:, None],
        np.array([[1], [1], [1], [0], [1], [1]], "f4"),
    )
    sources = {
        "stamp": Source(Modality("image", ("a", "b"), ("", ""), (2, 3, 3), False, Dense(image))),
        "series": Source(Modality("series", ("v",), ("",), (1, 3), True, ragged)),
    }
    ids = np.array(["p", "q", "r", "s"])
    path = write_gallery(
        tmp_path, sources, spec(stamp=("image", ("a", "b")), series=("series", ("time", "v"))), ids, np.array([2, 1])
    )
    with np.load(path) as found:
        assert found["id"].tolist() == ["r", "q"]
        assert found["row"].tolist() == [2, 1]
        np.testing.assert_array_equal(found["stamp"], image[[2, 1]])
        np.testing.assert_array_equal(found["series_time"], [[0, np.nan, np.nan], [0, 1, 2]])
        np.testing.assert_array_equal(found["series_x"], [[[5, np.nan, np.nan]], [[2, 3, 4]]])
        np.testing.assert_array_equal(found["series_err"], [[[1, np.nan, np.nan]], [[1, np.nan, 1]]])
