"""Dates of a split in time."""

import numpy as np
import pytest
from astropy.time import Time

from starbolt.data.splits.dates import dates_between, number_of


@pytest.mark.parametrize("date", ["2018-03-01", "2018-03-01T12:00:00", "1999-12-31 23:59:30.5"])
def test_iso_dates_are_modified_julian_days(date):
    assert number_of(date) == pytest.approx(Time(date).mjd, abs=1e-9)
    assert number_of(f"{date}Z" if "T" in date else date) == number_of(date)


def test_numbers_are_numbers_also_as_text():
    assert number_of(58000) == number_of("58000") == number_of(58000.0)
    with pytest.raises(ValueError, match="'soon', which is neither a number nor an ISO date"):
        number_of("soon")


def test_dates_follow_from_fractions_of_the_known_times():
    time = np.array([5.0, np.nan, 1, 2, 3, 4, 6, 7, 8, 9, 10])
    assert dates_between(time, (0.7, 0.1, 0.2), None, "t") == (8, 9)
    assert dates_between(time, (0.9, 0.1, 0.0), None, "t") == (10, np.inf)
    with pytest.raises(ValueError, match="column 't' holds no time"):
        dates_between(np.full(3, np.nan), (0.7, 0.1, 0.2), None, "t")


def test_dates_of_an_earlier_split_hold():
    time = np.arange(20.0)
    kept = np.array(["train"] * 4 + ["val"] * 2 + ["test"] * 4 + [""] * 10)
    assert dates_between(time, (0.7, 0.1, 0.2), kept, "t") == (4, 6)
    assert dates_between(time, (0.7, 0.1, 0.2), np.where(kept == "val", "", kept), "t") == (6, 6)
