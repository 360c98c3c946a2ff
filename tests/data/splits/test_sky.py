"""Cells of the sky, and objects too close to another part."""

import numpy as np
import pytest
from astropy import units
from astropy.coordinates import SkyCoord

from starbolt.data.splits.sky import cells, checked, directions, order_of, shielded


def field(n=300, seed=0):
    random = np.random.default_rng(seed)
    return np.stack([random.uniform(359.9, 360.1, n) % 360, random.uniform(-0.1, 0.1, n)], axis=1)


def test_the_order_is_that_of_the_nearest_size():
    assert [order_of(size) for size in (58.6, 29, 1.83, 0.9161, 1e-9)] == [0, 1, 5, 6, 29]
    with pytest.raises(ValueError, match=r"split\.cell=-1 is no size of a cell"):
        order_of(-1)


def test_neighbours_share_a_cell_and_the_sky_wraps_around():
    sky = np.array([[10.0, 5.0], [10.001, 5.001], [200.0, -70.0], [370.0 - 360, 5.0], [-160.0, -70.0]])
    found = cells(sky, 5)
    assert found[0] == found[1] == found[3]
    assert found[2] == found[4]
    assert found[0] != found[2]
    assert found.max() < 12 * 4**5


def test_unit_vectors_point_where_astropy_points():
    sky = field()
    xyz = SkyCoord(sky[:, 0], sky[:, 1], unit="deg").cartesian.xyz.value.T
    assert np.allclose(directions(sky), xyz)


def test_the_less_strict_of_two_neighbours_is_left_out_across_the_zero_of_ra():
    sky, random = field(), np.random.default_rng(1)
    parts = random.choice(["train", "val", "cal", "test", ""], len(sky))
    result = shielded(parts, sky, 60)
    place = SkyCoord(sky[:, 0], sky[:, 1], unit="deg")
    near = place[:, None].separation(place[None]) < 60 * units.arcsec
    rank = np.array([["test", "val", "cal", "train", ""].index(part) for part in parts])
    for i in np.flatnonzero(parts != ""):
        closer = [j for j in np.flatnonzero(near[i]) if rank[j] < rank[i] and result[j] == parts[j] != ""]
        assert (result[i] == "") == bool(closer)
    assert 0 < (result != parts).sum() < len(sky) / 2
    assert np.array_equal(shielded(parts, sky, 0), parts)


def test_unknown_places_shield_nobody():
    sky = np.array([[np.nan, np.nan], [1.0, 1.0], [1.0, 1.0]])
    assert shielded(np.array(["test", "train", "val"]), sky, 10).tolist() == ["test", "", "val"]


@pytest.mark.parametrize(
    ("sky", "sentence"),
    [
        (None, r"say data\.ra=COLUMN data\.dec=COLUMN"),
        (np.full((3, 2), np.nan), "no object has a position"),
        (np.array([[10.0, 95.0]]), r"data\.dec holds 95, outside -90 to 90 deg"),
        (np.array([[-999.0, 5.0]]), r"data\.ra holds -999, outside -180 to 360 deg"),
    ],
)
def test_places_that_cannot_be_are_refused(sky, sentence):
    with pytest.raises(ValueError, match=sentence):
        checked(sky)
