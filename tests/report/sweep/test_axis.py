"""Every value has its place on its axis, and the scale of the objective lets no outlier flatten the rest."""

from __future__ import annotations

import numpy as np
import pytest

from starbolt.report.sweep.axis import Axis, is_number, round_numbers
from starbolt.report.sweep.parallel import broken
from starbolt.report.sweep.reading import Trial
from starbolt.report.sweep.scale import Scale
from starbolt.report.sweep.words import duration

LR = Axis.of("optim.lr", {"kind": "interval", "low": 1e-4, "high": 1e-1, "log": True, "integer": False})
WORDS = Axis.of("optim", {"kind": "choice", "values": ["sgd", "adam", "adamw"]})


def test_a_logarithmic_interval_is_even_in_its_logarithm() -> None:
    assert [LR.place(text) for text in ("0.0001", "0.001", "1e-2", "0.1")] == pytest.approx([0, 1 / 3, 2 / 3, 1])
    assert [label for _, label in LR.ticks()] == ["0.0001", "0.001", "0.01", "0.1"]


def test_values_of_a_choice_are_even_in_their_order() -> None:
    assert [WORDS.place(text) for text in ("sgd", "adam", "adamw")] == [0, 0.5, 1]
    assert np.isnan(WORDS.place("lion"))
    assert np.isnan(WORDS.place(None))


def test_an_axis_grows_to_hold_what_a_continued_sweep_tried() -> None:
    assert WORDS.including(["lion", "sgd"]).place("lion") == 1
    assert LR.including(["1.0"]).place("1.0") == 1
    assert LR.including(["auto", "0.01"]).values == ("auto", "0.01")


def test_only_the_ends_of_an_interval_are_ends() -> None:
    assert [LR.at_its_end(text) for text in ("0.00011", "0.003", "0.099", None)] == ["lower", "", "upper", ""]
    assert WORDS.at_its_end("sgd") == ""


def test_many_values_have_few_labels() -> None:
    axis = Axis("seed", tuple(map(str, range(100))))
    assert len(axis.ticks()) <= 12
    assert axis.place("99") == 1


@pytest.mark.parametrize(("low", "high", "log"), [(0, 1, False), (1e-4, 1e-1, True), (0.02, 0.9, True), (-3, 5, False)])
def test_round_numbers_lie_within(low: float, high: float, log: bool) -> None:
    found = round_numbers(low, high, log=log)
    assert 3 <= len(found) <= 8
    assert low <= min(found) < max(found) <= high * (1 + 1e-9)


@pytest.mark.parametrize("way", [1, -1])
def test_one_trial_that_diverged_does_not_set_the_scale(way: int) -> None:
    values, mode = way * np.array([*np.linspace(1, 2, 20), 1e9]), "min" if way == 1 else "max"
    scale = Scale.of(values, mode)
    assert sorted((scale.low, scale.high)) == sorted((way * 1.0, way * 2.0))
    assert scale.beyond(values).tolist() == [False] * 20 + [True]
    assert scale.place(values, mode)[[0, 19, 20]].tolist() == [1, 0, 0]


def test_a_scale_of_equal_values_is_a_scale() -> None:
    assert Scale.of([0.5, 0.5], "min").place([0.5, 0.5], "min").tolist() == [0.5, 0.5]


def test_a_long_name_is_broken_at_its_dots() -> None:
    assert broken("callbacks.patience.patience").split("\n") == ["callbacks.", "patience.", "patience"]
    assert broken("optim.lr") == "optim.lr"


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.5, "0.5 s"), (12.3, "12 s"), (59.9, "1 min"), (200, "3 min 20 s"), (3600, "1 h"), (93600, "1 d 2 h")],
)
def test_durations_are_told_in_two_units(seconds: float, words: str) -> None:
    assert duration(seconds) == words


def test_lists_are_no_numbers_and_running_trials_have_no_score() -> None:
    assert [is_number(text) for text in ("1e-3", "[u,g]", "nan", "")] == [True, False, False, False]
    assert not Trial(0, "", state="pruned", value=1.0).scored
