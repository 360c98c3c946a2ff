"""Predicting stamps to a catalogue against the bare forward pass of the same network on the same stamps in memory.

python benchmarks/predict.py [--objects 20000] [--size 63] [--repeats 5]

Both in one process and on one thread, the stamps packed and the network loaded: start-up is no part of either side.
One pass an object on both sides, no symmetries. The two take turns, and each turn gives a ratio, since a machine that
others use too slows both.
"""

from __future__ import annotations

import argparse
import statistics
from functools import partial
from pathlib import Path

import numpy as np
import torch
from timing import scratch, seconds, told

from starbolt import CNN, Classification, ImageDataModule, Learner
from starbolt.catalogue.making import Output, make
from starbolt.catalogue.plan import Plan
from starbolt.contract import Block
from starbolt.verbs.predict import usual_partition

BANDS, TRAIN = 3, 500
WANTED = 0.8  # of the bare throughput


def stamps(objects: int, size: int) -> np.ndarray:
    """Noise, float32 [objects, BANDS, size, size]."""
    return np.random.default_rng(0).standard_normal((objects, BANDS, size, size), np.float32)


def opened(images: np.ndarray, folder: Path, name: str) -> ImageDataModule:
    """A data module of a stack and its catalogue, packed when it is opened."""
    catalogue = {"row": np.arange(len(images)), "kind": np.array(["A", "B"])[np.arange(len(images)) % 2]}
    np.save(folder / f"{name}.npy", images)
    words = {"stack": f"{folder}/{name}.npy", "file": "row", "target": "kind", "symmetries": False}
    return ImageDataModule(catalogue, **words, cache=f"{folder}/cache")


def bare(network: Learner, images: torch.Tensor, batch: int) -> None:
    """Nothing but the network, on stamps that are there already."""
    with torch.inference_mode():
        for start in range(0, len(images), batch):
            x = images[start : start + batch]
            network({"image": Block(x, torch.ones(len(x), 1, 1, 1, dtype=torch.bool))})


def compared(shares: list[float]) -> str:
    """One line: median and spread of the throughput's share of the bare one, and whether that is what is promised."""
    middle = statistics.median(shares)
    kept = "kept" if middle >= WANTED else "MISSED"
    return (
        f"share of the bare throughput {middle:.2f} ({min(shares):.2f} to {max(shares):.2f}); promised {WANTED}: {kept}"
    )


def main() -> None:
    """Both sides in turn."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--objects", type=int, default=20_000)
    parser.add_argument("--size", type=int, default=63)
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    torch.set_num_threads(1)
    with scratch() as folder:
        images = stamps(options.objects, options.size)
        network = Learner.for_data(opened(images[:TRAIN], folder, "few"), CNN, Classification).eval()
        data = opened(images, folder, "all")
        data.open_like(network.spec, labels=False)
        plan = Plan("benchmark", data.objects.fingerprint, options.objects, usual_partition(data))
        whole, alone, batch = [], [], 2 * data.batch_size
        for i in range(options.repeats):
            output = Output(folder / f"{i}.parquet", whole=True)
            whole.append(seconds(partial(make, network, data, plan, output, device=torch.device("cpu"))))
            alone.append(seconds(partial(bare, network, torch.from_numpy(images), batch)))
    print(f"{options.objects} stamps of {BANDS} x {options.size} x {options.size}, {len(plan)} partitions")
    print(told("starbolt predict, to Parquet", whole))
    print(told("the bare forward pass", alone))
    print(compared([few / many for few, many in zip(alone, whole, strict=True)]))


if __name__ == "__main__":
    main()
