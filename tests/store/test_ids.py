"""Every object has a name, a string, whatever the type of its column."""

import datetime

import numpy as np
import pyarrow as pa
import pytest

from starbolt.archives.base import PART
from starbolt.store.ids import as_strings, object_ids


class Named:
    id = "name"

    def files(self):
        return ["cat.csv"]


def ids(values, parts=None):
    columns = {"name": values} | ({} if parts is None else {PART: parts})
    return object_ids(Named(), pa.table(columns)).to_pylist()


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ([3.0, 4.5, 6.0], ["3", "4.5", "6"]),
        ([1237648720693755918, 2], ["1237648720693755918", "2"]),
        ([1e20, -0.0, float("nan"), 1e-7, None], ["100000000000000000000", "0", "nan", "1e-07", "None"]),
        (np.array([1.5, 2], np.float32), ["1.5", "2"]),
        (["M31", None, "3.0"], ["M31", "None", "3.0"]),
        (pa.array(["a", "b", "a2"]).dictionary_encode(), ["a", "b", "a2"]),
        (pa.array(["a", "b"], pa.large_string()), ["a", "b"]),
        ([True, False], ["True", "False"]),
        ([datetime.date(2026, 1, 2)], ["2026-01-02"]),
    ],
)
def test_ids_are_as_python_writes_them_without_a_trailing_point_zero(values, words):
    assert as_strings(pa.table({"a": values})["a"]).to_pylist() == words


def test_without_a_column_rows_are_counted():
    class Unnamed:
        id = None

    assert object_ids(Unnamed(), pa.table({"a": [5, 6, 7]})).to_pylist() == ["0", "1", "2"]


def test_ids_twice_are_refused():
    with pytest.raises(ValueError, match=r"the id 'M31' stands 2 times in column 'name' of cat.csv.*data\.id="):
        ids(["M33", "M31", "M51", "M31"])
    with pytest.raises(ValueError, match="the id '3' stands 2 times"):
        ids([3.0, 1.0, 3.0])


def test_an_id_may_stand_in_the_training_and_in_the_test_file_once_each():
    assert ids(["a", "b", "a"], ["train", "train", "test"]) == ["a", "b", "a"]
    with pytest.raises(ValueError, match="the id 'a' stands 2 times"):
        ids(["a", "b", "a", "a"], ["train", "train", "test", "test"])
