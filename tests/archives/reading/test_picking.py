"""One of several tables is found by name in any case, by number, or because it is alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from starbolt.archives.reading.picking import pick

PATH = Path("a.h5")


def test_by_name_number_or_alone() -> None:
    tables = {"phot": 1, "/": 2}
    assert [pick(tables, name, PATH) for name in ("PHOT", "/phot", 0, "/", 1)] == [1, 1, 1, 2, 2]
    assert pick({"phot": 1}, None, PATH) == 1


def test_sentences() -> None:
    with pytest.raises(ValueError, match=r"^a.h5 holds 2 tables; choose with data.table= one of phot, spec$"):
        pick({"phot": 1, "spec": 2}, None, PATH)
    with pytest.raises(ValueError, match=r"^a.h5 holds no table 'photo'; did you mean 'phot'\?$"):
        pick({"phot": 1, "spec": 2}, "photo", PATH)
    with pytest.raises(ValueError, match=r"^a.h5 holds no table$"):
        pick({}, None, PATH)
