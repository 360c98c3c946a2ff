"""Times as float64 numbers: numbers as they are, dates as modified Julian days."""

from __future__ import annotations

import warnings

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from starbolt.archives.reading.columns import TableError, column, numbers

UNIX_MJD = 40587.0  # the MJD [d] of 1970-01-01
DAY = 86400e6  # [microseconds]


def times(table: pa.Table, name: str, where: object = "the table") -> tuple[np.ndarray, str]:
    """(float64 [P], unit): the column's own numbers with unit "", or the MJD [d] of dates and ISO texts with unit "d".

    NaN where missing. TableError with the first value that is neither.
    """
    values = column(table, name, where)
    if pa.types.is_timestamp(values.type) or pa.types.is_date(values.type):
        return _mjd(values), "d"
    if not pa.types.is_string(values.type):
        return numbers(table, name, where), ""
    try:
        return numbers(table, name, where), ""
    except TableError:
        return _from_iso(values, name, where), "d"


def time_unit(has: str) -> str:
    """The unit of time that a column's unit means, spelled as astropy does; "d" where it says none."""
    from astropy import units

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # old spellings
        known = units.Unit(has, parse_strict="silent")
    return known.to_string() if known.physical_type == "time" else "d"


def days(width: float, unit: str) -> float:
    """A width [d] in another unit of time."""
    from astropy import units

    return width if unit == "d" else float(units.Unit("d").to(unit, width))


def _from_iso(values: pa.ChunkedArray, name: str, where: object) -> np.ndarray:
    text = pc.replace_substring_regex(pc.utf8_trim_whitespace(values), "Z$", "")
    try:
        return _mjd(pc.cast(text, pa.timestamp("us")))
    except pa.ArrowInvalid as error:
        said = str(error).split("'")
        value = said[1] if len(said) > 2 else said[0]
        raise TableError(
            f"column '{name}' of {where} holds {value!r} where a time is needed: a number or an ISO date "
            "(data.time= names the column)"
        ) from None


def _mjd(values: pa.ChunkedArray) -> np.ndarray:
    micro = pc.cast(pc.cast(values, pa.timestamp("us"), safe=False), pa.int64())
    return np.asarray(pc.fill_null(pc.cast(micro, pa.float64(), safe=False), np.nan)) / DAY + UNIX_MJD
