"""Cut-outs made on the fly from large mosaics, by sky position and size, reading only the part needed.

A cut-out is what astropy's `Cutout2D(mode="partial")` gives; what lies beyond the mosaic's edge is NaN, unmeasured.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from glob import glob, has_magic
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from astropy.io.fits import HDUList, Header
from astropy.nddata.utils import overlap_slices

from starbolt.archives.base import PART
from starbolt.archives.fits.odd import UnfitError, plane_of
from starbolt.archives.reading.columns import numbers
from starbolt.archives.reading.paths import columns_of, located, named_file
from starbolt.archives.stamps.cutouts import side_by_side
from starbolt.archives.stamps.footprints import Tile, depth, images_of, opened, pixel, quietly_reading, state, tile_of
from starbolt.archives.stamps.pixels import Hdu, Picture, floating, joined
from starbolt.archives.stamps.quality import Quality


@dataclass(frozen=True)
class Mosaics:
    """Where the mosaics are. entries: paths, glob patterns, columns or "{field}.fits" patterns, one per band.

    roots: folder of each part, see PART. ra, dec: columns of the position [deg, ICRS]. size: [pixels].
    hdu, quality, card: as of `Cutouts`. Of several mosaics that hold a position the one is cut whose edge is furthest.
    """

    entries: Sequence[str]
    roots: dict[str, str]
    ra: str
    dec: str
    size: int = 1
    hdu: Hdu = None
    quality: Quality = field(default_factory=Quality)
    card: str = ""

    def columns(self) -> list[str]:
        """The catalogue columns needed: those that the entries name, and the position."""
        return [*(name for entry in self.entries for name in _columns(entry)), self.ra, self.dec]

    def picture(self, row: dict[str, Any]) -> Picture:
        """All bands around one position, [C, size, size]; ValueError where no mosaic holds it or one is damaged."""
        parts = [self._cut(entry, row) for entry in self.entries]
        if len(parts) == 1:
            return parts[0]
        return side_by_side([_band(entry) for entry in self.entries], parts)

    def place(self, row: dict[str, Any]) -> list[str]:
        """What errors call the cut-outs of a row."""
        return [f"{entry} at {self.ra}={row[self.ra]} {self.dec}={row[self.dec]}" for entry in self.entries]

    def header(self, row: dict[str, Any]) -> Header:
        """The header of the first band's (first) mosaic."""
        path = self._paths(self.entries[0], row)[0]
        with quietly_reading(path):
            return images_of(opened(path, state(path)), self.hdu)[0].header

    def files(self, catalogue: pa.Table) -> list[str]:
        """The paths of all mosaics that the catalogue's rows may need."""
        return list(dict.fromkeys(path for entry in self.entries for path, _ in self._groups(entry, catalogue)))

    def inside(self, catalogue: pa.Table) -> np.ndarray:
        """bool [N]: the objects that lie in a mosaic of every band; ValueError naming the first where none does."""
        ra, dec = (numbers(catalogue, name) for name in (self.ra, self.dec))
        everywhere = np.ones(len(ra), bool)
        for entry in self.entries:
            inside = np.zeros(len(ra), bool)
            for path, rows in self._groups(entry, catalogue):
                inside[rows] |= depth(tile_of(path, self.hdu, state(path)), ra[rows], dec[rows]) >= 0
            if not inside.any():
                raise ValueError(self._outside(entry, ra, dec, ~inside))
            everywhere &= inside
        return everywhere

    def _outside(self, entry: str, ra: np.ndarray, dec: np.ndarray, wrong: np.ndarray) -> str:
        row = int(np.argmax(wrong))
        return (
            f"row {row} ({self.ra}={ra[row]:.6g}, {self.dec}={dec[row]:.6g} deg) lies in no mosaic {entry!r}, like "
            f"{int(wrong.sum())} of {len(ra)} objects in all; leave them out with data.where=, or add mosaics"
        )

    def _groups(self, entry: str, catalogue: pa.Table) -> list[tuple[str, np.ndarray]]:
        """Each mosaic that an entry names, with the rows of the catalogue that may lie in it."""
        wanted = dict.fromkeys(name for name in (*_columns(entry), PART) if name in catalogue.column_names)
        rows = catalogue.select(list(wanted)).to_pylist() if wanted else [{}] * catalogue.num_rows
        places: dict[tuple, list[int]] = {}
        for i, row in enumerate(rows):
            places.setdefault(tuple(row.items()), []).append(i)
        return [(path, np.array(at)) for key, at in places.items() for path in self._paths(entry, dict(key))]

    def _paths(self, entry: str, row: dict[str, Any]) -> list[str]:
        """The mosaics of a row; FileNotFoundError where there is none."""
        name = os.path.expanduser(entry if _is_path(entry) else str(named_file(entry, row)))
        return _matching(name, self.roots[row.get(PART) or "train"], entry)

    def _cut(self, entry: str, row: dict[str, Any]) -> Picture:
        ra, dec = (np.array([np.nan if row[name] is None else float(row[name])]) for name in (self.ra, self.dec))
        tiles = [tile_of(path, self.hdu, state(path)) for path in self._paths(entry, row)]
        depths = [depth(tile, ra, dec)[0] for tile in tiles]
        best = int(np.argmax(depths))
        if depths[best] < 0:
            raise ValueError(self._outside(entry, ra, dec, np.array([True])))
        return self._around(tiles[best], *(float(v[0]) for v in pixel(tiles[best], ra, dec)))

    def _around(self, tile: Tile, x: float, y: float) -> Picture:
        """The cut-out about a pixel position; the part of it that the mosaic has, in a frame of NaN."""
        large, small = overlap_slices(tile.shape, (self.size, self.size), (y, x), mode="partial")
        picture, *beside = self._read(tile, large)
        part = self.quality.applied(picture, [each.pixels for each in beside], tile.path)
        err = None if part.err is None else _framed(part.err, small, self.size)
        return part._replace(pixels=_framed(part.pixels, small, self.size), err=err)

    def _read(self, tile: Tile, where: tuple[slice, slice]) -> list[Picture]:
        """Rows and columns of the image, and of the masks and errors beside it."""
        with quietly_reading(tile.path):
            hdus = opened(tile.path, state(tile.path))
            return [self._picture(hdus, hdu, where, tile.shape) for hdu in (self.hdu, *self.quality.hdus)]

    def _picture(self, hdus: HDUList, hdu: Hdu, where: tuple[slice, slice], shape: tuple[int, int]) -> Picture:
        images = images_of(hdus, hdu)
        if odd := next((image for image in images if image.shape[-2:] != shape), None):
            sizes = ("x".join(map(str, size)) for size in (odd.shape, shape))
            raise UnfitError("HDU {!r} is {}, the image {}".format(odd.name, *sizes))
        parts = [np.asarray(image.section[(..., *where)]) for image in images]
        first = hdus[0].header
        return joined([plane_of(i, part, first, self.card) for i, part in zip(images, parts, strict=True)], hdu)


def _framed(part: np.ndarray, where: tuple[slice, slice], size: int) -> np.ndarray:
    part = floating(part)
    out = np.full((len(part), size, size), np.nan, part.dtype)
    out[:, where[0], where[1]] = part
    return out


@lru_cache(1024)
def _matching(name: str, root: str, entry: str) -> list[str]:
    for path in (name, os.path.join(root, name)):
        if os.path.exists(path):
            return [path]
        if found := sorted(glob(path)):
            return found
    if has_magic(name):
        raise FileNotFoundError(f"no mosaic matches {name!r}, here or in {root!r} (data.mosaic, data.root)")
    return [located(name, root, entry)]


def _is_path(entry: str) -> bool:
    """A path or a glob pattern, neither a column nor a pattern of columns."""
    return "{" not in entry and ("." in entry or "/" in entry or has_magic(entry))


def _columns(entry: str) -> list[str]:
    return [] if _is_path(entry) else columns_of(entry)


def _band(entry: str) -> str:
    """What a path says beside its wildcards: "tiles/*_g.fits" is g."""
    return re.sub(r"[*?]|\[[^]]*\]", "", Path(entry).name).split(".")[0].strip("_- ") if _is_path(entry) else entry
