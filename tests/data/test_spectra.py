"""The words of `data=spectra`: a spectrum is a series over absolute wavelength, in whatever unit it comes."""

from __future__ import annotations

import numpy as np
import pytest
from astropy.table import Table

from starbolt.data import SpectraDataModule

WORDS = {"id": "name", "wavelength": "wave", "flux": "f", "ivar": "iv", "mask": "bad", "target": "kind"}


def spectra(unit="Angstrom", factor=1.0, objects=40, pixels=25):
    """Spectra with a line whose place says the class; a pixel is masked, one has no ivar."""
    rng = np.random.default_rng(0)
    wave = np.tile(4000 + 10.0 * np.arange(pixels), (objects, 1))
    kind = np.arange(objects) % 2
    flux = rng.normal(0, 0.1, wave.shape) + np.exp(-(((wave - 4060 - 120 * kind[:, None]) / 20) ** 2))
    ivar, bad = np.full(wave.shape, 100.0), np.zeros(wave.shape, np.int32)
    ivar[:, 3], bad[:, 5] = 0, 4
    names = [f"s{i}" for i in range(objects)]
    table = Table({"name": names, "kind": kind, "wave": wave * factor, "f": flux, "iv": ivar, "bad": bad})
    table["wave"].unit = unit
    return table


def opened(tmp_path, table, **more):
    data = SpectraDataModule(table, cache=str(tmp_path / "cache"), **WORDS | more)
    return data, data.open("class")


def test_a_spectrum_is_a_series_over_wavelength(tmp_path):
    data, spec = opened(tmp_path, spectra())
    about = data.sources["series"].modality
    assert (about.axis, about.axis_unit, about.channels) == ("wavelength", "Angstrom", ("f",))
    assert np.diff(about.data.offsets).tolist() == [23] * 40
    np.testing.assert_allclose(about.data.err, 0.1)
    assert about.data.time[:4].tolist() == [4000, 4010, 4020, 4040]
    assert "points left out: masked, or without a place, a value or a positive error: 80" in data.notes
    assert spec.target.classes == ("0", "1")


@pytest.mark.parametrize(("unit", "factor"), [("nm", 0.1), ("um", 1e-4)])
def test_the_unit_of_wavelength_does_not_matter(tmp_path, unit, factor):
    (one, _), (two, _) = (opened(tmp_path, spectra(*each)) for each in (("Angstrom", 1.0), (unit, factor)))
    here, there = (each.sources["series"].modality.data for each in (one, two))
    np.testing.assert_allclose(here.time, there.time, rtol=1e-12)
    np.testing.assert_array_equal(here.x, there.x)


def test_bins_are_in_angstrom(tmp_path):
    data, _ = opened(tmp_path, spectra(), bin=50)
    assert np.diff(data.sources["series"].modality.data.offsets).tolist() == [5] * 40


def test_errors_in_place_of_inverse_variances_give_the_same(tmp_path):
    table = spectra()
    with np.errstate(divide="ignore"):
        table["sigma"] = np.asarray(table["iv"]) ** -0.5
    (one, _), (two, _) = (opened(tmp_path, table, **each) for each in ({}, {"ivar": None, "error": "sigma"}))
    np.testing.assert_array_equal(*(each.sources["series"].modality.data.err for each in (one, two)))


def test_spectra_in_a_table_of_their_own_find_their_objects(tmp_path):
    table = spectra()
    apart = {"objects": table["name", "kind"][::-1], "spectra": table["name", "wave", "f", "iv", "bad"]}
    data = SpectraDataModule(**apart, cache=str(tmp_path / "cache"), **WORDS)
    data.open("class")
    together, _ = opened(tmp_path, table)
    first, last = (each.sources["series"].modality.data.x for each in (data, together))
    np.testing.assert_array_equal(first[:23], last[-23:])


def test_other_data_fit_a_spec(tmp_path):
    data, spec = opened(tmp_path, spectra())
    new = SpectraDataModule(spectra("nm", 0.1, objects=5), cache=str(tmp_path / "cache"), **WORDS)
    new.open_like(spec)
    here, there = (next(iter(each.predict_dataloader())).inputs["series"] for each in (data, new))
    np.testing.assert_allclose(here.x[:5, 1], there.x[:, 1])
    np.testing.assert_allclose(here.x[:5, 0], there.x[:, 0], rtol=1e-6)
    assert here.x[0, 0, 0] == 4000  # absolute, not since the first


@pytest.mark.parametrize(
    ("words", "said"),
    [({"error": "a", "ivar": "b"}, "say the same thing; leave one out"), ({"objects": None}, r"data\.objects=FILE")],
)
def test_what_is_unclear_is_refused(words, said):
    with pytest.raises(ValueError, match=said):
        SpectraDataModule(**{"objects": {"name": ["a"]}} | words)
