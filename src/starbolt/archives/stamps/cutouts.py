"""The image files of one object: found by column, by pattern or in the table's own cells, and joined band by band."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from astropy.io.fits import Header

from starbolt.archives.base import PART
from starbolt.archives.reading.paths import columns_of, files_named, located, named_file
from starbolt.archives.stamps.pixels import Hdu, Picture, floating, named
from starbolt.archives.stamps.quality import Quality
from starbolt.archives.stamps.skyscale import read_header


@dataclass(frozen=True)
class Cutouts:
    """Where the files are. entries: columns or patterns, one per band; roots: folder of each part, see PART.

    hdu: of the images; quality: which pixels of them count. card: header keyword with a number wanted of each.
    """

    entries: Sequence[str]
    roots: dict[str, str]
    hdu: Hdu = None
    quality: Quality = field(default_factory=Quality)
    card: str = ""

    def columns(self) -> list[str]:
        """The catalogue columns that the entries name."""
        return [name for entry in self.entries for name in columns_of(entry)]

    def picture(self, row: dict[str, Any]) -> Picture:
        """All bands of one object, [C, H, W]; ValueError or FileNotFoundError naming the file and the way out."""
        parts = [self._read(entry, row) for entry in self.entries]
        shapes = [part.pixels.shape[1:] for part in parts]
        if len(set(shapes)) > 1:
            raise ValueError(f"the bands {', '.join(self.place(row))} have different shapes {shapes}")
        return parts[0] if len(parts) == 1 else side_by_side(self.entries, parts)

    def header(self, row: dict[str, Any]) -> Header:
        """The header of the first image of the first band."""
        return read_header(*self._source(self.entries[0], row))

    def files(self, catalogue: pa.Table) -> list[str]:
        """The paths of all rows' files; of files in cells none."""
        return files_named(self.entries, self.roots, catalogue)

    def place(self, row: dict[str, Any]) -> list[str]:
        """What errors call the files of a row."""
        return [self._source(entry, row)[2] for entry in self.entries]

    def _read(self, entry: str, row: dict[str, Any]) -> Picture:
        try:
            return self.quality.read(*self._source(entry, row), self.card)
        except FileNotFoundError:
            located(named_file(entry, row), self._root(row), entry)  # tells what is there instead
            raise

    def _source(self, entry: str, row: dict[str, Any]) -> tuple[str | bytes, Hdu, str]:
        value = named_file(entry, row)
        if isinstance(value, bytes):
            known = next((f"{k}={v}" for k, v in row.items() if v is not None and not isinstance(v, bytes)), "a row")
            return value, self.hdu, f"'{entry}' of {known}"
        path = os.path.join(self._root(row), os.path.expanduser(str(value)))
        return path, self.hdu, path

    def _root(self, row: dict[str, Any]) -> str:
        return self.roots[row.get(PART) or "train"]


def resized(images: np.ndarray, size: int) -> np.ndarray:
    """[..., H, W] cropped or padded with NaN about the centre to [..., size, size]; integers become float."""
    if images.dtype.kind != "f":
        images = floating(images)
    out = np.full((*images.shape[:-2], size, size), np.nan, images.dtype)
    (to_y, from_y), (to_x, from_x) = (_overlap(length, size) for length in images.shape[-2:])
    out[..., to_y, to_x] = images[..., from_y, from_x]
    return out


def _overlap(length: int, size: int) -> tuple[slice, slice]:
    """Where the centred piece goes in `size` pixels, and where it comes from in `length`."""
    piece = min(length, size)
    to, start = (size - piece) // 2, (length - piece) // 2
    return slice(to, to + piece), slice(start, start + piece)


def side_by_side(entries: Sequence[str], parts: Sequence[Picture]) -> Picture:
    """The pictures of several bands as one [C, H, W], channels called after the bands."""
    names = [name for entry, part in zip(entries, parts, strict=True) for name in _channels(entry, part)]
    units = tuple(unit for part in parts for unit in part.units)
    cards = tuple(value for part in parts for value in part.card)
    errs = [part.err for part in parts if part.err is not None]
    err = np.concatenate(errs) if errs else None
    return Picture(np.concatenate([part.pixels for part in parts]), tuple(names), units, err, cards)


def _channels(entry: str, part: Picture) -> tuple[str, ...]:
    """Bands are called after their column, or after what a pattern says beside its columns: "{id}_g.fits" is g."""
    if "{" in entry:
        name = Path(re.sub(r"\{[^}]*\}", "", entry)).name.split(".")[0].strip("_- ")
    else:
        name = entry.split(".")[0]
    return named(name or "image", len(part.channels))
