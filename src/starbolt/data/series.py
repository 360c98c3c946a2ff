"""Light curves: the keyword arguments are the words of `data.*` with `data=series`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from starbolt.archives.points.snana import ROLES, is_snana
from starbolt.archives.series import SeriesArchive
from starbolt.data.augment import SeriesAugment
from starbolt.data.cuts import Cut, checked_day, is_number, least_of
from starbolt.data.module import ObjectDataModule, scaling_of
from starbolt.data.objects import Objects, named, packed


class SeriesDataModule(ObjectDataModule):
    """Light curves, or other series of any length.

    observations: table with a row per point (file, or in memory), or with lists in its cells. objects: table with a row
    per object. id: the column that joins them. time, value, error, limit, band: columns of the observations; with lists
    per band {band: column}. bands: which, in which order. One file per object: root, file (column or pattern), names.
    objects may also be SNANA's HEAD files, whose columns are known. nightly: merge the points of a night into one step,
    with a value and a mask per band (a number shifts the night's beginning [d]). period, epoch: columns of objects (or
    a number for epoch) that fold time to phase. bin: merge to bins of this width, in the unit of time, or of phase.
    where: conditions on observations keep points, on object columns objects.
    until: keep the points up to so long [unit of time] after the first detection in any band, and those before it.
    detection: value over error of a detection; null: every measured point that is no limit, as it is in magnitudes.
    context: object columns that go to the network beside the series. drop, noise, early: see SeriesAugment.
    per_object: as for images. common: words of all data, see ObjectDataModule.
    """

    def __init__(
        self,
        observations: Any = None,
        *,
        objects: Any = None,
        test_observations: Any = None,
        test_objects: Any = None,
        id: str | None = None,
        time: Any = None,
        value: Any = None,
        error: Any = None,
        limit: Any = None,
        band: str | None = None,
        bands: Sequence[str] = (),
        nightly: bool | float = False,
        period: str | None = None,
        epoch: str | float = 0.0,
        bin: float | None = None,
        until: float | None = None,
        detection: float | None = 5.0,
        root: str | None = None,
        file: str | None = None,
        context: Sequence[str] = (),
        names: Sequence[str] = (),
        table: str | int | None = None,
        where: str | None = None,
        missing: Sequence[float] = (),
        per_object: bool | str = True,
        drop: float = 0.0,
        noise: float = 0.0,
        early: float = 0.0,
        batch_size: int = 64,
        **common: Any,
    ) -> None:
        super().__init__(batch_size=batch_size, **common)
        self.scaling = scaling_of(per_object)
        self.until, self.detection, self.early = until, detection, early
        _refuse_unclear(until, detection, early, period)
        self.shown = SeriesAugment(early=early, drop=drop, noise=noise, absolute=period is not None)
        self.augment = {"series": self.shown}
        self.save_hyperparameters(
            ignore=["observations", "objects", "test_observations", "test_objects", "split"], logger=False
        )
        named(observations if observations is not None else objects, "data.observations=FILE or data.objects=FILE")
        roles = {"id": id, "time": _plain(time), "value": _plain(value), "error": _plain(error), "band": band}
        if is_snana(objects if objects is not None else observations):
            roles = ROLES | {role: columns for role, columns in roles.items() if columns is not None}
        named(roles["time"], "data.time=COLUMN")
        named(roles["value"], "data.value=COLUMN")
        self.archive = SeriesArchive(
            observations,
            objects,
            test_observations=test_observations,
            test_objects=test_objects,
            limit=_plain(limit),
            bands=tuple(bands),
            nightly=nightly,
            period=period,
            epoch=epoch,
            bin=bin,
            root=root,
            file=file,
            context=tuple(context),
            names=tuple(names),
            table=table,
            where=where,
            missing=tuple(missing),
            **roles,
        )

    def fetch(self) -> Objects:
        objects = packed(self.archive, self.progress, self.cache)
        series = objects.sources["series"]
        if series.modality.axis != "time":
            return objects
        self.shown.least = least_of(series.modality.units, self.detection)
        cut = Cut(self.until, self.shown.least, self.early > 0)
        return objects._replace(sources=objects.sources | {"series": replace(series, cut=cut)})


def _plain(columns: Any) -> Any:
    return dict(columns) if isinstance(columns, Mapping) else columns


def _refuse_unclear(until: Any, detection: Any, early: Any, period: str | None) -> None:
    """ValueError where a curve would not know where to end."""
    if until is not None:
        checked_day(until)
    if detection is not None and not (is_number(detection) and detection > 0):
        raise ValueError(f"data.detection={detection} is no value over error: give a positive number, or null")
    if not (is_number(early) and 0 <= early <= 1):
        raise ValueError(f"data.early={early} is no share of the training curves: give a number from 0 to 1")
    if period and (early or until is not None):
        word = f"data.early={early}" if until is None else f"data.until={until}"
        raise ValueError(f"{word} counts days, and data.period={period} folds them to phase; leave one of them out")
