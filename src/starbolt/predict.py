"""Apply a network to objects: plain batches in, one calibrated answer per catalogue row out."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

import numpy as np
import pyarrow as pa
import torch
from torch import Tensor, nn

from starbolt.calibration import Calibrated, column_values
from starbolt.contract import Batch, Spec
from starbolt.data.batches import Batches
from starbolt.data.feed import ahead, to_device
from starbolt.data.labels import class_words
from starbolt.data.module import ObjectDataModule
from starbolt.data.ranges import Outside, unmeasured
from starbolt.data.strides import size_of
from starbolt.ensemble import Ensemble
from starbolt.learner import Learner
from starbolt.pieces import at_once, parts_of

Network = Learner | Ensemble
TOLD = 2  # times as many as are computed at once are told of
STREAMS = 4  # batches side by side at most: more would wait for Python
OTHERS = ("loss", "y", "row", "outside", "beyond", "unmeasured")  # what `predict_rows` tells besides the prediction


def predict_rows(
    network: Network,
    batches: Batches,
    *,
    device: torch.device | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> dict[str, Tensor]:
    """The task's raw prediction with all of `OTHERS`, [n] or [n, ...], by row; see `Outside` and `unmeasured`.

    Dropout is off and batch statistics stand still meanwhile; a network in training goes on in training afterwards.
    """
    device = device or best_device()
    network = network.to(device)
    most, found, done = at_once(network, device), list[dict[str, Tensor]](), 0
    pieces = batches.taken(size_of(batches, len(batches.y)))
    parts = (part for piece in pieces for batch in piece for part in parts_of(batch, TOLD * most))
    with at_rest(network), streams(device, most) as count:
        told = partial(_told, network, Outside(network.spec), device, most)
        for part in ahead(told, parts, count) if count > 1 else map(told, parts):
            found.append(part)
            done += len(part["row"])
            if progress:
                progress(done, len(batches.rows))
    return _by_row({name: torch.cat([part.pop(name) for part in found]) for name in list(found[0])})


@torch.inference_mode()
def _told(network: Network, reach: Outside, device: torch.device, most: int, batch: Batch) -> dict[str, Tensor]:
    """What `predict_rows` tells of a batch, of which `most` objects are computed at once; on the CPU."""
    moved, found = to_device(batch, device), list[dict[str, Tensor]]()
    for part in parts_of(moved, most):
        prediction, loss = network.predict_batch(part)
        found.append(prediction | {"loss": loss})
    about = {"y": batch.y, "row": batch.row, "unmeasured": unmeasured(moved.inputs), **reach(moved.inputs)}
    joined = found[0] if len(found) == 1 else {name: torch.cat([each[name] for each in found]) for name in found[0]}
    return {name: value.cpu() for name, value in (joined | about).items()}


@contextmanager
def at_rest(network: nn.Module) -> Iterator[None]:
    """Evaluation mode, and each part in its own mode again."""
    modes = {part: part.training for part in network.modules()}
    network.eval()
    try:
        yield
    finally:
        for part, training in modes.items():
            part.training = training


@contextmanager
def streams(device: torch.device, most: int) -> Iterator[int]:
    """How many batches of at most `most` objects to compute side by side; the threads are dealt out to them meanwhile.

    Threads that share a small batch spend their time waiting for each other, all the more where a core is busy with
    something else. What a batch cannot be cut for, such as dropout, is computed one by one.
    """
    threads = torch.get_num_threads()
    count = min(threads, STREAMS) if device.type == "cpu" and most < sys.maxsize else 1
    if count == 1:
        yield 1
        return
    torch.set_num_threads(threads // count)
    try:
        yield count
    finally:
        torch.set_num_threads(threads)


def _by_row(found: dict[str, Tensor]) -> dict[str, Tensor]:
    row = found["row"]
    if bool((row[1:] > row[:-1]).all()):
        return found
    order = row.argsort()
    return {name: value[order] for name, value in found.items()}


def prediction_of(found: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Only what the task predicted, of what `predict_rows` gave."""
    return {name: value for name, value in found.items() if name not in OTHERS}


