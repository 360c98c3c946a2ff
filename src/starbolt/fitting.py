"""Train and score a network in Python, in a line each, for notebooks: nothing is written but what you save yourself."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from lightning.pytorch import Callback, Trainer
from lightning.pytorch.callbacks import Checkpoint

from starbolt.callbacks import Best, History
from starbolt.data import ObjectDataModule
from starbolt.learner import Learner
from starbolt.messages import hushed
from starbolt.predict import predict_rows
from starbolt.predict import score as scores_of
from starbolt.progress import followed


def fit(
    learner: Learner,
    data: ObjectDataModule,
    *,
    epochs: int = 100,
    best: str | None = None,
    callbacks: Sequence[Callback] = (),
    bar: bool = True,
    **options: Any,
) -> History:
    """Train a learner on the training part of `data`; what each epoch measured, as `history["val/loss"]`.

    best: the score whose best epoch's weights the learner has in the end; None: those of the last epoch.
    bar: whether progress is shown. options: of Lightning's Trainer, such as accelerator="gpu".
    Afterwards `starbolt.save(learner, "my.ckpt")` keeps the learner, for `starbolt.load`.
    ValueError where the training has no score of that name, or the predictions are no numbers any more.
    """
    history = History()
    own: list[Callback] = [history, *([Best(best)] if best else []), *([followed("val/loss")] if bar else [])]
    words = {
        "logger": False,
        "enable_model_summary": False,
        "num_sanity_val_steps": 0,
        "enable_progress_bar": False,  # Lightning's
        "enable_checkpointing": any(isinstance(callback, Checkpoint) for callback in callbacks),
    }
    with hushed():
        trainer = Trainer(max_epochs=epochs, callbacks=[*own, *callbacks], **(words | options))
        trainer.fit(learner, data)
    return history


def score(learner: Learner, data: ObjectDataModule, part: str = "val") -> dict[str, float]:
    """The scores of a learner on a part of the split, by their names (docs/metrics.md), calibrated where it is.

    part: "train", "val", "cal" or "test"; look at the last one once, when all is decided.
    ValueError where the split has no such part, or it holds no labelled object.
    """
    if part not in data.parts:
        raise ValueError(f"part={part} is no part of the split; there are {', '.join(data.parts)}")
    if not len(data.parts[part]):
        raise ValueError(f"part={part} holds no object; give it some by split=")
    return scores_of(learner, data, predict_rows(learner, data.loader(data.parts[part], alone=True)))
