"""A checkpoint as an instrument: raw measurements in, physical answers with uncertainties out, no other file needed."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pyarrow as pa
from astropy.table import Table
from astropy.units import Unit

from starbolt import build, loading
from starbolt.archives import Dense
from starbolt.contract import Spec
from starbolt.data import ObjectDataModule
from starbolt.data.batches import Batches
from starbolt.data.ranges import Outside
from starbolt.data.sources import Source
from starbolt.predict import Network, answered, outside_names, predict_rows, units_of
from starbolt.store.store import Modality


def load(run: str | Path, *, trust: Sequence[str] = ()) -> Instrument:
    """The trained network of a run folder or checkpoint file, ready to predict.

    trust: packages besides starbolt and torch whose classes the checkpoint may name.
    Raises ValueError where the file is damaged, foreign or names classes that are not trusted.
    """
    return Instrument(loading.load_learner(run, trust))


class Instrument:
    """A trained network that takes tables, arrays or data modules; `spec` says what it was trained on."""

    def __init__(self, learner: Network) -> None:
        self.learner, self.spec = learner, learner.spec

    def predict(self, objects: Any, **words: Any) -> Table:
        """One row per object: `id`, then the task's columns, as `starbolt predict` writes them, with units.

        `mask` is the fraction of the object's numbers that is unmeasured, `outside` names the input furthest
        outside the training range; meta["notes"] says what was converted.

        objects: a table (file, astropy, pandas, pyarrow, dict of columns) with the column names of the training data
        (for light curves, the observations); an array [N, C] or [N, C, H, W], channels in the order of `spec`, NaN
        where unmeasured; or a data module. words: of the data module, where a table is read otherwise than that of the
        training, such as id="name", missing=[-99] or root="new_stamps".
        Raises ValueError where the channels do not match the spec, or there is no such word.
        """
        if words and isinstance(objects, np.ndarray | ObjectDataModule):
            kind = "an array" if isinstance(objects, np.ndarray) else "a data module"
            raise ValueError(f"{next(iter(words))}= says how a table is read, and this is {kind}; leave it out")
        if isinstance(objects, np.ndarray):
            return self._predict(self._array(objects), np.arange(len(objects)).astype(str))
        with TemporaryDirectory(prefix="starbolt_") as cache:
            ready = isinstance(objects, ObjectDataModule)
            data = objects if ready else build.data_like(self.learner, objects, cache, words)
            data.open_like(self.spec)
            if _channels(data.spec) != _channels(self.spec):
                raise ValueError("these data were opened with other channels before; give a fresh data module")
            return self._predict(data.predict_dataloader(), data.ids, data.catalogue, data.notes)

    def _predict(
        self, batches: Batches, ids: np.ndarray, catalogue: pa.Table | None = None, notes: Sequence[str] = ()
    ) -> Table:
        found = predict_rows(self.learner, batches)
        answer = answered(self.learner, catalogue, found)
        table = Table({"id": ids, **self.learner.task.columns(answer)})
        if outside := outside_names(self.learner, found):
            table["outside"] = outside.to_numpy(zero_copy_only=False).astype(str)
        table["mask"] = found["unmeasured"].numpy()
        units = units_of(self.spec)
        for column in set(units) & set(table.colnames):
            table[column].unit = Unit(units[column], parse_strict="silent")
        told = Outside(self.spec).note(found)
        table.meta = {"data": self.spec.data, "split": self.spec.split, "notes": [*notes, *([told] if told else [])]}
        return table

    def _array(self, x: np.ndarray) -> Batches:
        if len(self.spec.inputs) != 1:
            raise ValueError(
                f"this network takes {', '.join(self.spec.inputs)}; give it a data module with all of them"
            )
        ((name, about),) = self.spec.inputs.items()
        if about.kind == "series" or x.shape[1:] != tuple(about.shape):
            wanted = (
                "a table of observations"
                if about.kind == "series"
                else f"an array [N, {', '.join(map(str, about.shape))}]"
            )
            raise ValueError(f"this network takes {wanted}, not an array of shape {x.shape}")
        modality = Modality(about.kind, about.channels, about.units, about.shape, False, Dense(x.astype(np.float32)))
        nothing = (
            np.full(len(x), -1)
            if self.spec.target.classes
            else np.full((len(x), len(self.spec.target.names)), np.nan, np.float32)
        )
        return Batches({name: Source(modality)}, np.arange(len(x)), nothing, np.ones(len(x), np.float32), 256)


def _channels(spec: Spec) -> dict[str, tuple[str, ...]]:
    return {name: about.channels for name, about in spec.inputs.items()}
