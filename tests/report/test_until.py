"""The figure of score against day shows the scores that were found, on an axis on which they can be told apart."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import csv

from starbolt.contract import Spec, TargetSpec
from starbolt.report.asof import AsOf, results_of
from starbolt.report.style import house_style, save
from starbolt.report.until import draw

CLASSES = ("Ia", "II")
CONTROLS = {"naive": {"test/accuracy": 0.55, "val/accuracy": 0.1}}


def classified(day: float | None, right: float, n: int = 200) -> AsOf:
    """Curves of one day, of which so large a share was classified rightly."""
    truth, hit = np.arange(n) % 2, np.arange(n) < round(right * n)
    given = np.where(hit, truth, 1 - truth)
    names = np.array(CLASSES)
    columns = {"id": np.arange(n), "part": np.full(n, "test"), "target": names[truth], "prediction": names[given]}
    columns |= {f"prob_{name}": np.where(given == k, 0.8, 0.2) for k, name in enumerate(CLASSES)}
    columns |= {"outside": np.where(np.arange(n) < 3, "duration", ""), "loss": np.where(hit, 0.2, 1.6)}
    scores = {"loss": float(columns["loss"].mean()), "accuracy": right}
    spec = Spec({}, TargetSpec(("kind",), ("",), CLASSES, (100, 100)))
    results = results_of(spec, "test", pa.table(columns), scores, config={}, controls=CONTROLS)
    return AsOf(day, np.arange(n) % 7 + (50 if day is None else 1 + int(day)), results)


def estimated(day: float | None, scatter: float, names: Sequence[str], n: int = 100, **task: bool) -> AsOf:
    """Quantities [d] of one day, estimated with that scatter."""
    random = np.random.default_rng(0)
    several = len(names) > 1
    columns = {"id": np.arange(n), "part": np.full(n, "test"), "loss": np.full(n, scatter)}
    for name in names:
        truth = random.normal(size=n)
        columns |= {f"target_{name}" if several else "target": truth, name: truth + scatter * random.normal(size=n)}
    which = "nmad" if task else "rms"
    scores = {f"{which}/{name}" if several else which: scatter for name in names}
    spec = Spec({}, TargetSpec(tuple(names), ("d",) * len(names)))
    return AsOf(
        day, np.full(n, 9), results_of(spec, "test", pa.table(columns), scores, config={"task": task}, controls={})
    )


def drawn(found: Sequence[AsOf]):
    with house_style():
        return draw(found, "d")


@pytest.fixture(autouse=True)
def _few_resamples(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("starbolt.report.intervals.RESAMPLES", 40)


DAYS = [classified(0.0, 0.6), classified(5.0, 0.7), classified(20.0, 0.85), classified(None, 0.9)]


def test_each_day_stands_where_it_was_scored_and_whole_curves_are_a_line() -> None:
    upper, lower = drawn(DAYS).figure.axes
    line, whole, naive = upper.lines
    assert line.get_xydata().tolist() == [[0, 0.6], [5, 0.7], [20, 0.85]]
    assert set(whole.get_ydata()) == {0.9}
    assert set(naive.get_ydata()) == {0.55}
    assert upper.get_ylabel() == "accuracy"
    assert lower.get_xlabel() == "time since the first detection [d]"
    assert lower.lines[0].get_ydata().tolist() == [float(np.median(each.points)) for each in DAYS[:-1]]


def test_bands_hold_the_scores_and_are_as_wide_as_so_many_objects_allow() -> None:
    for each in DAYS:
        low, high = each.intervals["accuracy"]
        value = each.results.scores["accuracy"]
        assert low < value < high
        assert high - low == pytest.approx(2 * np.sqrt(value * (1 - value) / 200), rel=0.4)
    band = drawn(DAYS).figure.axes[0].collections[0].get_paths()[0].get_extents()
    assert (band.y0, band.y1) == (DAYS[0].intervals["accuracy"][0], DAYS[2].intervals["accuracy"][1])


def test_without_a_control_none_is_drawn() -> None:
    ax = drawn([estimated(0.0, 0.5, "z"), estimated(None, 0.1, "z")]).figure.axes[0]
    assert len(ax.lines) == 2
    assert ax.get_ylabel() == "rms [d]"


def test_several_quantities_have_a_panel_each_and_redshifts_their_own_score() -> None:
    found = [estimated(day, 0.3, ("period", "age")) for day in (0.0, 3.0, None)]
    labels = [ax.get_ylabel() for ax in drawn(found).figure.axes]
    assert labels == ["rms/period [d]", "rms/age [d]", "points"]
    found = [estimated(day, 0.3, ("z",), redshift=True) for day in (0.0, 3.0, None)]
    assert [ax.get_ylabel() for ax in drawn(found).figure.axes] == ["nmad", "points"]


@pytest.mark.parametrize(
    ("days", "scale", "marked"),
    [
        ((0, 5, 10, 20), "linear", None),
        ((7,), "linear", None),
        ((0,), "linear", None),
        ((0, 1, 3, 10, 100), "symlog", [0, 1, 3, 10, 100]),
        ((0, 1, 10, 100, 105, 1000), "symlog", [0, 1, 10, 100, 1000]),  # 105 has no room beside 100
        ((2, 100), "symlog", [2, 100]),
    ],
)
def test_days_over_decades_are_drawn_in_their_logarithm(days, scale, marked) -> None:
    figure = drawn([classified(float(day), 0.5) for day in days] + [DAYS[-1]]).figure
    assert {ax.get_xscale() for ax in figure.axes} == {scale}
    if marked:
        assert figure.axes[-1].get_xticks().tolist() == marked


def test_the_numbers_behind_it_stand_beside_it(tmp_path: Path) -> None:
    with house_style():
        save(draw(DAYS, "d"), tmp_path / "out")
    assert sorted(file.name for file in (tmp_path / "out").iterdir()) == ["until.csv", "until.pdf", "until.png"]
    table = csv.read_csv(tmp_path / "out" / "until.csv")
    assert table["until"].to_pylist() == [0, 5, 20, None]
    assert table["objects"].to_pylist() == [200] * 4
    assert table["accuracy"].to_pylist() == [0.6, 0.7, 0.85, 0.9]
    assert table["points"].to_pylist() == [int(each.points.sum()) for each in DAYS]
    assert table["accuracy_low"].to_pylist() == pytest.approx([each.intervals["accuracy"][0] for each in DAYS])


def test_the_caption_says_what_is_shown() -> None:
    caption = drawn(DAYS).caption
    assert "accuracy of the same 200 objects of the test part" in caption
    assert "68% bootstrap" in caption


def test_numbers_of_a_day_are_plain() -> None:
    numbers = DAYS[1].numbers()
    assert (numbers["until"], numbers["objects"], numbers["outside"], numbers["accuracy"]) == (5.0, 200, 3, 0.7)
    assert numbers["intervals"]["accuracy"] == DAYS[1].intervals["accuracy"]
