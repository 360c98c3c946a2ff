"""Is the file what the checkpoint is? The same objects through both, every answer compared."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from starbolt.contract import Batch, Block, InputSpec, Spec
from starbolt.data import ObjectDataModule
from starbolt.export.answers import NAMES
from starbolt.export.program import Network, silent
from starbolt.export.tensors import Tensors, blocks, plain

ALLOWED = 1e-5  # difference of a probability, or of a quantity in units of its training spread (or its own size)
SIZES = (2, 5, 1)  # objects in the batches that are compared
PADDING = 3  # points by which series are padded more than they need
LENGTHS = (1, 40)  # points of series made at random

Runs = Callable[[Tensors], Mapping[str, Tensor]]


def batches_of(data: ObjectDataModule, rows: np.ndarray) -> list[Tensors]:
    """Plain tensors of the first of these objects, in batches of several sizes."""
    edges = np.minimum(np.cumsum((0, *SIZES)), len(rows))
    parts = [rows[a:b] for a, b in pairwise(edges.tolist()) if b > a]
    made = [next(iter(data.loader(part, alone=True))) for part in parts]
    return [plain(data.spec, batch.inputs, more=PADDING * i) for i, batch in enumerate(made)]


def random_batches(spec: Spec) -> list[Tensors]:
    """Plain tensors of objects made at random about the training mean, some of whose numbers are unmeasured."""
    random = torch.Generator().manual_seed(0)
    made = [{name: _made(about, n, random) for name, about in spec.inputs.items()} for n in SIZES]
    return [plain(spec, inputs, more=PADDING * i) for i, inputs in enumerate(made)]


def runner(path: Path) -> Runs:
    """What runs the file; ModuleNotFoundError in one sentence where a package for it is missing."""
    if path.suffix == ".pt2":
        program = torch.export.load(path).module()
        return lambda tensors: program(tensors)
    session = _session(path)
    wanted = [output.name for output in session.get_outputs()]

    def run(tensors: Tensors) -> dict[str, Tensor]:
        found = session.run(wanted, {name: tensors[name].numpy() for name in tensors})
        return {name: torch.from_numpy(value) for name, value in zip(wanted, found, strict=True)}

    return run


def check(path: Path, network: Network, batches: Sequence[Tensors]) -> float:
    """The largest difference between the file's answers and the checkpoint's; ValueError above `ALLOWED`."""
    run, worst = runner(path), 0.0
    for tensors in batches:
        with torch.no_grad(), silent():
            found = run(tensors)
        for name, difference in _differences(network, told(network, tensors), found):
            if not difference <= ALLOWED:
                raise ValueError(
                    f"{path.name} would answer otherwise than the checkpoint: {name} differs by {difference:.2g}, more "
                    f"than {ALLOWED:g}; nothing is written"
                )
            worst = max(worst, difference)
    return worst


@torch.no_grad()
def told(network: Network, tensors: Tensors) -> dict[str, Tensor]:
    """The checkpoint's own answers to plain tensors, for objects of no group."""
    inputs = blocks(network.spec, tensors)
    prediction, _ = network.predict_batch(_batch(network.spec, inputs))
    fit = network.calibration.fit if network.calibration else None
    answer = network.task.answer(prediction, fit)
    return {name: answer[name] for name in NAMES if name in answer}


def _differences(
    network: Network, wanted: Mapping[str, Tensor], found: Mapping[str, Tensor]
) -> Iterator[tuple[str, float]]:
    """Per answer the largest difference; classes and sets must be the same."""
    if set(wanted) != set(found):
        yield f"the list of answers ({', '.join(found)})", math.inf
        return
    spread = torch.tensor(network.spec.target.spread or (1.0,), dtype=torch.float64)
    for name, value in wanted.items():
        if name in ("code", "set"):
            yield name, 0.0 if torch.equal(value, found[name].to(value.dtype)) else math.inf
            continue
        scale = 1.0 if network.spec.target.classes else torch.maximum(spread, value.double().abs())
        same = value == found[name]  # infinite ends
        away = (value.double() - found[name].double()).abs() / scale
        yield name, float(torch.where(same, 0.0, away).max()) if value.numel() else 0.0


def _batch(spec: Spec, inputs: dict[str, Block]) -> Batch:
    n = len(next(iter(inputs.values())).x)
    y = torch.full((n,), -1) if spec.target.classes else torch.full((n, len(spec.target.names)), math.nan)
    return Batch(inputs, y, torch.ones(n), torch.arange(n))


def _made(about: InputSpec, n: int, random: torch.Generator) -> Block:
    series = about.kind == "series"
    points = int(torch.randint(*LENGTHS, (1,), generator=random)) if series else 0
    shape = (n, about.shape[0], points) if series else (n, *about.shape)
    dims = (1, -1) + (1,) * (len(shape) - 2)
    mean, spread = (_physical(about, values).view(dims) for values in (about.mean, about.spread))
    x = mean + spread * torch.randn(shape, generator=random).clamp(-1, 1)
    mask = torch.rand(shape, generator=random) > (0.2 if any(about.missing) or series else 0.0)
    length = None
    if series:
        length = torch.full((n,), points)
        x[:, 0], mask[:, 0] = torch.arange(points).float(), True
    err = 0.05 * spread.expand(shape) if about.err_mean else None
    return Block(torch.where(mask, x, 0.0), mask, err, torch.zeros(shape).bool() if about.limits else None, length)


def _physical(about: InputSpec, values: Sequence[float]) -> Tensor:
    """Something of the size of a channel's values; positive where logarithms were learnt."""
    kinds = zip(about.transform, values, strict=True)
    return torch.tensor([1.0 if kind != "linear" or not math.isfinite(v) else v for kind, v in kinds])


def _session(path: Path) -> Any:
    try:
        import onnxruntime
    except ModuleNotFoundError:
        raise ModuleNotFoundError("ONNX needs further packages: pip install 'starbolt[onnx]'") from None
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
