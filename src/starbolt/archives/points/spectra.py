"""Spectra that FITS files keep as images: beside a table (DESI), alone (one array per HDU), or with a linear or
logarithmic wavelength in the header (IRAF, LAMOST). All become a table with lists in its cells.

Words name columns; a word also finds the HDU of that name, and HDUs such as B_FLUX, R_FLUX, Z_FLUX for FLUX: the arms
of one spectrograph, put one behind the other. Where the header gives the wavelength, "wavelength" is computed from it,
"flux" is the first row of the array, and row0, row1, ... are its rows.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from starbolt.archives.reading.arrow import to_arrow
from starbolt.archives.reading.columns import TableError
from starbolt.archives.reading.files import read_table

Arrays = dict[str, tuple[np.ndarray, str]]  # (array [n] or [N, n], unit) by name
FITS = (".fits", ".fit", ".fts", ".fits.gz", ".fit.gz", ".fits.fz")


def read_spectra(
    path: str, wanted: Sequence[str], *, names: Sequence[str] = (), table: str | int | None = None
) -> pa.Table:
    """The table of a file, with columns that are `wanted` and not in it made of the file's images.

    TableError where an image fits neither the table nor the other images.
    """
    if not str(path).lower().endswith(FITS) or not Path(path).expanduser().is_file():
        return read_table(path, names=names, table=table)
    arrays, rows = _guarded(str(path), wanted, table)
    if not arrays:
        return read_table(path, names=names, table=table)
    base = read_table(path, names=names, table=rows) if rows is not None else None
    count = base.num_rows if base is not None else max([len(a) for a, _ in arrays.values() if a.ndim == 2], default=1)
    base = pa.table({"row": np.arange(count)}) if base is None else base
    for name, (array, unit) in arrays.items():
        if array.ndim == 2 and len(array) != count:
            raise TableError(
                f"'{name}' of {path} has {len(array)} spectra, another image or the table {count}; name data.table=HDU"
            )
        values = to_arrow(np.broadcast_to(array, (count, array.shape[-1])))
        base = base.append_column(pa.field(name, values.type, metadata={b"unit": unit.encode()}), values)
    return base


def _guarded(path: str, wanted: Sequence[str], table: Any) -> tuple[Arrays, int | None]:
    """What astropy raises about a damaged file, as one sentence."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            warnings.filterwarnings("error", ".*truncated")
            return _images(path, wanted, table)
    except (TableError, MemoryError):
        raise
    except Exception as error:
        reason = (str(error).strip() or type(error).__name__).split("\n")[0][:150]
        raise TableError(f"{path} cannot be read as FITS, is it damaged or cut short? ({reason})") from error


def _images(path: str, wanted: Sequence[str], table: Any) -> tuple[Arrays, int | None]:
    """(arrays by word, number of the HDU of the table beside them)."""
    from astropy.io import fits

    from starbolt.archives.fits.opened import opened

    with opened(Path(path)) as (hdus, _):
        tables = {i: hdu for i, hdu in enumerate(hdus) if isinstance(hdu, fits.BinTableHDU | fits.TableHDU)}
        if table is not None:
            tables = {i: hdu for i, hdu in tables.items() if table == i or str(table).upper() == hdu.name}
        in_tables = {name for hdu in tables.values() for name in hdu.columns.names}
        missing = [word for word in wanted if word not in in_tables]
        found = {word: arms for word in missing if (arms := [hdu for hdu in hdus if _named(hdu, word)])}
        if not found:
            alone = missing and not any(isinstance(hdu, fits.BinTableHDU | fits.TableHDU) for hdu in hdus)
            return (_from_header(hdus[0], missing, path) if alone else {}), None
        arrays = {word: _joined(arms) for word, arms in found.items()}
        if "wavelength" in missing and "wavelength" not in found:
            arms = next(iter(found.values()))
            grids = [grid(hdu.header, hdu.header["NAXIS1"], path) for hdu in arms]
            arrays["wavelength"] = np.concatenate(grids), "Angstrom"
        counts = {len(array) for array, _ in arrays.values() if array.ndim == 2}
        beside = [i for i, hdu in tables.items() if hdu.header["NAXIS2"] in counts or not counts]
        return arrays, next(iter(beside), None)


def _named(hdu: Any, word: str) -> bool:
    from astropy.io import fits

    image = isinstance(hdu, fits.ImageHDU | fits.PrimaryHDU | fits.CompImageHDU) and hdu.header.get("NAXIS", 0) > 0
    return image and (hdu.name == word.upper() or hdu.name.endswith(f"_{word.upper()}"))


def _joined(arms: Sequence[Any]) -> tuple[np.ndarray, str]:
    """The arrays of all arms, one behind the other, and their unit."""
    arrays = [_native(np.asarray(hdu.data)) for hdu in arms]
    return np.concatenate(arrays, axis=-1), str(arms[0].header.get("BUNIT", ""))


def _from_header(hdu: Any, wanted: Sequence[str], path: str) -> Arrays:
    """Wavelength and rows of an array whose header says where its pixels lie."""
    if hdu.data is None:
        raise TableError(f"{path} holds neither a table nor an image with the columns {', '.join(wanted)}")
    rows = _native(np.asarray(hdu.data))
    rows = rows.reshape(-1, rows.shape[-1])
    unit = str(hdu.header.get("BUNIT", ""))
    known = {"wavelength": (grid(hdu.header, rows.shape[-1], path), "Angstrom"), "flux": (rows[0], unit)}
    known |= {f"row{i}": (row, "") for i, row in enumerate(rows)}
    return {word: known[word] for word in wanted if word in known} or known


def grid(header: Any, pixels: int, path: str) -> np.ndarray:
    """float64 [pixels] wavelengths [Angstrom] from CRVAL1, CDELT1 or CD1_1, CRPIX1; logarithmic with DC-FLAG = 1, with
    CTYPE1 "WAVE-LOG" (natural) or from COEFF0 and COEFF1 as SDSS and LAMOST write them.

    TableError where the header has none, or another unit than one of length.
    """
    from starbolt.archives.points.wavelengths import scale

    place = np.arange(pixels) + 1 - float(header.get("CRPIX1", 1))
    if "COEFF0" in header and "COEFF1" in header:
        return 10 ** (header["COEFF0"] + header["COEFF1"] * np.arange(pixels))
    step = header.get("CDELT1", header.get("CD1_1"))
    if "CRVAL1" not in header or step is None:
        raise TableError(f"the header of {path} gives no wavelengths (CRVAL1 with CDELT1 or CD1_1, or COEFF0, COEFF1)")
    first, step = float(header["CRVAL1"]), float(header.get("CD1_1", step))
    if int(header.get("DC-FLAG", 0)) == 1 or str(header.get("CTYPE1", "")).upper() == "LOG10":
        return 10 ** (first + step * place)
    factor = scale(_unit(header), "CRVAL1", path)
    if str(header.get("CTYPE1", "")).upper().endswith("-LOG"):
        return first * np.exp(step * place / first) * factor
    return (first + step * place) * factor


def _unit(header: Any) -> str:
    """CUNIT1, with what IRAF calls it understood."""
    said = str(header.get("CUNIT1", "")).strip()
    return "" if said.lower() in ("", "angstroms", "angstrom", "pixel") else said


def _native(array: np.ndarray) -> np.ndarray:
    return array if array.dtype.isnative else array.astype(array.dtype.newbyteorder("="))
