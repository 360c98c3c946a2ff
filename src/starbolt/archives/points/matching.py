"""Observations find their object: by its id, or as lists in the object's own row; conditions find their table."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from starbolt.archives.points.lists import has_lists, knows
from starbolt.archives.points.measured import Points
from starbolt.archives.points.observations import Observations
from starbolt.archives.reading.columns import TableError, column, nearest
from starbolt.archives.reading.conditions import Term
from starbolt.archives.reading.where import where as rows_where


class Named(NamedTuple):
    """A table and what sentences call it."""

    table: pa.Table
    name: str


@dataclass
class Observed:
    """The objects that a condition keeps, and their points: `owner` counts the objects, `band` counts `bands`.

    observations: the table the points were read from. told: see Observations.read.
    lost: rows of observations that belong to no object.
    """

    objects: pa.Table
    observations: pa.Table
    points: Points
    bands: list[str]
    told: str
    lost: int = 0


def in_cells(roles: Observations, table: Named, terms: Sequence[Term]) -> Observed:
    """The points in the lists of each object's own row; conditions on list columns keep points."""
    is_list = {name: knows(table.table, name) and has_lists(table.table, name) for t in terms for name in t.names}
    of_points, of_objects = split_terms(
        terms,
        lambda name: is_list[name],
        lambda name: knows(table.table, name) and not is_list[name],
        table.table.column_names,
    )
    rows = np.arange(table.table.num_rows)
    found = _matched(replace(roles, terms=of_points), table, table, rows, of_objects)
    return replace(
        found, objects=found.objects.drop_columns([n for n in roles.columns() if n in table.table.column_names])
    )


def by_id(roles: Observations, table: Named, objects: Named | None, id: str, terms: Sequence[Term]) -> Observed:
    """The observations of each object with the same id; without objects, of every id there is."""
    ids = column(table.table, id, table.name)
    known = objects or Named(pa.table({id: pc.drop_null(pc.unique(ids))}), table.name)
    of_points, of_objects = split_terms(
        terms,
        lambda name: knows(table.table, name),
        lambda name: objects is not None and knows(known.table, name),
        [*table.table.column_names, *known.table.column_names],
    )
    owner = owners(ids, column(known.table, id, known.name), id, known.name)
    return _matched(replace(roles, terms=of_points), table, known, owner, of_objects)


def split_terms(
    terms: Sequence[Term], of_points: Callable[[str], bool], of_objects: Callable[[str], bool], names: Sequence[str]
) -> tuple[list[Term], list[Term]]:
    """(conditions on points, conditions on objects); a name that both have counts as the objects'.

    TableError for a part that names columns of both, or of neither (`names` are those there are).
    """
    for term in terms:
        unknown = [name for name in term.names if not of_points(name) and not of_objects(name)]
        if unknown:
            raise TableError(f"data.where names '{unknown[0]}', which no table has; {nearest(unknown[0], names)}")
        if not all(map(of_points, term.names)) and not all(map(of_objects, term.names)):
            raise TableError(
                f"data.where='{term.text}' mixes columns of observations and of objects; "
                "write one condition for each and join them with &"
            )
    objects = [term for term in terms if all(map(of_objects, term.names))]
    return [term for term in terms if term not in objects], objects


def meeting(terms: Sequence[Term], objects: Named) -> np.ndarray:
    """bool [N]: the objects that meet every condition."""
    keep = np.ones(objects.table.num_rows, bool)
    for term in terms:
        keep &= rows_where(objects.table, term.text, objects.name)
    return keep


def owners(observed: pa.ChunkedArray, ids: pa.ChunkedArray, id: str, where: object) -> np.ndarray:
    """int64 [P]: for each observation the row of its object among `ids` [N], -1 where it is not there.

    TableError where an id stands twice in the catalogue, which sentences call `where`.
    """
    observed, ids = _alike(observed, ids)
    counts = pc.value_counts(ids)
    twice = counts.filter(pc.greater(counts.field("counts"), 1))
    if len(twice):
        value, count = twice[0].as_py().values()
        raise TableError(
            f"the id {value!r} stands {count} times in column '{id}' of {where}; each object needs one row"
        )
    place = pc.index_in(observed, value_set=ids.combine_chunks(), skip_nulls=True)
    return np.asarray(pc.fill_null(place, -1), np.int64)


def places(keep: np.ndarray) -> np.ndarray:
    """int64 [N + 1]: each object's number among the kept ones, -1 for the others and (at the end) for none."""
    return np.append(np.where(keep, np.cumsum(keep) - 1, -1), -1)


def _matched(roles: Observations, table: Named, objects: Named, owner: np.ndarray, terms: Sequence[Term]) -> Observed:
    """The points of the kept objects, given the object's row for each row of `table`."""
    points, bands, told = roles.read(table.table, table.name)
    keep = meeting(terms, objects)
    points.owner = places(keep)[owner[points.owner]]
    lost = int((owner < 0).sum())
    kept = objects.table.filter(pa.array(keep))
    return Observed(kept, table.table, points.pick(points.owner >= 0), bands, told, lost)


def _alike(left: pa.ChunkedArray, right: pa.ChunkedArray) -> tuple[pa.ChunkedArray, pa.ChunkedArray]:
    """Both as one type: as they are, as numbers where both are, as text otherwise."""
    if left.type == right.type:
        return left, right
    whole = pa.types.is_integer(left.type) and pa.types.is_integer(right.type)
    text = pa.types.is_string(left.type) or pa.types.is_string(right.type)
    kind = pa.int64() if whole else pa.string() if text else pa.float64()
    return left.cast(kind), right.cast(kind)
