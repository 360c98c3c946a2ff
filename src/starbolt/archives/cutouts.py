"""The image files of one object: found by column, by pattern or in the table's own cells, and joined band by band."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from starbolt.archives.base import PART
from starbolt.archives.paths import columns_of, located, named_file
from starbolt.archives.pixels import Hdu, Picture, named, read_picture


@dataclass(frozen=True)
class Cutouts:
    """Where the files are. entries: columns or patterns, one per band; roots: folder of each part, see PART."""

    entries: Sequence[str]
    roots: dict[str, str]
    hdu: Hdu

    def columns(self) -> list[str]:
        """The catalogue columns that the entries name."""
        return [name for entry in self.entries for name in columns_of(entry)]

    def picture(self, row: dict[str, Any]) -> Picture:
        """All bands of one object, [C, H, W]; ValueError or FileNotFoundError naming the file and the way out."""
        parts = [read_picture(*self._source(entry, row)) for entry in self.entries]
        if len(parts) == 1:
            return parts[0]
        shapes = [part.pixels.shape[1:] for part in parts]
        if len(set(shapes)) > 1:
            raise ValueError(f"the bands {', '.join(self.place(row))} have different shapes {shapes}")
        names = [name for entry, part in zip(self.entries, parts, strict=True) for name in _channels(entry, part)]
        units = tuple(unit for part in parts for unit in part.units)
        return Picture(np.concatenate([part.pixels for part in parts]), tuple(names), units)

    def place(self, row: dict[str, Any]) -> list[str]:
        """What errors call the files of a row."""
        return [self._source(entry, row)[2] for entry in self.entries]

    def _source(self, entry: str, row: dict[str, Any]) -> tuple[str | bytes, Hdu, str]:
        value = named_file(entry, row)
        if isinstance(value, bytes):
            known = next((f"{k}={v}" for k, v in row.items() if v is not None and not isinstance(v, bytes)), "a row")
            return value, self.hdu, f"'{entry}' of {known}"
        path = located(value, self.roots[row.get(PART) or "train"], entry)
        return path, self.hdu, path


def resized(images: np.ndarray, size: int) -> np.ndarray:
    """[..., H, W] cropped or padded with NaN about the centre to [..., size, size]; integers become float."""
    if images.dtype.kind != "f":
        images = images.astype(np.float16 if images.dtype.itemsize == 1 else np.float32)
    out = np.full((*images.shape[:-2], size, size), np.nan, images.dtype)
    (to_y, from_y), (to_x, from_x) = (_overlap(length, size) for length in images.shape[-2:])
    out[..., to_y, to_x] = images[..., from_y, from_x]
    return out


def _overlap(length: int, size: int) -> tuple[slice, slice]:
    """Where the centred piece goes in `size` pixels, and where it comes from in `length`."""
    piece = min(length, size)
    to, start = (size - piece) // 2, (length - piece) // 2
    return slice(to, to + piece), slice(start, start + piece)


def _channels(entry: str, part: Picture) -> tuple[str, ...]:
    """Bands are called after their column, or after what a pattern says beside its columns: "{id}_g.fits" is g."""
    if "{" in entry:
        name = Path(re.sub(r"\{[^}]*\}", "", entry)).name.split(".")[0].strip("_- ")
    else:
        name = entry.split(".")[0]
    return named(name or "image", len(part.channels))
