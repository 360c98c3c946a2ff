"""Catalogues: the keyword arguments are the words of `data.*` with `data=table`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from starbolt.archives.tables import TableArchive
from starbolt.data.module import ObjectDataModule, Objects, named, packed


class TableDataModule(ObjectDataModule):
    """Catalogue columns as inputs.

    path: a table file, or a table in memory (astropy, pandas, pyarrow, dict of arrays). test_path: a file of test rows.
    id: column that names each object (default: the row number).
    features: columns to use (default: every number that has no other role), exclude: columns not to use.
    names: column names where the header lacks them. table: HDU or HDF5 group. where: condition on rows.
    missing: sentinel values, such as [99, -99]. colours: pairs to subtract. zero: {column: number} subtracted in double
    precision. common: words that all data modules have, see ObjectDataModule.
    """

    def __init__(
        self,
        path: Any = None,
        *,
        test_path: Any = None,
        id: str | None = None,
        features: Sequence[str] = (),
        exclude: Sequence[str] = (),
        names: Sequence[str] = (),
        table: str | int | None = None,
        where: str | None = None,
        missing: Sequence[float] = (),
        colours: Sequence[Sequence[str]] = (),
        zero: Mapping[str, float] | None = None,
        batch_size: int = 256,
        **common: Any,
    ) -> None:
        super().__init__(batch_size=batch_size, **common)
        self.save_hyperparameters(ignore=["path", "test_path", "split"], logger=False)
        named(path, "data.path=FILE")
        self.excluded = tuple(exclude)
        roles = self.roles()
        self.archive = TableArchive(
            path,
            test_path=test_path,
            id=id,
            features=tuple(features),
            exclude=(*exclude, *roles),
            names=tuple(names),
            table=table,
            where=where,
            missing=tuple(missing),
            colours=tuple(tuple(pair) for pair in colours),
            zero=dict(zero or {}),
        )

    def fetch(self) -> Objects:
        return packed(self.archive, self.progress, self.cache)
