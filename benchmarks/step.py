"""Where the time of a training step goes, for a table, stamps and series: starbolt's own parts, timed one by one.

python benchmarks/step.py [--work mlp cnn gru ragged] [--batch 1024] [--threads 1]

The whole step is an epoch of a real training over its steps, without validation; what the parts leave of it is
Lightning's loop, and what nobody is charged with. Gathering runs in the background, and is no part of the sum.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch import Callback, Trainer
from tasks import drawn
from timing import scratch

from starbolt import build
from starbolt.compose import compose
from starbolt.contract import Batch
from starbolt.data import ObjectDataModule
from starbolt.learner import Learner
from starbolt.run import quiet

OBJECTS = {"mlp": 100_000, "cnn": 1_000, "gru": 2_000, "ragged": 2_000}
BATCHES = {"cnn": 64, "gru": 64, "ragged": 64}
REPEATS = 30


class Epochs(Callback):
    """Seconds of each epoch's steps."""

    def __init__(self) -> None:
        self.began, self.took = 0.0, list[float]()

    def on_train_epoch_start(self, *_: object) -> None:
        self.began = time.perf_counter()

    def on_train_epoch_end(self, *_: object) -> None:
        self.took.append(time.perf_counter() - self.began)


def made(work: str, folder: Path, batch: int) -> tuple[Learner, ObjectDataModule]:
    """The learner and the data of a work, as `starbolt train` makes them."""
    more = [f"data.batch_size={batch}", f"data.cache={folder}/cache", f"run={folder}/run"]
    cfg = compose([*drawn(work, folder, OBJECTS[work]), *more])
    data = build.data(cfg)
    return build.learner(cfg, data), data


def whole(learner: Learner, data: ObjectDataModule) -> float:
    """Seconds of a step of a real training, warmed up."""
    epochs = Epochs()
    plain = {"logger": False, "enable_progress_bar": False, "enable_model_summary": False}
    trainer = Trainer(
        accelerator="cpu", max_epochs=4, callbacks=[epochs], limit_val_batches=0, enable_checkpointing=False, **plain
    )  # fmt: skip
    trainer.fit(learner, datamodule=data)
    data.trainer = None  # type: ignore[assignment]
    return statistics.median(epochs.took[1:]) / -(-len(data.parts["train"]) // data.batch_size)


def parts(learner: Learner, data: ObjectDataModule) -> dict[str, float]:
    """Median seconds of each part of a step."""
    batches = data.loader(data.parts["train"], shuffle=True, size=data.batch_size)
    rows = batches.order(0)
    optimizer = torch.optim.AdamW(learner.parameters(), fused=True)
    learner.train()
    took: dict[str, list[float]] = {}

    def timed(name: str, work: Callable, *words: Any) -> Any:
        began = time.perf_counter()
        made = work(*words)
        took.setdefault(name, []).append(time.perf_counter() - began)
        return made

    def mean_loss(features: torch.Tensor, batch: Batch) -> torch.Tensor:
        return learner.task.losses(learner.task(features), batch).mean()

    for number in range(REPEATS):
        batch = timed("gather, in the background", batches.gather, rows[number % (len(rows) - 1)])
        scaled = timed("standardise", learner._standardised, batch.inputs)
        features = timed("encoder, forward", learner.encoder, scaled)
        loss = timed("task and loss", mean_loss, features, batch)
        timed("backward", loss.backward)
        timed("optimiser", optimizer.step)
        optimizer.zero_grad()
    return {name: statistics.median(times[3:]) for name, times in took.items()}


def main() -> None:
    """A table a work."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", nargs="+", choices=list(OBJECTS), default=list(OBJECTS))
    parser.add_argument("--batch", type=int, default=1024, help="of the MLP")
    parser.add_argument("--threads", type=int, default=1)
    asked = parser.parse_args()
    torch.set_num_threads(asked.threads)
    quiet()
    for work in asked.work:
        with scratch() as folder:
            learner, data = made(work, folder, BATCHES.get(work, asked.batch))
            found = parts(learner, data)
            step = whole(learner, data)
        inside = sum(seconds for name, seconds in found.items() if not name.startswith("gather"))
        print(f"\n{work}, batches of {data.batch_size}: {1e3 * step:.2f} ms a step")
        for name, seconds in (found | {"Lightning and the rest": step - inside}).items():
            print(f"  {name:28} {1e3 * seconds:8.3f} ms  {100 * seconds / step:5.1f}%")


if __name__ == "__main__":
    main()
