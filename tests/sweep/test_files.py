"""files: a sweep's folder goes on with the same sweep alone, and says which of its trials is the best."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from starbolt.compose import UserError
from starbolt.sweep import files
from starbolt.sweep.files import SWEEP, TRIALS, begin, best_of, best_words, trials_told, words_of
from starbolt.sweep.space import axes_of
from starbolt.trials.study import Study, Trial

ABOUT = {
    "name": "mine", "command": "starbolt train -m seed=0,1", "objective": "val/loss", "mode": "min", "sampler": "grid",
    "pruner": None, "words": ["model=mlp", "data=table", "test=false"],
}  # fmt: skip


def trial(number: int, value: float | None = None, state: str = "finished", **settings: str) -> Trial:
    return Trial(number, state, settings, value, None, None, [], None)


def test_the_same_sweep_goes_on(tmp_path):
    axes = axes_of(["seed=0,1", "optim.lr=interval(0,1)"])
    begin(tmp_path, ABOUT, axes)
    begin(tmp_path, ABOUT | {"command": "typed otherwise", "pruner": "median"}, axes)
    told = json.loads((tmp_path / SWEEP).read_text())
    assert told["command"] == "typed otherwise"
    assert list(told["axes"]) == ["seed", "optim.lr"]


@pytest.mark.parametrize(("other", "was", "now"), [
    ({"words": ["model=cnn", "data=table", "test=false"]}, "model=mlp", "model=cnn"),
    ({"words": ["data=table", "test=false"]}, "model=mlp", "nothing"),
    ({"words": [*ABOUT["words"], "trainer.max_epochs=3"]}, "nothing", "trainer.max_epochs=3"),
    ({"objective": "val/rms"}, "val/loss", "val/rms"),
    ({"sampler": "tpe"}, "grid", "tpe"),
])  # fmt: skip
def test_another_sweep_is_refused_and_what_differs_is_named(tmp_path, other, was, now):
    axes = axes_of(["seed=0,1"])
    begin(tmp_path, ABOUT, axes)
    before = (tmp_path / SWEEP).read_text()
    with pytest.raises(UserError) as told:
        begin(tmp_path, ABOUT | other, axes)
    assert f"is a sweep with {was} where this one has {now}:" in str(told.value)
    assert "sweep.name=" in str(told.value)
    assert (tmp_path / SWEEP).read_text() == before


def test_a_grid_may_get_more_values_and_no_other_settings(tmp_path):
    begin(tmp_path, ABOUT, axes_of(["seed=0,1"]))
    begin(tmp_path, ABOUT, axes_of(["seed=0,1,2"]))
    begin(tmp_path, ABOUT, axes_of(["seed=3"]) or axes_of(["seed=3,4"]))
    for words in (["seed=0,1", "optim=sgd,adam"], ["optim=sgd,adam"]):
        with pytest.raises(UserError, match="varies other settings"):
            begin(tmp_path, ABOUT, axes_of(words))


def test_a_search_may_not_change_what_it_draws_from(tmp_path):
    about = ABOUT | {"sampler": "tpe"}
    begin(tmp_path, about, axes_of(["optim.lr=interval(0,1)"]))
    begin(tmp_path, about, axes_of(["optim.lr=interval(0,1)"]))
    for word in ("optim.lr=interval(0,2)", "optim.lr=0,1", "optim.lr=tag(log,interval(0,1))"):
        with pytest.raises(UserError, match="varies other settings"):
            begin(tmp_path, about, axes_of([word]))


@pytest.mark.parametrize(("mode", "best"), [("min", 1), ("max", 2)])
def test_the_best_is_the_first_of_equals_among_those_that_finished(mode, best):
    values = [0.5, 0.25, 0.75, 0.25, 0.75]
    trials = [trial(number, value, width=str(number)) for number, value in enumerate(values)]
    trials += [trial(5 + i, None, state, width=str(5 + i)) for i, state in enumerate(("pruned", "failed", "running"))]
    assert best_of(trials, mode) == best


@pytest.mark.parametrize(("mode", "best"), [("min", 2), ("max", 0)])
def test_settings_are_judged_by_their_mean_over_seeds_and_folds(mode, best):
    """Not by the luckiest one, which is trial 1 or 3."""
    values = [1.0, 0.0, 0.4, 0.5]
    settings = [("8", "0", "0"), ("8", "1", "0"), ("16", "0", "1"), ("16", "0", "2")]
    trials = [
        trial(i, value, **{"model.width": width, "seed": seed, "split.fold": fold})
        for i, (value, (width, seed, fold)) in enumerate(zip(values, settings, strict=True))
    ]
    assert best_of(trials, mode) == best


@pytest.mark.parametrize("trials", [[], [trial(0, None, "failed"), trial(1, None, "waiting")]])
def test_where_none_finished_none_is_the_best(trials):
    assert best_of(trials, "min") is None


@pytest.mark.parametrize("mode", ["min", "max"])
def test_an_infinite_value_is_worst_where_it_should_be_small(mode):
    trials = [trial(0, float("inf"), width="8"), trial(1, 1.0, width="16")]
    assert best_of(trials, mode) == (1 if mode == "min" else 0)


@pytest.fixture
def study(tmp_path):
    """A sweep of three trials: 1 is the best of two, one failed."""
    folder = tmp_path / "sweeps" / "mine"
    folder.mkdir(parents=True)
    begin(folder, ABOUT, axes_of(["optim=sgd,adam,rmsprop"]))
    study = Study(folder, axes=axes_of(["optim=sgd,adam,rmsprop"]))
    study.plan([{"optim": name} for name in ("sgd", "adam", "rmsprop")])
    for i, value in enumerate((0.5, 0.25, None)):
        study.next(0, "me")
        study.report(i, 0, 9.0)
        study.tell(i, "finished" if value else "failed", value, None if value else "bad luck")
        (folder / f"t{i}").mkdir()
        (folder / f"t{i}" / "metrics.json").write_text(json.dumps({"val/loss": value or 99.0}))
    return study


def tell(study: Study, folder: Path) -> dict:
    return trials_told(folder, study, lambda t: folder / f"t{t.number}", lambda t: f"label {t.number}", "min")


def test_trials_json_tells_every_trial(study, tmp_path):
    folder = tmp_path / "sweeps" / "mine"
    told = tell(study, folder)
    assert json.loads((folder / TRIALS).read_text())["best"] == 1
    assert told["best"] == 1
    rows = told["trials"]
    assert [row["number"] for row in rows] == [0, 1, 2]
    assert [row["state"] for row in rows] == ["finished", "finished", "failed"]
    assert [row["value"] for row in rows] == [0.5, 0.25, None]
    assert [row["metrics"] for row in rows] == [
        {"val/loss": 0.5},
        {"val/loss": 0.25},
        {},
    ]  # a failed one's are not told
    assert rows[2]["reason"] == "bad luck"
    assert (rows[0]["folder"], rows[0]["label"]) == ("t0", "label 0")
    assert rows[0]["params"] == {"optim": "sgd"}
    assert [list(point) for point in rows[0]["curve"]] == [[0, 9.0]]


def test_the_words_of_the_best_trial_score_its_test_rows(study, tmp_path, monkeypatch):
    folder = tmp_path / "sweeps" / "mine"
    tell(study, folder)
    monkeypatch.chdir(tmp_path)
    wanted = ["model=mlp", "data=table", "optim=adam"]
    assert best_words("mine") == wanted
    assert best_words(str(folder)) == wanted
    assert best_words("sweeps/mine") == wanted


def test_the_best_words_leave_seed_and_fold_to_the_user():
    words = ["model=mlp", "test=false"]
    assert words_of(words, {"optim": "adam", "seed": "3", "split.fold": "1"}) == ["model=mlp", "optim=adam"]


def test_a_pruned_trial_is_told_with_the_last_value_of_its_curve(study, tmp_path):
    folder = tmp_path / "sweeps" / "mine"
    study.plan([{"optim": "momentum"}])
    number = study.next(0, "me").number
    for step, value in enumerate((9.0, 8.0)):
        study.report(number, step, value)
    study.tell(number, "pruned", reason="poor")
    told = tell(study, folder)
    assert told["trials"][number]["value"] == 8.0
    assert told["best"] == 1


def test_a_sweep_that_there_is_not_is_told(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match=r"sweep.best=mine names no sweep: there is no sweeps/mine/sweep\.json"):
        best_words("mine")


def test_a_sweep_of_which_nothing_finished_is_told(tmp_path, monkeypatch):
    folder = tmp_path / "sweeps" / "mine"
    folder.mkdir(parents=True)
    begin(folder, ABOUT, axes_of(["seed=0,1"]))
    monkeypatch.chdir(tmp_path)
    files.write_json(folder / TRIALS, {"trials": [], "best": None})
    with pytest.raises(UserError, match="no trial of sweeps/mine has finished yet"):
        best_words("mine")
    (folder / TRIALS).unlink()  # as before its first trial has ended
    with pytest.raises(UserError, match="no trial of sweeps/mine has finished yet"):
        best_words("mine")


def test_a_setting_of_which_a_seed_failed_does_not_win_by_the_others():
    trials = [
        trial(0, 1.0, a="1", seed="0"), trial(1, state="failed", a="1", seed="1"),
        trial(2, 2.0, a="2", seed="0"), trial(3, 3.0, a="2", seed="1"),
    ]  # fmt: skip
    assert best_of(trials, "min") == 2


def test_the_same_words_in_another_order_are_the_same_sweep(tmp_path):
    about = {"objective": "val/loss", "sampler": "grid", "words": ["model=mlp", "seed=1", "optim.lr=1"]}
    begin(tmp_path, about, ())
    begin(tmp_path, about | {"words": ["optim.lr=1", "model=mlp", "seed=1"]}, ())
    with pytest.raises(UserError, match="seed=2"):
        begin(tmp_path, about | {"words": ["optim.lr=1", "model=mlp", "seed=2"]}, ())


def test_a_failed_trial_that_is_tried_again_is_told_no_more(tmp_path):
    study = Study(tmp_path)
    study.plan([{"seed": "0"}])
    study.next(0, "me")
    study.tell(0, "failed", None, "bad luck")
    study.again(0)
    study.next(0, "me")
    study.tell(1, "finished", 1.0)
    told = tell(study, tmp_path)
    assert [(row["number"], row["state"]) for row in told["trials"]] == [(1, "finished")]
    assert told["best"] == 1
