"""Splits are stored: a run keeps who was in which part, so that a later one can keep it too.

A stored split is a Parquet file of id, part and, of k folds, the number of the fold.
"""

from __future__ import annotations

import datetime
import hashlib
import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from starbolt.aside import aside
from starbolt.cache import default_cache
from starbolt.data.splits.dealing import Candidates

FILE = "split.parquet"
ABOUT = b"starbolt"
SOURCES = (
    "path", "test_path", "catalogue", "test_catalogue", "observations", "test_observations", "objects", "test_objects",
    "root", "where",
)  # fmt: skip  # words of archives that say which rows there are


def split_table(ids: np.ndarray, parts: np.ndarray, folds: np.ndarray | None = None) -> pa.Table:
    """Who is in which part, of the objects that are in any: strings [N], strings [N], int [N]."""
    there = parts != ""
    columns = {"id": _text(ids[there]), "part": _text(parts[there]).dictionary_encode()}
    return pa.table(columns if folds is None else columns | {"fold": pa.array(folds[there], pa.int32())})


def write_split(file: Path, table: pa.Table, run: Path) -> None:
    """Store a split, aside and renamed, with the date and the folder of the run that made it."""
    about = {"date": datetime.date.today().isoformat(), "run": str(run.absolute())}
    file.parent.mkdir(parents=True, exist_ok=True)
    with aside(file) as beside:
        pq.write_table(table.replace_schema_metadata({ABOUT: json.dumps(about).encode()}), beside, compression="zstd")


def read_split(named: str | Path) -> pa.Table:
    """The split that a run folder or a file of one holds; FileNotFoundError or ValueError where there is none."""
    path = Path(named)
    file = path / FILE if path.is_dir() else path
    if not file.is_file():
        raise FileNotFoundError(f"split.like={named} is neither a run folder with {FILE} nor such a file")
    try:
        table = pq.read_table(file)
    except (pa.ArrowInvalid, OSError) as error:
        raise ValueError(f"split.like={named} cannot be read as Parquet ({str(error).splitlines()[0]})") from None
    if not {"id", "part"} <= set(table.column_names):
        raise ValueError(f"split.like={named} has no columns id and part; name a run folder or its {FILE}")
    return table.set_column(1, "part", table["part"].cast(pa.string()))


def kept_parts(like: str | None, candidates: Candidates, *, fold: int | None = None) -> np.ndarray | None:
    """The parts [N] of the candidates in an earlier split, "" of new ones; None where no split is to be kept.

    Separate test files go first. fold: the number that tests; an earlier split that tested another fold says nothing.
    """
    if like is None:
        return None
    earlier = read_split(like)
    if fold is not None and set(earlier.filter(pc.equal(earlier["part"], "test"))["fold"].to_pylist()) != {fold}:
        return None
    parts = _looked_up(earlier, "part", _text(candidates.ids))
    if candidates.part is not None:
        parts = np.where((parts == "test") | (candidates.part == "test"), "", parts)
    return parts


def kept_folds(like: str | None, candidates: Candidates, k: int) -> np.ndarray | None:
    """The folds [N] of the candidates in an earlier split, as "fold3", "" of new ones; None where `like` is."""
    if like is None:
        return None
    earlier = read_split(like)
    if "fold" not in earlier.column_names:
        raise ValueError(f"split.like={like} holds no folds; it was not split by split=kfold")
    count = (pc.max(earlier["fold"]).as_py() or 0) + 1
    if count != k:
        raise ValueError(f"split.like={like} has {count} folds, not {k}; say split.k={count}")
    names = pc.binary_join_element_wise("fold", earlier["fold"].cast(pa.string()), "")
    return _looked_up(earlier.append_column("name", names), "name", _text(candidates.ids))


def note_of_moves(now: pa.Table, file: Path) -> list[str]:
    """A sentence on the objects that are in another part than in the split stored in `file`, where there are any."""
    try:
        before = read_split(file)
        about = json.loads(before.schema.metadata[ABOUT])
    except (OSError, ValueError, KeyError, TypeError):  # none, or damaged: nothing to compare with
        return []
    if before["id"].equals(now["id"]) and before["part"].equals(now["part"].cast(pa.string())):
        return []  # by far the commonest, and quickly seen
    then = _looked_up(before, "part", now["id"].combine_chunks())
    common, moved = then != "", then != np.asarray(now["part"].cast(pa.string())).astype(str)
    if not (common & moved).any():
        return []
    run = about["run"] if (Path(about["run"]) / FILE).is_file() else "RUN"
    return [
        f"{(common & moved).sum()} of {common.sum()} objects are in another part than at the split of {about['date']}; "
        f"split.like={run} keeps them there"
    ]


def latest_file(cache: str | None, archive: Any, split: Any, words: Sequence[Any]) -> Path | None:
    """Where the latest split of an archive's files is remembered; None where no file is known.

    Its name tells files, conditions, splitter and the other words that matter apart, and not the files' states.
    """
    given = {word: vars(archive).get(word) for word in SOURCES} if archive else {}
    options = {word: str(value) for word, value in given.items() if isinstance(value, str | Path)}
    files = {word: os.path.abspath(value) for word, value in options.items() if Path(value).exists()}
    if not files:
        return None
    told = {word: value for word, value in vars(split).items() if word != "like"}
    key = json.dumps([type(archive).__qualname__, options | files, type(split).__qualname__, told, words], default=str)
    name = hashlib.sha256(key.encode()).hexdigest()[:16]
    return (Path(cache) if cache else default_cache()) / "splits" / f"{name}.parquet"


def own_split(folder: Path, like: str | None) -> str | None:
    """What split.like is where a run's checkpoint is applied: the run's own split, else the one it named, else none."""
    for named in (folder, like):
        if named and ((Path(named) / FILE).is_file() or Path(named).is_file()):
            return str(named)
    return None


def _looked_up(earlier: pa.Table, name: str, ids: pa.Array) -> np.ndarray:
    """A text column of an earlier split for the given ids, as strings [N], "" where it does not know them."""
    place = pc.index_in(ids, value_set=earlier["id"].combine_chunks())
    found = pc.fill_null(earlier[name].combine_chunks().take(place), "")
    return found.to_numpy(zero_copy_only=False).astype(str)


def _text(words: np.ndarray) -> pa.Array:
    return pa.array(words, pa.large_string()).cast(pa.string())  # one piece, however long
