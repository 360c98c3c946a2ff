"""Rival: Lightning's Trainer with a DataLoader, as lightning-hydra-template has it.

python benchmarks/rivals/template.py WORK --data FOLDER --batch N --epochs E [--threads K] [--seed S]

DataLoader(TensorDataset) without workers, losses and scores as torchmetrics logged in each step, one checkpoint of the
best epoch; progress bar and logger are off, which the template has on and off.
"""

from __future__ import annotations

import tempfile
import time
import warnings

import torch
from contest import CLASSES, DECAY, LR, Part, gaps, part, tell, words
from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.callbacks import ModelCheckpoint
from networks import loss_of, network
from torch import Tensor
from torch.utils.data import DataLoader, TensorDataset
from torchmetrics import Accuracy, MeanAbsoluteError, MeanMetric, Metric, MinMetric


class Module(LightningModule):
    """The template's module: a network, a loss, a metric of each for each part."""

    def __init__(self, work: str, shape: tuple[int, ...]) -> None:
        super().__init__()
        self.work, self.net = work, network(work, shape)
        self.train_loss, self.val_loss, self.val_loss_best = MeanMetric(), MeanMetric(), MinMetric()
        self.train_score, self.val_score = _score(work), _score(work)

    def model_step(self, batch: list[Tensor]) -> tuple[Tensor, Tensor, Tensor]:
        *inputs, y = batch
        out = self.net(*inputs)
        return loss_of(self.work, out, y), out if self.work == "mlp" else out.argmax(1), y

    def training_step(self, batch: list[Tensor], batch_idx: int) -> Tensor:
        loss, guess, truth = self.model_step(batch)
        self.train_loss(loss)
        self.train_score(guess, truth)
        self.log("train/loss", self.train_loss, on_step=False, on_epoch=True, prog_bar=True)
        self.log("train/score", self.train_score, on_step=False, on_epoch=True, prog_bar=True)
        return loss

    def validation_step(self, batch: list[Tensor], batch_idx: int) -> None:
        loss, guess, truth = self.model_step(batch)
        self.val_loss(loss)
        self.val_score(guess, truth)
        self.log("val/loss", self.val_loss, on_step=False, on_epoch=True, prog_bar=True)
        self.log("val/score", self.val_score, on_step=False, on_epoch=True, prog_bar=True)

    def on_validation_epoch_end(self) -> None:
        self.val_loss_best(self.val_loss.compute())
        self.log("val/loss_best", self.val_loss_best.compute(), sync_dist=True, prog_bar=True)

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.AdamW(self.parameters(), lr=LR[self.work], weight_decay=DECAY)


class Watch(Callback):
    """Seconds of each epoch: from the end of one to the end of the next, validation and checkpoint included."""

    def __init__(self) -> None:
        self.ends: list[float] = []

    def on_train_start(self, trainer: Trainer, module: LightningModule) -> None:
        self.ends.append(time.perf_counter())

    def on_train_epoch_end(self, trainer: Trainer, module: LightningModule) -> None:
        self.ends.append(time.perf_counter())


def _score(work: str) -> Metric:
    return MeanAbsoluteError() if work == "mlp" else Accuracy(task="multiclass", num_classes=CLASSES)


def loader(one: Part, batch: int, shuffle: bool) -> DataLoader:
    """Batches of a part, objects collated one by one."""
    planes = [plane for plane in (one.x, one.length, one.y) if plane is not None]
    return DataLoader(TensorDataset(*map(torch.from_numpy, planes)), batch, shuffle=shuffle, num_workers=0)


def main() -> None:
    asked = words(__doc__).parse_args()
    warnings.filterwarnings("ignore")  # of a DataLoader without workers, among others
    torch.set_num_threads(asked.threads)
    torch.manual_seed(asked.seed)
    train, val = part(asked.data, "train"), part(asked.data, "val")
    loaders = loader(train, asked.batch, shuffle=True), loader(val, asked.batch, shuffle=False)
    module, watch = Module(asked.work, val.x.shape[1:]), Watch()
    with tempfile.TemporaryDirectory() as folder:
        best = ModelCheckpoint(folder, monitor="val/loss", mode="min", save_last=True, auto_insert_metric_name=False)
        quiet = {"logger": False, "enable_progress_bar": False, "enable_model_summary": False}
        trainer = Trainer(max_epochs=asked.epochs, accelerator="cpu", callbacks=[watch, best], **quiet)
        trainer.fit(module, *loaders)
    tell(gaps(watch.ends), float(trainer.callback_metrics["val/loss"]))


if __name__ == "__main__":
    main()
