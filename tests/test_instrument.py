"""Instrument: a checkpoint answers tables, arrays and data modules alike, in physical units."""

from __future__ import annotations

import numpy as np
import pyarrow.parquet as pq
import pytest
from astropy.table import Table

import starbolt


@pytest.fixture(scope="module")
def answers(trained):
    """Model -> id -> row of the run's own predictions."""
    return lambda model: {r["id"]: r for r in pq.read_table(trained(model) / "predictions.parquet").to_pylist()}


def test_every_form_of_a_table_gets_the_same_answer(trained, sky, answers):
    table = Table.read(sky["catalogue"])
    frame = table.to_pandas()
    forms = {
        "file": str(sky["catalogue"]), "path": sky["catalogue"], "astropy": table, "pandas": frame,
        "dict": {name: np.array(frame[name]) for name in frame.columns},
    }  # fmt: skip
    instrument = starbolt.load(trained("mlp"))
    wanted = answers("mlp")
    for name, form in forms.items():
        found = instrument.predict(form)
        assert len(found) == 200, name
        mine = {str(key): value for key, value in zip(found["id"], np.array(found["redshift"]), strict=True)}
        for key, row in wanted.items():
            assert mine[key] == pytest.approx(row["redshift"], abs=1e-6), name


def test_words_say_how_a_table_is_read_otherwise(trained, sky, tmp_path):
    instrument, table = starbolt.load(trained("mlp")), Table.read(sky["catalogue"])
    wanted = instrument.predict(table)
    table["g"][3] = -99.0
    table.rename_column("objid", "name")
    found = instrument.predict(table, id="name", missing=[-99], ra=None, dec=None)
    assert list(found["id"]) == list(wanted["id"])
    assert found["mask"][3] > wanted["mask"][3]
    np.testing.assert_allclose(np.delete(found["redshift"], 3), np.delete(wanted["redshift"], 3), atol=1e-6)
    images = starbolt.load(trained("cnn"))
    moved = sky["cutouts"].rename(tmp_path / "stamps")
    try:
        stamps = images.predict(sky["labels"], root=str(moved))
    finally:
        moved.rename(sky["cutouts"])
    assert len(stamps) == len(Table.read(sky["labels"]))


def test_words_that_cannot_be_are_told(trained, sky):
    instrument = starbolt.load(trained("mlp"))
    with pytest.raises(ValueError, match="TableDataModule has no word 'mising'; did you mean 'missing'"):
        instrument.predict(sky["catalogue"], mising=[-99])
    with pytest.raises(ValueError, match="TableDataModule has no word 'common'"):
        instrument.predict(sky["catalogue"], common=3)
    with pytest.raises(ValueError, match="id= says how a table is read, and this is an array; leave it out"):
        instrument.predict(np.zeros((3, 2)), id="name")


def test_an_array_of_channels_gets_the_answer_of_its_table(trained, sky):
    instrument = starbolt.load(trained("mlp"))
    table = Table.read(sky["catalogue"])[:7]
    columns = []
    for name in instrument.spec.inputs["table"].channels:
        a, _, b = name.partition("-")
        columns.append(np.array(table[a], float) - (np.array(table[b], float) if b else 0))
    from_array = instrument.predict(np.stack(columns, 1))
    np.testing.assert_allclose(from_array["redshift"], instrument.predict(table)["redshift"], atol=1e-5)


def test_an_array_of_another_shape_is_told(trained):
    with pytest.raises(ValueError, match=r"an array \[N, \d+\], not an array of shape \(3, 2\)"):
        starbolt.load(trained("mlp")).predict(np.zeros((3, 2)))
    with pytest.raises(ValueError, match="a table of observations"):
        starbolt.load(trained("gru")).predict(np.zeros((3, 2, 9)))


def test_unmeasured_values_of_an_array_are_allowed(trained):
    instrument = starbolt.load(trained("mlp"))
    x = np.full((2, len(instrument.spec.inputs["table"].channels)), np.nan)
    assert np.isfinite(instrument.predict(x)["redshift"]).all()


