"""An archive: a catalogue with one row per object, and the measurements of each object.

This is all that a newcomer's data set implements: `read` gives the catalogue, `load` gives one object.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

PART = "starbolt_part"  # catalogue column naming the part ("train" or "test") of rows that came from separate files


class Sample(NamedTuple):
    """One object's measurements of one modality, NaN where unmeasured.

    x: [C] table, [C, H, W] image or [C, T] series (values only; the times stand in `time`).
    err: like x, one sigma. limit: bool like x, True where x is an upper or lower limit.
    time: float64 [T], series only: times (or wavelengths), in any order.
    """

    x: np.ndarray
    err: np.ndarray | None = None
    limit: np.ndarray | None = None
    time: np.ndarray | None = None


@dataclass
class Dense:
    """N objects of equal shape: x [N, C] or [N, C, H, W], NaN where unmeasured; err and limit like x."""

    x: np.ndarray
    err: np.ndarray | None = None
    limit: np.ndarray | None = None


@dataclass
class Ragged:
    """N series of any length, one behind the other, each sorted in time.

    offsets: int64 [N + 1]; object i owns points offsets[i] to offsets[i + 1].
    time: float64 [P]; x: float32 [P, C], NaN where unmeasured; err float32 and limit bool like x.
    """

    offsets: np.ndarray
    time: np.ndarray
    x: np.ndarray
    err: np.ndarray | None = None
    limit: np.ndarray | None = None


class Archive(ABC):
    """Where observations come from.

    channels: the channel names, or {modality: names} where `load` returns several modalities.
    units: as strings that astropy reads, like channels; empty strings where unknown.
    id: catalogue column that names each object; None: file name and row number do.
    axis, axis_unit: what a series runs over. "time" counts from each object's first point, any other ("wavelength",
        "phase") is absolute. pixel_scale: of images [arcsec]; zero_point: the magnitude of one unit of x, of images.
    """

    channels: tuple[str, ...] | Mapping[str, tuple[str, ...]]
    units: tuple[str, ...] | Mapping[str, tuple[str, ...]] | None = None
    id: str | None = None
    axis: str = "time"
    axis_unit: str = "d"
    pixel_scale: float | None = None
    zero_point: float | None = None
    whole: bool = False  # True where `load_rows` is one vectorised pass, so that packing need not fork

    @property
    def tally(self) -> Counter[str]:
        """What was left out, and how often: `self.tally["points without a positive error"] += 3`, while reading or
        loading, in any process. Packing adds the counts of all objects up, and the store notes each of them."""
        return vars(self).setdefault("_tally", Counter())

    @abstractmethod
    def read(self) -> pa.Table:
        """The catalogue, one row per object, units in the fields' metadata under b"unit"."""

    @abstractmethod
    def load(self, row: dict[str, Any]) -> np.ndarray | Sample | dict[str, Sample]:
        """The measurements of one object, given its catalogue row: an array [C, ...], a Sample, or one per modality."""

    def load_rows(self, catalogue: pa.Table) -> dict[str, Dense | Ragged]:
        """The measurements of many objects, in the catalogue's order; override where one pass reads them all."""
        shelves: dict[str, _Shelf] = {}
        for row in catalogue.to_pylist():
            samples = as_samples(self.load(row))
            shelves = shelves or {name: _Shelf(catalogue.num_rows) for name in samples}
            for name, shelf in shelves.items():
                shelf.add(samples[name])
        return {name: shelf.joined() for name, shelf in shelves.items()}

    def files(self) -> list[str] | None:
        """All that `read` reads, where that is known: while these files are unchanged a packed catalogue need not be
        read again. None (the default): it is read at every start."""
        return None

    def sources(self, catalogue: pa.Table) -> list[str]:
        """Files and folders whose sizes and dates go into the store's name; by default options that name some."""
        return [value for value in vars(self).values() if isinstance(value, str)]


class _Shelf:
    """The samples of one modality as they are loaded, each image [C, H, W] like the first straight in its place."""

    def __init__(self, count: int) -> None:
        self.count, self.images, self.samples = count, np.empty(0), list[Sample]()

    def add(self, sample: Sample) -> None:
        """The next one."""
        if not self.samples and sample.time is None and sample.x.ndim == 3:
            self.images = np.empty((self.count, *sample.x.shape), sample.x.dtype)
        if sample.x.shape == self.images.shape[1:] and sample.x.dtype == self.images.dtype:
            place = self.images[len(self.samples)]
            place[...] = sample.x
            sample = sample._replace(x=place)
        self.samples.append(sample)

    def joined(self) -> Dense | Ragged:
        """All of them; see `join`."""
        if any(sample.x.base is not self.images for sample in self.samples):
            return join(self.samples)
        return Dense(self.images, *(_joined([s[i] for s in self.samples], np.stack) for i in (1, 2)))


def as_samples(loaded: np.ndarray | Sample | dict[str, Sample]) -> dict[str, Sample]:
    """What `Archive.load` returned, as modality name -> Sample; a single modality is named after its kind."""
    if isinstance(loaded, dict):
        return loaded
    sample = loaded if isinstance(loaded, Sample) else Sample(np.asarray(loaded))
    return {kind_of(sample): sample}


def kind_of(sample: Sample) -> str:
    """ "table", "image" or "series", from the sample's own shape."""
    if sample.time is not None:
        return "series"
    kind = {1: "table", 3: "image"}.get(sample.x.ndim)
    if kind is None:
        raise ValueError(
            f"load() returned an array of shape {sample.x.shape}; give [C] for a table, [C, H, W] for an image, "
            "or Sample(x=[C, T], time=[T]) for a series"
        )
    return kind


def join(samples: list[Sample]) -> Dense | Ragged:
    """Many samples of one modality as one Dense or Ragged; ValueError where the shapes differ."""
    if samples[0].time is None:
        x = np.stack(_alike([s.x for s in samples]))
        return Dense(x, _joined([s.err for s in samples], np.stack), _joined([s.limit for s in samples], np.stack))
    ordered = [_sorted_in_time(s) for s in samples]
    times = [s.time for s in ordered if s.time is not None]
    return Ragged(
        np.concatenate([[0], np.cumsum([len(time) for time in times])]).astype(np.int64),
        np.concatenate(times),
        np.concatenate([s.x for s in ordered], axis=1).T,
        _joined([s.err for s in ordered], _side_by_side),
        _joined([s.limit for s in ordered], _side_by_side),
    )


def _joined(planes: list[np.ndarray | None], join_them: Callable[[list[np.ndarray]], np.ndarray]) -> np.ndarray | None:
    there = [plane for plane in planes if plane is not None]
    return join_them(there) if there else None


def _side_by_side(planes: list[np.ndarray]) -> np.ndarray:
    return np.concatenate(planes, axis=1).T


def _alike(arrays: list[np.ndarray]) -> list[np.ndarray]:
    shapes = {a.shape for a in arrays}
    if len(shapes) > 1:
        few = ", ".join("x".join(map(str, s)) for s in sorted(shapes)[:3])
        raise ValueError(f"the objects have different shapes ({few}); give data.size=PIXELS to crop or pad them")
    return arrays


def _sorted_in_time(sample: Sample) -> Sample:
    time = np.asarray(sample.time, np.float64)
    order = np.argsort(time, kind="stable")
    err = None if sample.err is None else sample.err[:, order].astype(np.float32)
    limit = None if sample.limit is None else sample.limit[:, order]
    return Sample(sample.x[:, order].astype(np.float32), err, limit, time[order])
