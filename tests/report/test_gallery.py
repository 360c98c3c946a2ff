"""The gallery file: who is shown for what, and what was measured of them, NaN where nothing was."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa

from starbolt.archives import Dense, Ragged
from starbolt.contract import InputSpec, Spec, TargetSpec
from starbolt.data.sources import Source
from starbolt.report.gallery import SHOWN, doubt, gallery_rows, write_gallery
from starbolt.store.store import Modality

CLASSES = Spec({}, TargetSpec(("type",), ("",), ("a", "b"), (1, 1)))
QUANTITIES = Spec({}, TargetSpec(("z", "m"), ("", ""), (), (), (0.0, 0.0), (0.1, 10.0)))


def spec(**kinds: tuple[str, tuple[str, ...]]) -> Spec:
    inputs = {
        name: InputSpec(kind, channels, (), (len(channels),), (), (), (), (), ())
        for name, (kind, channels) in kinds.items()
    }
    return Spec(inputs, TargetSpec(("y",)))


def classified(prob: list[float], loss: list[float]) -> pa.Table:
    p = np.array(prob)
    return pa.table({"row": 10 + np.arange(len(p)), "prob_a": p, "prob_b": 1 - p, "loss": loss})


def test_the_most_wrong_and_the_least_sure_come_first_and_the_unlabelled_not_at_all() -> None:
    rows = gallery_rows(classified([0.9, 0.5, 0.5, 0.1], [3.0, 1.0, np.nan, 2.0]), CLASSES, [77, 3])
    assert {name: of_kind.tolist() for name, of_kind in rows.items()} == {
        "wrong": [10, 13, 11], "unsure": [11, 10, 13], "unusual": [77, 3],
    }  # fmt: skip


def test_so_many_of_each_kind_are_shown() -> None:
    n = 100
    rows = gallery_rows(classified([0.5] * n, [1.0] * n), CLASSES, np.arange(n))
    assert {name: len(of_kind) for name, of_kind in rows.items()} == SHOWN


def test_doubt_is_entropy_largest_sigma_or_disagreement() -> None:
    assert doubt(classified([0.5, 1.0], [0, 0]), CLASSES).tolist() == [np.log(2), 0.0]
    sigmas = pa.table({"row": [0, 1], "z_err": [0.1, 0.2], "m_err": [30.0, 1.0], "loss": [0.0, 0.0]})
    np.testing.assert_allclose(doubt(sigmas, QUANTITIES), [3.0, 2.0])
    both = sigmas.append_column("z_epistemic", pa.array([0.5, 0.0])).append_column("m_epistemic", pa.array([0.0, 10.0]))
    np.testing.assert_allclose(doubt(both, QUANTITIES), [5.0, 1.0])


def test_answers_without_a_sigma_are_never_unsure() -> None:
    table = pa.table({"row": [0], "z": [0.1], "m": [1.0], "loss": [0.0]})
    assert len(gallery_rows(table, QUANTITIES)["unsure"]) == 0


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
    rows = {"wrong": np.array([2, 1]), "unsure": np.array([1]), "unusual": np.array([], np.int64)}
    kinds = spec(stamp=("image", ("a", "b")), series=("series", ("time", "v")))
    with np.load(write_gallery(tmp_path, sources, kinds, ids, rows)) as found:
        assert found["id"].tolist() == ["r", "q"]
        assert found["row"].tolist() == [2, 1]
        assert [found[f"rows_{kind}"].tolist() for kind in rows] == [[2, 1], [1], []]
        np.testing.assert_array_equal(found["stamp"], image[[2, 1]])
        np.testing.assert_array_equal(found["series_time"], [[0, np.nan, np.nan], [0, 1, 2]])
        np.testing.assert_array_equal(found["series_x"], [[[5, np.nan, np.nan]], [[2, 3, 4]]])
        np.testing.assert_array_equal(found["series_err"], [[[1, np.nan, np.nan]], [[1, np.nan, 1]]])
