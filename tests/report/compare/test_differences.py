"""A paired difference: exact for equals, sharp where errors are shared, as wide as objects, groups and seeds ask."""

from __future__ import annotations

import numpy as np
import pytest

from starbolt.compose import UserError
from starbolt.report.compare import compare
from starbolt.report.compare.draws import _weights
from starbolt.report.compare.settings import settings


def compared(*runs):
    return compare(settings(list(enumerate(runs))))


def row_of(told, score, place=-1):
    return [row for row in told.rows if row.score == score][place]


def width(ends):
    return ends[1] - ends[0]


@pytest.fixture
def sky():
    """Truths and errors of 400 objects."""
    random = np.random.default_rng(0)
    return random.normal(size=400), random.normal(size=400)


def test_a_run_differs_from_itself_by_nothing(write, sky):
    truth, error = sky
    run = write("a", truth, truth + error)
    rows = [row for row in compared(run, run).rows if np.isfinite(row.difference)]
    assert {row.score for row in rows} >= {"loss", "rms", "bias", "nmad"}
    assert all(row.difference == 0 and row.within_68 == row.within_95 == (0, 0) for row in rows)
    assert not any(row.distinguishable for row in rows)


def test_a_difference_on_shared_errors_is_found_far_within_the_unpaired_interval(write, sky):
    truth, error = sky
    told = compared(write("a", truth, truth + error), write("b", truth, truth + 0.97 * error, **{"optim.lr": 0.5}))
    first, row = row_of(told, "rms", 0), row_of(told, "rms")
    assert row.difference == pytest.approx(-0.03 * first.value)
    assert row.distinguishable
    assert row.same_sign == 1
    assert row.within_95[0] < row.difference < row.within_95[1]
    assert width(row.within_68) < 0.1 * np.hypot(width(first.value_68), width(row.value_68))


def test_the_interval_of_a_paired_mean_has_the_width_of_theory(write, sky):
    truth, error = sky
    told = compared(write("a", truth, truth + error), write("b", truth, truth + error**2, **{"optim.lr": 0.5}))
    row, sigma = row_of(told, "bias"), (error**2 - error).std() / 20
    assert width(row.within_68) == pytest.approx(2 * sigma, rel=0.2)
    assert width(row.within_95) == pytest.approx(2 * 1.96 * sigma, rel=0.2)


def test_seeds_that_scatter_widen_the_interval(write, sky):
    truth, error = sky
    first = [write(f"a{s}", truth, truth + 0.1 * error, seed=s) for s in range(4)]

    def against(name, offsets):
        runs = [write(f"{name}{s}", truth, truth + 0.1 * error + d, seed=s, **{"optim.lr": 0.5})
                for s, d in enumerate(offsets)]  # fmt: skip
        return row_of(compared(*first, *runs), "bias")

    calm, wild = against("b", [0.2] * 4), against("c", [0.0, 0.1, 0.3, 0.4])
    assert calm.difference == pytest.approx(wild.difference) == pytest.approx(0.2)
    assert wild.seed_spread == pytest.approx(np.std([0, 0.1, 0.3, 0.4], ddof=1))
    assert width(calm.within_95) == pytest.approx(0, abs=1e-6)
    assert width(wild.within_95) > 0.2


def test_seeds_that_both_settings_share_are_drawn_together(write, sky):
    truth, error = sky
    runs = [write(f"{home}/{s}", truth, truth + error + s, seed=s) for home in ("old", "new") for s in (0, 1, 2)]
    assert row_of(compared(*runs), "rms").within_95 == (0, 0)


def test_the_mean_of_few_seeds_is_given_its_unbiased_variance():
    for seeds in (2, 3, 5):
        values = np.random.default_rng(seeds).normal(size=seeds)
        weights = _weights(seeds, np.random.default_rng(0))
        assert weights.sum(1) == pytest.approx(1)
        assert (weights @ values).std() == pytest.approx(values.std(ddof=1) / np.sqrt(seeds), rel=0.1)


def test_folds_of_a_setting_are_one_set_of_objects(write, sky):
    truth, error = sky
    halves = np.arange(200), np.arange(200, 400)

    def folded(name, error, **words):
        return [write(f"{name}{f}", truth[rows], truth[rows] + error[rows], ids=rows, **{"split.fold": f}, **words)
                for f, rows in enumerate(halves)]  # fmt: skip

    whole = compared(write("a", truth, truth + error), write("b", truth, truth + error**2, **{"optim.lr": 0.5}))
    told = compared(*folded("c", error), *folded("d", error**2, **{"optim.lr": 0.5}))
    assert told.objects == 400
    for row, wanted in zip(told.rows, whole.rows, strict=True):
        assert (row.value, row.difference) == pytest.approx((wanted.value, wanted.difference), nan_ok=True)
        assert row.within_95 == pytest.approx(wanted.within_95, nan_ok=True)


