import numpy as np
import pyarrow.parquet as pq
import pytest

from starbolt.simulate import lightcurves


def written(folder, count=300, difficulty=1.0):
    files = folder / f"photometry{difficulty}.parquet", folder / f"stars{difficulty}.parquet"
    lightcurves.write_stars(*files, count, np.random.default_rng(0), difficulty)
    return tuple(pq.read_table(file) for file in files)


@pytest.fixture(scope="module")
def sky(tmp_path_factory):
    return written(tmp_path_factory.mktemp("sky"))


def test_tables_come_back_with_units(sky):
    photometry, stars = sky
    assert photometry.column_names == ["objid", "mjd", "band", "mag", "mag_err"]
    assert stars.column_names == ["objid", "ra", "dec", "mean_mag", "class"]
    unit = {f.name: f.metadata[b"unit"].decode() for f in [*photometry.schema, *stars.schema] if f.metadata}
    assert unit == {"mjd": "d", "mag": "mag", "mag_err": "mag", "ra": "deg", "dec": "deg", "mean_mag": "mag"}
    assert set(stars["class"].to_pylist()) == set(lightcurves.CLASSES)
    assert set(photometry["objid"].to_pylist()) == set(stars["objid"].to_pylist())


def test_the_cadence_has_two_bands_seasons_and_sorted_times(sky):
    photometry = sky[0].to_pandas()
    counts = photometry.groupby("objid").size()
    assert counts.between(50, 170).all()
    assert 80 < counts.median() < 130
    assert set(photometry["band"]) == {"g", "r"}
    assert photometry.groupby("objid")["mjd"].apply(lambda mjd: mjd.is_monotonic_increasing).all()
    assert np.diff(np.sort(photometry["mjd"])).max() > 200  # nobody observes between the seasons


def test_errors_grow_with_magnitude(sky):
    band_r = sky[0].to_pandas().query("band == 'r'").sort_values("mag")
    assert band_r["mag_err"][-500:].mean() > 3 * band_r["mag_err"][:500].mean()


def test_a_pulsating_star_brightens_faster_than_it_fades():
    change = np.diff(lightcurves.pulse(np.linspace(0, 1, 2001), np.float64(0.9)))
    assert (change < 0).mean() < 0.3  # the magnitude falls, the star brightens, for a small part of the period
    assert lightcurves.pulse(np.linspace(0, 1, 2001)[:-1], np.float64(0.9)).mean() == pytest.approx(0, abs=1e-9)


def test_pulse_height_is_about_one_at_any_steepness():
    heights = [np.ptp(lightcurves.pulse(np.linspace(0, 1, 500), np.float64(s))) for s in (0, 0.3, 0.6, 1.0)]
    assert all(0.9 < height < 1.6 for height in heights)


def test_eclipses_only_dim_and_come_once_and_half_an_orbit_later():
    phase = np.linspace(0, 1, 1000, endpoint=False)
    curve = lightcurves.eclipses(phase, np.float64(0.0))
    assert curve.min() >= 0
    assert np.median(curve) < 0.01
    assert curve[0] == pytest.approx(1.0)
    assert curve[500] == pytest.approx(0.3)
    assert lightcurves.eclipses(phase + 7, np.float64(0.4)) == pytest.approx(
        lightcurves.eclipses(phase, np.float64(0.4))
    )


def test_mean_magnitudes_do_not_give_the_class_away():
    stars = lightcurves.draw_stars(4000, np.random.default_rng(0))
    means = [stars.mean[stars.kind == kind].mean() for kind in lightcurves.CLASSES]
    assert np.ptp(means) < 0.25


def test_periods_follow_the_class():
    stars = lightcurves.draw_stars(4000, np.random.default_rng(0))
    periods = {kind: stars.period[stars.kind == kind] for kind in lightcurves.CLASSES}
    assert periods["rr_lyrae"].min() > 0.15
    assert periods["rr_lyrae"].max() < 1.0
    assert periods["rr_lyrae"].max() < np.median(periods["cepheid"]) < periods["mira"].min()


def test_a_simple_classifier_does_worse_on_a_noisier_sky(tmp_path):
    assert accuracy(*written(tmp_path, 1200, 1.0)) > accuracy(*written(tmp_path, 1200, 10.0)) + 0.05


def accuracy(photometry, stars):
    from sklearn.linear_model import LogisticRegression

    points = photometry.to_pandas().assign(step=lambda p: p.groupby(["objid", "band"])["mag"].diff().abs())
    features = points.pivot_table(index="objid", columns="band", values=["mag", "step"], aggfunc=["mean", "std"])
    features = np.log1p(np.abs(np.diff(features.fillna(0).to_numpy(), prepend=0)))
    label = stars["class"].to_pylist()
    model = LogisticRegression(C=100, max_iter=5000).fit(features[::2], label[::2])
    return model.score(features[1::2], label[1::2])
