"""Numbers that describe data before training: columns, channels, classes and quantities, as rows of text."""

from __future__ import annotations

from collections.abc import Container, Sequence
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import torch

from starbolt.archives.reading.columns import is_numeric, numbers, unit
from starbolt.archives.reading.sentinels import suspects
from starbolt.data import ObjectDataModule
from starbolt.data.objects import Objects
from starbolt.data.sources import Source
from starbolt.report.controls import evenly

MOST = 1000  # images or series looked at
CHUNK = 100  # of them gathered at once

Row = tuple[str, ...]


class Values(NamedTuple):
    """What was measured in one channel: values and errors, flat, and how many of `total` places are unmeasured."""

    x: np.ndarray
    err: np.ndarray
    total: int


def catalogue_rows(objects: Objects, targets: tuple[str, ...]) -> list[Row]:
    """Name, unit, type, role, missing count, minimum, median and maximum of every column of the catalogue."""
    channels = {channel for source in objects.sources.values() for channel in source.modality.channels}
    roles = dict.fromkeys(channels, "input") | dict.fromkeys(targets, "target")
    return [
        _column_row(objects.catalogue, name, roles.get(name, ""))
        for name in objects.catalogue.column_names
        if not name.startswith("starbolt_")
    ]


def channel_rows(source: Source, found: Sequence[Values], known: Container[str]) -> list[Row]:
    """Name, unit, fraction unmeasured, minimum, median, maximum, median error of each channel not `known` already."""
    about = source.modality
    return [
        (name, named_unit, _fraction(values), *_three(values.x), _median(values.err))
        for name, named_unit, values in zip(about.channels, about.units, found, strict=True)
        if name not in known
    ]


def headline(name: str, source: Source, rows: np.ndarray, total: int) -> str:
    """A modality's shape, its number of points where it is a series, and how much of it was looked at."""
    kind, shape = source.modality.kind, " x ".join(map(str, source.modality.shape))
    channels = f" ({', '.join(source.modality.channels)})" if kind == "table" else ""
    lengths = source.lengths(np.arange(total))
    points = "" if lengths is None else f", {lengths.min()} to {lengths.max()} points (median {np.median(lengths):.0f})"
    looked = "" if len(rows) == total else f"; below, from {len(rows)} of {total} objects"
    return f"{name}{'' if name == kind else f', a {kind}'}: shape {shape}{channels}{points}{looked}"


def rows_looked_at(source: Source, total: int) -> np.ndarray:
    """Every row of a table, some of images and series."""
    return evenly(np.arange(total), total if source.modality.kind == "table" else MOST)


def channel_values(source: Source, rows: np.ndarray) -> list[Values]:
    """The Values of each stored channel (without the time of a series) over the given catalogue rows."""
    found: list[list[Values]] = []
    for chunk in torch.from_numpy(rows).split(CHUNK if source.modality.kind != "table" else len(rows)):
        block = source.gather(chunk)
        seen = block.mask.expand_as(block.x)
        first = 1 if source.modality.kind == "series" else 0
        inside = seen[:, 0] if first else torch.ones_like(seen[:, 0])
        err = torch.zeros_like(block.x) if block.err is None else block.err
        found.append([_values(block.x[:, c], err[:, c], seen[:, c], inside) for c in range(first, seen.shape[1])])
    return [_joined(parts) for parts in zip(*found, strict=True)]


def strange_values(source: Source, found: Sequence[Values]) -> list[str]:
    """A sentence for each channel of a series or table in which a usual sentinel stands."""
    if source.modality.kind == "image":
        return []
    pairs = zip(source.modality.channels, found, strict=True)
    return [note for name, values in pairs for note in suspects(values.x[:, None], [name])]


def class_rows(data: ObjectDataModule) -> list[Row]:
    """Each class with its number of objects, in all and in each part; then the objects without a label."""
    names = data.spec.target.classes
    rows = [
        (name, *(str(int((part == code).sum())) for part in (data.y, *(data.y[r] for r in data.parts.values()))))
        for code, name in enumerate(names)
    ]
    sums = ("sum", str(int((data.y >= 0).sum())), *(str(len(r)) for r in data.parts.values()))
    unknown = int((data.y < 0).sum())
    return [*rows, sums, *([("no label", str(unknown), *[""] * len(data.parts))] if unknown else [])]


def quantity_rows(data: ObjectDataModule) -> list[Row]:
    """Per quantity and part: objects with a value, minimum, median, maximum, mean and standard deviation."""
    aim = data.spec.target
    rows: list[Row] = []
    for k, (name, named_unit) in enumerate(zip(aim.names, aim.units, strict=True)):
        for part, members in data.parts.items():
            y = data.y[members, k]
            y = y[np.isfinite(y)]
            spread = (f"{y.mean():.4g}", f"{y.std():.4g}") if len(y) else ("", "")
            rows.append((name, named_unit, part, str(len(y)), *_three(y), *spread))
    return rows


def _column_row(catalogue: pa.Table, name: str, role: str) -> Row:
    values = catalogue[name]
    if is_numeric(values.type):
        x = numbers(catalogue, name)
        known = x[np.isfinite(x)]
        three = _whole_numbers(values) if pa.types.is_integer(values.type) else _three(known)
        return name, unit(catalogue, name), str(values.type), role, str(len(x) - len(known)), *three
    kind = f"{values.type} ({pc.count_distinct(values).as_py()} different)"
    return name, unit(catalogue, name), kind, role, str(values.null_count), "", "", ""


def _values(x: torch.Tensor, err: torch.Tensor, seen: torch.Tensor, inside: torch.Tensor) -> Values:
    known = err[seen & (err > 0)]
    return Values(x[seen].numpy(), known.numpy(), int(inside.sum()))


def _joined(parts: Sequence[Values]) -> Values:
    x, err = (np.concatenate([getattr(values, name) for values in parts]) for name in ("x", "err"))
    return Values(x, err, sum(values.total for values in parts))


def _median(x: np.ndarray) -> str:
    return f"{np.median(x):.4g}" if len(x) else ""


def _three(x: np.ndarray) -> tuple[str, str, str]:
    return (f"{x.min():.6g}", f"{np.median(x):.6g}", f"{x.max():.6g}") if len(x) else ("", "", "")


def _whole_numbers(values: pa.ChunkedArray) -> tuple[str, str, str]:
    """The same of integers with all their digits: names of objects have nineteen."""
    ends = pc.min_max(values).as_py()
    if ends["min"] is None:
        return "", "", ""
    middle = float(np.median(values.drop_null().to_numpy()))
    return str(ends["min"]), f"{middle:.0f}" if abs(middle) > 1e6 else f"{middle:g}", str(ends["max"])


def _fraction(values: Values) -> str:
    return f"{1 - len(values.x) / max(values.total, 1):.2%}"
