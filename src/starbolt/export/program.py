"""A network with its standardisation and calibration as a traced program, and the file that holds it."""

from __future__ import annotations

import json
import logging
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from io import StringIO
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch._decomp import decomposition_table
from torch.export import Dim, ExportedProgram

from starbolt import __version__
from starbolt.contract import Block
from starbolt.data.augment import turned
from starbolt.ensemble import Ensemble
from starbolt.export import answers, tensors
from starbolt.export.formulas import TABLE
from starbolt.learner import Learner, combined

Network = Learner | Ensemble
KEY = "starbolt"  # under which a file tells what it is, as JSON


class Exported(nn.Module):
    """Plain tensors (see `tensors`) -> the calibrated answer by the names of `answers.NAMES`, for objects of no group.

    ValueError for a network that averages over dropout: what is drawn at random no file can say again.
    """

    def __init__(self, network: Network) -> None:
        super().__init__()
        self.network, self.spec = network.eval(), network.spec
        self.fit = network.calibration.fit if network.calibration else None
        passes = max(member.mc_dropout for member in _members(network))
        if passes:
            raise ValueError(
                f"this network answers with the mean of {passes} passes with random dropout (mc_dropout={passes}), "
                "which a file cannot repeat; export one trained with mc_dropout=0, or an ensemble of such"
            )

    def forward(self, inputs: dict[str, Tensor]) -> dict[str, Tensor]:
        raw = _raw(self.network, tensors.blocks(self.spec, inputs))
        return answers.answer(self.network.task, raw, self.fit)


def _members(network: Network) -> list[Any]:
    return list(network.members) if isinstance(network, Ensemble) else [network]


def _raw(network: Any, blocks: Mapping[str, Block]) -> dict[str, Tensor]:
    """What `predict_batch` predicts, of unlabelled objects."""
    if isinstance(network, Ensemble):
        return combined(network.task, [_raw(member, blocks) for member in network.members])
    views = [_turned(blocks, i) for i in range(network.symmetries)]
    return network.task.combine([network.task.predict(network(view)) for view in views])


def _turned(blocks: Mapping[str, Block], symmetry: int) -> dict[str, Block]:
    return {name: turned(block, symmetry) if block.x.ndim == 4 else block for name, block in blocks.items()}


def about(network: Network, **more: str) -> dict[str, Any]:
    """What a file tells of itself, as plain values: inputs, answers, calibration and where the network comes from."""
    spec, target = network.spec, network.spec.target
    told = {"classes": list(target.classes)} if target.classes else {}
    told |= {} if target.classes else {"quantities": list(target.names), "units": list(target.units)}
    words = ("kind", "channels", "units", "shape", "axis", "pixel_scale", "zero_point")
    inputs = {name: {word: getattr(known, word) for word in words} for name, known in spec.inputs.items()}
    level = network.calibration.fit.level if network.calibration else None
    origin = {"data": spec.data, "split": spec.split, "version": __version__}
    return {"inputs": inputs, **told, "level": level, **origin, **more}


def write(exported: Exported, example: Mapping[str, Tensor], path: Path, told: Mapping[str, Any]) -> None:
    """The network as ONNX, or as a program of torch.export where `path` ends in .pt2.

    example: plain tensors of two or more objects. Raises ValueError where the network cannot be traced.
    """
    with torch.no_grad():
        outputs = list(exported(dict(example)))
    with silent(), whole_gru(), torch.no_grad():
        try:
            program = _traced(exported, example)
            if path.suffix == ".pt2":
                torch.export.save(program, path, extra_files={KEY: json.dumps(told)})
            else:
                _write_onnx(program, tensors.shapes(exported.spec), outputs, path, told)
        except (RuntimeError, AssertionError, TypeError, NotImplementedError) as error:
            reason = (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
            raise ValueError(f"this network cannot be written as {path.suffix} ({reason})") from error


def _traced(exported: Exported, example: Mapping[str, Tensor]) -> ExportedProgram:
    axes = tensors.shapes(exported.spec)
    made = {word: Dim(word) for named in axes.values() for word in named.values()}
    free = {name: {axis: made[word] for axis, word in named.items()} for name, named in axes.items()}
    return torch.export.export(exported, (dict(example),), dynamic_shapes=(free,), strict=False)


def _write_onnx(
    program: ExportedProgram, axes: Mapping[str, Any], outputs: Sequence[str], path: Path, told: Mapping[str, Any]
) -> None:
    made = torch.onnx.export(
        program.run_decompositions(TABLE),
        dynamo=True,
        external_data=False,
        verbose=False,
        input_names=list(axes),
        output_names=outputs,
        dynamic_shapes=(axes,),
    )
    assert made is not None
    _free(made.model.graph, outputs)
    made.model.metadata_props[KEY] = json.dumps(told)
    made.save(path, external_data=False)


def _free(graph: Any, names: Sequence[str]) -> None:
    """Other names for what is no output and has the name of one: the exporter calls results what made them, "mean"."""
    last = set(map(id, graph.outputs))
    for value in (value for node in graph.all_nodes() for value in node.outputs):
        if value.name in names and id(value) not in last:
            value.name = f"{value.name}_of_{value.producer().name}"


@contextmanager
def silent() -> Iterator[None]:
    """Without what exporters tell of themselves."""
    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        with warnings.catch_warnings(), redirect_stdout(StringIO()), redirect_stderr(StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)


@contextmanager
def whole_gru() -> Iterator[None]:
    """A GRU is traced as the one operator that it is: torch would follow it point by point, and nail the length."""
    gru = torch.ops.aten.gru.input
    before, formula = dict(gru.py_kernels), decomposition_table[gru]
    try:
        gru.py_kernels.update(dict.fromkeys(before, _gru_shapes))
        decomposition_table[gru] = _gru_shapes
        gru._dispatch_cache.clear()
        yield
    finally:
        gru.py_kernels.update(before)
        decomposition_table[gru] = formula
        gru._dispatch_cache.clear()


def _gru_shapes(x: Tensor, state: Tensor, *others: Any) -> tuple[Tensor, Tensor]:
    """Of what a GRU gives for x [B, T, C]; others: ..., bidirectional, batch_first."""
    readers = 2 if others[-2] else 1
    return x.new_empty(*x.shape[:2], readers * state.shape[2]), torch.empty_like(state)
