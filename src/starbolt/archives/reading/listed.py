"""Several files as one source, and many series as lists in the cells of one table."""

from __future__ import annotations

import glob
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from starbolt.archives.reading.catalogues import held


def paths_of(source: Any) -> list[str]:
    """The files that a path, a pattern with * ? or [, or a list of those names; none for a table in memory."""
    if isinstance(source, str | Path):
        path = str(Path(source).expanduser())
        return (sorted(glob.glob(path)) or [path]) if any(sign in path for sign in "*?[") else [path]
    return [path for each in source for path in paths_of(each)] if names_files(source) else []


def names_files(source: Any) -> bool:
    """Whether the source is a path or a list of paths."""
    several = isinstance(source, Sequence) and not isinstance(source, str) and len(source) > 0
    return isinstance(source, str | Path) or (several and all(isinstance(each, str | Path) for each in source))


def kept(source: Any) -> Any:
    """A table in memory as Arrow, whose content a fingerprint can follow; one or more paths as they are."""
    return (
        [str(path) for path in source] if not isinstance(source, str | Path) and names_files(source) else held(source)
    )


def cells(objects: pa.Table, points: pa.Table, counts: np.ndarray) -> pa.Table:
    """The objects [N] with each column of the points [P] as lists of counts [N]; names of objects come first."""
    offsets = pa.array(np.concatenate([[0], np.cumsum(counts)]).astype(np.int64))
    for field in points.schema:
        if field.name not in objects.column_names:
            values = points[field.name].combine_chunks()
            if isinstance(values, pa.ChunkedArray):  # an empty column has no chunk
                values = pa.concat_arrays(values.chunks) if values.num_chunks else pa.array([], field.type)
            lists = pa.LargeListArray.from_arrays(offsets, values)
            objects = objects.append_column(pa.field(field.name, lists.type, metadata=field.metadata), lists)
    return objects
