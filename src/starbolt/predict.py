"""Apply a learner to objects: plain batches in, one prediction per catalogue row out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import torch
from torch import Tensor

from starbolt.contract import Batch, Block
from starbolt.data.batches import Batches
from starbolt.data.module import ObjectDataModule
from starbolt.data.ranges import Outside
from starbolt.learner import Learner

OTHERS = ("loss", "y", "row", "outside", "beyond")  # what `predict_rows` tells besides the task's prediction


@torch.inference_mode()
def predict_rows(
    learner: Learner,
    batches: Batches,
    *,
    device: torch.device | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> dict[str, Tensor]:
    """The task's prediction with `loss`, `y`, `row`, `outside`, `beyond` (see `Outside`), [n] or [n, ...], by row."""
    device = device or best_device()
    learner = learner.to(device).eval()
    found: list[dict[str, Tensor]] = []
    done, reach = 0, Outside(learner.spec)
    for batch in batches:
        moved = to_device(batch, device)
        prediction, loss = learner.predict_batch(moved)
        told = {**prediction, "loss": loss, "y": batch.y, "row": batch.row, **reach(moved.inputs)}
        found.append({name: value.cpu() for name, value in told.items()})
        done += len(batch.row)
        if progress:
            progress(done, len(batches.rows))
    joined = {name: torch.cat([part[name] for part in found]) for name in found[0]}
    order = joined["row"].argsort()
    return {name: value[order] for name, value in joined.items()}


def prediction_of(found: dict[str, Tensor]) -> dict[str, Tensor]:
    """Only what the task predicted, of what `predict_rows` gave."""
    return {name: value for name, value in found.items() if name not in OTHERS}


def score(learner: Learner, found: dict[str, Tensor]) -> dict[str, float]:
    """Score name -> value over the labelled objects, with their mean loss."""
    y = found["y"]
    known = y >= 0 if y.dtype == torch.int64 else torch.isfinite(y).any(1)
    prediction = {name: value[known] for name, value in prediction_of(found).items()}
    return {"loss": float(found["loss"][known].mean()), **learner.task.scores(prediction, y[known])}


def prediction_table(learner: Learner, data: ObjectDataModule, found: dict[str, Tensor], **constant: Any) -> pa.Table:
    """One row per object: id, row, `constant` columns, the target where known, prediction columns, outside and loss."""
    rows = found["row"].numpy()
    columns: dict[str, Any] = {"id": data.ids[rows], "row": rows}
    columns |= {name: np.full(len(rows), value) for name, value in constant.items()}
    columns |= learner.task.truth(found["y"])
    columns |= learner.task.columns(prediction_of(found))
    if outside := outside_names(learner, found):
        columns["outside"] = outside
    columns["loss"] = found["loss"].numpy()
    return pa.table(columns)


def outside_names(learner: Learner, found: dict[str, Tensor]) -> pa.DictionaryArray | None:
    """The first input that lies outside the training range, per object; "" inside, None where no range is known."""
    names = Outside(learner.spec).names
    codes = (found["outside"] + 1).to(torch.int32).numpy()
    return pa.DictionaryArray.from_arrays(codes, ("", *names)) if names else None


def best_device() -> torch.device:
    """The GPU where there is one, else the CPU."""
    if torch.cuda.is_available():
        return torch.device("cuda")
    return torch.device("mps" if torch.backends.mps.is_available() else "cpu")


def to_device(batch: Batch, device: torch.device) -> Batch:
    """The batch on another device."""
    inputs = {name: Block._make(t if t is None else t.to(device) for t in b) for name, b in batch.inputs.items()}
    return Batch(inputs, *(t.to(device) for t in batch[1:]))
