"""Open a packed store: a catalogue and the measurements of each modality, as views on memory-mapped files."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import pyarrow as pa

from starbolt.archives import Dense, Ragged
from starbolt.store import layout

ID = "starbolt_id"  # catalogue column of a store: the name of each object, as a string


@dataclass(frozen=True)
class Modality:
    """One modality of a store: what it is, and its numbers.

    kind: "table", "image" or "series"; shape: of one object, (C, T) with T the longest for series.
    complete: True where every number is finite. axis, axis_unit, pixel_scale, zero_point: see Archive.
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


@dataclass(frozen=True)
class Store:
    """A packed archive: `catalogue` with one row per object, `modalities` by name, `notes` made while reading."""

    folder: Path
    catalogue: pa.Table
    modalities: dict[str, Modality]
    notes: tuple[str, ...] = ()
    id: str | None = None

    @classmethod
    def open(cls, folder: str | Path) -> Store:
        """Map a store into memory; ValueError where it is damaged or none."""
        folder = Path(folder)
        if not cls.is_whole(folder):
            raise ValueError(f"{folder} is no packed store, or a damaged one; delete it and pack again")
        about = json.loads((folder / "store.json").read_text())
        modalities = {name: _open_modality(folder, name, m) for name, m in about["modalities"].items()}
        catalogue = layout.read_table(folder / "catalogue.arrow")
        return cls(folder, catalogue, modalities, tuple(about["notes"]), about["id"])

    @staticmethod
    def is_whole(folder: str | Path) -> bool:
        """Whether the folder holds a finished store whose files are all there."""
        try:
            about = json.loads((Path(folder) / "store.json").read_text())
        except (OSError, ValueError):
            return False
        return about.get("format") == 1 and all((Path(folder) / name).is_file() for name in about["files"])

    def verify(self) -> None:
        """Read every file and compare its checksum; ValueError naming the first that differs."""
        for name, checksum in json.loads((self.folder / "store.json").read_text())["files"].items():
            with (self.folder / name).open("rb") as file:
                if hashlib.file_digest(file, "sha256").hexdigest() != checksum:
                    raise ValueError(
                        f"{self.folder / name} differs from what was packed; delete {self.folder}, pack again"
                    )

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


def _open_modality(folder: Path, name: str, about: dict) -> Modality:
    read = layout.read_ragged if about["kind"] == "series" else layout.read_dense
    channels, units, shape = (tuple(about[key]) for key in ("channels", "units", "shape"))
    more = {key: about[key] for key in ("axis", "axis_unit", "pixel_scale", "zero_point") if key in about}
    return Modality(about["kind"], channels, units, shape, about["complete"], read(folder / f"{name}.arrow"), **more)
