"""Objects unlike those of training are named; those of training never are."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch

from starbolt.archives import Dense, Ragged
from starbolt.contract import Spec, TargetSpec
from starbolt.data.measure import measure_input
from starbolt.data.ranges import Outside, names_of, summary, with_range
from starbolt.data.sources import Source
from starbolt.store.store import Modality

N = 50
RANDOM = np.random.default_rng(0)


def table(x):
    return Modality("table", ("u", "g"), ("mag", "mag"), (2,), False, Dense(x))


def images(x):
    return Modality("image", ("g", "r"), ("", ""), x.shape[1:], False, Dense(x))


def series(x, lengths, axis="time", start=100.0):
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    time = np.concatenate([start + np.arange(n) * 0.5 for n in lengths])
    return Modality("series", ("b",), ("mag",), (1, max(lengths)), False, Ragged(offsets, time, x), axis, "d")


def magnitudes(n=N):
    x = RANDOM.uniform(18, 22, (n, 2)).astype(np.float32)
    x[::7, 1] = np.nan
    return x


def spec_of(**modalities):
    inputs = {name: measure_input(m, np.arange(m_rows(m))) for name, m in modalities.items()}
    return Spec(inputs, TargetSpec(("t",)))


def m_rows(modality):
    return len(modality.data.offsets) - 1 if isinstance(modality.data, Ragged) else len(modality.data.x)


def blocks(n=None, **modalities):
    return {name: Source(m).gather(torch.arange(n or m_rows(m))) for name, m in modalities.items()}


MADE = {
    "table": table(magnitudes()),
    "image": images(RANDOM.normal(size=(N, 2, 40, 30)).astype(np.float32)),
    "series": series(RANDOM.normal(size=(N * 4, 1)).astype(np.float32), [4] * N),
}


@pytest.mark.parametrize("kind", MADE)
def test_a_training_object_is_inside(kind):
    spec = spec_of(**{kind: MADE[kind]})
    back = Spec.from_dict(json.loads(json.dumps(spec.to_dict(), allow_nan=False)))
    found = Outside(back)(blocks(**{kind: MADE[kind]}))
    assert (found["outside"] == -1).all()
    assert not found["beyond"].any()
    assert Outside(back).note(found) is None


def test_a_table_s_range_is_that_of_its_measured_values():
    x = magnitudes()
    about = measure_input(table(x), np.arange(10, 40))
    assert about.summaries == ("u", "g")
    assert about.low == pytest.approx(np.nanmin(x[10:40], 0))
    assert about.high == pytest.approx(np.nanmax(x[10:40], 0))


def test_what_lies_beyond_is_named_with_its_value_and_counted():
    outside = Outside(spec_of(table=MADE["table"]))
    new = magnitudes(6)
    new[1, 0], new[2, 1], new[3], new[4, 1] = 31.5, 2.0, [40, 41], np.nan
    found = outside(blocks(table=table(new)))
    assert found["outside"].tolist() == [-1, 0, 1, 1, -1, -1]
    assert found["beyond"][1:4].tolist() == [31.5, 2, 41]
    note = outside.note(found)
    assert note.startswith("3 of 6 objects lie outside the training range: 2 in g (2 to 41; trained on 18")
    assert "1 in u (31.5; trained on 18" in note


def test_a_gap_is_outside_where_no_training_object_had_one():
    outside = Outside(spec_of(table=MADE["table"]))  # g has gaps in training
    assert outside.names == ("u", "g", "no u")
    new = magnitudes(4)
    new[1, 0], new[2, 1], new[3] = np.nan, np.nan, [np.nan, 99]
    found = outside(blocks(table=table(new)))
    assert found["outside"].tolist() == [-1, 2, -1, 2]
    assert found["beyond"].tolist() == [0, 0, 0, 0]
    assert outside.note(found).endswith("training range: 2 have no u, which every training object had")


def test_a_gap_in_one_of_several_inputs_is_named_with_it():
    both = {"table": MADE["table"], "image": MADE["image"]}
    outside = Outside(spec_of(**both))
    assert outside.names[-3:] == ("table: no u", "image: no g", "image: no r")
    stamps = np.array(MADE["image"].data.x)
    stamps[3, 1] = np.nan
    found = outside(blocks(table=MADE["table"], image=images(stamps)))
    assert outside.names[found["outside"][3]] == "image: no r"


def test_many_reasons_are_not_all_told():
    spec = spec_of(table=MADE["table"], series=MADE["series"])
    assert Outside(spec).names[:2] == ("table: u", "table: g")
    found = {"outside": torch.tensor([0, 1, 2, 3, 4, 0]), "beyond": torch.ones(6)}
    assert Outside(spec).note(found).endswith(", 2 in others")


@pytest.mark.parametrize("count", [0, 1, 63, 64, 65, 200])
@pytest.mark.parametrize("far", [0.0, 0.02, 1.0])
@pytest.mark.parametrize("gaps", [0.0, 0.02])
def test_who_lies_outside_is_found_as_by_looking_at_everything(count, far, gaps):
    outside = Outside(spec_of(table=MADE["table"]))
    x = magnitudes(count)
    x[RANDOM.random(x.shape) < far] *= 2
    x[RANDOM.random(x.shape) < gaps] = np.nan
    found = outside({"table": (block := Source(table(x)).gather(torch.arange(count)))})
    code, beyond = outside._furthest(summary(block, "table"))
    assert found["outside"].tolist() == code.tolist()
    assert found["beyond"].tolist() == beyond.tolist()
    if count == 200:
        assert (found["outside"] >= 0).any() == (far + gaps > 0)


def test_an_image_is_told_by_its_level_and_its_contrast():
    outside = Outside(spec_of(image=MADE["image"]))
    assert outside.names == ("median of g", "median of r", "scale of g", "scale of r", "no g", "no r")
    new = RANDOM.normal(size=(4, 2, 40, 30)).astype(np.float32)
    new[1, 1] += 50
    new[2, 0] *= 30
    new[3, :, :20] = np.nan
    found = outside(blocks(image=images(new)))["outside"].tolist()
    assert found[1] == 1
    assert found[2] in (0, 2)
    assert found[3] in (-1, 0, 1)


@pytest.mark.parametrize(
    ("axis", "last"), [("time", ["duration"]), ("wavelength", ["first wavelength", "last wavelength"])]
)
def test_a_series_is_told_by_its_points_and_ends_too(axis, last):
    trained = series(RANDOM.normal(size=(40, 1)).astype(np.float32), [2, 8] * 4, axis)
    outside = Outside(spec_of(series=trained))
    assert list(outside.names) == ["median of b", "scale of b", "number of points", *last, "no b"]
    new = series(np.tile(trained.data.x[2:10], (4, 1))[:31], [1, 30], axis)
    assert outside.names[outside(blocks(series=new))["outside"].tolist()[1]] in ("number of points", last[-1])
    later = series(np.median(trained.data.x) + trained.data.x[2:10], [8], axis, start=500.0)
    code = int(outside(blocks(series=later))["outside"][0])
    assert (code == 3) == (axis == "wavelength")


def test_padding_and_empty_series_tell_nothing():
    made = series(np.ones((3, 1), np.float32), [0, 3])
    told = summary(blocks(series=made)["series"], "series")
    assert told[0].isnan().all()
    assert told[1].tolist() == [1, 0, 3, 1]
    alone = Source(made).gather(torch.tensor([1]))
    assert torch.equal(summary(alone, "series")[0], told[1])


def test_what_no_training_object_has_is_without_a_range():
    about = measure_input(MADE["table"], np.arange(5))
    told = torch.tensor([[1.0, torch.nan], [3.0, torch.nan]])
    found = with_range(about, told)
    assert names_of(about) == ("u", "g")
    assert (found.summaries, found.low, found.high) == (("u",), (1,), (3,))


def test_an_earlier_checkpoint_knows_no_range():
    state = spec_of(table=MADE["table"]).to_dict()
    for word in ("summaries", "low", "high", "measured", "zero", "stretch", "axis", "pixel_scale", "zero_point"):
        del state["inputs"]["table"][word]
    outside = Outside(Spec.from_dict(state))
    found = outside(blocks(table=MADE["table"]))
    assert outside.names == ()
    assert found["outside"].tolist() == [-1] * N
    assert outside.note(found) is None
