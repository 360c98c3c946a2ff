"""From labelled parts to batches: the loaders of training, validation, test and prediction, and the way to a device."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import torch
from lightning.pytorch import LightningDataModule
from lightning.pytorch.accelerators import XLAAccelerator

from starbolt.contract import Batch, Spec
from starbolt.data.augment import Augment
from starbolt.data.batches import Batches, Parting
from starbolt.data.feed import to_device
from starbolt.data.residency import WORDS, home_of, placed
from starbolt.data.sources import Source
from starbolt.data.strides import Stride, Strides, size_of

GPU = 64  # times the bytes that a GPU scores at once
SCORED, SCORED_BYTES = 8_192, 1 << 20  # objects of a batch that is not trained on, and bytes of their measurements


class Loaders(LightningDataModule):
    """The loaders of objects in parts; what the parts are of, `ObjectDataModule` says.

    batch_size: objects per step. seed: of the order. residency: see `residency.home_of`.
    augment: modality name -> what changes its training blocks. strides: whether training batches come several at a
    time, as `Strides`; the Learner says. make_ready: what a learner does to these, whatever its weights; done in the
    background where nothing comes before it.
    """

    catalogue: pa.Table
    sources: dict[str, Source]
    y: np.ndarray
    weight: np.ndarray
    parts: dict[str, np.ndarray]
    spec: Spec

    def __init__(self, batch_size: int, seed: int, residency: str) -> None:
        super().__init__()
        if batch_size < 1:
            raise ValueError(f"data.batch_size={batch_size} is not positive")
        if residency not in WORDS:
            raise ValueError(f"data.residency={residency} is not one of {', '.join(WORDS)}")
        self.batch_size, self.seed, self.residency = batch_size, seed, residency
        self.augment: dict[str, Augment] = {}
        self.strides = False
        self.make_ready: Parting | None = None
        self._placed: dict[torch.device | None, dict[str, Source]] = {}

    def loader(
        self,
        rows: np.ndarray,
        *,
        shuffle: bool = False,
        alone: bool = False,
        size: int | None = None,
        device: torch.device | None = None,
    ) -> Batches:
        """Batches of the given catalogue rows; of all of them, whatever the number of ranks, where `alone`.

        size: objects of each; None: as many as are scored at once. device: where they are handed out (None: where the
        trainer has its network).
        """
        words: dict[str, Any] = {"shuffle": shuffle, "seed": self.seed}
        sources, world = self.sources, 1
        if self.trainer and not alone:
            world, device = self.trainer.world_size, self.trainer.strategy.root_device
            words |= {"rank": self.trainer.global_rank, "world": world}
            if isinstance(self.trainer.accelerator, XLAAccelerator):
                words["steps"] = max(about.shape[-1] for about in self.spec.inputs.values())
            sources = self._at_hand(device)
        if device is not None and device.type == "cuda":
            words["device"] = device
        share_of_rank = max(1, len(rows) // world)  # a rank without a batch to score would stop Lightning
        if size is None:
            many = GPU if "device" in words else 1
            size = min(self._together(many * SCORED_BYTES), share_of_rank)
        return Batches(sources, rows, self.y, self.weight, size, **words)

    @property
    def scored_at_once(self) -> int:
        """Objects of a batch that is not trained on: gradients need no room, and small objects cost less together."""
        return self._together(SCORED_BYTES)

    def _together(self, most: int) -> int:
        """Objects of at most so many bytes, and SCORED of them, but two training batches at least."""
        nbytes = sum(source.modality.nbytes for source in self.sources.values()) / max(self.catalogue.num_rows, 1)
        return max(2 * self.batch_size, int(min(SCORED, most // max(nbytes, 1))))

    def _at_hand(self, device: torch.device) -> dict[str, Source]:
        """The sources where `residency` wants them while the device trains; copied once."""
        home = home_of(self.residency, self.sources, device)
        if home not in self._placed:
            self._placed[home] = placed(self.sources, home)
        return self._placed[home]

    def train_dataloader(self) -> Batches | Strides:
        """Shuffled batches of the training part; the same few each time where the trainer is to overfit them."""
        overfit = bool(self.trainer and self.trainer.overfit_batches)  # type: ignore[attr-defined]
        batches = self.loader(self.parts["train"], shuffle=not overfit, size=self.batch_size)
        if self.trainer:
            progress = self.trainer.fit_loop.epoch_progress  # Lightning restores a loader's place only within an epoch
            batches.epoch = progress.current.processed  # type: ignore[attr-defined]
        if not self.strides:
            return batches
        early = self.trainer is not None and self.trainer.strategy.root_device.type == "cpu" and not self.augment
        return Strides(batches, size_of(batches, self.catalogue.num_rows), self.make_ready if early else None)

    def val_dataloader(self) -> Batches:
        """Batches of the validation part."""
        return self.loader(self.parts["val"])

    def test_dataloader(self) -> Batches:
        """Batches of the test part."""
        return self.loader(self.parts["test"])

    def predict_dataloader(self) -> Batches:
        """Batches of every object of the catalogue, labelled or not."""
        return self.loader(np.arange(self.catalogue.num_rows))

    def transfer_batch_to_device(self, batch: Any, device: torch.device, dataloader_idx: int) -> Any:
        """The batch, or each part of a stride when it is asked for, on the device."""
        if isinstance(batch, Stride):
            there = batch.ready or (isinstance(batch.parts, list) and batch.parts[0].row.device == device)
            return batch if there else Stride(to_device(part, device) for part in batch.parts)
        return to_device(batch, device)

    def on_after_batch_transfer(self, batch: Any, dataloader_idx: int) -> Any:
        """Augment training batches, on the device; of a stride each part when it is asked for."""
        if not (self.augment and self.trainer and self.trainer.training):
            return batch
        return Stride(map(self._augmented, batch.parts)) if isinstance(batch, Stride) else self._augmented(batch)

    def _augmented(self, batch: Batch) -> Batch:
        changed = {name: change(batch.inputs[name]) for name, change in self.augment.items() if name in batch.inputs}
        return batch._replace(inputs=batch.inputs | changed)
