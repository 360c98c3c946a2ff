"""A star keeps its flux whatever the units of the file; what no factor converts is refused in one sentence."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from astropy import units

from starbolt.archives import Dense, Ragged
from starbolt.contract import InputSpec
from starbolt.data.labels import unknown_classes
from starbolt.data.sources import Source
from starbolt.store.store import Modality

X = np.array([[1.0, 20.0], [np.nan, 3.0], [-0.5, 1e-3]], np.float32)


def table(*of):
    return Source(Modality("table", ("f", "g"), of, (2,), False, Dense(X, np.abs(X) / 10)))


def spec(kind="table", channels=("f", "g"), of=("", ""), shape=(2,), **more):
    one = (1.0,) * len(channels)
    return InputSpec(kind, channels, of, shape, ("linear",) * len(channels), one, one, one, one, **more)


def images(zero_point=None, pixel_scale=None, of="", x=None):
    x = np.ones((2, 1, 3, 3), np.float32) if x is None else x
    return Source(
        Modality(
            "image", ("r",), (of,), (1, 3, 3), True, Dense(x, x / 5), pixel_scale=pixel_scale, zero_point=zero_point
        )
    )


def image_spec(of="", **more):
    return spec("image", ("r",), (of,), (1, 3, 3), **more)


def spectra(axis="wavelength", unit="nm", flux="mJy"):
    time = np.array([400.0, 500.0, 650.0, 410.0, 700.25])
    data = Ragged(np.array([0, 3, 5]), time, np.arange(5, dtype=np.float32)[:, None], np.ones((5, 1), np.float32))
    return Source(Modality("series", ("flux",), (flux,), (1, 3), True, data, axis, unit))


ROWS = torch.arange(2)


def test_values_and_errors_come_in_the_unit_of_the_checkpoint():
    found = table("mJy", "nm").matching("table", spec(of=("Jy", "Angstrom")))
    block, plain = found.gather(torch.arange(3)), table("", "").gather(torch.arange(3))
    factor = torch.tensor([1e-3, 10.0])
    assert torch.allclose(block.x, plain.x * factor)
    assert torch.allclose(block.err, plain.err * factor)
    assert torch.equal(block.mask, plain.mask)
    assert "'f' converted from mJy to Jy (times 0.001)" in found.notes[0]
    assert "'g' converted from nm to Angstrom (times 10)" in found.notes[1]


def test_the_factor_follows_the_channel_when_channels_change_places():
    found = table("mJy", "nm").matching("table", spec(channels=("g", "f"), of=("nm", "Jy")))
    plain = table("", "").gather(torch.arange(3)).x
    assert torch.allclose(found.gather(torch.arange(3)).x, torch.stack([plain[:, 1], plain[:, 0] * 1e-3], 1))


@pytest.mark.parametrize(
    ("have", "want"), [("Jy", "Jy"), ("", ""), ("erg / (s cm2)", "erg s-1 cm-2"), ("mag", "mag(AB)"), ("", "Jy")]
)
def test_the_same_unit_leaves_every_bit(have, want):
    found = table(have, "").matching("table", spec(of=(want, "")))
    assert found.factors == ()
    assert torch.equal(found.gather(torch.arange(3)).x, table("", "").gather(torch.arange(3)).x)


@pytest.mark.parametrize(
    ("have", "want", "sentence"),
    [
        ("", "Jy", "no unit here and was in Jy"),
        ("Jy", "", "is in Jy and had no unit"),
        ("flurbs", "Jy", "'flurbs' and was trained in 'Jy'"),
    ],
)
def test_what_cannot_be_compared_is_noted(have, want, sentence):
    found = table(have, "").matching("table", spec(of=(want, "")))
    assert len(found.notes) == 1
    assert sentence in found.notes[0]


def test_fifty_columns_are_not_fifty_notes():
    names = tuple(f"c{i}" for i in range(50))
    many = Source(Modality("table", names, ("",) * 50, (50,), True, Dense(np.zeros((2, 50), np.float32))))
    notes = many.matching("table", spec(channels=names, of=("Jy",) * 50, shape=(50,))).notes
    assert len(notes) == 4
    assert "47 more" in notes[-1]


@pytest.mark.parametrize(
    ("have", "want"),
    [("mag", "Jy"), ("Jy", "mag"), ("mag(AB)", "mag(ST)"), ("nm", "Jy"), ("adu", "electron"), ("K", "deg_C")],
)
def test_what_no_factor_converts_is_refused(have, want):
    with pytest.raises(ValueError, match=r"channel 'f' is in .* here and was in .* in training"):
        table(have, "").matching("table", spec(of=(want, "")))


def test_asinh_magnitudes_of_another_softening_are_refused():
    """20 nJy read as 20 mJy would turn every flux into the same magnitude, in silence."""
    trained = spec(of=("mag softened at 28.147", ""))
    assert table("mag softened at 28.147", "").matching("table", trained).factors == ()
    with pytest.raises(
        ValueError, match=r"softened at 13\.147 here and was in mag softened at 28\.147.*asinh_magnitudes"
    ):
        table("mag softened at 13.147", "").matching("table", trained)


def test_a_star_keeps_its_flux_whatever_the_zero_point():
    """A star of 20 mag has 100 counts at zero point 25 and about 251 at 26."""
    trained = 10 ** (0.4 * (25 - 20))
    counts = np.full((2, 1, 3, 3), 10 ** (0.4 * (26 - 20)), np.float32)
    found = images(zero_point=26.0, x=counts).matching("image", image_spec(zero_point=25.0))
    block = found.gather(ROWS)
    assert torch.allclose(block.x, torch.full_like(block.x, trained), rtol=1e-5)
    assert torch.allclose(block.err, block.x / 5)
    assert "from zero point 26 mag to 25" in found.notes[0]


def test_a_zero_point_counts_for_the_unit_not_beside_it():
    """AB zero points of mJy and Jy say all that the units say."""
    zero_points = {unit: (1 * units.Unit(unit)).to(units.ABmag).value for unit in ("Jy", "mJy")}
    found = images(zero_points["mJy"], of="mJy").matching("image", image_spec("Jy", zero_point=zero_points["Jy"]))
    assert found.gather(ROWS).x[0, 0, 0, 0] == pytest.approx(1e-3, rel=1e-5)


def test_one_zero_point_or_pixel_scale_alone_converts_nothing():
    found = images(zero_point=26.0, pixel_scale=0.2).matching("image", image_spec())
    assert found.factors == ()
    assert found.notes == (
        "'image' has the zero point 26 mag here and had none in training; nothing is converted by it",
    )
    found = images().matching("image", image_spec(zero_point=25.0, pixel_scale=0.2))
    assert found.factors == ()
    assert found.notes == (
        "'image' has no pixel scale here and had 0.2 arcsec in training; taken to be the same",
        "'image' has no zero point here and had 25 mag in training; taken to be the same",
    )


@pytest.mark.parametrize("scale", [0.396, 0.390, 0.403])
def test_nearly_the_same_pixel_scale_is_the_same(scale):
    images(pixel_scale=scale).matching("image", image_spec(pixel_scale=0.396))


def test_another_pixel_scale_is_refused_with_both():
    with pytest.raises(
        ValueError, match=r"0\.396 arcsec a pixel, these have 0\.262; resample.*data\.pixel_scale=0\.396"
    ):
        images(pixel_scale=0.262).matching("image", image_spec(pixel_scale=0.396))


def test_wavelengths_come_in_the_unit_of_the_checkpoint_and_stay_absolute():
    wanted = spec("series", ("wavelength", "flux"), ("Angstrom", "Jy"), (2, 3), axis="wavelength")
    block = spectra().matching("series", wanted).gather(ROWS)
    assert block.x[0, 0].tolist() == [4000, 5000, 6500]
    assert block.x[1, 0].tolist() == pytest.approx([4100, 7002.5, 0])
    assert block.x[0, 1].tolist() == pytest.approx([0, 1e-3, 2e-3])


def test_times_count_from_the_first_point_and_are_converted():
    wanted = spec("series", ("time", "flux"), ("d", "mJy"), (2, 3))
    block = spectra("time", "s").matching("series", wanted).gather(ROWS)
    assert block.x[0, 0].tolist() == pytest.approx([0, 100 / 86400, 250 / 86400])


def test_another_axis_is_refused():
    with pytest.raises(ValueError, match=r"trained on series over time, these run over wavelength; read them with"):
        spectra().matching("series", spec("series", ("time", "flux"), ("d", "mJy"), (2, 3)))


def test_the_store_is_not_copied():
    source = table("mJy", "")
    found = source.matching("table", spec(of=("Jy", "")))
    assert found.modality is source.modality
    assert replace(found, factors=()).gather(ROWS).x[0, 0] == 1


def test_unknown_labels_are_counted_the_commonest_first():
    words = np.array(["E", "", "Irr", "S0", "Irr", "S"])
    assert unknown_classes(words, np.array([0, -1, -1, -1, -1, 1])) == [
        "3 objects have a label that the checkpoint does not know, and are not scored: Irr (2), S0 (1)"
    ]
    assert unknown_classes(words[:2], np.array([0, -1])) == []


def test_a_band_that_nobody_observed_has_a_way_in():
    with pytest.raises(ValueError, match=r"needs channel 'mag_r' .* have flux; .* data.bands="):
        spectra().matching("series", spec("series", ("time", "mag_r"), ("", ""), (2, 3)))
