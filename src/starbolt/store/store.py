"""Open a packed store: a catalogue and the measurements of each modality, as views on memory-mapped files."""

from __future__ import annotations

import hashlib
import json
import mmap
import os
import sys
import zlib
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import pyarrow as pa

from starbolt.archives import Dense, Ragged
from starbolt.store import layout

FORMAT = 3
PIECE = 1 << 22  # bytes of a file that one checksum covers
AHEAD = 1 << 17  # bytes that one request of reading ahead may ask for
ID = "starbolt_id"  # catalogue column of a store: the name of each object, as a string


@dataclass(frozen=True)
class Modality:
    """One modality of a store: what it is, and its numbers.

    kind: "table", "image" or "series"; shape: of one object, (C, T) with T the longest for series.
    complete: True where every number is finite. axis, axis_unit, pixel_scale, zero_point: see Archive.
    path: the file that `data` maps.
    """

    kind: str
    channels: tuple[str, ...]
    units: tuple[str, ...]
    shape: tuple[int, ...]
    complete: bool
    data: Dense | Ragged
    axis: str = "time"
    axis_unit: str = "d"
    pixel_scale: float | None = None
    zero_point: float | None = None
    path: Path | None = None

    @property
    def nbytes(self) -> int:
        """Bytes of all planes."""
        return sum(plane.nbytes for plane in vars(self.data).values() if plane is not None)

    def announce(self, rows: np.ndarray) -> None:
        """Have the kernel read sorted objects [n] ahead, neighbours in one sweep; returns when all are asked for."""
        if self.path is None or sys.platform != "linux" or not len(rows):
            return
        breaks = np.flatnonzero(np.diff(rows) > 1)  # objects that other parts of the split own are not read
        firsts, lasts = rows[np.r_[0, breaks + 1]], rows[np.r_[breaks, len(rows) - 1]] + 1
        if isinstance(self.data, Ragged):
            firsts, lasts = self.data.offsets[firsts], self.data.offsets[lasts]
        with self.path.open("rb") as file:
            for place in layout.places(self.path).values():
                _will_need(file.fileno(), place, firsts, lasts)


@dataclass(frozen=True)
class Store:
    """A packed archive: `catalogue` with one row per object, `modalities` by name, `notes` made while reading."""

    folder: Path
    catalogue: pa.Table
    modalities: dict[str, Modality]
    notes: tuple[str, ...] = ()
    id: str | None = None
    sources: str = ""  # states of the archive's files when it was packed, see `fingerprint.states`

    @classmethod
    def open(cls, folder: str | Path) -> Store:
        """Map a store into memory; ValueError where it is damaged or none.

        Where a file was written since, all are compared with their checksums.
        """
        folder = Path(folder)
        damaged = f"{folder} is no packed store, or a damaged one; delete it and pack again"
        if not cls.is_whole(folder):
            raise ValueError(damaged)
        about = json.loads((folder / "store.json").read_text())
        try:
            modalities = {name: _open_modality(folder, name, m) for name, m in about["modalities"].items()}
            catalogue = layout.read_table(folder / "catalogue.arrow")
        except (pa.ArrowException, LookupError, OSError):
            raise ValueError(damaged) from None
        store = cls(folder, catalogue, modalities, tuple(about["notes"]), about["id"], about["sources"])
        if any(_date(folder / name) > _date(folder / "store.json") for name in about["files"]):  # it was written last
            store.verify()
            with suppress(OSError):  # a store of somebody else's is compared every time
                os.utime(folder / "store.json")
        return store

    @staticmethod
    def is_whole(folder: str | Path) -> bool:
        """Whether the folder holds a finished store whose files are all there, in their full size."""
        try:
            about = json.loads((Path(folder) / "store.json").read_text())
            sizes = {name: (Path(folder) / name).stat().st_size for name in about["files"]}
        except (OSError, ValueError):
            return False
        return about.get("format") == FORMAT and sizes == about["sizes"]

    def verify(self) -> None:
        """Read every file and compare its checksum; ValueError naming the first that differs."""
        for name, packed in json.loads((self.folder / "store.json").read_text())["files"].items():
            if checksum(self.folder / name) != packed:
                raise ValueError(f"{self.folder / name} differs from what was packed; delete {self.folder}, pack again")

    @cached_property
    def ids(self) -> np.ndarray:
        """Name of each object, as strings [N]."""
        return self.catalogue[ID].to_numpy().astype(str)

    @property
    def fingerprint(self) -> str:
        """The name that the sources and options gave this store."""
        return self.folder.name

    def __len__(self) -> int:
        return self.catalogue.num_rows


def _date(path: Path) -> int:
    return path.stat().st_mtime_ns


def _will_need(file: int, place: layout.Place, firsts: np.ndarray, lasts: np.ndarray) -> None:
    size = place.item
    starts, stops = place.offset + firsts * size, place.offset + lasts * size
    near = np.flatnonzero(starts[1:] - stops[:-1] >= AHEAD)  # a small gap is read too
    for start, stop in zip(starts[np.r_[0, near + 1]], stops[np.r_[near, len(stops) - 1]], strict=True):
        for begin in range(int(start), int(stop), AHEAD):  # the kernel reads this much of each request, no more
            os.posix_fadvise(file, begin, min(AHEAD, int(stop) - begin), os.POSIX_FADV_WILLNEED)


def checksum(path: Path) -> str:
    """SHA-256 of the CRC-32s of a file's pieces of PIECE bytes, in hexadecimal digits; the cores share the pieces."""
    if not path.stat().st_size:
        return hashlib.sha256().hexdigest()
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        whole = memoryview(content)
        with whole, ThreadPoolExecutor(os.cpu_count()) as threads:
            sums = threads.map(lambda start: zlib.crc32(whole[start : start + PIECE]), range(0, len(whole), PIECE))
            return hashlib.sha256(b"".join(each.to_bytes(4, "big") for each in sums)).hexdigest()


def _open_modality(folder: Path, name: str, about: dict) -> Modality:
    read = layout.read_ragged if about["kind"] == "series" else layout.read_dense
    channels, units, shape = (tuple(about[key]) for key in ("channels", "units", "shape"))
    more = {key: about[key] for key in ("axis", "axis_unit", "pixel_scale", "zero_point") if key in about}
    path = folder / f"{name}.arrow"
    return Modality(about["kind"], channels, units, shape, about["complete"], read(path), **more, path=path)
