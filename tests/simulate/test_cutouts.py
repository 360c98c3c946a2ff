import csv

import numpy as np
import pytest
from astropy.io import fits

from starbolt.simulate import cutouts


@pytest.fixture(scope="module")
def scene():
    return cutouts.draw_scenes(400, np.random.default_rng(0))


def only(scene, kind):
    return cutouts.Scene(*(field[scene.kind == kind] for field in scene))


def test_the_point_spread_conserves_flux():
    x, y, width = np.array([0.0, 0.4, -0.3]), np.array([0.0, -0.2, 0.5]), np.array([1.7, 2.0, 2.7])
    assert cutouts.moffat(x, y, width, width).sum(axis=(1, 2)) == pytest.approx(1.0, abs=0.02)


def test_the_point_spread_has_its_width_and_place():
    profile = cutouts.moffat(np.array([2.0]), np.array([0.0]), np.array([4.0]), np.array([4.0]))[0]
    row, column = np.unravel_index(profile.argmax(), profile.shape)
    assert (row, column) == (16, 18)
    assert profile[16, 20] == pytest.approx(profile[16, 18] / 2)


def test_a_transient_brings_its_flux_to_the_difference_and_nothing_lasting(scene):
    real = only(scene, "real")
    quiet = cutouts.expose(real._replace(dx=0 * real.dx, dy=0 * real.dy, width=1 + 0 * real.width), FakeNoise(), 0.0)
    assert quiet[:, 2].sum(axis=(1, 2)) == pytest.approx(real.flux, rel=0.03)
    assert quiet[:, 0] - quiet[:, 2] == pytest.approx(
        cutouts.lasting(real, real.fwhm, 0 * real.dx, 0 * real.dy), abs=0.1
    )


class FakeNoise:
    def standard_normal(self, shape):
        return np.zeros(shape)


def test_bogus_differ_from_real(scene):
    stamps = {kind: cutouts.expose(only(scene, kind), FakeNoise(), 0.0)[:, 2] for kind in list(cutouts.KINDS)[:4]}
    high, low = ({kind: end(d, axis=(1, 2)) for kind, d in stamps.items()} for end in (np.max, np.min))
    share = {kind: np.median(high[kind] / np.abs(d).sum(axis=(1, 2))) for kind, d in stamps.items()}
    assert np.all(low["dipole"] < -0.2 * high["dipole"])  # a negative lobe
    assert np.median(low["real"] / high["real"]) > -0.1
    assert share["cosmic ray"] > 1.2 * share["real"]  # sharper than the seeing allows
    assert share["hot column"] < 0.5 * share["real"]  # spread over the whole stamp


def test_a_noise_peak_stands_at_the_centre():
    noise = cutouts._unit_noise(np.array(["noise peak"] * 20), np.random.default_rng(0))
    assert noise[:, 15:18, 15:18].sum(axis=(1, 2)).min() > 3 * 2.5


def test_noise_is_that_of_photons_and_grows_with_difficulty(scene):
    empty = cutouts.Scene(*(np.zeros(200) if field.dtype != scene.kind.dtype else field[:200] for field in scene))
    empty = empty._replace(kind=np.full(200, "real"), fwhm=np.full(200, 2.0), width=np.ones(200), axis=np.ones(200))
    spread = [cutouts.expose(empty, np.random.default_rng(0), d)[:, 0].std() for d in (1.0, 3.0)]
    electrons = cutouts.SKY * cutouts.GAIN + cutouts.READ_NOISE**2
    assert spread[0] == pytest.approx(np.sqrt(electrons) / cutouts.GAIN, rel=0.01)
    assert spread[1] == pytest.approx(3 * spread[0], rel=1e-4)


def test_the_faintest_point_source_is_five_sigma_in_the_median_seeing():
    place, width = np.linspace(-0.5, 0.5, 9), np.full(9, np.mean(cutouts.SEEING) / cutouts.PIXEL)
    pixels = 1 / np.mean([(cutouts.moffat(place, y + 0 * place, width, width) ** 2).sum(axis=(1, 2)) for y in place])
    noise = np.sqrt(pixels * (cutouts.SKY * cutouts.GAIN + cutouts.READ_NOISE**2)) / cutouts.GAIN
    assert pytest.approx(5 * noise, rel=0.02) == 10 ** (-0.4 * (cutouts.FAINTEST - cutouts.ZERO))


def test_half_of_the_light_is_within_the_half_light_radius():
    width = np.array([6.0])
    profile = cutouts.moffat(np.zeros(1), np.zeros(1), width, width)[0]
    rows, columns = np.mgrid[:33, :33] - 16
    inside = np.hypot(rows, columns) < 6.0 * cutouts.within(0.5)
    assert profile[inside].sum() == pytest.approx(0.5, abs=0.05)


def test_files_are_read_back_with_their_unit_and_match_the_labels(tmp_path):
    cutouts.write_cutouts(tmp_path / "cutouts", tmp_path / "cutouts.csv", 300, np.random.default_rng(0))
    with (tmp_path / "cutouts.csv").open() as file:
        rows = list(csv.DictReader(file))
    stamps = [fits.getdata(tmp_path / "cutouts" / row["file"]) for row in rows]
    header = fits.getheader(tmp_path / "cutouts" / rows[7]["file"])
    assert list(rows[0]) == ["objid", "file", "ra", "dec", "mag", "class"]
    assert {stamp.shape for stamp in stamps} == {(3, 33, 33)}
    assert header["BITPIX"] == -32
    assert header["BUNIT"] == "adu"
    assert header["OBJECT"] == rows[7]["objid"]
    assert 0.4 < np.mean([row["class"] == "real" for row in rows]) < 0.6
    cut = np.array([np.isnan(stamp).any() for stamp in stamps])
    assert 0 < cut.mean() < 0.1
    assert all(np.isfinite(stamp[:, 16, 16]).all() for stamp in stamps)


def test_a_simple_classifier_does_worse_on_a_noisier_sky(scene):
    assert accuracy(scene, 1.0) > accuracy(scene, 6.0) + 0.05


def accuracy(scene, difficulty):
    from sklearn.linear_model import LogisticRegression

    difference = cutouts.expose(scene, np.random.default_rng(1), difficulty)[:, 2, 12:21, 12:21]
    features, real = np.arcsinh(difference.reshape(len(difference), -1) / 10), scene.kind == "real"
    model = LogisticRegression(C=0.01, max_iter=1000).fit(features[::2], real[::2])
    return model.score(features[1::2], real[1::2])
