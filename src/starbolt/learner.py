"""The one LightningModule: standardise, encode, solve the task; its checkpoint carries all that prediction needs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from itertools import repeat
from typing import Any

import numpy as np
import torch
from lightning.pytorch import Callback, LightningModule
from torch import Tensor, nn

from starbolt.calibration import Calibrated
from starbolt.contract import Batch, Block, Spec
from starbolt.data.audit import Audit
from starbolt.data.augment import turned
from starbolt.data.feed import split_inputs
from starbolt.data.module import ObjectDataModule
from starbolt.data.strides import Stride
from starbolt.dropout import dropping, refuse_without_dropout
from starbolt.models import MLP, Fusion
from starbolt.optimisers import fused as fused_optimiser
from starbolt.optimisers import leave_the_driver_alone, let_clip
from starbolt.pieces import at_once, parts_of
from starbolt.recipe import made_by, recipe_of
from starbolt.schedules import onecycle
from starbolt.standardise import Standardise
from starbolt.stepping import EpochLoss, Stepper, one_count, tell_step, unseen

Factory = Callable[..., Any]
Ready = tuple[dict[str, Block], tuple[Tensor | None, ...]]
ADAMW = partial(torch.optim.AdamW, lr=3e-3, weight_decay=1e-2)


class Learner(LightningModule):
    """A network for one task on the data that `spec` describes.

    spec: what the data are. encoder: shape -> encoder of the main modality, or a Fusion of all of them.
    task: (in_dim, TargetSpec) -> task. optim: parameters -> Optimizer. schedule: (optimizer, steps) -> scheduler.
    symmetries: predictions are averaged over so many of the eight symmetries of the square (1: the image as it is).
    mc_dropout: predictions are averaged over so many passes with dropout left on (0: one pass without).
    old_rate: factor on the learning rate of the encoder, for one that was trained before.
    recipe: plain values from which `loading.load_learner` makes this learner again.
    `calibration` is None until a `Calibrate` has been called with it.
    """

    calibration: Calibrated | None = None

    def __init__(
        self,
        spec: Spec,
        encoder: Factory,
        task: Factory,
        *,
        optim: Factory = ADAMW,
        schedule: Factory | None = onecycle,
        symmetries: int = 1,
        mc_dropout: int = 0,
        old_rate: float = 1.0,
        recipe: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__()
        self.spec, self.optim, self.schedule = spec, optim, schedule
        self.symmetries, self.old_rate, self.recipe = symmetries, old_rate, dict(recipe or {})
        scalers = {name: Standardise(about) for name, about in spec.inputs.items()}
        self.standardise = nn.ModuleDict(scalers)
        self.encoder = fused(encoder, {name: scaler.shape for name, scaler in scalers.items()})
        self.task = task(self.encoder.out_dim, spec.target)
        self.mc_dropout = mc_dropout
        refuse_without_dropout(self, mc_dropout)
        self._scored: list[tuple[dict[str, Tensor], Tensor]] = []
        self._stepper: Stepper | None = None
        self._epoch_loss = EpochLoss()

    @classmethod
    def for_data(
        cls, data: ObjectDataModule, encoder: Factory, task: Factory, *, waive: Sequence[str] = (), **options: Any
    ) -> Learner:
        """A learner whose shapes and statistics are those of `data`, which are audited.

        encoder, task: classes, or functools.partial of them, such as partial(CNN, width=64). waive: findings of the
        audit that are as you want them. options: see Learner. AuditError where data or split have a fault.
        """
        target = made_by(task).target
        spec = data.open(target)
        Audit(waive)(data).refuse()
        recipe = {"model": recipe_of(encoder), "task": recipe_of(task), "data": data.recipe()}
        return cls(
            spec, encoder, task, symmetries=options.pop("symmetries", symmetries_of(data)), recipe=recipe, **options
        )

    def forward(self, inputs: Mapping[str, Block]) -> Tensor:
        """What the task's head says, [B, outputs], for measured blocks."""
        return self.task(self.encoder(self._standardised(inputs)))

    def _standardised(self, inputs: Mapping[str, Block]) -> dict[str, Block]:
        return {name: standardise(inputs[name]) for name, standardise in self.standardise.items()}

    def training_step(self, batch: Batch | Stride, batch_idx: int) -> Tensor | None:
        """The loss of one training batch; of a stride, a step for each of its batches."""
        loss = None
        if isinstance(batch, Stride):
            self._stepper = self._stepper or Stepper(self)
            self._epoch_loss.add(*self._stepper(batch))
        else:
            losses = self.losses_of(batch)
            loss = losses.mean()
            self._epoch_loss.add([loss.detach()], [len(losses)])
        if self.trainer.is_last_batch:
            loss_of_epoch, self._epoch_loss = self._epoch_loss.mean(), EpochLoss()
            tell_step(self.trainer, self.trainer.global_step + self.automatic_optimization)  # that one comes after this
            self.log("train/loss", loss_of_epoch, on_step=False, on_epoch=True, batch_size=1, sync_dist=True)
        return loss

    def _losses(self, scaled: Mapping[str, Block], aim: tuple[Tensor, ...]) -> Tensor:
        return self.task.losses_of(self.task(self.encoder(scaled)), aim)

    def losses_of(self, batch: Batch) -> Tensor:
        """The losses [B] of a batch."""
        return self._losses(self._standardised(batch.inputs), self.task.aim(batch))

    def losses_of_parts(self, stride: Stride) -> Iterable[Tensor]:
        """The losses [B] of each part, when it is asked for."""
        return (self._losses(*part) if stride.ready else self.losses_of(part) for part in stride.parts)

    def on_train_start(self) -> None:
        """Another training has another optimiser."""
        self._stepper = None

    def made_ready(self, whole: Batch, size: int) -> list[Ready]:
        """For each `size` objects of a batch what the encoder sees and what its answer is compared with: all that can
        be done for them before the weights of that step are known."""
        aim = self.task.aim(whole)
        planes = (repeat(None) if each is None else each.split(size) for each in aim)
        aims = map(type(aim)._make, zip(*planes, strict=False))
        return [*zip(split_inputs(self._standardised(whole.inputs), size), aims, strict=True)]

    def validation_step(self, batch: Batch, batch_idx: int) -> None:
        """Loss and predictions of one validation batch; scores follow at the end of the epoch."""
        parts = parts_of(batch, at_once(self, self.device))
        out = torch.cat([self(part.inputs) for part in parts])
        self._scored.append(({**self.task.predict(out), "loss": self.task.losses(out, batch)}, batch.y))

    def on_validation_epoch_end(self) -> None:
        """Scores over the whole validation part; ValueError where the network no longer predicts numbers."""
        pairs, self._scored = self._scored, []
        mine = [{"y": y, **prediction} for prediction, y in pairs]
        gathered = self._everyone({name: torch.cat([each[name] for each in mine]) for name in mine[0]} if mine else {})
        truth, losses = gathered.pop("y"), gathered.pop("loss")
        if not all(torch.isfinite(value).all() for value in gathered.values()):
            raise ValueError(
                f"the predictions are no numbers any more in epoch {self.current_epoch}; learn slower (optim.lr=), "
                "or look for wild values (starbolt inspect)"
            )
        tell_step(self.trainer, self.trainer.global_step)
        self.log("val/loss", losses.mean(), prog_bar=True)
        for name, value in self.task.scores(self.task.answer(gathered), truth).items():
            self.log(f"val/{name}", value)

    def predict_step(self, batch: Batch, batch_idx: int) -> dict[str, Tensor]:
        """The task's prediction, with `loss` (of labelled batches), `y` and `row`, on the CPU."""
        prediction, loss = self.predict_batch(batch)
        return {name: value.cpu() for name, value in prediction.items()} | {
            "y": batch.y.cpu(),
            "row": batch.row.cpu(),
            "loss": loss.cpu(),
        }

    def predict_batch(self, batch: Batch) -> tuple[dict[str, Tensor], Tensor]:
        """Prediction averaged over symmetries and dropout passes, and the loss [B] of each object (NaN: unlabelled).

        Dropout draws the same for the same batch. Not calibrated: see `predict.answered`.
        """
        if not self.mc_dropout:
            return self._over_symmetries(batch)
        with dropping(self, seed=int(batch.row[0]) if len(batch.row) else 0):
            passes = [self._over_symmetries(batch) for _ in range(self.mc_dropout)]
        return combined(self.task, [prediction for prediction, _ in passes]), passes[0][1]

    def _over_symmetries(self, batch: Batch) -> tuple[dict[str, Tensor], Tensor]:
        outs = [self(_turned(batch.inputs, i)) for i in range(self.symmetries)]
        return self.task.combine([self.task.predict(out) for out in outs]), self.task.losses(outs[0], batch)

    def configure_callbacks(self) -> list[Callback]:
        """None; before Lightning looks at its settings, the Learner forgets how it took its steps in an earlier fit."""
        if self.trainer.state.fn == "fit":
            self.automatic_optimization = True
        return []

    def configure_optimizers(self) -> Any:
        """The optimiser and, stepped with each batch, the schedule."""
        leave_the_driver_alone()
        old, new = [p for p in self.encoder.parameters() if p.requires_grad], list(self.task.parameters())
        scaled = self.trainer.precision == "16-mixed"
        optim = fused_optimiser(self.optim, [*old, *new], scaled)
        optimizer = optim([*old, *new] if self.old_rate == 1 else [{"params": old}, {"params": new}])
        optimizer.param_groups[0]["lr"] *= self.old_rate
        if self.trainer.precision == "bf16-mixed":
            let_clip(optimizer)
        data: Any = self.trainer.datamodule  # type: ignore[attr-defined]
        if self.schedule is None:
            self._by_strides(data)
            return optimizer
        data.strides = False  # of an earlier training; batches are counted here
        batches = len(data.train_dataloader())
        limit = self.trainer.limit_train_batches
        batches = min(batches, limit if isinstance(limit, int) else int(batches * limit)) or 1
        scheduler = self.schedule(optimizer, self._steps(batches))
        if isinstance(scheduler, torch.optim.lr_scheduler.ReduceLROnPlateau):
            # by batches: Lightning steps one by epochs only after last.ckpt is written
            each = {"scheduler": scheduler, "monitor": "val/loss", "interval": "step", "frequency": batches}
            return {"optimizer": optimizer, "lr_scheduler": each}
        self._by_strides(data)
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": scheduler, "interval": "step"}}

    def _by_strides(self, data: Any) -> None:
        """Take several steps at a time, by Lightning's manual optimisation, where nobody is to see each of them."""
        data.strides = isinstance(data, ObjectDataModule) and unseen(self.trainer)
        data.make_ready = self.made_ready if data.strides else None
        self.automatic_optimization = not data.strides

    def _steps(self, batches: int) -> int:
        """How many the training has: those of all epochs, or trainer.max_steps where that is less or alone is set."""
        each = -(-batches // self.trainer.accumulate_grad_batches)
        ends = (each * (self.trainer.max_epochs or 0), self.trainer.max_steps)
        return min((end for end in ends if end > 0), default=each)  # -1: without an end

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Add the spec and the recipe, as plain values; Lightning's copy of the data's words may hold anything."""
        checkpoint.pop("datamodule_hyper_parameters", None)
        checkpoint["starbolt"] = self.about()
        checkpoint["epoch_loss"] = self._epoch_loss.state()

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Go on with the training loss of an epoch that was left in its middle, and with the count of the steps."""
        one_count(checkpoint)
        self._epoch_loss = EpochLoss(checkpoint.get("epoch_loss"))

    def about(self) -> dict[str, Any]:
        """What a checkpoint carries besides the weights, as plain values."""
        return {
            "spec": self.spec.to_dict(),
            "recipe": self.recipe,
            "symmetries": self.symmetries,
            "mc_dropout": self.mc_dropout,
            "calibration": self.calibration.to_dict() if self.calibration else None,
        }

    def _everyone(self, values: dict[str, Tensor]) -> dict[str, Tensor]:
        """The values of all ranks, on the CPU; a rank may have none."""
        values = {name: value.cpu() for name, value in values.items()}
        if self.trainer.world_size == 1:
            return values
        boxes: list[Any] = [None] * self.trainer.world_size
        torch.distributed.all_gather_object(boxes, values)
        full = [box for box in boxes if box]
        return {name: torch.cat([box[name] for box in full]) for name in full[0]}


def refuse_another(learner: Learner, checkpoint: Mapping[str, Any], run: Any) -> None:
    """ValueError where training cannot go on from a run's checkpoint, since data or network are others by now.

    Their fingerprint may differ: it names the place of the files too.
    """
    now, then = learner.spec, Spec.from_dict(checkpoint["starbolt"]["spec"])
    other = next((what for what, told in ALIKE.items() if told(now) != told(then)), None)
    if other or not _same_values(now, then):
        raise ValueError(
            f"the data are not those that {run} was begun with: they have other {other or 'values'}; give it those, or "
            f"begin a new run with these: starbolt train like={run}"
        )
    shapes = {name: tuple(value.shape) for name, value in learner.state_dict().items()}
    if shapes != {name: tuple(value.shape) for name, value in checkpoint["state_dict"].items()}:
        raise ValueError(f"{run}/checkpoints/last.ckpt is of another network than {run}/config.yaml: put that right")


ALIKE: dict[str, Callable[[Spec], Any]] = {  # what data have to have in common with those of the beginning
    "inputs": lambda spec: {name: (about.kind, about.channels, about.units) for name, about in spec.inputs.items()},
    "shapes": lambda spec: {name: about.shape for name, about in spec.inputs.items()},
    "targets": lambda spec: (spec.target.names, spec.target.classes),
    "objects in the parts of the split": lambda spec: spec.split,
}


def _same_values(now: Spec, then: Spec) -> bool:
    """Whether the means and spreads of all channels agree to a thousandth of the spread."""
    pairs = [(about, then.inputs[name]) for name, about in now.inputs.items()]
    one, other, spread = (
        np.concatenate([getattr(pair[i], key) for pair in pairs for key in keys])
        for i, keys in ((0, ("mean", "spread")), (1, ("mean", "spread")), (1, ("spread", "spread")))
    )
    return bool(np.isclose(one, other, rtol=1e-6, atol=1e-3 * np.nan_to_num(spread), equal_nan=True).all())


def combined(task: Any, predictions: Sequence[dict[str, Tensor]]) -> dict[str, Tensor]:
    """Several networks' or passes' predictions as one, with `epistemic` where there are several."""
    whole = task.combine(predictions)
    return whole | task.disagreement(predictions) if len(predictions) > 1 else whole


def fused(encoder: Factory, shapes: Mapping[str, tuple[int, ...]]) -> Fusion:
    """A Fusion for these shapes: `encoder` if it builds one, else `encoder` for the data and an MLP for context."""
    if made_by(encoder) is Fusion:
        return encoder(shapes)
    main = [name for name in shapes if not name.endswith("context")]
    if len(main) > 1:
        raise ValueError(f"the data bring {', '.join(main)}; say model=fusion with an encoder for each")
    return Fusion(shapes, {name: encoder if name in main else partial(MLP, width=64, depth=1) for name in shapes})


def symmetries_of(data: ObjectDataModule) -> int:
    """How many symmetries to average over when predicting: those that training drew from."""
    image = data.augment.get("image")
    if not getattr(image, "symmetries", False):
        return 1
    shape = data.sources["image"].modality.shape
    return 8 if shape[-1] == shape[-2] else 4


def _turned(inputs: Mapping[str, Block], symmetry: int) -> Mapping[str, Block]:
    return {name: turned(block, symmetry) if block.x.ndim == 4 else block for name, block in inputs.items()}
