"""SNANA's pairs of FITS files: HEAD with a row per supernova, PHOT with the observations of all, one behind the other.

A pair is read as one table with lists in its cells. https://github.com/RickKessler/SNANA
"""

from __future__ import annotations

import re
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from starbolt.archives.reading.columns import TableError, numbers
from starbolt.archives.reading.files import read_table
from starbolt.archives.reading.listed import cells, paths_of
from starbolt.archives.reading.stacking import below

SEPARATOR = -777.0  # MJD of the row that ends each light curve
POINTERS = ("PTROBS_MIN", "PTROBS_MAX")
ROLES = {"id": "SNID", "time": "MJD", "value": "FLUXCAL", "error": "FLUXCALERR", "band": "BAND"}
NAME = re.compile(r"HEAD(\.FITS?(\.gz)?)$", re.IGNORECASE)


def is_snana(source: Any) -> bool:
    """Whether a path, pattern or list of them names HEAD files; nothing is opened."""
    named = paths_of(source)
    return bool(named) and all(NAME.search(path) for path in named)


def read_snana(source: Any) -> pa.Table:
    """One row per supernova of all HEAD files, with the PHOT columns as lists; FLT, the old name, is BAND too.

    TableError or FileNotFoundError naming the file.
    """
    paths = paths_of(source)
    return below([_pair(path) for path in paths], paths)


def _pair(path: str) -> pa.Table:
    head, phot = read_table(path), read_table(phot_of(path))
    missing = [name for name in POINTERS if name not in head.column_names]
    if missing:
        raise TableError(f"{path} has no column '{missing[0]}', so it is no HEAD file of SNANA")
    first, last = (numbers(head, name, path).astype(np.int64) for name in POINTERS)
    counts = np.maximum(last - first + 1, 0)
    if len(counts) and (last.max() > phot.num_rows or first[counts > 0].min(initial=1) < 1):
        raise TableError(f"PTROBS_MAX of {path} reaches to {last.max()}, the PHOT file has {phot.num_rows} rows")
    offsets = np.concatenate([[0], np.cumsum(counts)])
    rows = np.repeat(first - 1 - offsets[:-1], counts) + np.arange(offsets[-1])
    phot = phot.take(pa.array(rows))
    if "BAND" not in phot.column_names and "FLT" in phot.column_names:
        phot = phot.append_column("BAND", phot["FLT"])
    owner = np.repeat(np.arange(len(counts)), counts)
    keep = numbers(phot, "MJD", path) != SEPARATOR
    return cells(_stripped(head), phot.filter(pa.array(keep)), np.bincount(owner[keep], minlength=len(counts)))


def phot_of(path: str) -> str:
    """The PHOT file of a HEAD file: what the header's PHOTFILE says, else its name with PHOT for HEAD."""
    said = _said(path)
    names = [said, f"{said}.gz", NAME.sub(r"PHOT\1", Path(path).name)]
    found = [Path(path).with_name(name) for name in names if name and name != ".gz"]
    there = [file for file in found if file.exists()]
    if not there:
        raise FileNotFoundError(f"{path} needs its PHOT file, but there is no {found[0]}")
    return str(there[0])


def _said(path: str) -> str:
    """PHOTFILE of the header; "" without one, or where the file is damaged, which reading it will tell."""
    from starbolt.archives.fits.opened import opened

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with opened(Path(path)) as (hdus, _):
                return next((str(hdu.header["PHOTFILE"]).strip() for hdu in hdus if "PHOTFILE" in hdu.header), "")
    except Exception:  # astropy raises almost anything
        return ""


def _stripped(table: pa.Table) -> pa.Table:
    """Without the blanks that fill FITS strings."""
    for i, field in enumerate(table.schema):
        if pa.types.is_string(field.type):
            table = table.set_column(i, field, pc.utf8_trim_whitespace(table[field.name]))
    return table
