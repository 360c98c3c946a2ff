"""The walk from an archive to labelled parts: pack, label, split, measure. What is common to every kind of data."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.lib.stride_tricks import as_strided

from starbolt.archives.reading.columns import nearest
from starbolt.contract import InputSpec, Spec, TargetSpec
from starbolt.data.hints import hints
from starbolt.data.labels import labelled, labelled_like
from starbolt.data.loaders import Loaders
from starbolt.data.measure import measure_input, measure_target
from starbolt.data.objects import Objects
from starbolt.data.sources import Source
from starbolt.data.splits import PARTS, KFold, Splitter, Stratified, split_fingerprint
from starbolt.data.splits.asking import candidates_of
from starbolt.data.splits.earlier import FILE, latest_file, note_of_moves, split_table, write_split
from starbolt.data.weights import weights
from starbolt.recipe import import_path, plain
from starbolt.store.pack import Progress

SCALINGS = {False: "global", True: "object", "both": "both"}


class ObjectDataModule(Loaders, ABC):
    """Objects with measurements and, where known, a target; subclasses say where they come from.

    target: column(s) to learn. target_error: column(s) of their one-sigma errors, which weight the loss.
    classes: chooses, orders and merges classes; min_count: rarer ones are dropped. weight: column of loss weights.
    group: column; its rows stay on one side of a split. ra, dec: columns of the position [deg].
    log, asinh: channels so transformed, in the network. batch_size: objects per step. residency: where the measurements
    are in training, see `residency.home_of`. cache: folder of packed stores.
    After `open`: catalogue (pa.Table, N rows), ids [N], y [N] or [N, K], weight [N], parts {name: rows}, spec, notes.
    """

    folds: np.ndarray | None  # [N], number of the fold of each object under split=kfold, -1 of those without a label
    scaling: str = "global"  # see InputSpec; of images and series
    stretch: str = "linear"  # see InputSpec; of images

    def __init__(
        self,
        *,
        target: str | Sequence[str] | None = None,
        target_error: str | Sequence[str] | None = None,
        classes: Sequence[Any] = (),
        min_count: int = 0,
        weight: str | None = None,
        group: str | None = None,
        ra: str | None = None,
        dec: str | None = None,
        log: Sequence[str] = (),
        asinh: Sequence[str] = (),
        split: Splitter | None = None,
        batch_size: int = 256,
        seed: int = 0,
        residency: str = "auto",
        cache: str | None = None,
    ) -> None:
        super().__init__(batch_size, seed, residency)
        self.targets, self.target_errors = _several(target), _several(target_error)
        self.choose, self.min_count = classes, min_count
        self.weight_column, self.group_column, self.ra, self.dec = weight, group, ra, dec
        self.split = split or Stratified()
        if (ra is None) != (dec is None):
            raise ValueError(f"a position needs both columns: data.ra={ra} data.dec={dec}")
        if self.target_errors and len(self.target_errors) != len(self.targets):
            raise ValueError(
                f"data.target_error names {len(self.target_errors)} columns for {len(self.targets)} targets"
            )
        self.log_channels, self.asinh_channels = tuple(log), tuple(asinh)
        self.cache = cache
        self.excluded: tuple[str, ...] = ()  # columns that must not be features, and must be there
        self.notes: list[str] = []
        self.progress: Progress | None = None

    def roles(self) -> tuple[str, ...]:
        """Catalogue columns that play a part other than a feature's: never inputs unless named as such."""
        others = (self.weight_column, self.group_column, self.ra, self.dec, getattr(self.split, "column", None))
        return (*self.targets, *self.target_errors, *(role for role in others if role))

    @abstractmethod
    def fetch(self) -> Objects:
        """Find or pack the measurements."""

    @cached_property
    def objects(self) -> Objects:
        """What `fetch` gave, once."""
        return self.fetch()

    @cached_property
    def ids(self) -> np.ndarray:
        """Name of each object, as strings [N], made when first asked for: whoever needs few takes `names`."""
        return self.objects.ids

    def names(self, rows: np.ndarray) -> pa.Array:
        """The names of the objects in the given catalogue rows."""
        return self.objects.names(rows)

    def open(self, target: str) -> Spec:
        """Pack or find the store, label, split and measure. Repeated calls do nothing.

        target: "class" or "quantity", what the task learns.
        """
        if hasattr(self, "spec"):
            return self.spec
        fingerprint = self._read()
        names, units, classes, self.y = labelled(self.catalogue, self.targets, target, self.choose, self.min_count)
        self._split(applied=False)
        self._refuse_empty()
        inputs = {name: self._measure(source) for name, source in self.sources.items()}
        self._refuse_strangers(inputs)
        aim = measure_target(names, units, classes, self.y[self.parts["train"]])
        self._note_moves()
        tables = (source.modality.channels for source in self.sources.values() if source.modality.kind == "table")
        features = [channel for channels in tables for channel in channels]
        self.notes += hints(self.catalogue.column_names, features, names, self.ra)
        sizes = {part: len(rows) for part, rows in self.parts.items()}
        self.spec = Spec(inputs, aim, fingerprint, self.split_name, sizes)
        return self.spec

    def open_like(self, spec: Spec, *, labels: bool = True) -> None:
        """Make the data fit a checkpoint: its channels in its order, its classes, its statistics; nothing is measured.

        The target may be absent. labels: read the target and who is in which part; without them nothing is held that
        grows with the catalogue. Raises ValueError where the data lack what the checkpoint needs.
        """
        if hasattr(self, "spec"):
            return
        self._read()
        self.sources = {name: self._source(name).matching(name, about) for name, about in spec.inputs.items()}
        self.notes.extend(note for source in self.sources.values() for note in source.notes)
        if labels:
            self.y, notes = labelled_like(self.catalogue, spec.target, self.choose)
            self.notes.extend(notes)
            self._split(applied=True)
        else:
            self._leave_unlabelled(spec.target)
        self.spec = spec

    @property
    def split_name(self) -> str:
        """Fingerprint of who is in which part."""
        rows = np.concatenate(list(self.parts.values()))
        parts = np.concatenate([np.full(len(r), name) for name, r in self.parts.items()])
        return split_fingerprint(self.ids[rows], parts)

    def store_split(self, folder: Path) -> None:
        """Write split.parquet into a run's folder, for split.like, and remember it for the next run on these data."""
        table, latest = self._split_table(), self._latest_split()
        write_split(folder / FILE, table, run=folder)
        if latest:
            write_split(latest, table, run=folder)

    def recipe(self) -> dict[str, Any]:
        """Import path and words of this data module, as plain values; tables and arrays in memory are left out."""
        return {"_target_": import_path(type(self)), **{k: plain(v) for k, v in self.hparams.items()}}

    def _read(self) -> str:
        self.catalogue, self.sources, fingerprint, notes = self.objects
        self.notes.extend(notes)
        return fingerprint

    def _leave_unlabelled(self, target: TargetSpec) -> None:
        """One label that says nothing and one weight, which stand for all objects; no parts."""
        rows = self.catalogue.num_rows
        self.weight = _repeated(np.ones((), np.float32), rows)
        self.y = _repeated(np.array(-1) if target.classes else np.full(len(target.names), np.nan, np.float32), rows)
        self.parts = dict.fromkeys(PARTS, np.zeros(0, np.int64))

    def _split(self, applied: bool) -> None:
        self.weight = weights(self.catalogue, self.weight_column, self.target_errors, applied=applied)
        try:
            self.parts = self._parts(np.flatnonzero(self._known()))
        except (ValueError, FileNotFoundError) as error:
            if not applied:
                raise
            self.parts = dict.fromkeys(PARTS, np.zeros(0, np.int64))  # whoever predicts needs no parts
            self.notes.append(f"these data are not split as at the training ({error})")

    def _known(self) -> np.ndarray:
        return self.y >= 0 if self.y.dtype == np.int64 else np.isfinite(self.y).any(1)

    def _measure(self, source: Source) -> InputSpec:
        train = self.parts["train"]
        rows = train if source.rows is None else source.rows[train][source.rows[train] >= 0]
        scaling = "global" if source.modality.kind == "table" else self.scaling
        transforms = {"log": self.log_channels, "asinh": self.asinh_channels}
        stretch = self.stretch if source.modality.kind == "image" else "linear"
        return measure_input(source.modality, rows, **transforms, scaling=scaling, stretch=stretch, cut=source.cut)

    def _source(self, name: str) -> Source:
        if name not in self.sources:
            raise ValueError(f"the checkpoint needs the input {name!r}; these data have {', '.join(self.sources)}")
        return self.sources[name]

    def _parts(self, rows: np.ndarray) -> dict[str, np.ndarray]:
        """Part name -> catalogue rows, of the objects with a label."""
        self.folds = None
        if len(rows) == 0:
            return dict.fromkeys(PARTS, rows)
        columns = {"group": self.group_column, "ra": self.ra, "dec": self.dec}
        candidates = candidates_of(self.catalogue, self.ids, self.y, rows, **columns, note=self.notes.append)
        codes = self.split(candidates)
        if isinstance(self.split, KFold):
            self.folds = np.full(self.catalogue.num_rows, -1)
            self.folds[rows] = self.split.folds(candidates)
        return {part: rows[codes == part] for part in PARTS}

    def _split_table(self) -> pa.Table:
        names = np.full(self.catalogue.num_rows, "", "<U5")
        for part, rows in self.parts.items():
            names[rows] = part
        return split_table(self.ids, names, self.folds)

    def _latest_split(self) -> Path | None:
        """The file that remembers how the latest run split these data; None of data in memory."""
        words = [self.targets, self.group_column, self.choose, self.min_count]
        return latest_file(self.cache, vars(self).get("archive"), self.split, words)

    def _note_moves(self) -> None:
        """Say where data have grown and objects changed their part since the latest run."""
        file = self._latest_split()
        if file and file.exists() and not getattr(self.split, "like", None):
            self.notes.extend(note_of_moves(self._split_table(), file))

    def _refuse_empty(self) -> None:
        known = self._known()
        if not known.any():
            raise ValueError(f"no object has a value in the target column {self.targets[0]!r}")
        for part in ("train", "val"):
            if len(self.parts[part]) == 0:
                raise ValueError(
                    f"the {part} part of the split is empty ({int(known.sum())} labelled objects); "
                    "change split.fractions or the split"
                )

    def _refuse_strangers(self, inputs: dict) -> None:
        have = [channel for about in inputs.values() for channel in about.channels]
        for word, asked in (("log", self.log_channels), ("asinh", self.asinh_channels)):
            for channel in asked:
                if channel not in have:
                    raise ValueError(f"data.{word} names {channel!r}; the channels are {', '.join(have)}")
        for name in self.excluded:
            if name not in self.catalogue.column_names:  # misspelt, it would leak in silence
                near = nearest(name, self.catalogue.column_names)
                raise ValueError(f"data.exclude names {name!r}, which is no column with one value per object; {near}")


def scaling_of(per_object: bool | str) -> str:
    """InputSpec's word for data.per_object."""
    if per_object not in SCALINGS:
        raise ValueError(f"data.per_object={per_object!r} is not one of true, false, both")
    return SCALINGS[per_object]


def _repeated(value: np.ndarray, rows: int) -> np.ndarray:
    """The value [...] as [rows, ...], held once; writable, since torch warns of arrays that are not."""
    return as_strided(value, (rows, *value.shape), (0, *value.strides))


def _several(names: str | Sequence[str] | None) -> tuple[str, ...]:
    return () if names is None else (names,) if isinstance(names, str) else tuple(names)