def known_of(found: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Only the labelled objects of what `predict_rows` gave."""
    y = found["y"]
    known = y >= 0 if y.dtype == torch.int64 else torch.isfinite(y).any(1)
    return {name: value[known] for name, value in found.items()}


def answered(network: Network, catalogue: pa.Table | None, found: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The task's answer, calibrated where the network is, for what `predict_rows` found among a catalogue's rows.

    Where the catalogue lacks a column that makes the calibration's groups, the overall thresholds hold.
    """
    calibrated = network.calibration
    if calibrated is None:
        return network.task.answer(prediction_of(found))
    return network.task.answer(prediction_of(found), calibrated.fit, group_codes(calibrated, catalogue, found))


def group_codes(calibrated: Calibrated, catalogue: pa.Table | None, found: Mapping[str, Tensor]) -> Tensor | None:
    """The group of the calibration that each object is of, int64 [n]; None where the catalogue cannot tell."""
    names = calibrated.groups.columns
    if catalogue is None or not set(names) <= set(catalogue.column_names):
        return None
    return calibrated.groups.codes(column_values(catalogue, names, found["row"].numpy()))


def score(network: Network, data: ObjectDataModule, found: Mapping[str, Tensor]) -> dict[str, float]:
    """Score name -> value over the labelled objects, with their mean loss."""
    known = known_of(found)
    fit = network.calibration.fit if network.calibration else None
    scores = network.task.scores(answered(network, data.catalogue, known), known["y"], fit)
    return {"loss": float(known["loss"].mean()), **scores}


def scored_table(
    network: Network,
    data: ObjectDataModule,
    found: Mapping[str, Tensor],
    *,
    slices: Sequence[str] = (),
    **constant: Any,
) -> pa.Table:
    """predictions.parquet: `answer_table` with the truth and what each answer is worth, and columns to slice by.

    slices: catalogue columns that are copied. constant: further columns, the same value for all.
    """
    answer, rows = answered(network, data.catalogue, found), found["row"].numpy()
    table = answer_table(network, data, found, answer)
    own = {name: pa.array(np.full(len(rows), value)) for name, value in constant.items()}
    own |= {name: pa.array(values) for name, values in network.task.truth(found["y"]).items()}
    more = {name: pa.array(values) for name, values in network.task.verdicts(answer, found["y"]).items()}
    more |= {name: pa.array(v) for name, v in column_values(data.catalogue, slices, rows).items() if name not in own}
    if data.group_column:
        more["group"] = pa.array(class_words(data.catalogue, data.group_column)[rows])
    head, tail = table.column_names[:2], table.column_names[2:]
    columns = {n: table[n] for n in head} | own | {n: table[n] for n in tail} | more
    return pa.table(columns | {"loss": found["loss"].numpy()})


def answer_table(
    network: Network, data: ObjectDataModule, found: Mapping[str, Tensor], answer: Mapping[str, Tensor]
) -> pa.Table:
    """One row per object: id, row, the task's columns, and the flags `outside` and `mask`."""
    rows = found["row"].numpy()
    columns: dict[str, Any] = {"id": data.names(rows), "row": rows, **network.task.columns(answer)}
    if outside := outside_names(network, found):
        columns["outside"] = outside
    return pa.table(columns | {"mask": found["unmeasured"].numpy()})


def answers(
    network: Network, data: ObjectDataModule, found: Mapping[str, Tensor], *, grid: np.ndarray | None = None
) -> pa.Table:
    """The catalogue of answers for what `predict_rows` found.

    grid: values of the quantity [G] at which each object's probability density is told too, as lists NAME_density.
    """
    answer = answered(network, data.catalogue, found)
    table = answer_table(network, data, found, answer)
    for name, density in densities(network, answer, grid).items():
        flat = pa.FixedSizeListArray.from_arrays(pa.array(density.ravel()), density.shape[1])
        table = table.append_column(name, flat)
    return table


def units_of(spec: Spec) -> dict[str, str]:
    """Unit of each column of answers that has one."""
    endings = ("", "_err", "_mode", "_low", "_high", "_epistemic")
    pairs = zip(spec.target.columns, spec.target.units, strict=False)
    return {f"{name}{ending}": unit for name, unit in pairs if unit for ending in endings}


def densities(network: Network, answer: Mapping[str, Tensor], grid: np.ndarray | None) -> dict[str, np.ndarray]:
    """NAME_density -> float32 [n, G] at the values of `grid`; ValueError where no distribution is predicted."""
    if grid is None:
        return {}
    if network.spec.target.classes or "sigma" not in answer:
        raise ValueError(
            "this network predicts no density: train it with task.loss=gaussian, mixture, quantiles or binned"
        )
    found = network.task.densities(answer, torch.from_numpy(grid)).numpy()
    return {f"{name}_density": found[:, k] for k, name in enumerate(network.spec.target.columns)}


def outside_names(network: Network, found: Mapping[str, Tensor]) -> pa.DictionaryArray | None:
    """The input furthest outside the training range, per object; "" inside, None where no range is known."""
    names = Outside(network.spec).names
    codes = (found["outside"] + 1).to(torch.int32).numpy()
    return pa.DictionaryArray.from_arrays(codes, ("", *names)) if names else None


def best_device() -> torch.device:
    """The GPU where there is one, else the CPU."""
    if torch.cuda.is_available():
        return torch.device("cuda")
    return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
