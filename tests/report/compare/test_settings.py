"""Runs that repeat one another are one setting, and a setting's folds are one set of objects."""

from __future__ import annotations

import numpy as np
import pytest

from starbolt.compose import UserError
from starbolt.report.compare import compare
from starbolt.report.compare.settings import part_of, settings, shared

TRUTH = np.linspace(0, 1, 10)


def found(*runs):
    return settings(list(enumerate(runs)))


def test_seeds_and_folds_repeat_a_setting_and_nothing_else_does(write):
    runs = [
        write(f"{lr}{seed}{fold}", TRUTH, TRUTH, seed=seed, **{"optim.lr": lr, "split.fold": fold})
        for lr in (0.1, 0.2) for seed in (0, 1) for fold in (0, 1)
    ]  # fmt: skip
    told = found(*runs)
    assert [setting.label for setting in told] == ["optim.lr=0.1", "optim.lr=0.2"]
    assert all(set(setting.runs) == {(0, 0), (0, 1), (1, 0), (1, 1)} for setting in told)
    assert told[0].seeds == (0, 1)


def test_a_run_with_a_report_repeats_those_without(write):
    runs = [
        write(f"{lr}{seed}", TRUTH, TRUTH, seed=seed, report=lr == 0.2 and seed == 1, **{"optim.lr": lr})
        for lr in (0.1, 0.2) for seed in (0, 1)
    ]  # fmt: skip
    told = compare(found(*runs))
    assert [setting.label for setting in told.settings] == ["optim.lr=0.1", "optim.lr=0.2"]
    assert [setting.seeds for setting in told.settings] == [(0, 1), (0, 1)]
    assert all(np.isfinite(row.seed_spread) for row in told.rows)


def test_runs_that_agree_in_everything_are_told_apart_by_where_they_lie(write):
    runs = [write(f"{home}/{seed}", TRUTH, TRUTH, seed=seed) for home in ("old", "new") for seed in (0, 1)]
    assert [(s.label, s.seeds) for s in found(*runs)] == [("old", (0, 1)), ("new", (0, 1))]
    assert [s.label for s in found(runs[0], runs[0])] == ["0", "0 (2)"]


def test_settings_that_share_a_folder_and_differ_in_much_are_called_by_their_first_run(write):
    long = {"optim.name": "x" * 50}
    runs = [
        write(f"sweep/{k}{seed}", TRUTH, TRUTH, seed=seed, **(long if k else {})) for k in (0, 1) for seed in (0, 1)
    ]
    assert [s.label for s in found(*runs)] == ["00", "10"]


def test_only_the_repeats_that_all_have_are_compared_where_there_are_such(write):
    runs = [write(f"a{seed}", TRUTH, TRUTH, seed=seed) for seed in (0, 1, 2)]
    runs += [write(f"b{seed}", TRUTH, TRUTH, seed=seed, **{"optim.lr": 0.5}) for seed in (1, 2, 3)]
    assert [s.seeds for s in shared(found(*runs))] == [(1, 2), (1, 2)]
    assert [s.seeds for s in shared(found(*runs[:2], runs[-1]))] == [(0, 1), (3,)]


def test_folds_are_pooled_each_object_from_one_of_them(write):
    runs = [write(f"f{fold}", TRUTH[rows], TRUTH[rows] + fold, ids=rows, **{"split.fold": fold})
            for fold, rows in ((0, np.arange(6)), (1, np.arange(4, 10)))]  # fmt: skip
    (setting,) = found(*runs)
    table = setting.pooled(0, "test").predictions
    assert table["id"].to_pylist() == [f"J{i:05d}" for i in range(10)]
    assert table["z"].to_numpy() - TRUTH == pytest.approx([0] * 6 + [1] * 4)


def test_test_is_compared_where_all_scored_it_and_val_otherwise(write):
    test, val = write("test", TRUTH, TRUTH), write("val", TRUTH, TRUTH, part="val", **{"optim.lr": 0.5})
    assert part_of(found(test)) == "test"
    assert part_of(found(val)) == "val"
    with pytest.raises(UserError, match=r"test scored neither"):
        part_of(found(test, val))
