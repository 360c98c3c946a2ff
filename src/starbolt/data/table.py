"""Catalogues: the keyword arguments are the words of `data.*` with `data=table`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from starbolt.archives.reading.vectors import each
from starbolt.archives.tables import TableArchive
from starbolt.data.augment import TableAugment
from starbolt.data.module import ObjectDataModule
from starbolt.data.objects import Objects, named, packed


class TableDataModule(ObjectDataModule):
    """Catalogue columns as inputs.

    path: a table file, several (a list, or a pattern such as "cat_*.fits"), or a table in memory (astropy, pandas,
    pyarrow, dict of arrays). test_path: the same of test rows. id: column that names each object (default: the row
    number). features: columns to use (default: every number that has no other role), exclude: columns not to use;
    a vector column stands for all its elements, flux_3 for one. names: column names where the header lacks them.
    table: HDU or HDF5 group. where: condition on rows. missing: sentinel values, such as [99, -99]. colours: pairs to
    subtract. zero: {column: number} subtracted in double precision. errors: {feature: column of its one-sigma errors}.
    limits: {feature: column that says where it is an upper or lower limit}. asinh_magnitudes: {flux: softening, in its
    unit}, turned into magnitudes; zero_point: of one unit [mag], where the column's own unit does not tell.
    noise: see TableAugment. common: words that all data modules have, see ObjectDataModule.
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
        errors: Mapping[str, str] | None = None,
        limits: Mapping[str, str] | None = None,
        asinh_magnitudes: Mapping[str, float] | None = None,
        zero_point: float | None = None,
        noise: float = 0.0,
        batch_size: int = 256,
        **common: Any,
    ) -> None:
        super().__init__(batch_size=batch_size, **common)
        self.save_hyperparameters(ignore=["path", "test_path", "split"], logger=False)
        named(path, "data.path=FILE")
        if noise and not errors:
            raise ValueError(f"data.noise={noise} is in units of the errors; name them with data.errors={{u: err_u}}")
        self.augment = {"table": TableAugment(noise=noise)} if noise else {}
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
            zero=_mapping("zero", zero, "{jd: 2450000}"),
            errors=_mapping("errors", errors, "{u: err_u}"),
            limits=_mapping("limits", limits, "{u: is_limit_u}"),
            asinh_magnitudes=_mapping("asinh_magnitudes", asinh_magnitudes, "{flux: 0.5}, its softening"),
            zero_point=zero_point,
        )

    def fetch(self) -> Objects:
        objects = packed(self.archive, self.progress, self.cache)
        self.excluded = tuple(each(self.excluded, objects.catalogue.column_names))
        return objects


def _mapping(word: str, given: Mapping[str, Any] | None, example: str) -> dict[str, Any]:
    if given is not None and not isinstance(given, Mapping):
        raise ValueError(f"data.{word}={given} pairs nothing; say what belongs to each column, as in {example}")
    return dict(given or {})
