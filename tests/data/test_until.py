"""Curves as of day t are those that a survey had on day t: nothing of later points comes through, anywhere."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from starbolt import build
from starbolt.archives import Ragged
from starbolt.contract import Block
from starbolt.data import MultimodalDataModule, SeriesDataModule, SpectraDataModule, TableDataModule
from starbolt.data.augment import SeriesAugment
from starbolt.data.cuts import Cut, least_of
from starbolt.data.sources import Source
from starbolt.data.splits import Column
from starbolt.learner import Learner
from starbolt.models import GRU
from starbolt.predict import predict_rows
from starbolt.store.store import Modality
from starbolt.tasks import Classification

INF = float("inf")
WORDS = {"id": "id", "time": "mjd", "value": "v", "error": "e", "band": "band", "target": "kind", "limit": "lim"}


def plain_end(time, x, err, limit, least, until):
    """How many points are left, one object and one point at a time: what `Cut` must find for all at once."""
    first = None
    for i in range(len(time)):
        for c in range(x.shape[1]):
            is_limit = limit is not None and limit[i, c]
            sure = err is None or not err[i, c] > 0 or x[i, c] >= np.float32(least[c]) * err[i, c]
            if first is None and np.isfinite(x[i, c]) and not is_limit and sure:
                first = time[i]
    first = first if first is not None or not len(time) else time[0]
    return sum(t - first <= until for t in time)


def truncated(data, ends):
    """The Ragged of the first `ends` [N] points of each series."""
    picks = [np.arange(a, a + n) for a, n in zip(data.offsets[:-1], ends, strict=True)]
    pick = np.concatenate([np.zeros(0, int), *picks])
    offsets = np.concatenate([[0], np.cumsum(ends)]).astype(np.int64)
    return Ragged(offsets, data.time[pick], *(None if p is None else p[pick] for p in (data.x, data.err, data.limit)))


def same(block: Block, other: Block) -> bool:
    return all((a is None and b is None) or torch.equal(a, b) for a, b in zip(block, other, strict=True))


@st.composite
def cases(draw):
    """(Source, day, rows, channels taken): up to 8 series of 0 to 14 points, fluxes or magnitudes, gaps and limits."""
    lengths = draw(st.lists(st.integers(0, 14), min_size=1, max_size=8))
    channels, random = draw(st.integers(1, 3)), np.random.default_rng(draw(st.integers(0, 10_000)))
    points = sum(lengths)
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    time = np.concatenate([[], *(5e4 + np.sort(random.integers(0, 40, n) / 4) for n in lengths)])
    x = (3 * random.normal(size=(points, channels))).astype(np.float32)
    x[random.random(x.shape) < 0.3] = np.nan
    err = random.uniform(0.1, 1, x.shape).astype(np.float32) if draw(st.booleans()) else None
    if err is not None:
        err[random.random(x.shape) < 0.1] = np.nan
    limit = random.random(x.shape) < 0.3 if draw(st.booleans()) else None
    units = tuple(draw(st.sampled_from(["Jy", "mag", ""])) for _ in range(channels))
    names = tuple(f"b{i}" for i in range(channels))
    data = Ragged(offsets, time, x, err, limit)
    modality = Modality("series", names, units, (channels, max(lengths)), False, data)
    order = draw(st.none() | st.permutations(range(channels)).map(lambda p: tuple(p[: max(1, len(p) - 1)])))
    rows = draw(st.lists(st.integers(0, len(lengths) - 1), min_size=1, max_size=6))
    cut = Cut(
        draw(st.sampled_from([0.0, 0.25, 1.0, 3.0, 20.0])), least_of(units, draw(st.sampled_from([5.0, 2.0, None])))
    )
    return Source(modality, order=order, cut=cut), torch.tensor(rows)


@given(cases())
def test_a_cut_block_is_that_of_the_shorter_series(case):
    source, rows = case
    data, cut = source.modality.data, source.cut
    taken = list(range(data.x.shape[1])) if source.order is None else list(source.order)
    x, err, limit = (None if p is None else p[:, taken] for p in (data.x, data.err, data.limit))
    least = [cut.least[c] for c in taken]
    spans = [slice(a, b) for a, b in zip(data.offsets[:-1], data.offsets[1:], strict=True)]
    ends = [
        plain_end(
            data.time[s], x[s], None if err is None else err[s], None if limit is None else limit[s], least, cut.until
        )
        for s in spans
    ]
    alone = replace(source, modality=replace(source.modality, data=truncated(data, ends)), cut=None)
    assert same(source.gather(rows), alone.gather(rows))
    assert source.lengths(rows.numpy()).tolist() == [ends[row] for row in rows]
    assert same(source.as_of(None).gather(rows), replace(source, cut=None).gather(rows))


def one(time, x, err=None, limit=None, unit="Jy", detection=5.0):
    """A Source of one series; x [T] or, with several bands, [T, C]."""
    x, err, limit = (
        None if p is None else np.asarray(p, t).reshape(len(time), -1)
        for p, t in ((x, "f4"), (err, "f4"), (limit, bool))
    )
    units = (unit,) * x.shape[1]
    data = Ragged(np.array([0, len(time)]), np.asarray(time, float), x, err, limit)
    modality = Modality("series", tuple("abc"[: x.shape[1]]), units, (x.shape[1], len(time)), False, data)
    return Source(modality, cut=Cut(None, least_of(units, detection)))


def left(source, day):
    return int(source.as_of(day).lengths(np.array([0]))[0])


DAYS = [0.0, 1, 2, 3, 4, 5, 6, 7]
FLUX = [1.0, -9, 4.9, 5, 2, 9, 9, 9]
ONE = [1.0] * 8


@pytest.mark.parametrize(
    ("source", "ends"),
    [
        (one(DAYS, FLUX, ONE), [4, 5, 8]),  # five sigma on day 3, and the negative flux of day 1 is no detection
        (one(DAYS, FLUX, ONE, detection=8.0), [6, 7, 8]),
        (one(DAYS, FLUX, ONE, detection=None), [1, 2, 5]),
        (one(DAYS, FLUX), [1, 2, 5]),  # without errors every measured point is one
        (one(DAYS, [np.nan, np.nan, *FLUX[2:]]), [3, 4, 7]),
        (one(DAYS, [20.0] * 8, [5.0] * 8, unit="mag"), [1, 2, 5]),
        (one(DAYS, [20.0] * 8, ONE, [True] * 2 + [False] * 6, unit="mag"), [3, 4, 7]),  # limits are none
        (one(DAYS, FLUX, ONE, [True] * 4 + [False] * 4), [6, 7, 8]),
        (one(DAYS, [0.5] * 8, ONE), [1, 2, 5]),  # never detected: from the first point
        (one(DAYS, [20.0] * 8, ONE, [True] * 8, unit="mag"), [1, 2, 5]),
        (one(DAYS, np.stack([[0] * 8, [0, 9, *[0] * 6]], 1), np.ones((8, 2))), [2, 3, 6]),  # in any band
    ],
)
def test_days_count_from_the_first_detection(source, ends):
    assert [left(source, day) for day in (0.0, 1.0, 4.0)] == ends


@pytest.mark.parametrize("unit", ["mag", "mag(AB)", "ABmag", "mmag", "mag softened at 22.5", "dex"])
def test_logarithms_are_no_fluxes(unit):
    assert least_of([unit], 5.0) == (-INF,)


@pytest.mark.parametrize("unit", ["", "Jy", "nanomaggy", "nanomaggies", "adu", "electron / s"])
def test_fluxes_are(unit):
    assert least_of([unit, "mag"], 5.0) == (5.0, -INF)


@pytest.mark.parametrize("start", [2_450_000.6, 58_321.3, 0.1])
def test_a_point_on_the_day_itself_counts_whatever_float64_makes_of_the_difference(start):
    for cadence in (0.1, 1.1, 5.0):
        time = [start + cadence * i for i in range(100)]
        assert [left(one(time, [1.0] * 100), cadence * i) for i in range(0, 100, 7)] == [*range(1, 101, 7)]


def observations(seed=0, n=24, points=40, bands=("g", "r")):
    """A table of fluxes of n transients, in the units of the archive: some limits, some masked, several a night."""
    random = np.random.default_rng(seed)
    owner = np.sort(np.append(np.arange(n), random.integers(0, n, n * (points - 1))))
    time = 58_000 + random.uniform(0, 60, len(owner))
    begin = 58_000 + random.uniform(5, 30, n)
    flux = np.where(time > begin[owner], 12 * np.exp((begin[owner] - time) / 20), 0.0)
    table = {
        "id": [f"S{i:02d}" for i in owner],
        "mjd": time,
        "v": flux + random.normal(size=len(owner)),
        "e": np.where(random.random(len(owner)) < 0.05, np.nan, 1.0),
        "band": random.choice(bands, len(owner)),
        "lim": random.random(len(owner)) < 0.1,
    }
    return {name: np.asarray(column) for name, column in table.items()}


HEADS = {
    "id": [f"S{i:02d}" for i in range(24)],
    "kind": ["Ia", "II"] * 12,
    "part": (["train"] * 8 + ["val", "test"] * 2) * 2,
}


def module(table, cache, **words):
    return SeriesDataModule(
        table, objects=HEADS, **(WORDS | words), batch_size=8, cache=str(cache), split=Column("part")
    )


def rows_left(table, whole, width, shift=0.0):
    """bool: the observations of a table that belong to steps which the data module `whole` has cut to."""
    source, ids = whole.objects.sources["series"], whole.objects.ids.tolist()
    data, ends = source.modality.data, source.lengths(np.arange(len(ids)))
    last = {name: data.time[data.offsets[i] + ends[i] - 1] for i, name in enumerate(ids)}
    cell = (lambda t: t) if width is None else (lambda t: np.floor(t / width + shift))
    return np.array([cell(t) <= cell(last[i]) for t, i in zip(table["mjd"], table["id"], strict=True)])


@pytest.mark.parametrize(
    ("words", "width", "shift"),
    [
        ({}, None, 0.0),
        ({"nightly": True}, 1.0, 0.0),
        ({"nightly": 0.5}, 1.0, 0.5),
        ({"bin": 2.5}, 2.5, 0.0),
        ({"bands": ["r", "g", "i"], "detection": None}, None, 0.0),
        ({"error": None, "limit": None}, None, 0.0),
    ],
)
@pytest.mark.parametrize("until", [0, 4.5, 12])
def test_data_cut_are_data_that_end_sooner(tmp_path, words, width, shift, until):
    table = observations()
    cut = module(table, tmp_path / "whole", until=until, **words)
    keep = rows_left(table, cut, width, shift)
    assert 0 < keep.sum() < len(keep)
    short = module({name: column[keep] for name, column in table.items()}, tmp_path / "short", **words)
    every = torch.arange(24)
    a, b = cut.objects.sources["series"].gather(every), short.objects.sources["series"].gather(every)
    assert same(a, b)
    for i in range(24):
        assert same(
            cut.objects.sources["series"].gather(every[i : i + 1]),
            short.objects.sources["series"].gather(every[i : i + 1]),
        )


@pytest.mark.parametrize(
    "words", [{}, {"nightly": True, "log": ["v_g"]}, {"per_object": "both", "asinh": ["v_g", "v_r"]}]
)
def test_statistics_are_those_of_curves_that_end_sooner(tmp_path, words):
    table = observations()
    specs = []
    cut = module(table, tmp_path / "whole", until=9.0, **words)
    specs.append(cut.open("class").inputs["series"])
    keep = rows_left(table, cut, 1.0 if words.get("nightly") else None)
    short = module({name: column[keep] for name, column in table.items()}, tmp_path / "short", **words)
    specs.append(short.open("class").inputs["series"])
    whole = module(table, tmp_path / "whole", **words).open("class").inputs["series"]
    longest = specs[0].shape
    assert replace(specs[1], shape=longest) == specs[0]
    assert replace(whole, shape=longest) != specs[0]
    assert specs[0].high[-1] < 40 < whole.high[-1]  # the duration: until 9 d after a detection up to 30 d late


def later_changed(table, cut):
    """The table with all that came after the cut changed: values, errors, times, limits, and some of it gone."""
    random, keep = np.random.default_rng(1), rows_left(table, cut, None)
    last = {
        i: max(t for t, j, k in zip(table["mjd"], table["id"], keep, strict=True) if j == i and k) for i in HEADS["id"]
    }
    changed = {name: column.copy() for name, column in table.items()}
    late = np.flatnonzero(~keep)
    changed["v"][late], changed["e"][late], changed["lim"][late] = 1e6, 0.01, random.random(len(late)) < 0.5
    changed["mjd"][late] = [last[table["id"][i]] + 20 + random.uniform(0, 500) for i in late]
    some = keep | (random.random(len(keep)) < 0.7)
    return {name: column[some] for name, column in changed.items()}


@pytest.mark.parametrize("per_object", [False, True, "both"])
@pytest.mark.parametrize("bidirectional", [False, True])
def test_later_points_change_no_prediction(tmp_path, per_object, bidirectional):
    torch.manual_seed(0)
    table, words = observations(), {"per_object": per_object, "asinh": ["v_g"]}
    first = module(table, tmp_path / "a", until=8, **words)
    encoder, waive = partial(GRU, width=8, bidirectional=bidirectional), ["series"]
    learner = Learner.for_data(first, encoder, Classification, waive=waive)
    other = later_changed(table, first)
    again = module(other, tmp_path / "b", until=8, **words)
    again.open_like(learner.spec)
    told = [predict_rows(learner, each.predict_dataloader()) for each in (first, again)]
    assert all(torch.equal(told[0][name], told[1][name]) for name in told[0])
    fresh = module(other, tmp_path / "b", until=8, **words).open("class").inputs["series"]
    assert replace(fresh, shape=first.spec.inputs["series"].shape) == first.spec.inputs["series"]
    whole = module(other, tmp_path / "b", **words)
    whole.open_like(learner.spec)
    assert not torch.allclose(predict_rows(learner, whole.predict_dataloader())["prob"], told[0]["prob"])


def test_a_checkpoint_cuts_new_curves_as_it_was_trained(tmp_path):
    table = observations()
    data = module(table, tmp_path, until=7.5, detection=4.0)
    learner = Learner.for_data(data, partial(GRU, width=4), Classification, waive=["series"])
    assert (learner.recipe["data"]["until"], learner.recipe["data"]["detection"]) == (7.5, 4.0)
    new = build.data_like(learner, table, str(tmp_path))
    new.open_like(learner.spec)
    assert (
        new.sources["series"].lengths(np.arange(24)).tolist() == data.sources["series"].lengths(np.arange(24)).tolist()
    )


def test_days_stay_days_where_new_data_count_seconds(tmp_path):
    from astropy.table import Table

    table = observations()
    data = module(table, tmp_path / "days", until=7.5)
    data.open("class")
    slow = Table(table | {"mjd": table["mjd"] * 86400})
    slow["mjd"].unit = "s"
    new = module(slow, tmp_path / "seconds", until=7.5)
    new.open_like(data.spec)
    a, b = (each.sources["series"].gather(torch.arange(24)) for each in (data, new))
    assert torch.equal(a.length, b.length)
    torch.testing.assert_close(a.x, b.x, atol=1e-4, rtol=1e-5)


def test_batches_go_by_the_lengths_that_are_left(tmp_path):
    data = module(observations(), tmp_path, until=3)
    data.open("class")
    lengths = [batch.inputs["series"].length for batch in data.predict_dataloader()]
    assert all(
        batch.inputs["series"].x.shape[2] == batch.inputs["series"].length.max() for batch in data.predict_dataloader()
    )
    assert torch.equal(torch.cat(lengths), torch.cat(lengths).sort().values)


def test_joined_curves_are_cut_too(tmp_path):
    heads = {name: column[::-1] for name, column in HEADS.items()} | {"a": np.arange(24.0)}
    curves = module(observations(), tmp_path, until=3)
    modules = {"heads": TableDataModule(heads, id="id", features=["a"], cache=str(tmp_path)), "curves": curves}
    joined = MultimodalDataModule(modules, target="kind", split=Column("part"), cache=str(tmp_path))
    joined.open("class")
    alone = curves.objects.sources["series"].gather(torch.arange(24))
    assert same(joined.sources["curves"].gather(torch.arange(23, -1, -1)), alone)
    assert joined.spec.inputs["curves"].high[-1] == curves.open("class").inputs["series"].high[-1]


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ({"until": 5, "period": "p"}, r"data\.until=5 counts days, and data\.period=p folds them to phase"),
        ({"early": 0.5, "period": "p"}, r"data\.early=0\.5 counts days, and data\.period=p folds"),
        ({"until": [0, 5]}, r"data\.until=\[0, 5\] is no time since the first detection.*only evaluate takes a list"),
        ({"until": -1}, r"data\.until=-1 is no time since the first detection: give a number, 0 or more$"),
        ({"until": True}, r"data\.until=True is no time"),
        ({"until": "soon"}, r"data\.until=soon is no time since the first detection: give a number, 0 or more$"),
        ({"until": float("nan")}, r"data\.until=nan is no time"),
        ({"detection": 0}, r"data\.detection=0 is no value over error"),
        ({"detection": "5s"}, r"data\.detection=5s is no value over error"),
        ({"early": 2}, r"data\.early=2 is no share of the training curves: give a number from 0 to 1"),
    ],
)
def test_what_cannot_be_a_day_is_told(words, sentence):
    with pytest.raises(ValueError, match=sentence):
        SeriesDataModule("somewhere.csv", time="t", value="v", **words)


def test_spectra_have_no_days():
    with pytest.raises(TypeError, match="until"):
        SpectraDataModule("somewhere.csv", until=5)


def bright(b, steps, seed=0):
    """A block of b fluxes of `steps` points, not detected before a random point, which is returned too, [b]."""
    random = torch.Generator().manual_seed(seed)
    begin = torch.randint(0, steps, (b,), generator=random)
    x = torch.where(torch.arange(steps) >= begin[:, None], 10.0, 1.0)[:, None]
    time = torch.arange(steps, dtype=torch.float32).expand(b, 1, steps)
    x, mask = torch.cat([time, x], 1), torch.ones(b, 2, steps, dtype=torch.bool)
    return Block(x, mask, torch.ones_like(x), ~mask, torch.full((b,), steps)), begin


def test_early_curves_are_beginnings_that_hold_the_first_detection():
    torch.manual_seed(0)
    block, begin = bright(4000, 30)
    early = SeriesAugment(early=0.4)
    early.least = (5.0,)
    shown = early(block)
    ended = shown.length < 30
    assert (shown.length > begin).all()
    assert ended.float().mean() == pytest.approx(0.4, abs=0.05)  # a few end where they end anyway
    inside = torch.arange(30) < shown.length[:, None, None]
    for plane, was in zip(shown[:4], block[:4], strict=True):
        assert torch.equal(plane, torch.where(inside, was, torch.zeros_like(was)))
    assert torch.equal(block.length, torch.full((4000,), 30))


def test_early_curves_end_at_every_point_and_as_often_in_each_octave():
    torch.manual_seed(0)
    block, _ = bright(1, 64)
    block = Block(*(plane.expand(40_000, *plane.shape[1:]) for plane in block))
    length = SeriesAugment(early=1.0)(block).length
    octaves = torch.bincount(length.double().log2().long(), minlength=6)
    assert length.unique().tolist() == list(range(1, 64))
    assert (octaves[:6] / 40_000).tolist() == pytest.approx([1 / 6] * 6, abs=0.01)


def test_curves_never_detected_and_empty_ones_end_somewhere_too():
    torch.manual_seed(0)
    block, _ = bright(500, 10)
    length = torch.arange(500) % 11
    block = block._replace(x=block.x.clamp(max=1) * (torch.arange(10) < length[:, None, None]), length=length)
    early = SeriesAugment(early=1.0)
    early.least = (5.0,)
    shown = early(block).length
    assert (shown <= length).all()
    assert ((shown >= 1) == (length >= 1)).all()


def test_the_training_range_of_early_curves_reaches_down_to_one_point(tmp_path):
    table = observations(points=30)
    about = module(table, tmp_path, early=0.5, detection=None).open("class").inputs["series"]
    whole = module(table, tmp_path, detection=None).open("class").inputs["series"]
    points = about.summaries.index("number of points")
    assert about.low[points] == 1 < whole.low[points]
    assert about.high[points] == whole.high[points]
    assert about.low[points + 1] == 0
    assert (about.mean, about.spread) == (whole.mean, whole.spread)


def test_training_batches_alone_are_cut_early(tmp_path):
    data = module(observations(), tmp_path, early=1.0)
    data.open("class")
    assert data.shown.least == (5.0, 5.0)
    assert data.augment["series"] is data.shown
