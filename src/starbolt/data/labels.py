"""From a catalogue's target columns to the numbers that are learnt: class codes or quantities."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from starbolt.archives.reading.columns import column, numbers, unit
from starbolt.contract import TargetSpec


def labelled(
    table: pa.Table, targets: Sequence[str], kind: str, choose: Sequence[Any] = (), min_count: int = 0
) -> tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...], np.ndarray]:
    """(names, units, classes, y) of what a task learns: "class", y int64 [N], or "quantity", y float32 [N, K]."""
    names = tuple(targets)
    if not names:
        raise ValueError("no target is named; say data.target=COLUMN")
    if kind != "class":
        units, y = quantities(table, names)
        return names, units, (), y
    if len(names) > 1:
        raise ValueError(f"task=classification learns one column, not {list(names)}; use task=regression")
    classes, y = class_codes(table, names[0], choose=choose, min_count=min_count)
    return names, ("",), classes, y


def labelled_like(table: pa.Table, target: TargetSpec, choose: Sequence[Any] = ()) -> tuple[np.ndarray, list[str]]:
    """y [N] or [N, K] in a checkpoint's own codes and quantities, unknown where the columns are absent, and notes."""
    present = all(name in table.column_names for name in target.names)
    if not target.classes:
        unknown = np.full((table.num_rows, len(target.names)), np.nan, np.float32)
        return (quantities(table, target.names)[1] if present else unknown), []
    if not present:
        return np.full(table.num_rows, -1, np.int64), []
    y = codes_like(table, target.names[0], target.classes, choose=choose)
    return y, unknown_classes(class_words(table, target.names[0]), y)


def class_codes(
    table: pa.Table, name: str, *, choose: Sequence[Any] = (), min_count: int = 0
) -> tuple[tuple[str, ...], np.ndarray]:
    """Class names and int64 codes [N], -1 where there is no label or a class that was not chosen.

    choose: names in the wanted order, {name: [members]} merges; empty takes all, sorted. min_count: rarer classes go.
    """
    words, of = _encoded(table, name)
    groups = _groups(choose) if choose else {word: [word] for word in _in_order(words)}
    present = set(words)
    lost = [member for members in groups.values() for member in members if member not in present]
    if lost:
        raise ValueError(f"data.classes names {lost[0]!r}, but {name!r} holds {', '.join(_in_order(words)[:12])}")
    rows = np.bincount(of, minlength=len(words))
    counts = {label: int(rows[np.isin(words, members)].sum()) for label, members in groups.items()}
    kept = {label: members for label, members in groups.items() if counts[label] >= max(min_count, 1)}
    if len(kept) < 2:
        raise ValueError(
            f"{name!r} leaves {len(kept)} class(es) to tell apart ({counts}); classification needs two or more"
        )
    if len(kept) > 1000:
        raise ValueError(f"{name!r} has {len(kept)} different values; that is a quantity: task=regression")
    codes = np.full(len(words), -1, np.int64)
    for code, members in enumerate(kept.values()):
        codes[np.isin(words, members)] = code
    return tuple(kept), codes[of]


def codes_like(table: pa.Table, name: str, classes: Sequence[str], *, choose: Sequence[Any] = ()) -> np.ndarray:
    """int64 codes [N] of a column in classes known before, merged by `choose` as then; -1 for any other label."""
    place = {label: code for code, label in enumerate(classes)}
    members = {member: label for label, merged in _groups(choose).items() for member in merged}
    words, of = _encoded(table, name)
    return np.array([place.get(members.get(w, w), -1) for w in words.tolist()], np.int64)[of]


def class_words(table: pa.Table, name: str) -> np.ndarray:
    """A label column as strings [N]: numbers lose a trailing .0, missing labels are ""."""
    words, of = _encoded(table, name)
    return words[of]


def quantities(table: pa.Table, names: Sequence[str]) -> tuple[tuple[str, ...], np.ndarray]:
    """Units and float32 values [N, K], NaN where unknown; ValueError where they are words."""
    for name in names:
        column(table, name)
    try:
        values = np.stack([numbers(table, name) for name in names], axis=1)
    except ValueError as error:
        raise ValueError(f"{error}; to learn classes say task=classification") from None
    values[~np.isfinite(values)] = np.nan
    return tuple(unit(table, name) for name in names), values.astype(np.float32)


def _encoded(table: pa.Table, name: str) -> tuple[np.ndarray, np.ndarray]:
    """The words [U] of a label column, each value read once, and which of them each row has, int [N]."""
    values = column(table, name)
    if pa.types.is_dictionary(values.type):
        values = values.cast(values.type.value_type)
    coded = values.combine_chunks().dictionary_encode("encode")
    return np.array([_word(value) for value in coded.dictionary.to_pylist()], dtype=str), np.asarray(coded.indices)


def _groups(choose: Sequence[Any]) -> dict[str, list[str]]:
    groups: dict[str, list[str]] = {}
    for item in choose:
        if isinstance(item, Mapping):
            groups |= {_word(key): [_word(m) for m in members] for key, members in item.items()}
        else:
            groups[_word(item)] = [_word(item)]
    return groups


def _in_order(words: np.ndarray) -> list[str]:
    unique = [str(word) for word in np.unique(words) if word]
    try:
        return sorted(unique, key=float)
    except ValueError:
        return unique


def _word(value: Any) -> str:
    if value is None or value != value:
        return ""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value).strip()


def unknown_classes(words: np.ndarray, codes: np.ndarray) -> list[str]:
    """A note on labels [N] that are no class of the checkpoint (codes [N] of -1), with their counts; [] if none."""
    strange, counts = np.unique(words[(codes < 0) & (words != "")], return_counts=True)
    if len(strange) == 0:
        return []
    most = np.argsort(-counts, kind="stable")
    told = ", ".join(f"{strange[i]} ({counts[i]})" for i in most[:8]) + (", ..." if len(strange) > 8 else "")
    return [f"{counts.sum()} objects have a label that the checkpoint does not know, and are not scored: {told}"]
