"""From target columns to codes and quantities."""

import numpy as np
import pyarrow as pa
import pytest

from starbolt.data.labels import class_codes, class_words, codes_like, quantities

TYPES = pa.table({"t": ["Sb", "E", None, "Sa", "E", " ", "S0 ", "Sa", "Sc"]})


def test_classes_are_all_there_are_in_order():
    names, codes = class_codes(TYPES, "t")
    assert names == ("E", "S0", "Sa", "Sb", "Sc")
    assert codes.dtype == np.int64
    assert codes.tolist() == [3, 0, -1, 2, 0, -1, 1, 2, 4]


def test_classes_can_be_chosen_ordered_and_merged():
    names, codes = class_codes(TYPES, "t", choose=[{"S": ["Sa", "Sb"]}, "E"])
    assert names == ("S", "E")
    assert codes.tolist() == [0, 1, -1, 0, 1, -1, -1, 0, -1]


def test_rare_classes_go_after_merging():
    assert class_codes(TYPES, "t", min_count=2)[0] == ("E", "Sa")
    assert class_codes(TYPES, "t", choose=["E", {"S": ["Sb", "Sc"]}, "S0"], min_count=2)[0] == ("E", "S")


@pytest.mark.parametrize("kind", [pa.float64(), pa.int32(), pa.string()])
def test_numbers_may_be_classes(kind):
    table = pa.table({"t": pa.array([10, 2, 10, None, 1]).cast(kind)})
    names, codes = class_codes(table, "t")
    assert names == ("1", "2", "10")
    assert codes.tolist() == [2, 1, 2, -1, 0]
    assert class_codes(table, "t", choose=[10, {"few": [1, 2]}])[0] == ("10", "few")


def test_nan_is_no_label():
    assert class_words(pa.table({"t": [1.0, float("nan"), 2.5]}), "t").tolist() == ["1", "", "2.5"]


def test_flags_may_be_classes():
    assert class_codes(pa.table({"t": [True, False, None]}), "t")[0] == ("False", "True")


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"choose": ["E", "Sx"]}, r"data\.classes names 'Sx', but 't' holds E, S0"),
        ({"choose": ["E"]}, r"'t' leaves 1 class\(es\)"),
        ({"min_count": 3}, r"'t' leaves 0 class\(es\)"),
    ],
)
def test_what_cannot_be_told_apart_is_refused(options, sentence):
    with pytest.raises(ValueError, match=sentence):
        class_codes(TYPES, "t", **options)


def test_a_quantity_is_not_taken_for_classes():
    with pytest.raises(ValueError, match="task=regression"):
        class_codes(pa.table({"t": np.linspace(0, 1, 2000)}), "t")


def test_a_missing_column_is_refused_with_the_nearest():
    with pytest.raises(ValueError, match="type"):
        class_codes(pa.table({"type": ["a"]}), "tyep")


def test_codes_like_those_before_whatever_the_new_catalogue_holds():
    """One class alone, classes never seen and missing ones are no error when a checkpoint meets new data."""
    new = pa.table({"t": ["Sb", "Sb", "Irr", None]})
    assert codes_like(new, "t", ("E", "Sb")).tolist() == [1, 1, -1, -1]
    choose = [{"S": ["Sa", "Sb"]}, "E"]
    assert codes_like(new, "t", ("S", "E"), choose=choose).tolist() == [0, 0, -1, -1]
    names, codes = class_codes(TYPES, "t", choose=choose)
    assert np.array_equal(codes_like(TYPES, "t", names, choose=choose), codes)


def test_quantities_keep_their_units_and_unknowns():
    fields = [pa.field("z", pa.float64()), pa.field("m", pa.float64(), metadata={"unit": "mag"})]
    table = pa.table([pa.array([0.1, None, 0.3]), pa.array([20.0, np.inf, 22.0])], schema=pa.schema(fields))
    units, values = quantities(table, ["z", "m"])
    assert units == ("", "mag")
    assert values.dtype == np.float32
    assert np.isnan(values[1]).all()
    assert values[[0, 2]].tolist() == np.array([[0.1, 20], [0.3, 22]], np.float32).tolist()
    with pytest.raises(ValueError, match="where a number is needed"):
        quantities(TYPES, ["t"])
