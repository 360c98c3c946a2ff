"""best: the yaml of the best trial composes to the configuration that its words compose to."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from starbolt.compose import compose
from starbolt.sweep.best import experiment

TABLE = ["data=table", "data.path=cat.fits", "data.target=z", "model=mlp", "task=regression"]


@pytest.fixture
def home(tmp_path, monkeypatch) -> Path:
    """A user's folder, with a conf folder of their own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("STARBOLT_DATA", "/data")
    (tmp_path / "conf" / "experiment").mkdir(parents=True)
    return tmp_path


def both(home: Path, words: Sequence[str], more: Sequence[str] = ()) -> tuple[Any, Any]:
    """The configurations of the words, and of the experiment that they were made."""
    (home / "conf" / "experiment" / "mine.yaml").write_text(experiment(words, "mine", "where it comes from"))
    place = ["run=run", "name=mine"]
    return compose([*words, *more, *place]), compose(["experiment=mine", *more, *place])


@pytest.mark.parametrize("more", [
    pytest.param([], id="nothing more"),
    pytest.param(["model.width=64", "optim.lr=1e-05", "seed=3", "monitor=val/rms"], id="plain values"),
    pytest.param(["optim=sgd", "schedule=cosine", "trainer=cpu", "split=kfold", "split.fold=2"], id="groups"),
    pytest.param(["optim=sgd", "optim=adam", "seed=1", "seed=2"], id="the last word counts"),
    pytest.param(["optim.lr=0.01", "optim=sgd"], id="a setting before its group"),
    pytest.param(["data.features=[u,g,r]", "data.missing=[99,-99.0]", "data.colours=[[u,g],[g,r]]"], id="lists"),
    pytest.param(["data.features=[]", "data.zero={}", "data.group=null"], id="empty ones"),
    pytest.param(["data.zero={jd: 2450000, mjd: 0.5}"], id="mappings"),
    pytest.param(["data.zero={y: 1, on: 2, 1: 3, i: 4}"], id="mappings with keys that yaml quotes"),
    pytest.param(["data.where='mag_r < 20 & flag == 0'"], id="a quoted condition"),
    pytest.param(["data.where=\"name == 'M 31'\"", "card.data=\"a list: of 'these': and more\""], id="quotes within"),
    pytest.param(["data.path='some where/a,b.fits'", "data.id='1'", "data.target='007'"], id="strings like numbers"),
    pytest.param(["data.target='12:30:10'", "data.id='2026-11-02'", "data.group='1e3'"], id="strings like dates"),
    pytest.param(["data.id='yes'", "data.group='null'", "data.weight='true'"], id="strings like words of yaml"),
    pytest.param(["data.features=['u, g','r: x',null,true,1.5]"], id="all kinds in a list"),
    pytest.param(["+model.extra=1", "++model.more={a: {b: [1]}}", "++seed=4"], id="added settings"),
    pytest.param(["+callbacks.mine._target_=mine.Mine", "+callbacks.mine.kind=x"], id="an added callback"),
    pytest.param(["monitor=val/rms", "card.use=${monitor}"], id="an interpolation"),
    pytest.param(["logger=[csv,tensorboard]"], id="two of a group"),
    pytest.param(["test=false", "report=false"], id="truth values"),
    pytest.param(["card.use='50% of [these] #1 @home {x} &c *d !e |f >g'"], id="signs that mean something to yaml"),
])  # fmt: skip
def test_it_composes_to_the_same_run(home, more):
    by_words, by_yaml = both(home, [*TABLE, *more])
    assert by_yaml == by_words


@pytest.mark.parametrize("more", [
    [], ["optim.lr=0.1", "model.dropout=0.5"], ["model=cnn"], ["optim=sgd", "split=hash", "seed=4"],
    ["data.time={b: t_b}", "card.use=null"], ["+model.extra=1"],
])  # fmt: skip
def test_an_experiment_may_be_what_it_is_laid_over(home, more):
    if "model=cnn" in more:  # it has no settings of gru's
        base = "sdss_photoz"
    else:
        base = "eros1"
    by_words, by_yaml = both(home, [f"experiment={base}", *more])
    assert by_yaml == by_words


def test_ones_own_experiment_may_be_the_base_too(home):
    own = "# @package _global_\ndefaults:\n  - override /optim: sgd\noptim:\n  lr: 0.25\nmodel:\n  width: 8\n"
    (home / "conf" / "experiment" / "own.yaml").write_text(own)
    by_words, by_yaml = both(home, [*TABLE, "experiment=own", "model.width=16"])
    assert by_yaml == by_words
    assert by_yaml.optim.lr == 0.25
    assert by_yaml.model.width == 16


def test_ones_own_option_of_a_group_is_a_choice(home):
    (home / "conf" / "model").mkdir()
    (home / "conf" / "model" / "small.yaml").write_text("defaults: [mlp]\nwidth: 3\n")
    by_words, by_yaml = both(home, [*TABLE, "model=small"])
    assert by_yaml == by_words
    assert by_yaml.model.width == 3


def test_a_group_of_ones_own_is_a_choice_too(home):
    (home / "conf" / "sky").mkdir()
    (home / "conf" / "sky" / "north.yaml").write_text("declination: 30\n")
    by_words, by_yaml = both(home, [*TABLE, "+sky=north"])
    assert by_words.sky.declination == 30
    assert by_yaml == by_words


def test_a_user_may_still_change_what_the_yaml_says(home):
    by_words, by_yaml = both(home, [*TABLE, "model.width=64"], ["model.width=8", "optim=sgd"])
    assert by_yaml == by_words
    assert by_yaml.model.width == 8


@pytest.mark.parametrize("word", ["~callbacks.patience", "~schedule"])
def test_what_the_words_delete_the_yaml_leaves_out(home, word):
    by_words, by_yaml = both(home, [*TABLE, word])
    key = word.removeprefix("~")
    kept = [_at(cfg, key) for cfg in (by_words, by_yaml)]
    assert not kept[0]
    assert not kept[1]


def _at(cfg: Any, key: str) -> Any:
    from omegaconf import OmegaConf

    return OmegaConf.select(cfg, key)


def test_it_opens_with_its_command_and_where_it_comes_from():
    text = experiment(TABLE, "mine", "the best of 20 trials")
    assert text.splitlines()[:3] == [
        "# @package _global_", "# starbolt train experiment=mine", "# the best of 20 trials",
    ]  # fmt: skip


def test_what_has_no_groups_and_no_settings_is_an_empty_experiment(home):
    by_words, by_yaml = both(home, [], TABLE)
    assert by_yaml == by_words
