"""How much each object counts in the loss: a column of weights, and the errors of the targets."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from starbolt.archives.reading.columns import numbers


def weights(
    catalogue: pa.Table, column: str | None, target_errors: Sequence[str] = (), *, applied: bool = False
) -> np.ndarray:
    """float32 [N] with mean 1: the column's values times `trust` of the targets' errors.

    applied: a checkpoint meets new objects, where a column that is absent counts as 1. ValueError for values that are
    missing or negative.
    """
    found = np.ones(catalogue.num_rows)
    here = [name for name in target_errors if not (applied and name not in catalogue.column_names)]
    if column and not (applied and column not in catalogue.column_names):
        found = numbers(catalogue, column)
        if not (np.isfinite(found).all() and (found >= 0).all()):
            raise ValueError(f"data.weight={column} has values that are missing or negative")
    for name in here:
        found = found * trust(numbers(catalogue, name), name)
    return (found / found.mean()).astype(np.float32)


def trust(err: np.ndarray, name: str) -> np.ndarray:
    """Weights [N] of targets with one-sigma errors err [N]: 1 / (err^2 + m^2), m the median error.

    The median stands for the scatter that errors do not know of: few very small errors must not rule the loss. An
    unknown error counts as twice the median. ValueError where none is positive.
    """
    known = np.isfinite(err) & (err > 0)
    if not known.any():
        raise ValueError(f"data.target_error={name} holds no positive error")
    middle = np.median(err[known])
    weights: np.ndarray = 1 / (np.where(known, err, 2 * middle) ** 2 + middle**2)
    return weights