def test_copies_of_objects_under_one_group_add_no_evidence(write, sky):
    truth, error = (values[:100] for values in sky)
    again = [np.repeat(values, 4) for values in (truth, error, np.arange(100))]

    def against(name, truth, error, group=None):
        return compared(write(f"{name}a", truth, truth + error, group=group),
                        write(f"{name}b", truth, truth + error**2, group=group, **{"optim.lr": 0.5}))  # fmt: skip

    once, grouped, loose = against("1", truth, error), against("2", *again), against("3", *again[:2])
    assert (once.groups, grouped.groups, grouped.objects) == (None, 100, 400)
    wanted = row_of(once, "rms").within_95
    assert row_of(grouped, "rms").within_95 == pytest.approx(wanted)
    ratio = width(row_of(loose, "bias").within_68) / width(row_of(once, "bias").within_68)
    assert ratio == pytest.approx(1 / 2, rel=0.3)


def test_only_common_objects_count_and_the_reader_is_told(write, sky):
    truth, error = sky
    some = write("b", truth[100:], truth[100:] + error[100:], ids=np.arange(100, 400), **{"optim.lr": 0.5})
    told = compared(write("a", truth, truth + error), some)
    assert told.objects == 300
    assert row_of(told, "rms").difference == 0
    assert told.notes[0] == "300 of 400 objects are compared, those that all settings scored"


def test_seeds_that_one_setting_lacks_are_left_out_and_the_reader_is_told(write, sky):
    truth, error = sky
    runs = [write(f"a{s}", truth, truth + error + s, seed=s) for s in (0, 1)]
    told = compared(*runs, write("b", truth, truth + error, **{"optim.lr": 0.5}))
    assert row_of(told, "bias").difference == 0
    assert told.notes[0] == "1 run is left out, whose seed or fold not every setting has"


def test_the_reader_is_told_that_one_seed_says_nothing_of_others(write, sky):
    truth, error = sky
    runs = [write(f"{lr}{s}", truth, truth + error + s, seed=s, **{"optim.lr": lr}) for lr in (1, 2) for s in (0, 1)]
    assert compared(*runs).notes == compared(*runs[:2]).notes == []
    assert compared(runs[0], runs[2]).notes[0].startswith("one seed tells nothing of the scatter between trainings")


def test_losses_of_two_kinds_are_not_compared(write, sky):
    truth, error = sky
    told = compared(write("a", truth, truth + error), write("b", truth, truth + error, **{"task.loss": "huber"}))
    assert "loss" not in {row.score for row in told.rows}
    assert told.notes[-1] == "the loss is left out, since the settings learnt by different ones"


def test_what_cannot_be_compared_is_refused_in_a_sentence(write, write_classes, sky):
    truth, error = sky
    first, codes = write("a", truth, truth + error), np.arange(400) % 2
    prob = np.full((400, 2), 0.5)
    other = {"optim.lr": 0.5}
    for run, sentence in (
        (write("b", truth, truth, ids=np.arange(400, 800), **other), "no object of the test part was scored by all of"),
        (write("c", truth + (np.arange(400) == 7), truth, **other), "z of object J00007 is .* given the same truths"),
        (write("d", truth, truth, **{"task.redshift": True}), "task.redshift is false in .* train them alike"),
        (write_classes("e", codes, prob), "learnt z and .* kind; compare runs with the same target"),
    ):
        with pytest.raises(UserError, match=sentence):
            compared(first, run)
    with pytest.raises(UserError, match="share one group, which says little"):
        compared(*(write(n, truth, truth + error, group=np.zeros(400, int), **{"optim.lr": n}) for n in "gh"))


def test_classes_in_another_order_are_the_same_classes(write_classes):
    codes = np.random.default_rng(0).integers(0, 2, 100)
    prob = np.random.default_rng(1).dirichlet([1, 1], 100)
    told = compared(write_classes("a", codes, prob), write_classes("b", codes, prob, classes="ba"))
    assert all(row.difference == 0 for row in told.rows if row.setting == told.settings[1].label)
    assert "f1" in {row.score for row in told.rows}


def test_one_setting_has_values_and_no_differences(write, sky):
    truth, error = sky
    told = compared(*(write(f"a{s}", truth, truth + error + s, seed=s) for s in (0, 1)))
    assert len(told.settings) == 1
    assert row_of(told, "bias").value == pytest.approx(error.mean() + 0.5)
    assert all(np.isnan(row.difference) for row in told.rows)
