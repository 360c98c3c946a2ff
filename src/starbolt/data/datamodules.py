"""The data modules that users name: tables, images, series, and an archive of one's own.

Their keyword arguments are the words of `data.*` on the command line.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from starbolt.archives import Archive
from starbolt.archives.images import ImageArchive
from starbolt.archives.series import SeriesArchive
from starbolt.archives.tables import TableArchive
from starbolt.data.augment import ImageAugment, SeriesAugment
from starbolt.data.module import ObjectDataModule, Objects, packed
from starbolt.data.splits import Column, Splitter


class TableDataModule(ObjectDataModule):
    """Catalogue columns as inputs.

    path: a table file, or a table in memory (astropy, pandas, pyarrow, dict of arrays). test_path: a file of test rows.
    target: column(s) to learn. id: column that names each object (default: the row number).
    features: columns to use (default: every number that has no other role), exclude: columns not to use.
    names: column names where the header lacks them. table: HDU or HDF5 group. where: condition on rows.
    missing: sentinel values, such as [99, -99]. log, asinh: columns so transformed. colours: pairs to subtract.
    zero: {column: number} subtracted in double precision. classes, min_count: choose, merge and drop classes.
    weight: column of weights in the loss. group: column; its rows stay on one side of a split.
    """

    def __init__(
        self,
        path: Any = None,
        *,
        test_path: Any = None,
        target: str | Sequence[str] | None = None,
        id: str | None = None,
        features: Sequence[str] = (),
        exclude: Sequence[str] = (),
        names: Sequence[str] = (),
        table: str | int | None = None,
        where: str | None = None,
        missing: Sequence[float] = (),
        log: Sequence[str] = (),
        asinh: Sequence[str] = (),
        colours: Sequence[Sequence[str]] = (),
        zero: Mapping[str, float] | None = None,
        classes: Sequence[Any] = (),
        min_count: int = 0,
        weight: str | None = None,
        group: str | None = None,
        split: Splitter | None = None,
        batch_size: int = 256,
        seed: int = 0,
        cache: str | None = None,
    ) -> None:
        super().__init__(
            target=target,
            classes=classes,
            min_count=min_count,
            weight=weight,
            group=group,
            split=split,
            batch_size=batch_size,
            seed=seed,
            log=log,
            asinh=asinh,
            cache=cache,
        )
        self.save_hyperparameters(ignore=["path", "test_path", "split"], logger=False)
        named(path, "data.path=FILE")
        roles = [*self.targets, weight, group, split.column if isinstance(split, Column) else None]
        self.archive = TableArchive(
            path,
            test_path=test_path,
            id=id,
            features=tuple(features),
            exclude=(*exclude, *(role for role in roles if role)),
            names=tuple(names),
            table=table,
            where=where,
            missing=tuple(missing),
            colours=tuple(tuple(pair) for pair in colours),
            zero=dict(zero or {}),
        )

    def fetch(self) -> Objects:
        return packed(self.archive, self.progress, self.cache)


class ImageDataModule(ObjectDataModule):
    """Cut-outs named by a catalogue.

    catalogue: table with a row per image (file, or in memory). file: column with the file name, a list of columns (one
    file per band), a pattern such as "{objid}.fits", or with stack= the row-number column. root: folder of the files.
    stack: one NPY, NPZ or HDF5 file holding all images. hdu: FITS extension(s). size: pixels to crop or pad to.
    context: catalogue columns that go to the network beside the image. symmetries, shift, noise: see ImageAugment.
    per_object: false, true or both: scale by the training set, by each image itself, or both side by side.
    Other words: see TableDataModule.
    """

    def __init__(
        self,
        catalogue: Any = None,
        *,
        test_catalogue: Any = None,
        target: str | Sequence[str] | None = None,
        id: str | None = None,
        file: str | Sequence[str] | None = None,
        root: str = "",
        stack: Any = None,
        hdu: Any = 0,
        size: int | None = None,
        context: Sequence[str] = (),
        names: Sequence[str] = (),
        table: str | int | None = None,
        where: str | None = None,
        missing: Sequence[float] = (),
        asinh: Sequence[str] = (),
        log: Sequence[str] = (),
        per_object: bool | str = False,
        symmetries: bool = True,
        shift: int = 0,
        noise: float = 0.0,
        classes: Sequence[Any] = (),
        min_count: int = 0,
        weight: str | None = None,
        group: str | None = None,
        split: Splitter | None = None,
        batch_size: int = 64,
        seed: int = 0,
        cache: str | None = None,
    ) -> None:
        super().__init__(
            target=target,
            classes=classes,
            min_count=min_count,
            weight=weight,
            group=group,
            split=split,
            batch_size=batch_size,
            seed=seed,
            log=log,
            asinh=asinh,
            per_object=per_object,
            augment={"image": ImageAugment(symmetries=symmetries, shift=shift, noise=noise)},
            cache=cache,
        )
        self.save_hyperparameters(ignore=["catalogue", "test_catalogue", "stack", "split"], logger=False)
        named(catalogue, "data.catalogue=FILE")
        self.archive = ImageArchive(
            catalogue,
            test_catalogue=test_catalogue,
            id=id,
            file=file if isinstance(file, str) or file is None else tuple(file),
            root=root,
            stack=stack,
            hdu=hdu if isinstance(hdu, int | str) or hdu is None else tuple(hdu),
            size=size,
            context=tuple(context),
            names=tuple(names),
            table=table,
            where=where,
            missing=tuple(missing),
        )

    def fetch(self) -> Objects:
        return packed(self.archive, self.progress, self.cache)


class SeriesDataModule(ObjectDataModule):
    """Light curves, or other series of any length.

    observations: table with a row per point (file, or in memory), or with lists in its cells. objects: table with a row
    per object. id: the column that joins them. time, value, error, limit, band: columns of the observations; with lists
    per band {band: column}. bands: which, in which order. One file per object: root, file (column or pattern), names.
    nightly: merge the points of a night into one step, with a value and a mask per band (a number shifts the night's
    beginning [d]). where: conditions on observations keep points, on object columns objects.
    context: object columns that go to the network beside the series. drop, noise: see SeriesAugment.
    per_object: as for images. Other words: see TableDataModule.
    """

    def __init__(
        self,
        observations: Any = None,
        *,
        objects: Any = None,
        test_observations: Any = None,
        test_objects: Any = None,
        target: str | Sequence[str] | None = None,
        id: str | None = None,
        time: Any = None,
        value: Any = None,
        error: Any = None,
        limit: Any = None,
        band: str | None = None,
        bands: Sequence[str] = (),
        nightly: bool | float = False,
        root: str | None = None,
        file: str | None = None,
        context: Sequence[str] = (),
        names: Sequence[str] = (),
        table: str | int | None = None,
        where: str | None = None,
        missing: Sequence[float] = (),
        asinh: Sequence[str] = (),
        log: Sequence[str] = (),
        per_object: bool | str = True,
        drop: float = 0.0,
        noise: float = 0.0,
        classes: Sequence[Any] = (),
        min_count: int = 0,
        weight: str | None = None,
        group: str | None = None,
        split: Splitter | None = None,
        batch_size: int = 64,
        seed: int = 0,
        cache: str | None = None,
    ) -> None:
        super().__init__(
            target=target,
            classes=classes,
            min_count=min_count,
            weight=weight,
            group=group,
            split=split,
            batch_size=batch_size,
            seed=seed,
            log=log,
            asinh=asinh,
            per_object=per_object,
            augment={"series": SeriesAugment(drop=drop, noise=noise)},
            cache=cache,
        )
        self.save_hyperparameters(
            ignore=["observations", "objects", "test_observations", "test_objects", "split"], logger=False
        )
        named(observations if observations is not None else objects, "data.observations=FILE or data.objects=FILE")
        named(time, "data.time=COLUMN")
        named(value, "data.value=COLUMN")
        self.archive = SeriesArchive(
            observations,
            objects,
            test_observations=test_observations,
            test_objects=test_objects,
            id=id,
            time=_plain(time),
            value=_plain(value),
            error=_plain(error),
            limit=_plain(limit),
            band=band,
            bands=tuple(bands),
            nightly=nightly,
            root=root,
            file=file,
            context=tuple(context),
            names=tuple(names),
            table=table,
            where=where,
            missing=tuple(missing),
        )

    def fetch(self) -> Objects:
        return packed(self.archive, self.progress, self.cache)


class ArchiveDataModule(ObjectDataModule):
    """Any Archive, such as one of your own. The words are those of TableDataModule; augment: {modality: Augment}."""

    def __init__(
        self,
        archive: Archive,
        *,
        target: str | Sequence[str] | None = None,
        log: Sequence[str] = (),
        asinh: Sequence[str] = (),
        per_object: bool | str = False,
        augment: Mapping[str, Any] | None = None,
        classes: Sequence[Any] = (),
        min_count: int = 0,
        weight: str | None = None,
        group: str | None = None,
        split: Splitter | None = None,
        batch_size: int = 64,
        seed: int = 0,
        cache: str | None = None,
    ) -> None:
        super().__init__(
            target=target,
            classes=classes,
            min_count=min_count,
            weight=weight,
            group=group,
            split=split,
            batch_size=batch_size,
            seed=seed,
            log=log,
            asinh=asinh,
            per_object=per_object,
            augment=dict(augment or {}),
            cache=cache,
        )
        self.archive = archive

    def fetch(self) -> Objects:
        return packed(self.archive, self.progress, self.cache)


class MultimodalDataModule(ObjectDataModule):
    """Several data modules joined by object id; the first one's catalogue, target and roles count.

    modules: name -> data module. An object that a later module lacks is unmeasured there. group, weight, classes and
    the like are those of this module, not of the joined ones.
    """

    def __init__(
        self,
        modules: Mapping[str, ObjectDataModule],
        *,
        target: str | Sequence[str] | None = None,
        per_object: bool | str = False,
        log: Sequence[str] = (),
        asinh: Sequence[str] = (),
        classes: Sequence[Any] = (),
        min_count: int = 0,
        weight: str | None = None,
        group: str | None = None,
        split: Splitter | None = None,
        batch_size: int = 64,
        seed: int = 0,
        cache: str | None = None,
    ) -> None:
        augment: dict[str, Any] = {}
        for name, module in modules.items():
            augment |= {_joined(name, inner, module): change for inner, change in module.augment.items()}
        super().__init__(
            target=target,
            classes=classes,
            min_count=min_count,
            weight=weight,
            group=group,
            split=split,
            batch_size=batch_size,
            seed=seed,
            log=log,
            asinh=asinh,
            per_object=per_object,
            augment=augment,
            cache=cache,
        )
        self.modules = dict(modules)

    def fetch(self) -> Objects:
        fetched = {name: module.objects for name, module in self.modules.items()}
        first = next(iter(fetched.values()))
        place = {key: row for row, key in enumerate(first.ids)}
        sources = {}
        for name, objects in fetched.items():
            rows = np.full(len(first.ids), -1, np.int64)
            for row, key in enumerate(objects.ids):
                if key in place:
                    rows[place[key]] = row
            if not (rows >= 0).any():
                raise ValueError(f"no id of {name!r} is among those of the first data; look at the id columns")
            for inner, source in objects.sources.items():
                sources[_joined(name, inner, self.modules[name])] = replace(source, rows=rows)
        prints = "-".join(objects.fingerprint for objects in fetched.values())
        notes = tuple(note for objects in fetched.values() for note in objects.notes)
        return Objects(first.catalogue, first.ids, sources, prints, notes)


def _joined(name: str, inner: str, module: ObjectDataModule) -> str:
    return f"{name}_{inner}" if inner == "context" else name


def named(value: Any, words: str) -> None:
    """ValueError naming the words to type where a source is not given."""
    if value is None:
        raise ValueError(f"the data have no source; say {words}")


def _plain(columns: Any) -> Any:
    return dict(columns) if isinstance(columns, Mapping) else columns
