"""Rival: Hyrax's `train` verb, on stamps that its dataset class holds in memory.

python benchmarks/rivals/hyrax_fit.py cnn --data FOLDER --batch N --epochs E [--threads K] [--seed S]

The network is that of `networks`; loader, loop, logs and checkpoints are Hyrax's own.
"""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from contest import DECAY, LR, gaps, part, tell, words
from hyrax import Hyrax
from hyrax.datasets import HyraxDataset
from hyrax.models import hyrax_model
from networks import loss_of, network
from torch import Tensor, nn

STARTS: list[float] = []  # of each epoch
ENDS: list[float] = []  # of each batch of the validation


class HeldStamps(HyraxDataset):
    """One part of the data; `data_location` is its folder and name."""

    def __init__(self, config: dict[str, Any], data_location: Any = None) -> None:
        place = Path(data_location)
        self.name, self.part = place.name, part(place.parent, place.name)
        super().__init__(config)

    def __len__(self) -> int:
        return len(self.part.y)

    def get_image(self, idx: int) -> np.ndarray:
        return self.part.x[idx]

    def get_label(self, idx: int) -> int:
        return int(self.part.y[idx])

    def get_object_id(self, idx: int) -> str:
        return str(idx)

    def on_epoch_start(self, verb: str) -> None:
        if self.name == "train":
            STARTS.append(time.perf_counter())


@hyrax_model
class ResidualStamps(nn.Module):
    """The network as Hyrax wants it, written after Hyrax's own example."""

    def __init__(self, config: dict[str, Any], data_sample: Any = None) -> None:
        super().__init__()
        self.config, self.net = config, network("cnn", data_sample[0].shape[1:])

    def forward(self, batch: tuple[Tensor, Tensor]) -> Tensor:
        return self.net(batch[0])

    def train_batch(self, batch: tuple[Tensor, Tensor]) -> dict[str, Tensor]:
        self.optimizer.zero_grad()
        loss = loss_of("cnn", self(batch), batch[1])
        loss.backward()
        self.optimizer.step()
        return {"loss": loss.detach()}

    def validate_batch(self, batch: tuple[Tensor, Tensor]) -> dict[str, Tensor]:
        loss = loss_of("cnn", self(batch), batch[1])
        ENDS.append(time.perf_counter())
        return {"loss": loss.detach()}

    @staticmethod
    def prepare_inputs(data_dict: dict[str, Any]) -> tuple[np.ndarray, np.ndarray]:
        data = data_dict["data"]
        return np.asarray(data["image"], dtype=np.float32), np.asarray(data["label"], dtype=np.int64)


def request(folder: Path, name: str) -> dict[str, Any]:
    """Where a group of Hyrax's data comes from."""
    fields = {"fields": ["image", "label"], "primary_id_field": "object_id"}
    return {"data": {"dataset_class": "HeldStamps", "data_location": f"{folder.resolve()}/{name}", **fields}}


def main() -> None:
    asked = words(__doc__).parse_args()
    torch.set_num_threads(asked.threads)
    torch.manual_seed(asked.seed)
    groups = {"train": request(asked.data, "train"), "validate": request(asked.data, "val")}
    with tempfile.TemporaryDirectory() as results, contextlib.redirect_stdout(sys.stderr):
        os.chdir(results)
        hyrax = Hyrax()
        for word, value in {
            "general.results_dir": results,
            "general.log_level": "error",
            "model.name": "ResidualStamps",
            "data_loader.batch_size": asked.batch,
            "train.epochs": asked.epochs,
            "optimizer.name": "torch.optim.AdamW",
            "data_request": groups,
        }.items():
            hyrax.set_config(word, value)
        hyrax.config["torch.optim.AdamW"] = {"lr": LR["cnn"], "weight_decay": DECAY}
        model = hyrax.train()
    tell(gaps([*STARTS, ENDS[-1]]), model.final_validation_metrics["loss"])


if __name__ == "__main__":
    main()
