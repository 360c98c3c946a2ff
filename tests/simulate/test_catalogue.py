import numpy as np
import pytest
from astropy import units
from astropy.table import Table

from starbolt.simulate import catalogue


@pytest.fixture(scope="module")
def galaxies(tmp_path_factory):
    return written(tmp_path_factory.mktemp("sky"))


def written(folder, difficulty=1.0):
    file = folder / f"catalogue{difficulty}.fits"
    catalogue.write_catalogue(file, 2000, np.random.default_rng(0), difficulty)
    return Table.read(file)


def test_columns_come_back_with_units(galaxies):
    assert galaxies.colnames == ["objid", "ra", "dec", *(f"{e}{b}" for b in "ugriz" for e in ("", "e_")), "redshift"]
    assert galaxies["ra"].unit == galaxies["dec"].unit == units.deg
    assert all(galaxies[name].unit == units.mag for name in galaxies.colnames[3:-1])
    assert len(set(galaxies["objid"])) == 2000
    assert galaxies["redshift"].min() >= catalogue.NEAR
    assert galaxies["redshift"].max() <= catalogue.FAR


def test_u_is_missing_where_it_is_faint_together_with_its_error_and_nothing_else_is(galaxies):
    missing = np.ma.getmaskarray(galaxies["u"])
    red = np.asarray(galaxies["g"] - galaxies["r"]) > 1.2
    assert 0.01 < missing[~red].mean() < 0.1
    assert missing[red].mean() > 0.15
    assert np.array_equal(missing, np.ma.getmaskarray(galaxies["e_u"]))
    assert not any(np.isnan(galaxies[name]).any() for name in ("g", "r", "i", "z", "e_z", "redshift"))


def test_the_quoted_errors_are_the_scatter(tmp_path):
    noisy, clean = written(tmp_path, 1.0), written(tmp_path, 1e-6)
    for band in "griz":
        pull = np.ma.compressed((noisy[band] - clean[band]) / noisy[f"e_{band}"])
        assert pull.mean() == pytest.approx(0, abs=0.1)
        assert pull.std() == pytest.approx(1, abs=0.06)


def test_faint_galaxies_have_larger_errors_and_all_are_brighter_than_the_limit(galaxies):
    redshift, kind, r = catalogue.draw_galaxies(2000, np.random.default_rng(1))
    order = np.argsort(galaxies["r"])
    assert np.median(galaxies["e_r"][order[-200:]]) > 2 * np.median(galaxies["e_r"][order[:200]])
    assert np.all(r < catalogue.LIMIT)
    assert set(kind) == {0, 1, 2}
    assert np.corrcoef(redshift, r)[0, 1] > 0.2  # the far are faint


def test_ellipticals_redden_with_redshift_and_are_the_reddest():
    redshift = np.linspace(0.02, 0.35, 20)
    g_r = []
    for kind in catalogue.TYPES:
        colours = catalogue.template_colours(redshift, np.full(20, kind.slope), np.full(20, kind.depth))
        g_r.append(colours[:, 1] - colours[:, 2])
    assert np.all(np.diff(g_r[0]) > 0)
    assert g_r[0][-1] - g_r[0][0] > 0.5
    assert np.all(g_r[0] > g_r[1])
    assert np.all(g_r[1] > g_r[2])


def test_a_flat_spectrum_has_no_colour():
    flat = catalogue.template_colours(np.array([0.0, 0.3]), np.full(2, -2.0), np.zeros(2))
    assert np.abs(flat).max() < 0.02  # f_lambda ~ lambda^-2 is constant f_nu: AB magnitudes are equal


def test_distance_modulus_is_that_of_the_concordance_universe():
    cosmology = pytest.importorskip("astropy.cosmology")
    redshift = np.array([0.05, 0.3, 0.6])
    known = cosmology.FlatLambdaCDM(70, 0.3).distmod(redshift).value
    assert catalogue.distance_modulus(redshift) == pytest.approx(known, abs=1e-3)


def test_a_straight_line_does_worse_on_a_noisier_sky(tmp_path):
    assert linear_rms(written(tmp_path, 1.0)) < linear_rms(written(tmp_path, 4.0)) - 0.005


def linear_rms(table):
    columns = np.stack([np.asarray(table[band], float) for band in "griz"] + [np.ones(len(table))], axis=1)
    redshift = np.asarray(table["redshift"], float)
    fit = np.linalg.lstsq(columns[::2], redshift[::2], rcond=None)[0]
    return np.sqrt(np.mean((columns[1::2] @ fit - redshift[1::2]) ** 2))
