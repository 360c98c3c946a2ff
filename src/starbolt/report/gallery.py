"""gallery.npz: measurements of the objects that a report shows: the most wrong, the least sure, the most unusual."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import torch

from starbolt.contract import Block, Spec
from starbolt.data.sources import Source
from starbolt.report.quantity import numbers

SUFFIXES = {"table": ("",), "image": ("",), "series": ("_time", "_x", "_err")}
SHOWN = {"wrong": 16, "unsure": 12, "unusual": 12}  # objects of each kind


def gallery_rows(table: pa.Table, spec: Spec, unusual: Sequence[int] | np.ndarray = ()) -> dict[str, np.ndarray]:
    """Catalogue rows to show, int64, of the objects of a prediction table: wrong, unsure, unusual, each worst first.

    wrong: largest loss. unsure: largest `doubt`, nothing where the predictions tell none. unusual: given, see
    explain.npz. Objects without a label are in none of the first two.
    """
    rows, loss = table["row"].to_numpy(), numbers(table, "loss")
    ranked = {"wrong": loss, "unsure": doubt(table, spec)}
    found = {}
    for name, values in ranked.items():
        told = np.flatnonzero(np.isfinite(loss) & np.isfinite(values))
        found[name] = rows[told[np.argsort(-values[told], kind="stable")][: SHOWN[name]]].astype(np.int64)
    return found | {"unusual": np.asarray(unusual, np.int64)[: SHOWN["unusual"]]}


def doubt(table: pa.Table, spec: Spec) -> np.ndarray:
    """How unsure each answer is [n]: what members or passes disagree on, else the entropy of the class probabilities
    [nat], or the largest sigma in units of the quantity's training spread; NaN where nothing tells."""
    classes = spec.target.classes
    if "epistemic" in table.column_names:
        return numbers(table, "epistemic")
    if classes:
        prob = np.stack([numbers(table, f"prob_{name}") for name in classes], 1)
        return -(prob * np.log(np.maximum(prob, 1e-12))).sum(1)
    for ending in ("epistemic", "err"):
        names = [f"{column}_{ending}" for column in spec.target.columns]
        if set(names) <= set(table.column_names):
            spread = np.maximum(np.array(spec.target.spread, float), 1e-12)
            return (np.stack([numbers(table, name) for name in names], 1) / spread).max(1)
    return np.full(table.num_rows, np.nan)


def write_gallery(
    folder: Path, sources: Mapping[str, Source], spec: Spec, ids: np.ndarray, rows: Mapping[str, np.ndarray]
) -> Path:
    """Write gallery.npz with the objects at the catalogue rows {kind: [n]}, worst first; returns its path.

    ids: of all N objects. The file holds rows_KIND [n] and, of all of them, id [m], row [m] and, float32 and NaN where
    unmeasured, per modality NAME [m, C] or [m, C, H, W], or for series NAME_time [m, T], NAME_x [m, V, T] and, where
    known, NAME_err [m, V, T].
    """
    every = np.array(list(dict.fromkeys(row for kind in rows.values() for row in kind.tolist())), np.int64)
    index = torch.from_numpy(every)
    arrays: dict[str, Any] = {"id": np.asarray(ids)[every].astype(str), "row": every}
    arrays |= {f"rows_{kind}": of_kind for kind, of_kind in rows.items()}
    for name, about in spec.inputs.items():
        block = sources[name].gather(index)
        arrays |= {
            f"{name}{suffix}": a for suffix, a in zip(SUFFIXES[about.kind], _planes(block, about.kind), strict=False)
        }
    path = folder / "gallery.npz"
    np.savez_compressed(path, **arrays)
    return path


def _planes(block: Block, kind: str) -> list[np.ndarray]:
    mask = block.mask.expand_as(block.x)
    x = block.x.masked_fill(~mask, torch.nan)
    if kind != "series":
        return [x.numpy()]
    planes = [x[:, 0].numpy(), x[:, 1:].numpy()]
    if block.err is not None:
        err = block.err.masked_fill(~mask | (block.err <= 0), torch.nan)
        planes.append(err[:, 1:].numpy())
    return planes
