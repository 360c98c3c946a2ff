"""The words of `data.*` reach the archive, and several data are one by the object's id."""

import inspect

import numpy as np
import pyarrow as pa
import pytest

from starbolt.archives import Archive, Sample
from starbolt.data import (
    ArchiveDataModule,
    ImageDataModule,
    MultimodalDataModule,
    ObjectDataModule,
    SeriesDataModule,
    TableDataModule,
)
from starbolt.data.splits import Column

MODULES = (TableDataModule, ImageDataModule, SeriesDataModule)


def table(tmp_path, names, **options):
    n = np.arange(float(len(names)))
    source = {"id": list(names), "a": n, "b": -n, "y": n**2, "part": ["train", "val"] * (len(names) // 2)}
    return TableDataModule(source, id="id", target="y", cache=str(tmp_path), **options)


def test_roles_are_no_features(tmp_path):
    data = table(tmp_path, "abcdefgh", weight="a", split=Column("part"))
    data.open("quantity")
    assert data.spec.inputs["table"].channels == ("b",)


def test_colours_and_sentinels_and_a_zero_point(tmp_path):
    source = {
        "u": [20.0, 99.0, 21.0, 19.0],
        "g": [19.0, 18.0, 20.0, 17.0],
        "jd": 2.46e6 + np.arange(4),
        "y": [1, 2, 3, 4],
    }
    words = {"colours": [["u", "g"]], "missing": [99], "zero": {"jd": 2.46e6}, "target": "y"}
    data = TableDataModule(
        source, cache=str(tmp_path), split=lambda c: np.array(["train", "train", "val", "test"]), **words
    )
    data.open("quantity")
    assert data.spec.inputs["table"].channels == ("u", "g", "jd", "u-g")
    block = next(iter(data.predict_dataloader())).inputs["table"]
    assert block.x.tolist() == [[20, 19, 0, 1], [0, 18, 1, 0], [21, 20, 2, 1], [19, 17, 3, 2]]
    assert block.mask[1].tolist() == [False, True, True, False]


def test_several_data_are_joined_by_id_whatever_their_order(tmp_path):
    first, second = table(tmp_path, "abcdefgh", features=["a"]), table(tmp_path, "hgcbzy", features=["a", "b"])
    joined = MultimodalDataModule({"one": first, "two": second}, target="y", split=Column("part"), cache=str(tmp_path))
    spec = joined.open("quantity")
    assert {name: about.channels for name, about in spec.inputs.items()} == {"one": ("a",), "two": ("a", "b")}
    two = next(iter(joined.predict_dataloader())).inputs["two"]
    for i, name in enumerate("abcdefgh"):
        there = name in "hgcb"
        assert two.mask[i].all() == there
        assert two.x[i].tolist() == ([v := float("hgcbzy".index(name)), -v] if there else [0, 0])
    train = [i for i in joined.parts["train"] if "abcdefgh"[i] in "hgcb"]
    assert spec.inputs["two"].mean[0] == pytest.approx(np.mean(["hgcbzy".index("abcdefgh"[i]) for i in train]))


def test_data_that_have_no_object_in_common_are_refused(tmp_path):
    modules = {"one": table(tmp_path, "abcd"), "two": table(tmp_path, "wxyz")}
    with pytest.raises(ValueError, match="no id of 'two' is among those of the first data"):
        MultimodalDataModule(modules, target="y", cache=str(tmp_path)).open("quantity")


def test_an_archive_of_one_s_own_needs_no_more_than_read_and_load(tmp_path, own_archive):
    data = ArchiveDataModule(own_archive, target="kind", per_object="both", cache=str(tmp_path))
    spec = data.open("class")
    assert spec.inputs["series"].scaling == "both"
    assert spec.target.classes == ("a", "b")
    assert next(iter(data.train_dataloader())).inputs["series"].x.shape[1] == 2


@pytest.fixture
def own_archive():
    class Own(Archive):
        channels = ("flux",)

        def read(self):
            return pa.table({"n": np.arange(40), "kind": ["a", "b"] * 20})

        def load(self, row):
            return Sample(np.full((1, 1 + row["n"] % 5), row["n"], np.float32), time=np.arange(1.0 + row["n"] % 5))

    return Own()


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: TableDataModule(), r"say data\.path=FILE"),
        (lambda: ImageDataModule(file="f"), r"say data\.catalogue=FILE"),
        (lambda: SeriesDataModule(), r"say data\.observations=FILE or data\.objects=FILE"),
        (lambda: SeriesDataModule("a.csv", value="v"), r"say data\.time=COLUMN"),
        (lambda: SeriesDataModule("a.csv", time="t"), r"say data\.value=COLUMN"),
    ],
)
def test_without_a_source_the_words_to_type_are_said(make, sentence):
    with pytest.raises(ValueError, match=sentence):
        make()


@pytest.mark.parametrize("made", MODULES)
def test_the_recipe_is_plain_words_of_the_signature(made):
    first = next(iter(inspect.signature(made).parameters))
    words = (
        {"time": "t", "value": "v"} if made is SeriesDataModule else {"file": "f"} if made is ImageDataModule else {}
    )
    recipe = made("somewhere.csv", target=("z", "m"), **words).recipe()
    assert recipe.pop("_target_") == f"starbolt.data.{made.__name__}"
    assert set(recipe) < {*inspect.signature(made).parameters, *inspect.signature(ObjectDataModule).parameters}
    assert not {first, "split"} & set(recipe)
    assert recipe["target"] == ["z", "m"]


def test_a_misspelt_exclusion_is_refused(tmp_path):
    """In silence the column would stay a feature."""
    with pytest.raises(ValueError, match=r"data.exclude names 'bb'.*did you mean 'b'"):
        table(tmp_path, "abcdefgh", exclude=["bb"]).open("quantity")
    data = table(tmp_path, "abcdefgh", exclude=["b"])
    assert data.open("quantity").inputs["table"].channels == ("a",)
