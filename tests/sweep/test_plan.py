"""plan: what a sweep varies comes from the command and its own space, and only the validation part may choose."""

from __future__ import annotations

import pytest

from starbolt.compose import UserError
from starbolt.sweep.plan import Grid, Search


@pytest.mark.parametrize("kind", [Grid, Search])
@pytest.mark.parametrize("objective", ["test/rms", "train/loss", "loss", "", None])
def test_an_objective_that_is_not_of_the_validation_part_is_refused(kind, objective):
    with pytest.raises(UserError, match=f"sweep.objective={objective} is no score of the validation part"):
        kind(objective=objective)


@pytest.mark.parametrize(("words", "told"), [
    ({"sampler": "tp"}, "sweep.sampler=tp is not one of tpe, random, grid"),
    ({"pruner": "none"}, "sweep.pruner=none is not one of null, median, hyperband"),
])  # fmt: skip
def test_a_sampler_or_pruner_that_there_is_not_is_told_with_those_there_are(words, told):
    with pytest.raises(UserError, match=told):
        Search(**words)


def test_both_the_command_and_the_space_vary_settings_and_the_command_has_the_last_word():
    plan = Search(space={"optim.lr": "tag(log,interval(1e-4,1e-1))", "model.width": "choice(8,16)", "seed": "0,1"})
    axes = plan.axes(["model.width=64", "seed=7,8,9", "model.depth=1,2"])
    assert [axis.key for axis in axes] == ["optim.lr", "seed", "model.depth"]
    assert axes[1].values == ("7", "8", "9")


def test_where_nothing_varies_that_is_told():
    with pytest.raises(UserError, match="nothing varies"):
        Grid().axes(["model=mlp", "seed=0"])
    with pytest.raises(UserError, match="nothing varies"):
        Grid(space={"seed": "0,1"}).axes(["seed=3"])


def test_a_word_with_a_plus_names_the_setting_of_the_space_too():
    (axis,) = Grid(space={"+model.heads": "1,2"}).axes(["+model.heads=3,4"])
    assert axis.values == ("3", "4")


@pytest.mark.parametrize("plan", [Grid(), Search(sampler="grid")])
def test_a_grid_is_planned_beforehand(plan):
    axes = plan.axes(["seed=0,1", "optim=sgd,adam"])
    assert len(plan.points(axes)) == 4
    assert plan.sampler == "grid"


@pytest.mark.parametrize("sampler", ["tpe", "random"])
def test_a_search_is_not(sampler):
    plan = Search(sampler=sampler)
    assert plan.points(plan.axes(["optim.lr=interval(0,1)", "seed=0,1"])) == []


def test_an_interval_is_no_grid():
    with pytest.raises(UserError, match="sweep=optuna"):
        Grid().points(Grid().axes(["optim.lr=interval(0,1)"]))


def test_a_list_in_the_space_is_a_choice():
    """As yaml writes it, in a conf/sweep file of one's own."""
    axes = Grid(space={"model.width": [16, 32], "data.features": [["u", "g"], ["u", "g", "r"]]}).axes([])
    assert {axis.key: axis.values for axis in axes} == {
        "model.width": ("16", "32"), "data.features": ('["u","g"]', '["u","g","r"]'),
    }  # fmt: skip


def test_a_single_value_in_the_space_is_told():
    with pytest.raises(UserError, match=r"model\.width: 16, which is one value"):
        Grid(space={"model.width": 16})


@pytest.mark.parametrize("objective", ["val/bias", "val/coverage_90", "val/bias/z"])
def test_what_is_best_at_a_value_between_is_no_objective(objective):
    with pytest.raises(UserError, match="best at a value between"):
        Search(objective=objective)
