"""`starbolt predict` to a Parquet catalogue against the bare forward pass of the same network on tensors in memory.

python benchmarks/predict.py [--work stamps rows] [--loss gaussian mse] [--objects N] [--threads 2] [--repeats 5]

Both in one process, the data packed and the network loaded: start-up is no part of either side. Stamps are 3 x 63 x 63,
the network is the default CNN; rows have 10 columns, the network is the default MLP of two layers of 128, trained for a
moment and calibrated as `starbolt train` does. The bare pass has the batch size that is fastest for it, found before:
of the network as it stands in a checkpoint, and for rows also of its layers alone, on numbers standardised beforehand.
The sides take turns, and each turn gives a ratio, since a machine that others use too slows both.
"""

from __future__ import annotations

import argparse
import io
import os
import statistics
from collections.abc import Callable, Iterator
from contextlib import redirect_stdout
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import torch
from timing import scratch, seconds, told

from starbolt.catalogue.making import Output, make
from starbolt.compose import compose, write_config
from starbolt.contract import Block
from starbolt.predict import Network
from starbolt.run import execute
from starbolt.verbs.applying import loaded
from starbolt.verbs.predict import hold_memory, plan_of

OBJECTS = {"stamps": 100_000, "rows": 5_000_000}
FEW = {"stamps": 600, "rows": 20_000}  # to train on
PROMISED = {"stamps": 1.2, "rows": 1.5}  # times the time of the bare pass
SIZES = {"stamps": (32, 64, 128, 256, 512), "rows": (1024, 2048, 4096, 8192, 16384)}  # batches of the bare pass
LOOK = {"stamps": 1024, "rows": 200_000}  # objects on which these are tried out
SHORT = ["trainer=cpu", "trainer.max_epochs=1", "report=false", "test=false"]


class Work(NamedTuple):
    """A network and the objects that it is to predict, packed; make: (number) -> a catalogue; bare: name -> pass."""

    objects: int
    make: Callable[[int], object]
    bare: dict[str, Callable[[], object]]


def rows(folder: Path, objects: int) -> list[str]:
    """Write a table of 10 columns, with a number that they tell of; how `starbolt` is told of it."""
    rng = np.random.default_rng(objects)
    x = rng.standard_normal((objects, 10), np.float32)
    y = np.sin(2 * x[:, 0]) + x[:, 1] * x[:, 2] + 0.5 * x[:, 3] ** 2 + 0.3 * rng.standard_normal(objects, np.float32)
    columns = {f"x{i}": 20 + 3 * x[:, i] for i in range(10)}
    pq.write_table(pa.table({"id": np.arange(objects), **columns, "y": y}), folder / "table.parquet")
    return [f"data.path={folder}/table.parquet", "data.id=id"]


def stamps(folder: Path, objects: int) -> list[str]:
    """Write noise as a stack, and its catalogue; how `starbolt` is told of it."""
    rng = np.random.default_rng(objects)
    stack = np.lib.format.open_memmap(folder / "stack.npy", "w+", np.float32, (objects, 3, 63, 63))
    for start in range(0, objects, 1000):
        stack[start : start + 1000] = rng.standard_normal(stack[start : start + 1000].shape, np.float32)
    names = np.arange(objects)
    pq.write_table(pa.table({"row": names, "kind": np.array(["A", "B"])[names % 2]}), folder / "catalogue.parquet")
    return [f"data.catalogue={folder}/catalogue.parquet", f"data.stack={folder}/stack.npy", "data.file=row"]


WRITE = {"rows": rows, "stamps": stamps}
CHOSEN = {
    "rows": ["data=table", "data.target=y", "model=mlp", "task=regression"],
    "stamps": ["data=images", "data.target=kind", "data.symmetries=false", "model=cnn", "task=classification"],
}


def written(work: str, folder: Path, objects: int) -> list[str]:
    """Write so many objects into a folder of their own; how `starbolt` is told of them."""
    folder.mkdir()
    return WRITE[work](folder, objects)


def trained(work: str, folder: Path, loss: str) -> Path:
    """The run of a network that saw a few objects; with the task's own loss where `loss` is "default"."""
    words, run = written(work, folder / f"few_{loss}", FEW[work]), folder / f"run_{loss}"
    task = [] if loss == "default" else [f"task.loss={loss}"]
    execute(write_config(compose([*words, *CHOSEN[work], *task, *SHORT, f"data.cache={folder}/cache", f"run={run}"])))
    return run


