"""Limits in every spelling: flags, words, numbers, and signs before the value; never confused with what is missing."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from starbolt.archives.reading.limits import flags, signed
from starbolt.archives.series import SeriesArchive


@pytest.mark.parametrize(
    ("column", "found"),
    [
        (["<", None, ">", "", " < "], [1, 0, 1, 0, 1]),
        (["true", "False", "T", "f", None], [1, 0, 1, 0, 0]),
        (["1", "0", "0.0", "2"], [1, 0, 0, 1]),
        ([True, False, None], [1, 0, 0]),
        ([0.0, 1.0, np.nan], [0, 1, 0]),
    ],
)
def test_flags_in_every_spelling(column, found):
    np.testing.assert_array_equal(flags(pa.table({"l": column}), "l"), np.array(found, bool))


def test_an_unknown_word_is_refused():
    with pytest.raises(ValueError, match=r"column 'l' of cat.csv holds 'maybe', which is neither '<'.*data\.limit="):
        flags(pa.table({"l": ["true", "maybe"]}), "l", "cat.csv")


def test_signs_before_the_value():
    value, limit = signed(pa.table({"m": ["<21.5", "20.25", None, " >= 3", "-1e2"]}), "m")
    np.testing.assert_array_equal(value, [21.5, 20.25, np.nan, 3, -100])
    assert limit.tolist() == [True, False, False, True, False]
    assert signed(pa.table({"m": [1.5]}), "m")[1] is None
    assert signed(pa.table({"m": ["1.5"]}), "m")[1] is None
    with pytest.raises(ValueError, match="holds '21;5' where a number is needed"):
        signed(pa.table({"m": ["<20", "<21;5"]}), "m")


def test_limits_in_cells_of_a_csv_reach_the_series(tmp_path):
    (tmp_path / "phot.csv").write_text("id,t,mag,err\na,1,20.5,0.1\na,2,<21.5,\na,3,,0.1\na,4,21.0,\n")
    archive = SeriesArchive(str(tmp_path / "phot.csv"), id="id", time="t", value="mag", error="err")
    series = archive.load_rows(archive.read())["series"]
    assert series.time.tolist() == [1, 2]  # not observed at 3, without an error at 4
    assert series.x[:, 0].tolist() == [20.5, 21.5]
    assert series.limit[:, 0].tolist() == [False, True]
    assert archive.dropped == 2


def test_a_flag_beside_the_value_as_vizier_has_it(tmp_path):
    (tmp_path / "phot.csv").write_text("id,t,l_mag,mag,err\na,1,,20.5,0.1\na,2,>,21.5,\n")
    archive = SeriesArchive(str(tmp_path / "phot.csv"), id="id", time="t", value="mag", error="err", limit="l_mag")
    series = archive.load_rows(archive.read())["series"]
    assert series.limit[:, 0].tolist() == [False, True]


def test_limits_in_training_tables_only_leave_the_others_measured():
    train = {"id": ["a", "a"], "t": [1.0, 2.0], "m": ["<20", "19"]}
    test = {"id": ["b"], "t": [1.0], "m": ["18"]}
    archive = SeriesArchive(pa.table(train), test_observations=pa.table(test), id="id", time="t", value="m")
    series = archive.load_rows(archive.read())["series"]
    assert series.limit[:, 0].tolist() == [True, False, False]


@pytest.mark.parametrize("first", [True, False])
def test_single_files_agree_on_having_limits_or_say_so(tmp_path, first):
    cells = ["<20", "19"] if first else ["19", "<20"]
    for i, cell in enumerate(cells):
        (tmp_path / f"{i}.csv").write_text(f"t,m\n1,{cell}\n2,18\n")
    words = {"root": str(tmp_path), "file": "{id}.csv", "time": "t", "value": "m"}
    archive = SeriesArchive(objects=pa.table({"id": [0, 1]}), **words)
    catalogue = archive.read()
    if first:
        assert archive.load_rows(catalogue)["series"].limit[:, 0].tolist() == [True, False, False, False]
        return
    with pytest.raises(ValueError, match=r"1\.csv has limits such as '<20', the first files do not; say data\.limit=m"):
        archive.load_rows(catalogue)
    told = SeriesArchive(objects=pa.table({"id": [0, 1]}), limit="m", **words)
    assert told.load_rows(told.read())["series"].limit[:, 0].tolist() == [False, False, True, False]
