"""Splits that are stored: what was written is read, and what moved is told."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pyarrow.parquet as pq
import pytest

from starbolt.data.splits import Stratified
from starbolt.data.splits.dealing import Candidates
from starbolt.data.splits.earlier import (
    kept_folds,
    kept_parts,
    latest_file,
    note_of_moves,
    own_split,
    read_split,
    split_table,
    write_split,
)

IDS = np.array(["a", "b", "c", "d", "e"])
PARTS = np.array(["train", "test", "", "val", "train"])


def new(*names, part=None):
    ids = np.array(names)
    return Candidates(ids, np.zeros(len(ids), int), None, part, lambda name: ids, lambda name: ids)


def stored(folder, parts=PARTS, folds=None):
    write_split(folder / "split.parquet", split_table(IDS, parts, folds), run=folder)
    return str(folder)


def test_what_was_written_is_read(tmp_path):
    run = stored(tmp_path)
    for named in (run, f"{run}/split.parquet"):
        table = read_split(named)
        assert table["id"].to_pylist() == ["a", "b", "d", "e"]
        assert table["part"].to_pylist() == ["train", "test", "val", "train"]
    assert [path.name for path in tmp_path.iterdir()] == ["split.parquet"]


def test_known_objects_have_their_part_and_new_ones_none(tmp_path):
    like = stored(tmp_path)
    assert kept_parts(None, new("a")) is None
    assert kept_parts(like, new("d", "x", "b", "c")).tolist() == ["val", "", "test", ""]
    given = np.array(["train", "test"])
    assert kept_parts(like, new("b", "d", part=given)).tolist() == ["", ""]


def test_folds_are_kept_and_parts_only_of_the_fold_that_tested(tmp_path):
    like = stored(tmp_path, folds=np.array([0, 2, 1, 1, 1]))
    assert kept_folds(like, new("b", "x", "e"), 3).tolist() == ["fold2", "", "fold1"]
    assert kept_parts(like, new("b", "e"), fold=2).tolist() == ["test", "train"]
    assert kept_parts(like, new("b", "e"), fold=1) is None
    with pytest.raises(ValueError, match=r"has 3 folds, not 4; say split\.k=3"):
        kept_folds(like, new("b"), 4)
    with pytest.raises(ValueError, match="holds no folds"):
        kept_folds(stored(tmp_path), new("b"), 3)


def test_what_is_no_split_is_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"is neither a run folder with split\.parquet nor such a file"):
        read_split(tmp_path)
    (tmp_path / "split.parquet").write_text("no Parquet at all")
    with pytest.raises(ValueError, match="cannot be read as Parquet"):
        read_split(tmp_path)
    pq.write_table(split_table(IDS, PARTS).rename_columns(["name", "side"]), tmp_path / "split.parquet")
    with pytest.raises(ValueError, match="has no columns id and part"):
        read_split(tmp_path)


def test_only_objects_that_moved_are_told(tmp_path):
    file = tmp_path / "split.parquet"
    assert note_of_moves(split_table(IDS, PARTS), file) == []
    stored(tmp_path)
    assert note_of_moves(split_table(IDS, PARTS), file) == []
    grown = split_table(np.array(["x", *IDS[::-1]]), np.array(["test", *PARTS[::-1]]))
    assert note_of_moves(grown, file) == []
    moved = np.array(["val", "test", "test", "val", "cal"])
    (note,) = note_of_moves(split_table(IDS, moved), file)
    assert note.startswith("2 of 4 objects are in another part than at the split of 20")
    assert note.endswith(f"split.like={tmp_path} keeps them there")
    file.write_text("damaged")
    assert note_of_moves(split_table(IDS, moved), file) == []


def test_the_latest_split_has_its_name_from_files_and_words_and_not_from_their_states(tmp_path):
    path = tmp_path / "cat.csv"
    path.write_text("a\n1\n")
    archive, split = SimpleNamespace(path=str(path), where=None), Stratified()
    name = latest_file(str(tmp_path), archive, split, ["z"])
    assert name.parent == tmp_path / "splits"
    path.write_text("a\n1\n2\n")
    assert latest_file(str(tmp_path), archive, replace(split, like="run"), ["z"]) == name
    others = [
        latest_file(str(tmp_path), SimpleNamespace(path=str(path), where="a > 1"), split, ["z"]),
        latest_file(str(tmp_path), archive, Stratified(seed=1), ["z"]),
        latest_file(str(tmp_path), archive, split, ["y"]),
    ]
    assert len({name, *others}) == 4
    assert latest_file(str(tmp_path), SimpleNamespace(path={"a": [1]}, where=None), split, ["z"]) is None
    assert latest_file(str(tmp_path), None, split, ["z"]) is None


def test_a_checkpoint_goes_by_its_own_run_s_split(tmp_path):
    own, named = tmp_path / "own", tmp_path / "named"
    assert own_split(own, str(named)) is None
    stored(named)
    assert own_split(own, str(named)) == str(named)
    assert own_split(own, str(named / "split.parquet")) == str(named / "split.parquet")
    stored(own)
    assert own_split(own, str(named)) == str(own)
