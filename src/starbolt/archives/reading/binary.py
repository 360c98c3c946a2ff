"""Tables in FITS and VOTable; `table` is the name or number of one table where the file holds several."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa

from starbolt.archives.fits.checksums import verify
from starbolt.archives.fits.opened import opened
from starbolt.archives.reading.arrow import from_astropy
from starbolt.archives.reading.columns import TableError
from starbolt.archives.reading.parquet import Wanted
from starbolt.archives.reading.picking import pick


def read_fits(path: Path, table: str | int | None = None, wanted: Wanted = lambda field: True) -> pa.Table:
    """A binary or ASCII table extension, by name or HDU number, else the first; TNULL and NaN become null.

    Raises TableError where CHECKSUM or DATASUM say that the file is damaged.
    """
    with opened(path) as (hdus, data):
        return _fits_table(hdus, data, table, path)


def _fits_table(hdus: Any, data: Any, table: str | int | None, path: Path) -> pa.Table:
    from astropy.io.fits import BinTableHDU, TableHDU
    from astropy.table import Table

    numbered = {i: hdu for i, hdu in enumerate(hdus) if isinstance(hdu, (BinTableHDU, TableHDU))}
    if not numbered:
        raise TableError(f"{path} holds no table, only images")
    if table is None:
        table = next(iter(numbered))
    named = {hdu.name or str(i): hdu for i, hdu in numbered.items()}
    hdu = numbered[table] if isinstance(table, int) and table in numbered else pick(named, str(table), path)
    _verify(data, path, [i for i, each in numbered.items() if each is hdu])
    if not len(hdu.columns):
        raise TableError(f"the table {hdu.name!r} of {path} has no columns; is it damaged?")
    return from_astropy(Table.read(hdu, format="fits"))


def _verify(data: Any, path: Path, numbers: list[int]) -> None:
    try:
        verify(data, str(path), numbers)
    except ValueError as error:
        raise TableError(str(error)) from None


def read_votable(path: Path, table: str | int | None = None, wanted: Wanted = lambda field: True) -> pa.Table:
    """A TABLE of a VOTable, by name, ID or number from 0; the columns are called by their names, not their IDs."""
    from astropy.io.votable import parse

    tables = {t.name or t.ID or str(i): t for i, t in enumerate(parse(path, verify="ignore").iter_tables())}
    return from_astropy(pick(tables, table, path).to_table(use_names_over_ids=True))
