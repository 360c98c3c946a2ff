"""A setting is called by what sets it apart."""

from __future__ import annotations

from pathlib import Path

from starbolt.report.compare.labels import flat, labels

MLP = {"_target_": "starbolt.models.MLP", "width": 64, "depth": 2}
CNN = {"_target_": "starbolt.models.CNN", "stages": 3}


def called(*configs: dict, folders: tuple[str, ...] = ()) -> list[str]:
    return labels(
        [flat(config) for config in configs], [Path(f"/runs/{name}") for name in folders or "abcdef"][: len(configs)]
    )


def test_another_network_is_called_by_its_class_and_not_by_each_of_its_words():
    assert called({"model": MLP}, {"model": CNN}) == ["model=mlp", "model=cnn"]


def test_words_of_one_network_are_told_where_they_differ_between_its_settings():
    wide = MLP | {"width": 128}
    assert called({"model": MLP}, {"model": wide}) == ["model.width=64", "model.width=128"]
    assert called({"model": MLP}, {"model": wide}, {"model": CNN}) == [
        "model=mlp,model.width=64", "model=mlp,model.width=128", "model=cnn",
    ]  # fmt: skip


def test_files_lists_and_what_is_missing():
    one = {"data": {"path": "/a/old.fits", "log": ["u"]}, "callbacks": {"patience": {"_target_": "x.EarlyStopping"}}}
    two = {"data": {"path": "/a/new.fits", "log": []}, "callbacks": {}}
    assert called(one | {"callbacks": {}}, two) == ["data.path=old.fits,data.log=[u]", "data.path=new.fits,data.log=[]"]
    assert called({"callbacks": one["callbacks"]}, {"callbacks": {"other": None}})[1].startswith(
        "callbacks.patience=null"
    )


def test_where_seed_fold_and_place_alone_differ_the_folder_is_the_name():
    one = {"seed": 0, "run": "/x", "name": "x", "split": {"fold": 0, "k": 5}, "logger": {"_target_": "a.B"}}
    two = one | {"seed": 3, "run": "/y", "split": {"fold": 1, "k": 5}, "logger": None}
    two |= {"report": True, "test": False, "card": {"use": "none"}, "slices": ["mag"]}
    assert flat(one) == flat(two) == {"split.k": 5}
    assert called(one, two, folders=("old/1", "new/1")) == ["old/1", "new/1"]
    assert called(one, two, folders=("a/1", "a/1")) == ["1", "1 (2)"]


def test_a_long_label_gives_way_to_the_folder():
    one, two = ({f"a{i}": {"word": f"{x}{i}"} for i in range(9)} for x in "xy")
    assert called(one, two) == ["a", "b"]
