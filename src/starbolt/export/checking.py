"""Whether a written file answers as the checkpoint does, output by output, on the spot.

Probabilities are compared as they are, quantities in units of their training spread (learnt as logarithms: of the value
itself where that is larger). Where an answer jumps, the jump does not count, but what makes it: another class is as far
off as its probability lies behind, a class wrongly in the set as its probability lies from the threshold, another mode
as it is less probable, and the end of an interval where hardly anything is predicted as the probability in between.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from starbolt.contract import Batch
from starbolt.export.program import Network, silent
from starbolt.export.tensors import Tensors, plain
from starbolt.tasks.density import ndtr

TOLERANCE = 1e-5
LAST = 4 * 2**-23  # of a value: the last digits of float32, which no two programs share
PADDING = (0, 5, 1)  # points by which series are padded more than they need be, batch by batch

Runner = Callable[[Tensors], Tensors]
Differences = dict[str, float]


def runner(path: Path) -> Runner:
    """What applies a written file: ONNX Runtime, or torch for .pt2."""
    if path.suffix == ".pt2":
        with silent():
            module = torch.export.load(path).module()
        return lambda tensors: dict(module(tensors))
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]

    def run(tensors: Tensors) -> Tensors:
        told = session.run(None, {name: value.numpy() for name, value in tensors.items()})
        return {name: torch.from_numpy(value) for name, value in zip(names, told, strict=True)}

    return run


@torch.no_grad()
def check(network: Network, run: Runner, batches: Iterable[Batch]) -> Differences:
    """The largest difference of each output; ValueError where one is above TOLERANCE."""
    largest: Differences = {}
    for i, batch in enumerate(batches):
        found = run(plain(network.spec, batch.inputs, more=PADDING[i % len(PADDING)]))
        for name, away in differences(network, batch, found).items():
            largest[name] = max(largest.get(name, 0.0), float(away.nan_to_num(torch.inf).max()))
    if far := {name: away for name, away in largest.items() if away > TOLERANCE}:
        told = ", ".join(f"{name} by {away:.1e}" for name, away in far.items())
        raise ValueError(f"the file would answer otherwise than the checkpoint ({told}), and was not kept")
    return largest


def differences(network: Network, batch: Batch, found: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """By how much each output [n] or [n, K] of a file is not the checkpoint's own."""
    raw, _ = network.predict_batch(batch)
    fit = network.calibration.fit if network.calibration else None
    wanted = network.task.answer(raw, fit)
    judge = _of_class if network.spec.target.classes else _of_quantity
    return {name: judge(network, name, {**wanted, "raw": raw, "fit": fit}, value) for name, value in found.items()}


def _of_class(network: Network, name: str, wanted: Mapping[str, Any], found: Tensor) -> Tensor:
    own, prob = wanted[name], wanted["raw"]["prob"]
    if name == "code":
        return prob.gather(1, own[:, None]) - prob.gather(1, found[:, None])
    if name == "set":
        return (prob - torch.tensor(wanted["fit"].lowest[-1])).abs().masked_fill(own == found, 0.0)
    return (own - found).abs()


def _of_quantity(network: Network, name: str, wanted: Mapping[str, Any], found: Tensor) -> Tensor:
    own, mean = wanted[name], wanted["mean"].abs()
    scale = torch.tensor(network.spec.target.spread).expand_as(mean)
    if getattr(network.task, "log", False):
        scale = torch.maximum(scale, mean)
    away = ((own - found).abs() - LAST * torch.maximum(own.abs(), mean)).clamp(min=0) / scale
    away = away.masked_fill(own == found, 0.0)  # both of them infinite
    if "sigma" not in wanted or name not in ("mode", "low", "high"):
        return away
    return torch.minimum(away, _in_probability(network.task, name, wanted, found))


def _in_probability(task: Any, name: str, wanted: Mapping[str, Any], found: Tensor) -> Tensor:
    pair = torch.stack([wanted[name], found], 2).double()
    if name == "mode":
        density = task.density({k: v for k, v in wanted.items() if k not in ("raw", "fit")})
        high = density.pdf(pair) * (pair if task.log else 1.0)  # a mode of the logarithm
        return (1 - high[..., 1] / high[..., 0]).clamp(min=0)
    return ndtr(task.density(wanted["raw"]).normal(pair)).diff(dim=2)[..., 0].abs()
