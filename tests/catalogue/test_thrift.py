"""What is read of a footer is written as the same bytes."""

import io

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from starbolt.catalogue.thrift import BINARY, BYTE, DOUBLE, I16, I32, I64, LIST, STRUCT, TRUE, Field, Several, read
from starbolt.catalogue.thrift import written as told

WHOLE = st.integers(-(2**63), 2**63 - 1)
PLAIN = {
    I16: st.integers(-(2**15), 2**15 - 1),
    I32: st.integers(-(2**31), 2**31 - 1),
    I64: WHOLE,
    BINARY: st.binary(max_size=300),
    DOUBLE: st.binary(min_size=8, max_size=8),
    BYTE: st.integers(0, 255),
}


def of_kind(kind, values):
    return st.lists(values, max_size=20).map(lambda found: Field(LIST, Several(kind, found)))


FIELDS = st.one_of(
    *(values.map(lambda value, kind=kind: Field(kind, value)) for kind, values in PLAIN.items()),
    *(of_kind(kind, values) for kind, values in PLAIN.items()),
    st.booleans().map(lambda value: Field(TRUE, value)),
)
STRUCTS = st.recursive(
    st.dictionaries(st.integers(1, 300), FIELDS, max_size=6),
    lambda inner: st.dictionaries(
        st.integers(1, 300), inner.map(lambda s: Field(STRUCT, s)) | of_kind(STRUCT, inner), max_size=4
    ),
    max_leaves=10,
)


@given(STRUCTS)
def test_a_struct_comes_back(struct):
    back = read(told(struct))
    assert told(back) == told(struct)
    assert list(back) == list(struct)


def test_the_footer_of_a_file_is_the_same_bytes():
    made = io.BytesIO()
    table = pa.table({"x": np.arange(99), "name": [str(i % 7) for i in range(99)], "on": [None, True, False] * 33})
    pq.write_table(table, made, row_group_size=2, write_page_index=True, write_page_checksum=True)
    data = made.getvalue()
    footer = data[-8 - int.from_bytes(data[-8:-4], "little") : -8]
    found = read(footer)
    assert told(found) == footer
    assert found[3] == Field(I64, 99)


@pytest.mark.parametrize("data", [b"", b"\x16", b"\x18\x05ab", b"\x1b\x01", b"\x15\xff"])
def test_bytes_that_are_no_struct_are_refused(data):
    with pytest.raises(ValueError, match=r"end too early|not known"):
        read(data)
