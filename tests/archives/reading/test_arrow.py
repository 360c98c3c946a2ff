"""Arrays become Arrow columns of equal value: native, decoded, null where masked, lists where they have more axes."""

from __future__ import annotations

import numpy as np
import pytest
from astropy.coordinates import SkyCoord
from astropy.table import Table

from starbolt.archives.reading.arrow import from_astropy, from_columns, from_memory, to_arrow


@pytest.mark.parametrize("kind", [">f8", ">f4", ">i2", "<i8", "u1", ">u4", "?"])
def test_byte_order_and_type(kind: str) -> None:
    values = np.array([0, 1, 1], kind)
    array = to_arrow(values)
    assert array.to_pylist() == values.tolist()
    assert array.type.to_pandas_dtype() == values.dtype.newbyteorder("=").type


def test_masks_and_axes() -> None:
    values = np.ma.array(np.arange(12).reshape(2, 3, 2), mask=False)
    values[1, 2, 0] = np.ma.masked
    assert from_columns([("a", values, "")])["a"].to_pylist() == values.tolist()


def test_bytes_and_objects() -> None:
    assert to_arrow(np.array([b"M31", b"\xc3\xa9"])).to_pylist() == ["M31", "é"]
    assert to_arrow(np.array([b"M31", None, "x"], object)).to_pylist() == ["M31", None, "x"]
    assert to_arrow(np.array([np.arange(2, dtype=">f4"), None], object)).to_pylist() == [[0, 1], None]


def test_sky_positions_become_two_columns() -> None:
    table = from_astropy(Table({"at": SkyCoord([1.0, 2], [3.0, 4], unit="deg")}))
    assert table.to_pydict() == {"at.ra": [1, 2], "at.dec": [3, 4]}


def test_what_is_no_table() -> None:
    with pytest.raises(ValueError, match=r"columns have different lengths: {'a': 1, 'b': 2}"):
        from_memory({"a": [1], "b": [1, 2]})
    with pytest.raises(TypeError, match=r"a table is a file, .* not <class 'int'>"):
        from_memory(5)
