"""Pack an archive once: decode every object, in parallel, into Arrow files that training maps into memory.

A store is a folder named by the fingerprint of its sources and options. It is written aside and renamed when whole, so
a half-written store is never seen; one packer works at a time, others wait for it.
"""

from __future__ import annotations

import hashlib
import json
import multiprocessing
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from filelock import FileLock

from starbolt.archives import Archive, Dense, Ragged
from starbolt.store import layout
from starbolt.store.fingerprint import fingerprint
from starbolt.store.store import ID, Store

CHUNK = 64  # objects decoded by one task
FEW = 256  # below this many objects a pool of processes costs more than it saves

Progress = Callable[[int, int], None]


def pack(
    archive: Archive, *, cache: str | Path | None = None, workers: int = 0, progress: Progress | None = None
) -> Store:
    """The store of `archive`, made now unless a valid one is in the cache.

    cache: folder of stores (default $STARBOLT_CACHE, else the user's cache folder). workers: processes; 0 for one a
    core. progress: called with the objects done and in all.
    Raises ValueError where the archive is empty, ids repeat or objects do not fit together.
    """
    catalogue = archive.read()
    if catalogue.num_rows == 0:
        raise ValueError("the catalogue has no rows left; look at data.path and data.where")
    home = Path(cache) if cache else default_cache()
    home.mkdir(parents=True, exist_ok=True)
    name = fingerprint(archive, catalogue)
    with FileLock(home / f"{name}.lock"):
        if not Store.is_whole(home / name):
            _write_aside(home / name, archive, catalogue, workers, progress)
    return Store.open(home / name)


def default_cache() -> Path:
    """$STARBOLT_CACHE, else ~/.cache/starbolt (or what $XDG_CACHE_HOME says)."""
    if given := os.environ.get("STARBOLT_CACHE"):
        return Path(given)
    return Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "starbolt"


def _write_aside(folder: Path, archive: Archive, catalogue: pa.Table, workers: int, progress: Progress | None) -> None:
    aside = folder.with_name(f".{folder.name}.part")
    shutil.rmtree(aside, ignore_errors=True)
    aside.mkdir()
    try:
        _write(aside, archive, catalogue, workers, progress)
        shutil.rmtree(folder, ignore_errors=True)
        aside.rename(folder)
    except OSError as error:
        shutil.rmtree(aside, ignore_errors=True)
        if error.errno == 28:
            raise ValueError(
                f"no space left while packing into {folder.parent}; set STARBOLT_CACHE to a larger disk"
            ) from None
        raise
    except BaseException:
        shutil.rmtree(aside, ignore_errors=True)
        raise


def _write(folder: Path, archive: Archive, catalogue: pa.Table, workers: int, progress: Progress | None) -> None:
    ids = object_ids(archive, catalogue)
    layout.write_table(folder / "catalogue.arrow", _scalars(catalogue).append_column(ID, pa.array(ids)))
    filler = _Filler(folder, catalogue.num_rows)
    for start, parts in _chunks(archive, catalogue, workers):
        filler.add(start, parts)
        if progress:
            progress(filler.done, catalogue.num_rows)
    modalities = filler.finish()
    for name, about in modalities.items():
        about["channels"] = list(_of(archive.channels, name))
        if len(about["channels"]) != about["shape"][0]:
            raise ValueError(f"{name} has {about['shape'][0]} channels, but is said to have {about['channels']}")
        about["units"] = list(_of(archive.units, name) or [""] * len(about["channels"]))
        about |= _meaning(archive, about["kind"])
    about = {
        "format": 1,
        "archive": f"{type(archive).__module__}.{type(archive).__qualname__}",
        "rows": catalogue.num_rows,
        "id": archive.id,
        "notes": list(getattr(archive, "notes", ())),
        "modalities": modalities,
        "files": {path.name: _checksum(path) for path in sorted(folder.glob("*.arrow"))},
    }
    (folder / "store.json").write_text(json.dumps(about, indent=1))


