"""gallery.npz: the measurements of the objects that a run got most wrong, so that its report can show them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch

from starbolt.contract import Block, Spec
from starbolt.data.sources import Source

SUFFIXES = {"table": ("",), "image": ("",), "series": ("_time", "_x", "_err")}


def write_gallery(folder: Path, sources: Mapping[str, Source], spec: Spec, ids: np.ndarray, rows: np.ndarray) -> Path:
    """Write gallery.npz with the objects at the catalogue rows [n], worst first; returns its path.

    ids: of all N objects. The file holds id [n], row [n] and, float32 and NaN where unmeasured, per modality
    NAME [n, C] or [n, C, H, W], or for series NAME_time [n, T], NAME_x [n, V, T] and, where known, NAME_err [n, V, T].
    """
    index = torch.from_numpy(np.ascontiguousarray(rows, dtype=np.int64))
    arrays: dict[str, Any] = {"id": np.asarray(ids)[rows].astype(str), "row": index.numpy()}
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
