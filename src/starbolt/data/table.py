"""Catalogues: the keyword arguments are the words of `data.*` with `data=table`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from starbolt.archives.tables import TableArchive
from starbolt.data.module import ObjectDataModule, Objects, named, packed
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
        self.excluded = tuple(exclude)
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
