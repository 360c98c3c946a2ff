"""Files are found by column or pattern, and a missing one is named with its neighbours."""

from __future__ import annotations

import pytest

from starbolt.archives.reading.paths import columns_of, located, named_file


def test_columns_and_patterns():
    assert columns_of("file") == ["file"]
    assert columns_of("{a}/{b:03d}.fits") == ["a", "b"]
    assert named_file("{a}/{b:03d}.fits", {"a": "x", "b": 7}) == "x/007.fits"
    with pytest.raises(ValueError, match=r"no file in column 'b' of the row a=x"):
        named_file("{a}{b}", {"a": "x", "b": None})


def test_a_file_lies_below_the_root_unless_its_path_is_whole(tmp_path):
    (tmp_path / "a.fits").touch()
    assert located("a.fits", str(tmp_path), "file") == str(tmp_path / "a.fits")
    assert located(tmp_path / "a.fits", "elsewhere", "file") == str(tmp_path / "a.fits")


def test_what_is_missing_is_said_with_the_way_out(tmp_path):
    (tmp_path / "obj1.fits").touch()
    with pytest.raises(FileNotFoundError, match=r"obj2\.fits.*did you mean 'obj1\.fits'"):
        located("obj2.fits", str(tmp_path), "file")
    with pytest.raises(FileNotFoundError, match=r"no folder .*cuts for obj1.fits .* data.root=FOLDER"):
        located("obj1.fits", str(tmp_path / "cuts"), "file")
