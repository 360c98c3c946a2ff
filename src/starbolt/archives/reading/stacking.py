"""Tables one below the other, as one: a column that one lacks is null there, and no type or unit changes in silence."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa

from starbolt.archives.reading.columns import TableError, unit


def below(tables: Sequence[pa.Table], places: Sequence[object]) -> pa.Table:
    """All rows of all tables, in order; integers widen, integers and fractions become float64.

    places: what a sentence calls each table, usually its file. Raises TableError where a column has types that do not
    go together, or units that differ.
    """
    if len(tables) == 1:
        return tables[0]
    _refuse_units(tables, places)
    try:
        return pa.concat_tables(tables, promote_options="permissive")
    except pa.ArrowException:
        tables = [_without_types_of_nothing(table) for table in tables]
    try:
        return _typed(pa.concat_tables(tables, promote_options="permissive"))
    except pa.ArrowException as error:
        raise _clash(tables, places) or TableError(f"{places[0]} and the rest do not fit together ({error})") from error


def _without_types_of_nothing(table: pa.Table) -> pa.Table:
    """A column of nothing but nulls goes with any type."""
    for i, field in enumerate(table.schema):
        if table.column(i).null_count == table.num_rows:
            table = table.set_column(i, field.with_type(pa.null()), pa.chunked_array([pa.nulls(table.num_rows)]))
    return table


def _typed(table: pa.Table) -> pa.Table:
    fields = [field.with_type(pa.float64()) if pa.types.is_null(field.type) else field for field in table.schema]
    return table.cast(pa.schema(fields))


def _clash(tables: Sequence[pa.Table], places: Sequence[object]) -> TableError | None:
    """The first column whose pieces do not go together, in a sentence."""
    for name in tables[0].column_names:
        for table, place in zip(tables[1:], places[1:], strict=True):
            pair = [tables[0].select([name]), table.select([name] if name in table.column_names else [])]
            try:
                pa.concat_tables(pair, promote_options="permissive")
            except pa.ArrowException:
                first, other = (each.schema.field(name).type for each in pair)
                return TableError(f"column '{name}' is {first} in {places[0]} but {other} in {place}")
    return None


def _refuse_units(tables: Sequence[pa.Table], places: Sequence[object]) -> None:
    seen: dict[str, tuple[str, object]] = {}
    for table, place in zip(tables, places, strict=True):
        for name in table.column_names:
            here = unit(table, name)
            first, where = seen.setdefault(name, (here, place)) if here else (here, place)
            if not _same_unit(first, here):
                raise TableError(f"column '{name}' is in {first} in {where} but in {here} in {place}; convert one")


def _same_unit(first: str, other: str) -> bool:
    if first == other:
        return True
    from astropy.units import Unit

    return bool(Unit(first, parse_strict="silent") == Unit(other, parse_strict="silent"))
