"""Upper and lower limits as catalogues write them: a column of flags, or a sign before the value such as "<21.5".

A limit is a measurement of its own kind; what was not observed is no point at all.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from starbolt.archives.reading.columns import TableError, column, numbers

SIGN = r"^\s*[<>]=?\s*"
LIMITS = ["<", ">", "<=", ">=", "true", "t", "yes", "y", "1"]
MEASURED = ["", "=", "false", "f", "no", "n", "0", "-", "--", "nan"]


def flags(table: pa.Table, name: str, where: object = "the table") -> np.ndarray:
    """bool [P]: True where the column is true, a number other than 0, or a sign "<" or ">".

    Missing is False. TableError with the first word that is neither.
    """
    values = column(table, name, where)
    if not pa.types.is_string(values.type):
        return np.nan_to_num(numbers(table, name, where)) != 0
    words = pc.utf8_lower(pc.utf8_trim_whitespace(pc.fill_null(values, "")))
    found = np.array(pc.is_in(words, pa.array(LIMITS)))
    strange = ~found & ~np.asarray(pc.is_in(words, pa.array(MEASURED)))
    rest = words.filter(pa.array(strange))
    try:
        found[strange] = np.nan_to_num(numbers(pa.table({name: rest}), name, where)) != 0
        return found
    except TableError:
        raise TableError(
            f"column '{name}' of {where} holds {rest[0].as_py()!r}, which is neither '<' or '>', true or false, nor a "
            "number (data.limit= names the column of limits)"
        ) from None


def signed(table: pa.Table, name: str, where: object = "the table") -> tuple[np.ndarray, np.ndarray | None]:
    """(float64 [P], bool [P]): the numbers of a column, and which of them stand behind a "<" or ">".

    None for the second where no sign occurs. TableError with the first value that is no number.
    """
    values = column(table, name, where)
    if not pa.types.is_string(values.type):
        return numbers(table, name, where), None
    found = pc.fill_null(pc.match_substring_regex(values, SIGN), False)
    if not pc.any(found).as_py():
        return numbers(table, name, where), None
    bare = pa.table({name: pc.replace_substring_regex(values, SIGN, "")})
    return numbers(bare, name, where), np.asarray(found)
