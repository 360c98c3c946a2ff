"""Chunks of objects: each decoded, held against the first ones, and written where it belongs, in any process.

Dense measurements go straight to their place in the store's file. Series, whose places depend on all lengths, go to a
spool of each process's own, and from there in order into the store's file when all are there.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from starbolt.archives import Archive, Dense, Ragged
from starbolt.store import layout
from starbolt.store.layout import Place, Plane, plane_of

Parts = dict[str, Dense | Ragged]
Facts = dict[str, Any]  # plain values, as the journal keeps them


@dataclass
class Form:
    """What every object of a modality brings: the planes, alike in type and shape."""

    series: bool
    planes: dict[str, Plane]

    @classmethod
    def of(cls, part: Dense | Ragged) -> Form:
        """The form of the first objects."""
        series = isinstance(part, Ragged)
        names = (*(("time",) if series else ()), *layout.PLANES)
        values = {name: plane for name in names if (plane := getattr(part, name)) is not None}
        return cls(series, {name: plane_of(plane) for name, plane in values.items()})

    @classmethod
    def from_plain(cls, about: Facts) -> Form:
        """From what `asdict` made of it."""
        return cls(about["series"], {name: Plane(d, tuple(shape)) for name, (d, shape) in about["planes"].items()})


@dataclass
class Chunks:
    """The objects of an archive, a slice of rows at a time.

    folder: holds the spools. store: holds the store's files. forms: of each modality, once the first objects are known.
    """

    folder: Path
    store: Path
    archive: Archive
    catalogue: pa.Table
    forms: dict[str, Form] = field(default_factory=dict)
    places: dict[str, dict[str, Place]] = field(default_factory=dict)

    def begin(self, parts: Parts) -> None:
        """Learn from the first objects what all of them bring, and lay out the dense files."""
        self.forms = {name: Form.of(part) for name, part in parts.items()}
        for name, form in self.forms.items():
            if not form.series:
                layout.lay_out_dense(self.file(name), self.catalogue.num_rows, form.planes)

    def file(self, name: str) -> Path:
        """The store's file of a modality."""
        return self.store / f"{name}.arrow"

    def load(self, start: int, stop: int) -> tuple[Parts, dict[str, int]]:
        """Decode rows start to stop; what they bring, and what was left out of them."""
        before = dict(self.archive.tally)
        parts = self.archive.load_rows(self.catalogue.slice(start, stop - start))
        left_out = {what: count - before.get(what, 0) for what, count in self.archive.tally.items()}
        return parts, {what: count for what, count in left_out.items() if count}

    def pack(self, start: int, stop: int) -> Facts:
        """Decode rows start to stop and write them."""
        return self.write(start, stop, *self.load(start, stop))

    def write(self, start: int, stop: int, parts: Parts, tally: dict[str, int]) -> Facts:
        """Write decoded rows; ValueError where they do not fit the first ones."""
        self._refuse_unlike(start, parts)
        facts = {}
        for name, part in parts.items():
            complete = part.x.dtype.kind != "f" or bool(np.isfinite(part.x).all())
            facts[name] = {"complete": complete}
            if isinstance(part, Ragged):
                facts[name] |= self._spool(name, part)
            else:
                self._fill(name, start, part)
        return {"start": start, "stop": stop, "parts": facts, "tally": tally}

    def finish(self, name: str, facts: list[Facts]) -> int:
        """Bring the spooled series of all chunks, in order, into the store's file; the length of the longest."""
        spooled = [each["parts"][name] for each in facts]
        counts = [each["stop"] - each["start"] for each in facts]
        lengths = np.concatenate([self._spooled_lengths(*each) for each in zip(spooled, counts, strict=True)])
        offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
        layout.lay_out_ragged(self.file(name), offsets, self.forms[name].planes)
        found, point = layout.places(self.file(name)), 0
        with self.file(name).open("r+b") as file:
            for each, count in zip(spooled, counts, strict=True):
                for plane, values in self._spooled(name, each, count):
                    found[plane].fill(file, point, values)
                point += each["points"]
        return int(lengths.max())

    def stand(self, facts: Iterable[Facts]) -> bool:
        """Whether all that the chunks wrote is still there."""
        spools = [p for each in facts for p in each["parts"].values() if "spool" in p]
        dense = (self.file(name) for name, form in self.forms.items() if not form.series)
        sizes = {path.name: path.stat().st_size for path in self.folder.glob("*.spool")}
        return all(path.exists() for path in dense) and all(sizes.get(p["spool"], 0) >= p["end"] for p in spools)

    def _spool(self, name: str, part: Ragged) -> Facts:
        """Append lengths, then the planes one after the other, to this process's spool."""
        path = self.folder / f"{name}.{os.getpid()}.spool"
        with path.open("ab") as file:
            begin = file.seek(0, os.SEEK_END)
            file.write(np.diff(part.offsets).astype(np.int64).data)
            for plane, (dtype, _) in self.forms[name].planes.items():
                file.write(np.ascontiguousarray(getattr(part, plane), dtype).data)
            return {"spool": path.name, "begin": begin, "end": file.tell(), "points": len(part.time)}

    def _spooled_lengths(self, at: Facts, count: int) -> np.ndarray:
        return np.fromfile(self.folder / at["spool"], np.int64, count, offset=at["begin"])

    def _spooled(self, name: str, at: Facts, count: int) -> Iterable[tuple[str, np.ndarray]]:
        with (self.folder / at["spool"]).open("rb") as file:
            file.seek(at["begin"] + 8 * count)
            for plane, (dtype, shape) in self.forms[name].planes.items():
                yield plane, np.fromfile(file, dtype, at["points"] * int(np.prod(shape))).reshape(-1, *shape)

    def _fill(self, name: str, start: int, part: Dense) -> None:
        if name not in self.places:
            self.places[name] = layout.places(self.file(name))
        with self.file(name).open("r+b") as file:
            for plane, place in self.places[name].items():
                place.fill(file, start, getattr(part, plane))

    def _refuse_unlike(self, start: int, parts: Parts) -> None:
        forms = {name: Form.of(part) for name, part in parts.items()}
        here, first = ({name: list(form.planes) for name, form in each.items()} for each in (forms, self.forms))
        if here != first:
            raise ValueError(
                f"objects from row {start} on bring {here}, the first ones {first}; every object needs the "
                "same modalities, with errors and limits or without (all NaN where unmeasured)"
            )
        for name, form in forms.items():
            for plane, (dtype, shape) in form.planes.items():
                _refuse_unlike_first(start, Plane(dtype, shape), self.forms[name].planes[plane])


def size(part: Dense | Ragged) -> int:
    """Bytes of all planes."""
    return sum(plane.nbytes for plane in vars(part).values() if plane is not None)


def _refuse_unlike_first(start: int, here: Plane, first: Plane) -> None:
    if here.shape != first.shape:
        small, large = ("x".join(map(str, plane.shape)) for plane in (here, first))
        raise ValueError(f"objects have different shapes ({small} and {large}); give data.size=PIXELS to crop or pad")
    kind = np.dtype(first.dtype).kind
    if not np.can_cast(here.dtype, first.dtype, "same_kind" if kind == "f" else "safe"):
        names = [np.dtype(plane.dtype).name for plane in (here, first)]
        raise ValueError(f"objects from row {start} on hold {names[0]}, the first ones {names[1]}")
