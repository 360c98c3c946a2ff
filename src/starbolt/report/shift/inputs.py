"""Shift of what is measured: of each input and of the target, test rows against training rows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import torch

from starbolt.contract import Spec
from starbolt.data.ranges import names_of, summary
from starbolt.data.sources import Source
from starbolt.report.controls import evenly

MOST = 5_000  # rows of each part: more would make trifles significant
CHUNK = 64  # objects gathered at once
FEWEST = 20  # values of each part
P = 1e-3  # chance of telling a shift that is none, all columns together
LEAST = 0.05  # Kolmogorov-Smirnov distance below which nothing is told
NAMED = 3  # columns in the sentence
SHARE = "the share of "


def shift_table(
    sources: Mapping[str, Source],
    spec: Spec,
    y: np.ndarray,
    parts: Mapping[str, np.ndarray],
    *,
    groups: np.ndarray | None = None,
) -> dict[str, Any]:
    """How the test rows differ from the training rows in what `ranges.summary` tells of an input, and in the target.

    y: classes int64 [N] or quantities [N, K]. groups: [N]; of each only one row counts, since its rows are alike.
    Two-sample Kolmogorov-Smirnov tests (scipy); plain values, for shift.json.
    """
    rows = {part: evenly(_one_of_each(parts[part], groups), MOST) for part in ("train", "test")}
    if not all(len(of_part) for of_part in rows.values()):
        return {}
    told = {part: dict(_columns(sources, spec, y, of_part)) for part, of_part in rows.items()}
    pairs = ((name, told["train"][name], told["test"][name]) for name in told["train"])
    columns = [_compared(name, train[np.isfinite(train)], test[np.isfinite(test)]) for name, train, test in pairs]
    return {"rows": {part: len(of_part) for part, of_part in rows.items()}, "columns": [c for c in columns if c]}


def measured_otherwise(told: Mapping[str, Any]) -> str:
    """A sentence on the columns of a `shift_table` that differ, farthest first; "" where none does."""
    columns = told.get("columns", [])
    beyond = [c for c in columns if c["p"] * len(columns) < P and c["distance"] > LEAST]
    if not beyond:
        return ""
    beyond.sort(key=lambda c: -c["distance"])
    words = "; ".join(_in_words(column) for column in beyond[:NAMED])
    more = f"; and in {len(beyond) - NAMED} more" if len(beyond) > NAMED else ""
    p = beyond[0]["p"] * len(columns)
    size = "largest Kolmogorov-Smirnov distance" if len(beyond) > 1 else "Kolmogorov-Smirnov distance"
    return f"They differ from the training objects in {words}{more} ({size} {beyond[0]['distance']:.2f}, {small(p)})."


def small(p: float) -> str:
    """A p-value in words."""
    if p < 1e-12:
        return "p < 1e-12"
    mantissa, _, power = f"{p:.0e}".partition("e")
    return f"p = {mantissa}e{int(power)}"


def _in_words(column: Mapping[str, Any]) -> str:
    if column["share"]:
        return f"{column['name']} ({column['test']:.1%} of them, {column['train']:.1%} in training)"
    return f"{column['name']} (median {column['test']:.4g}, {column['train']:.4g} in training)"


def _columns(
    sources: Mapping[str, Source], spec: Spec, y: np.ndarray, rows: np.ndarray
) -> Iterator[tuple[str, np.ndarray]]:
    index = torch.from_numpy(np.ascontiguousarray(rows, dtype=np.int64))
    for key, about in spec.inputs.items():
        pieces = [summary(sources[key].gather(chunk), about.kind, about.axis) for chunk in index.split(CHUNK)]
        several = f"{key}: " if len(spec.inputs) > 1 else ""
        for name, column in zip(names_of(about), torch.cat(pieces).double().numpy().T, strict=True):
            yield f"{several}{name}", column
    for k, name in enumerate(spec.target.classes):
        yield f"{SHARE}{name}", (y[rows] == k).astype(float)
    for k, name in enumerate(() if spec.target.classes else spec.target.names):
        yield f"the true {name}", y[rows, k].astype(float)


def _compared(name: str, train: np.ndarray, test: np.ndarray) -> dict[str, Any] | None:
    from scipy.stats import ks_2samp

    if min(len(train), len(test)) < FEWEST:
        return None
    found, share = ks_2samp(train, test, method="asymp"), name.startswith(SHARE)
    middle = np.mean if share else np.median
    numbers = {"distance": found.statistic, "p": found.pvalue, "train": middle(train), "test": middle(test)}
    return {"name": name, "share": share, **{key: float(value) for key, value in numbers.items()}}


def _one_of_each(rows: np.ndarray, groups: np.ndarray | None) -> np.ndarray:
    return rows if groups is None else rows[np.sort(np.unique(groups[rows], return_index=True)[1])]
