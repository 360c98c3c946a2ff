"""Several files are one table, in their order; what cannot go together is refused in a sentence."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from astropy.table import Table

from starbolt.archives.reading.files import files_of, read_table
from starbolt.archives.reading.stacking import below


@pytest.fixture
def night(tmp_path: Path) -> Path:
    for i in range(3):
        Table({"mag": np.arange(2.0) + i, "n": [i, i]}, units={"mag": "mag"}).write(tmp_path / f"cat_{i}.fits")
    (tmp_path / "more.csv").write_text("n,kind\n7,x\n")
    return tmp_path


def test_a_pattern_and_a_list_name_several_files(night: Path) -> None:
    whole = read_table(str(night / "cat_*.fits"))
    assert whole.to_pydict() == {"mag": [0, 1, 1, 2, 2, 3], "n": [0, 0, 1, 1, 2, 2]}
    assert whole.schema.field("mag").metadata == {b"unit": b"mag"}
    some = read_table([night / "more.csv", str(night / "cat_[01].fits")])
    assert some.to_pydict() == {
        "n": [7, 0, 0, 1, 1],
        "kind": ["x", None, None, None, None],
        "mag": [None, 0, 1, 1, 2],
    }
    assert files_of([night / "more.csv", str(night / "cat_*.fits")]) == [
        str(night / name) for name in ("more.csv", "cat_0.fits", "cat_1.fits", "cat_2.fits")
    ]


def test_a_pattern_that_matches_nothing(night: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"no file matches the pattern .*dog_\*\.fits"):
        read_table(night / "dog_*.fits")


def test_a_clash_of_types_names_column_and_files(night: Path) -> None:
    (night / "text.csv").write_text("n\none\n")
    with pytest.raises(ValueError, match=r"^column 'n' is int64 in .*more\.csv but string in .*text\.csv$"):
        read_table([night / "more.csv", night / "text.csv"])


def test_a_column_without_any_value_goes_with_every_type(night: Path) -> None:
    (night / "void.csv").write_text("n,kind\n8,\n9,\n")
    read = read_table([night / "void.csv", night / "more.csv"])
    assert read.to_pydict() == {"n": [8, 9, 7], "kind": [None, None, "x"]}


def test_large_integers_are_never_rounded() -> None:
    with pytest.raises(ValueError, match=r"column 'id' is int64 in a but double in b"):
        below([pa.table({"id": [2**60 + 1]}), pa.table({"id": [0.5]})], ["a", "b"])
    assert below([pa.table({"id": [1]}), pa.table({"id": [0.5]})], ["a", "b"])["id"].to_pylist() == [1, 0.5]


def test_units_must_agree() -> None:
    def flux(unit: bytes) -> pa.Table:
        return pa.table([[1.0]], schema=pa.schema([pa.field("f", pa.float64(), metadata={b"unit": unit})]))

    with pytest.raises(ValueError, match=r"column 'f' is in mJy in a but in Jy in c; convert one"):
        below([flux(b"mJy"), flux(b""), flux(b"Jy")], "abc")
    assert below([flux(b"erg / s"), flux(b"erg s-1")], "ab").num_rows == 2
