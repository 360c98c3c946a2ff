"""Times are numbers, or dates that become MJD."""

from __future__ import annotations

import datetime

import numpy as np
import pyarrow as pa
import pytest
from astropy.time import Time

from starbolt.archives.points.times import days, time_unit, times

ISO = ["2024-02-29T06:00:00.25", "1995-10-06T23:59:59Z", None]


def test_numbers_keep_every_digit():
    values, unit = times(pa.table({"t": [2459000.123456789, None]}), "t")
    np.testing.assert_array_equal(values, [2459000.123456789, np.nan])
    assert unit == ""


@pytest.mark.parametrize("kind", ["text", "timestamp"])
def test_dates_are_the_mjd_that_astropy_gives(kind):
    column = pa.array(ISO)
    if kind == "timestamp":
        column = pa.array([datetime.datetime.fromisoformat(t).replace(tzinfo=None) if t else None for t in ISO])
    values, unit = times(pa.table({"t": column}), "t")
    np.testing.assert_allclose(values[:2], Time([t.strip("Z") for t in ISO[:2]]).mjd, rtol=0, atol=1e-10)
    assert np.isnan(values[2])
    assert unit == "d"


def test_a_word_is_refused_with_the_way_out():
    with pytest.raises(
        ValueError, match=r"column 't' of a.csv holds 'noon' where a time is needed: a number or an ISO date"
    ):
        times(pa.table({"t": ["noon"]}), "t", "a.csv")


@pytest.mark.parametrize(
    ("has", "known"),
    [("s", "s"), ("day", "d"), ("h", "h"), ("min", "min"), ("yr", "yr"), ("", "d"), ("mag", "d"),
     ("BJD - 2457000, days", "d")],
)  # fmt: skip
def test_the_unit_of_time_is_the_columns_own_or_days(has, known):
    assert time_unit(has) == known


def test_a_night_has_its_length_in_any_unit():
    assert days(1.0, "s") == 86400
    assert days(1.0, "d") == 1
