"""Names that suggest what was not said become notes; names of bands do not."""

import pytest

from starbolt.data.hints import hints


@pytest.mark.parametrize("pair", [("ra", "dec"), ("RA", "DEC"), ("RAJ2000", "DEJ2000"), ("coord_ra", "coord_dec")])
def test_a_position_is_suggested_unless_it_is_named(pair):
    ra, dec = pair
    columns = ["id", *pair, "u"]
    (note,) = hints(columns, ["u"], ["z"], None)
    assert f"data.ra={ra} data.dec={dec}" in note
    assert "it is not looked at" in note
    assert "they are features" in hints(columns, columns[1:], ["z"], None)[0]
    assert hints(columns, ["u"], ["z"], ra) == []


def test_columns_of_other_names_are_no_position():
    assert hints(["radius", "decam_g", "grade", "u"], ["u"], ["z"], None) == []


def test_what_is_named_after_the_target_is_told():
    (note,) = hints([], ["u", "redshift_err", "redshifted"], ["redshift"], None)
    assert "data.exclude=[redshift_err]" in note


def test_the_error_of_a_band_is_no_leak():
    assert hints([], ["z", "z_err"], ["z"], None) == []