def test_light_curves_are_predicted_from_their_observations(trained, sky, answers):
    found = starbolt.load(trained("gru")).predict(pq.read_table(sky["photometry"]))
    mine = dict(zip(np.array(found["id"]).astype(str), found["prediction"], strict=True))
    assert len(mine) == 60
    for key, row in answers("gru").items():
        assert mine[key] == row["prediction"]


def test_a_data_module_is_predicted(trained, sky, answers):
    data = starbolt.TableDataModule(
        str(sky["catalogue"]), id="objid", colours=[["u", "g"], ["g", "r"], ["r", "i"], ["i", "z"]]
    )
    found = starbolt.load(trained("mlp")).predict(data)
    for key, value in zip(found["id"], found["redshift"], strict=True):
        if key in answers("mlp"):
            assert value == pytest.approx(answers("mlp")[key]["redshift"], abs=1e-6)


def test_a_data_module_of_other_channels_is_not_mistaken(trained, sky):
    data = starbolt.TableDataModule(
        str(sky["catalogue"]), id="objid", target="redshift", features=["z", "i", "r", "g", "u"]
    )
    data.open("quantity")
    with pytest.raises(ValueError, match="opened"):
        starbolt.load(trained("mlp")).predict(data)


@pytest.mark.usefixtures("unreported")
def test_predictions_carry_units_and_origin(words, execute, sky, tmp_path):
    for unit in ("km / s", "no unit at all"):
        table = Table.read(sky["catalogue"])
        table["redshift"].unit = unit if unit == "km / s" else None
        table.write(tmp_path / "cat.ecsv", overwrite=True)
        if unit != "km / s":
            text = (tmp_path / "cat.ecsv").read_text()
            (tmp_path / "cat.ecsv").write_text(text.replace("{name: redshift,", f"{{name: redshift, unit: {unit},"))
        run = execute(tmp_path / unit, [*words("mlp"), f"data.path={tmp_path / 'cat.ecsv'}", "trainer.max_epochs=1"])
        found = starbolt.load(run).predict(Table.read(sky["catalogue"]))
        assert str(found["redshift"].unit) == str(found["redshift_err"].unit) == unit
        assert found.meta["split"] == starbolt.load(run).spec.split


def test_a_missing_column_is_named(trained, sky):
    table = Table.read(sky["catalogue"])
    table.remove_column("g")
    with pytest.raises(ValueError, match="'g'"):
        starbolt.load(trained("mlp")).predict(table)


def test_probabilities_add_to_one(trained, sky):
    found = starbolt.load(trained("cnn")).predict(str(sky["labels"]))
    names = [name for name in found.colnames if name.startswith("prob_")]
    np.testing.assert_allclose(sum(np.array(found[name]) for name in names), 1, atol=1e-5)
    best = np.argmax([found[name] for name in names], axis=0)
    assert [f"prob_{p}" for p in found["prediction"]] == [names[i] for i in best]


def test_objects_outside_the_training_range_are_named(trained, sky):
    instrument, table = starbolt.load(trained("mlp")), Table.read(sky["catalogue"])
    assert set(instrument.predict(table)["outside"]) >= {""}
    table["z"][0] = 50.0
    found = instrument.predict(table)
    assert found["outside"][0] in ("z", "i-z")
    assert any("outside the training range" in note for note in found.meta["notes"])


def test_labels_that_the_network_does_not_know_are_noted(trained, sky, tmp_path):
    table = Table.read(sky["labels"])
    table["class"] = table["class"].astype("U20")
    table["class"][:4] = "mystery"
    table.write(tmp_path / "strange.csv")
    found = starbolt.load(trained("cnn")).predict(tmp_path / "strange.csv")
    assert any("4 objects have a label that the checkpoint does not know" in note for note in found.meta["notes"])
