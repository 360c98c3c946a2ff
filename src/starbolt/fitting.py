"""Train and score a network in Python, in a line each, for notebooks: nothing is written but what you save yourself."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from astropy.table import Table
from lightning.pytorch import Callback, Trainer
from lightning.pytorch.callbacks import Checkpoint
from torch import Tensor

from starbolt.callbacks import Best, History, Monitored
from starbolt.data import ObjectDataModule
from starbolt.learner import Learner
from starbolt.messages import hushed
from starbolt.predict import answered, densities, predict_rows, scored_table
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
    own: list[Callback] = [
        history,
        *([Monitored(best, "best"), Best(best)] if best else []),
        *([followed("val/loss")] if bar else []),
    ]
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
    ValueError where the split has no such part, or it holds no object.
    """
    return scores_of(learner, data, _found(learner, data, part))


def answers(
    learner: Learner,
    data: ObjectDataModule,
    part: str = "val",
    *,
    columns: Sequence[str] = (),
    grid: Sequence[float] | np.ndarray | None = None,
) -> Table:
    """The answers of a learner for a part of the split, a row per object, beside the truth.

    The columns are those of a run's predictions.parquet: `id`, `row` of the catalogue, `target`, the task's answers,
    what each is worth (such as the PIT), `outside`, `mask`, `loss`; and those of the catalogue that `columns` names.
    grid: values of the quantity [G] at which the probability density is told too, as NAME_density [G].
    ValueError as `score`, and for a grid where no distribution is predicted.
    """
    found = _found(learner, data, part)
    made = scored_table(learner, data, found, slices=columns)
    table = Table({name: _plain(made[name]) for name in made.column_names})
    if grid is not None:
        answer = answered(learner, data.catalogue, found)
        for name, density in densities(learner, answer, np.asarray(grid, np.float32)).items():
            table[name] = density
    return table


def _plain(column: pa.ChunkedArray) -> np.ndarray:
    """As NumPy has it, words as words."""
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    values = column.to_numpy()
    return values.astype(str) if values.dtype == object else values


def _found(learner: Learner, data: ObjectDataModule, part: str) -> dict[str, Tensor]:
    if part not in data.parts:
        raise ValueError(f"part={part} is no part of the split; there are {', '.join(data.parts)}")
    if not len(data.parts[part]):
        raise ValueError(f"part={part} holds no object; give it some by split=")
    return predict_rows(learner, data.loader(data.parts[part], alone=True))
