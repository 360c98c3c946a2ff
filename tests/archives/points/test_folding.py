"""Folding: phases in [0, 1), whatever the epoch; objects without a period are left out and counted."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from starbolt.archives.points.folding import Folding
from starbolt.archives.points.measured import Points
from starbolt.archives.series import SeriesArchive

HEADS = {"id": [1, 2, 3, 4], "P": [0.5, 3.0, -1.0, None], "T0": [100.0, 99.0, 0.0, 0.0]}


def observations():
    rng = np.random.default_rng(0)
    time = rng.uniform(50, 150, 80)
    return {"id": np.repeat([1, 2, 3, 4], 20), "t": time, "v": np.arange(80.0), "e": np.ones(80)}


ROLES = {"id": "id", "time": "t", "value": "v", "error": "e"}


def loaded(archive):
    catalogue = archive.read()
    return catalogue, archive.load_rows(catalogue)["series"]


@pytest.mark.parametrize("epoch", ["T0", 99.0, 0.0])
def test_points_are_sorted_in_their_own_phase(epoch):
    archive = SeriesArchive(observations(), pa.table(HEADS), period="P", epoch=epoch, **ROLES)
    catalogue, series = loaded(archive)
    assert catalogue["id"].to_pylist() == [1, 2]
    assert archive.notes == ["objects left out because they have no positive period or no epoch: 2"]
    assert (archive.axis, archive.axis_unit) == ("phase", "")
    for i in range(2):
        zero = HEADS["T0"][i] if epoch == "T0" else epoch
        phase = ((observations()["t"] - zero) / HEADS["P"][i] % 1)[20 * i : 20 * i + 20]
        np.testing.assert_array_equal(series.time[20 * i : 20 * i + 20], np.sort(phase))
        np.testing.assert_array_equal(series.x[20 * i : 20 * i + 20, 0], 20 * i + np.argsort(phase))


def test_a_hair_before_the_epoch_is_phase_zero_not_one():
    points = Points(np.zeros(1, int), np.array([-1e-20]), np.ones(1), np.zeros(1, int))
    assert Folding("P", 0.0).fold(points, pa.table({"P": [1.0]})).time.tolist() == [0.0]


def test_bins_are_of_phase():
    archive = SeriesArchive(observations(), pa.table(HEADS), period="P", bin=0.25, **ROLES)
    _, series = loaded(archive)
    assert np.diff(series.offsets).tolist() == [4, 4]
    assert np.floor(series.time * 4).tolist() == [0, 1, 2, 3, 0, 1, 2, 3]


def test_one_file_per_object_folds_alike(tmp_path):
    for i in range(4):
        part = {name: values[20 * i : 20 * i + 20] for name, values in observations().items()}
        lines = [f"{t!r},{v!r},{e!r}" for t, v, e in zip(*(part[k].tolist() for k in "tve"), strict=True)]
        (tmp_path / f"{i + 1}.csv").write_text("\n".join(["t,v,e", *lines]) + "\n")
    roles = {name: column for name, column in ROLES.items() if name != "id"}
    files = SeriesArchive(objects=pa.table(HEADS), root=str(tmp_path), file="{id}.csv", period="P", epoch="T0", **roles)
    table = SeriesArchive(observations(), pa.table(HEADS), period="P", epoch="T0", **ROLES)
    (heads, here), (_, there) = loaded(files), loaded(table)
    assert heads["id"].to_pylist() == [1, 2]
    np.testing.assert_array_equal(here.time, there.time)
    np.testing.assert_array_equal(here.x, there.x)
    assert files.notes == table.notes


def test_a_missing_period_column_is_refused():
    with pytest.raises(ValueError, match="no column 'PP'; did you mean 'P'"):
        SeriesArchive(observations(), pa.table(HEADS), period="PP", **ROLES).read()
