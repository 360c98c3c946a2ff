"""Dates at which parts of a split in time begin."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

UNIX_MJD = 40587.0  # the MJD [d] of 1970-01-01


def number_of(date: float | str) -> float:
    """A date as a number: numbers as they are, ISO dates as MJD [d]; ValueError for anything else."""
    try:
        return float(date)
    except ValueError:
        pass
    try:
        micro = np.datetime64(str(date).strip().removesuffix("Z").replace(" ", "T"), "us").astype(np.int64)
    except ValueError:
        raise ValueError(
            f"split.dates holds {date!r}, which is neither a number nor an ISO date such as 2018-03-01"
        ) from None
    return float(micro) / 86400e6 + UNIX_MJD


def by_dates(time: np.ndarray, dates: Sequence[float], column: str) -> np.ndarray:
    """Parts [N] by times [N] and the dates from which on objects (validate and) test, "" where the time is unknown.

    ValueError where the dates are not one or two in order, or leave nothing to train or test.
    """
    if len(dates) > 2 or sorted(dates) != list(dates):
        raise ValueError(f"split.dates={list(dates)} must be one date (of test) or two in order (val, test)")
    names = np.array(["train", "val", "test"] if len(dates) == 2 else ["train", "test"])
    parts = np.where(np.isnan(time), "", names[np.searchsorted(dates, time, side="right")])
    for name in ("train", "test"):
        if not (parts == name).any() and np.isfinite(dates[-1]):
            raise ValueError(
                f"split.dates={list(dates)} leaves no object for {name}; column {column!r} runs from "
                f"{np.nanmin(time):.10g} to {np.nanmax(time):.10g}"
            )
    return parts


def dates_between(
    time: np.ndarray, fractions: Sequence[float], kept: np.ndarray | None, column: str
) -> tuple[float, float]:
    """The times from which on objects validate and test, so that train, val and test have their fractions.

    time: [N], NaN where unknown. kept: parts [N] of an earlier split or None; its dates go on to hold.
    ValueError where no time is known.
    """
    known = np.sort(time[np.isfinite(time)])
    if len(known) == 0:
        raise ValueError(f"split=time: column {column!r} holds no time; name another with split.column=COLUMN")
    train, val, _ = fractions
    places = np.round(np.cumsum([train, val]) * len(known)).astype(int)
    first = [float(known[place]) if place < len(known) else np.inf for place in places]
    if kept is not None and (kept == "test").any():
        first[1] = float(np.nanmin(time[kept == "test"]))
        first[0] = float(np.nanmin(time[kept == "val"], initial=first[1]))
    return first[0], first[1]