class _Filler:
    """Collects the chunks of each modality, in order, into its Arrow file."""

    def __init__(self, folder: Path, rows: int) -> None:
        self.folder, self.rows, self.done = folder, rows, 0
        self.views: dict[str, dict[str, np.ndarray]] = {}
        self.series: dict[str, list[Ragged]] = {}
        self.complete: dict[str, bool] = {}
        self.planes: dict[str, list[str]] | None = None  # of each modality, as the first objects have them

    def add(self, start: int, parts: dict[str, Dense | Ragged]) -> None:
        planes = {name: [p for p in layout.PLANES if getattr(part, p) is not None] for name, part in parts.items()}
        self.planes = self.planes or planes
        if planes != self.planes:
            raise ValueError(
                f"objects from row {start} on bring {planes}, the first ones {self.planes}; every object needs the "
                "same modalities, with errors and limits or without (all NaN where unmeasured)"
            )
        for name, part in parts.items():
            self.complete[name] = self.complete.get(name, True) and _all_finite(part.x)
            if isinstance(part, Ragged):
                self.series.setdefault(name, []).append(part)
                self.done = start + len(part.offsets) - 1
            else:
                self._fill(name, start, part)
                self.done = start + len(part.x)

    def _fill(self, name: str, start: int, part: Dense) -> None:
        if name not in self.views:
            self.views[name] = layout.write_dense(self.folder / f"{name}.arrow", self.rows, part)
        for plane, view in self.views[name].items():
            values = getattr(part, plane)
            if values.shape[1:] != view.shape[1:]:
                small, large = ("x".join(map(str, s[1:])) for s in (values.shape, view.shape))
                raise ValueError(
                    f"objects have different shapes ({small} and {large}); give data.size=PIXELS to crop or pad"
                )
            if not np.can_cast(values.dtype, view.dtype, "same_kind" if view.dtype.kind == "f" else "safe"):
                raise ValueError(f"objects from row {start} on hold {values.dtype}, the first ones {view.dtype}")
            view[start : start + len(values)] = values

    def finish(self) -> dict[str, dict[str, Any]]:
        about = {}
        for name, views in self.views.items():
            for view in views.values():
                view.flush()  # type: ignore[attr-defined]  # a memmap
            about[name] = self._about(name, "image" if views["x"].ndim == 4 else "table", views["x"].shape[1:])
        for name, parts in self.series.items():
            whole = _concatenate(parts)
            layout.write_ragged(self.folder / f"{name}.arrow", whole)
            longest = int(np.diff(whole.offsets).max())
            about[name] = self._about(name, "series", (whole.x.shape[1], longest))
        return about

    def _about(self, name: str, kind: str, shape: tuple[int, ...]) -> dict[str, Any]:
        return {"kind": kind, "shape": list(shape), "complete": self.complete[name]}


def object_ids(archive: Archive, catalogue: pa.Table) -> list[str]:
    """One string per object, all different; ValueError naming the first that repeats."""
    if archive.id is None:
        return [str(row) for row in range(catalogue.num_rows)]
    ids = [_plain(value) for value in catalogue[archive.id].to_pylist()]
    if len(set(ids)) < len(ids):
        unique, counts = np.unique(np.array(ids), return_counts=True)
        first = str(unique[np.argmax(counts > 1)])
        raise ValueError(
            f"the id {first!r} stands {counts.max()} times in column {archive.id!r}; each object needs one row "
            "(name another column with data.id=COLUMN, or rows that belong together with data.group=COLUMN)"
        )
    return ids


def _plain(value: Any) -> str:
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def _chunks(archive: Archive, catalogue: pa.Table, workers: int) -> Iterator[tuple[int, dict[str, Dense | Ragged]]]:
    if archive.whole:
        yield 0, archive.load_rows(catalogue)
        return
    starts = range(0, catalogue.num_rows, CHUNK)
    slices = (catalogue.slice(start, CHUNK) for start in starts)
    processes = workers or os.cpu_count() or 1
    if processes == 1 or catalogue.num_rows < FEW or sys.platform != "linux":
        yield from zip(starts, map(archive.load_rows, slices), strict=True)
        return
    with ProcessPoolExecutor(processes, mp_context=multiprocessing.get_context("fork")) as pool:
        yield from zip(starts, pool.map(archive.load_rows, slices), strict=True)


def _concatenate(parts: list[Ragged]) -> Ragged:
    if len(parts) == 1:
        return parts[0]
    ends = np.cumsum([0] + [part.offsets[-1] for part in parts])
    offsets = np.concatenate([[0]] + [part.offsets[1:] + end for part, end in zip(parts, ends, strict=False)])
    planes = {f.name: [getattr(part, f.name) for part in parts] for f in fields(Ragged) if f.name != "offsets"}
    joined = {name: None if values[0] is None else np.concatenate(values) for name, values in planes.items()}
    return Ragged(offsets.astype(np.int64), **joined)  # type: ignore[arg-type]


def _scalars(catalogue: pa.Table) -> pa.Table:
    simple = [f.name for f in catalogue.schema if not (pa.types.is_nested(f.type) or pa.types.is_binary(f.type))]
    return catalogue.select(simple)


def _all_finite(values: np.ndarray) -> bool:
    return values.dtype.kind != "f" or bool(np.isfinite(values).all())


def _meaning(archive: Archive, kind: str) -> dict[str, Any]:
    """What else must agree before a network may be applied to other data."""
    if kind == "series":
        return {"axis": archive.axis, "axis_unit": archive.axis_unit}
    return {"pixel_scale": archive.pixel_scale, "zero_point": archive.zero_point} if kind == "image" else {}


def _of(names: Any, modality: str) -> Any:
    return names.get(modality) if isinstance(names, dict) else names


def _checksum(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
