"""What store.json says of a store: modalities, channels, units, notes, sizes and checksums of its files."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

from starbolt.archives import Archive
from starbolt.store.chunks import Chunks, Facts
from starbolt.store.store import FORMAT, checksum


def describe(chunks: Chunks, facts: list[Facts], tally: Counter[str], sources: str) -> None:
    """Bring the spooled series of all chunks into place and write store.json.

    tally: what was left out. sources: states of the archive's files.
    """
    archive, modalities = chunks.archive, {}
    for name, form in chunks.forms.items():
        x = form.planes["x"].shape
        shape = [*x, chunks.finish(name, facts)] if form.series else [*x]
        kind = "series" if form.series else "image" if len(x) == 3 else "table"
        complete = all(each["parts"][name]["complete"] for each in facts)
        modalities[name] = {"kind": kind, "shape": shape, "complete": complete, **_names(archive, name, x[0])}
        modalities[name] |= _meaning(archive, kind)
    files = sorted(chunks.store.glob("*.arrow"))
    about = {
        "format": FORMAT,
        "archive": f"{type(archive).__module__}.{type(archive).__qualname__}",
        "rows": chunks.catalogue.num_rows,
        "id": archive.id,
        "notes": [*getattr(archive, "notes", ()), *(f"{what}: {count}" for what, count in tally.items() if count)],
        "modalities": modalities,
        "sources": sources,
        "sizes": {path.name: path.stat().st_size for path in files},
        "files": {path.name: checksum(path) for path in files},
    }
    (chunks.store / "store.json").write_text(json.dumps(about, indent=1))


def _names(archive: Archive, name: str, count: int) -> dict[str, list[str]]:
    """Channels and units of one modality; ValueError where it has more or fewer channels than names."""
    channels = list(_of(archive.channels, name))
    if len(channels) != count:
        raise ValueError(f"{name} has {count} channels, but is said to have {channels}")
    return {"channels": channels, "units": list(_of(archive.units, name) or [""] * count)}


def _meaning(archive: Archive, kind: str) -> dict[str, Any]:
    """What else must agree before a network may be applied to other data."""
    if kind == "series":
        return {"axis": archive.axis, "axis_unit": archive.axis_unit}
    return {"pixel_scale": archive.pixel_scale, "zero_point": archive.zero_point} if kind == "image" else {}


def _of(names: Any, modality: str) -> Any:
    return names.get(modality) if isinstance(names, dict) else names