def opened(run: Path, words: list[str], folder: Path) -> Work:
    """The work of a run's network on data."""
    own = {"checkpoint": str(run)}
    network, data, _, _ = loaded(own, [*words, f"data.cache={folder}/cache"], labels=False)
    plan, cpu = plan_of(own, network, data), torch.device("cpu")
    (name,) = data.sources
    with torch.inference_mode():
        block = data.loader(np.arange(plan.objects)).gather(np.arange(plan.objects)).inputs[name]
    passes = {"the network as it is": partial(whole, network.eval(), name, block.x)}
    if block.x.ndim == 2:
        passes["its layers alone"] = partial(inner, network, name, standardised(network, name, block))
    kind = "rows" if block.x.ndim == 2 else "stamps"
    bare = {what: partial(each, fastest(each, SIZES[kind], LOOK[kind])) for what, each in passes.items()}

    def catalogue(number: int) -> None:
        output = folder / f"{run.name}_{number}.parquet"
        with redirect_stdout(io.StringIO()):
            make(network, data, plan, Output(output, whole=True), device=cpu)
        output.unlink()

    return Work(plan.objects, catalogue, bare)


@torch.inference_mode()
def standardised(network: Network, name: str, block: Block) -> torch.Tensor:
    """The numbers that the encoder sees."""
    pieces = zip(block.x.split(4096), block.mask.split(4096), strict=True)
    return torch.cat([network.standardise[name](Block(x, mask)).x for x, mask in pieces])  # type: ignore[union-attr,index,operator]


@torch.inference_mode()
def whole(network: Network, name: str, x: torch.Tensor, batch: int, most: int | None = None) -> None:
    """Nothing but the network."""
    for piece in x[:most].split(batch):
        mask = torch.ones(len(piece), *(1,) * (x.ndim - 1), dtype=torch.bool)
        network({name: Block(piece, mask)})


@torch.inference_mode()
def inner(network: Network, name: str, x: torch.Tensor, batch: int, most: int | None = None) -> None:
    """Nothing but its layers."""
    for piece in x[:most].split(batch):
        network.task(network.encoder({name: Block(piece, torch.ones(1, dtype=torch.bool))}))  # type: ignore[operator]


def fastest(bare: Callable[[int, int], object], sizes: tuple[int, ...], objects: int) -> int:
    """The batch size with which so many objects take least."""
    times = {size: min(seconds(partial(bare, size, objects)) for _ in range(3)) for size in sizes}
    return min(times, key=times.__getitem__)


def compared(work: Work, repeats: int, promised: float) -> Iterator[str]:
    """Lines: the times, and of each bare pass the ratio of every turn, and whether it is what is promised."""
    ours: list[float] = []
    bare: dict[str, list[float]] = {what: [] for what in work.bare}
    for i in range(repeats):
        ours.append(seconds(partial(work.make, i)))
        for what, each in work.bare.items():
            bare[what].append(seconds(each))
    yield told("starbolt predict, to Parquet", ours)
    for what, times in bare.items():
        ratios = [mine / theirs for mine, theirs in zip(ours, times, strict=True)]
        middle = statistics.median(ratios)
        yield told(f"bare: {what}", times)
        kept = "kept" if middle <= promised else "MISSED"
        yield f"{middle:.2f} times that ({min(ratios):.2f} to {max(ratios):.2f}); promised {promised}: {kept}"


def main() -> None:
    """Each work, with each loss."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", nargs="*", default=list(OBJECTS), choices=list(OBJECTS))
    parser.add_argument("--loss", nargs="*", default=["default", "mse"], help="of the rows' network")
    parser.add_argument("--objects", type=int, help="of each work; default: as promised")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    hold_memory()  # which serves both sides
    for work in options.work:
        with scratch() as folder:
            objects = options.objects or OBJECTS[work]
            losses = ["default"] if work == "stamps" else options.loss
            runs = {loss: trained(work, folder, loss) for loss in losses}
            words = written(work, folder / "all", objects)
            for loss, run in runs.items():
                torch.set_num_threads(options.threads)
                lines = compared(opened(run, words, folder), options.repeats, PROMISED[work])
                print(f"{objects} {work}, {loss} loss, {options.threads} threads, load {os.getloadavg()[0]:.1f}")
                print(*lines, sep="\n", flush=True)


if __name__ == "__main__":
    main()
