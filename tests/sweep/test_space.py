"""space: what varies is said in Hydra's notation, and every value stays the text that Hydra reads again."""

from __future__ import annotations

import pytest

from starbolt.compose import UserError
from starbolt.sweep.space import LONGEST, axes_of, fixed, folder_of, label_of, parse, points
from starbolt.trials.study import Axis


@pytest.mark.parametrize(("word", "axis"), [
    ("optim=sgd,adam", Axis("optim", "choice", ("sgd", "adam"))),
    ("seed=range(3)", Axis("seed", "range", ("0", "1", "2"))),
    ("a=range(0.1,0.35,0.1)", Axis("a", "range", ("0.1", "0.2", "0.30000000000000004"))),
    ("a=choice(8,16)", Axis("a", "choice", ("8", "16"))),
    ("a=choice([u,g],[u])", Axis("a", "choice", ("[u,g]", "[u]"))),
    ("a=[u,g],[u]", Axis("a", "choice", ("[u,g]", "[u]"))),
    ("a={b:1},null", Axis("a", "choice", ("{b:1}", "null"))),
    ("a='x,y',\"b c\"", Axis("a", "choice", ("'x,y'", '"b c"'))),
    ("a=true,false", Axis("a", "choice", ("True", "False"))),
    ("a=x,y,x", Axis("a", "choice", ("x", "y"))),
    ("+a.b=1,2", Axis("+a.b", "choice", ("1", "2"))),
    ("++a.b=1,2", Axis("++a.b", "choice", ("1", "2"))),
    ("a=interval(0,1)", Axis("a", "interval", low=0.0, high=1.0)),
    ("a=tag(log,interval(1e-4,1e-1))", Axis("a", "interval", low=1e-4, high=1e-1, log=True)),
    ("a=int(interval(1,8))", Axis("a", "interval", low=1, high=8, integer=True)),
    ("a=tag(log,int(interval(4,64)))", Axis("a", "interval", low=4, high=64, log=True, integer=True)),
])  # fmt: skip
def test_each_notation_is_an_axis(word, axis):
    assert axes_of([word]) == (axis,)
    assert fixed([word]) == []


@pytest.mark.parametrize("word", [
    "a=1", "a=[1,2]", "a={b: 1, c: 2}", "a='1,2'", "~a.b", "+a=1", "++a=null", "a=${monitor}", "a=", "model=mlp",
])  # fmt: skip
def test_one_value_varies_nothing_and_is_kept_as_it_was_typed(word):
    assert axes_of([word]) == ()
    assert fixed([word]) == [word]


@pytest.mark.parametrize("word", ["a=x,y", "a='x,y',\"b c\"", "a=[u,g],[u]", "a={b:1},null", "a=range(0.1,0.35,0.1)"])
def test_every_value_is_read_by_hydra_as_it_was_meant(word):
    (axis,) = axes_of([word])
    meant = list(parse([word])[0].sweep_iterator())
    read = [parse([f"{axis.key}={text}"])[0] for text in axis.values]
    assert not any(item.is_sweep_override() for item in read)
    assert [item.value() for item in read] == [getattr(value, "text", value) for value in meant]


def test_axes_keep_the_order_of_the_words():
    words = ["seed=0,1", "model=mlp", "optim=sgd,adam"]
    assert [axis.key for axis in axes_of(words)] == ["seed", "optim"]
    assert fixed(words) == ["model=mlp"]


def test_of_a_setting_that_is_given_twice_the_last_word_counts():
    (axis,) = axes_of(["seed=0,1", "seed=2,3"])
    assert axis.values == ("2", "3")


@pytest.mark.parametrize("word", ["a=[", "a=b=c", "a=choice(", "a=range(3"])
def test_what_cannot_be_read_is_told_with_the_word(word):
    with pytest.raises(UserError) as told:
        parse(["model=mlp", word])
    assert repr(word) in str(told.value)


def test_a_glob_names_the_options_of_its_group_those_of_ones_own_among_them(tmp_path, monkeypatch):
    (tmp_path / "conf" / "optim").mkdir(parents=True)
    (tmp_path / "conf" / "optim" / "adagrad.yaml").write_text("lr: 0.1\n")
    monkeypatch.chdir(tmp_path)
    assert axes_of(["optim=glob(ada*)"]) == (Axis("optim", "choice", ("adagrad", "adam", "adamw")),)
    with pytest.raises(UserError, match=r"optim=glob\(x\*\) names nothing; optim takes .*sgd"):
        axes_of(["optim=glob(x*)"])


def test_points_are_all_combinations_the_last_axis_fastest():
    assert points(axes_of(["a=1,2", "b=x,y"])) == [
        {"a": "1", "b": "x"}, {"a": "1", "b": "y"}, {"a": "2", "b": "x"}, {"a": "2", "b": "y"},
    ]  # fmt: skip


def test_a_whole_interval_is_no_grid_and_the_way_out_is_told():
    with pytest.raises(UserError, match=r"optim\.lr is a whole interval.*optim\.lr=0\.001,1.*sweep=optuna"):
        points(axes_of(["optim.lr=interval(0.001,1)"]))


def test_a_label_tells_what_differs_and_long_numbers_shortly():
    drawn = {"optim.lr": "0.0123456789", "model.width": "64"}
    assert label_of(drawn, sampled=True) == "optim.lr=0.0123,model.width=64"
    assert label_of({"seed": "1234567890", "optim": "sgd"}, sampled=False) == "seed=1234567890,optim=sgd"
    assert label_of({}, sampled=False) == ""


def test_a_folder_is_named_by_what_was_listed_and_by_number_otherwise():
    assert folder_of(3, {"seed": "0", "optim": "sgd"}, False) == "seed=0,optim=sgd"
    assert folder_of(3, {"optim.lr": "0.01"}, True) == "trial_0003"
    assert folder_of(3, {"data.features": f"[{'u,' * LONGEST}g]"}, False) == "trial_0003"
    assert folder_of(3, {}, False) == "trial_0003"
    assert "/" not in folder_of(3, {"data.path": "some/where/cat.fits"}, False)


@pytest.mark.parametrize("text", ["u" * 999, "\u8d64\u65b9\u504f\u79fb" * 25, ".", "..", "a/../../b"])
def test_a_folders_name_is_one_that_a_disk_takes(tmp_path, text):
    (tmp_path / folder_of(3, {"data.target": text}, False)).mkdir()
    assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize("texts", [
    ("1000000001", "1000000002"),
    ("0.00012341", "0.00012344"),
    ("a/b", "a-b"),
])  # fmt: skip
def test_two_trials_never_have_one_folder(texts):
    """The second would find the first one's settings there, and run those."""
    assert len({folder_of(number, {"seed": text}, False) for number, text in enumerate(texts)}) == 2
