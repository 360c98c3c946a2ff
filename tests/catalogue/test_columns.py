"""Arrow's columns are NumPy's, whatever their kind and however they are cut."""

import numpy as np
import pyarrow as pa
import pytest

from starbolt.catalogue.columns import array, is_text, unit, width

LISTS = pa.FixedSizeListArray.from_arrays(pa.array(np.arange(12, dtype=np.float32)), 3)
CODED = pa.DictionaryArray.from_arrays(pa.array([0, 1, 0, 1]), ["", "ab"])


@pytest.mark.parametrize(
    ("values", "wanted"),
    [
        (LISTS, np.arange(12, dtype=np.float32).reshape(4, 3)),
        (CODED, np.array(["", "ab", "", "ab"])),
        (pa.array(["é", "x", "", "y"]), np.array(["é", "x", "", "y"])),
        (pa.array([True, False, True, True]), np.array([True, False, True, True])),
        (pa.array(np.arange(4, dtype=np.int16)), np.arange(4, dtype=np.int16)),
    ],
)
def test_they_are_what_they_were(values, wanted):
    column = pa.chunked_array([values])
    for found, expected in ((array(column), wanted), (array(column.slice(1, 2)), wanted[1:3])):
        assert np.array_equal(found, expected)
        assert found.dtype.kind == wanted.dtype.kind
    halves = pa.chunked_array([values.slice(0, 1), values.slice(1)])
    assert np.array_equal(array(halves), wanted)


def test_the_widest_word_counts_its_bytes():
    assert width(pa.chunked_array([["a", "é"], ["abc"]])) == 3
    assert width(pa.chunked_array([["é"]])) == 2
    assert width(pa.chunked_array([CODED.slice(0, 1)])) == 0
    assert width(pa.chunked_array([], pa.string())) == 0


def test_what_is_text_and_what_has_a_unit():
    assert [is_text(kind) for kind in (pa.string(), CODED.type, pa.large_string(), pa.int8(), LISTS.type)] == [
        True,
        True,
        True,
        False,
        False,
    ]
    assert unit(pa.field("a", pa.int8(), metadata={"unit": "mag"})) == "mag"
    assert unit(pa.field("a", pa.int8())) == ""
