"""`starbolt pack`: decode data once into the memory-mapped store, and check every byte of it."""

from __future__ import annotations

import time
from typing import Any

from starbolt import build
from starbolt.compose import compose_data
from starbolt.data import MultimodalDataModule, ObjectDataModule
from starbolt.messages import bar, say
from starbolt.store import Store
from starbolt.store.pack import pack


def main(words: list[str]) -> None:
    """Pack the data that the words describe and say what was packed; the last line is the store's folder."""
    for module in single(build.data(compose_data(words))):
        began = time.time()
        store = pack(module.archive, cache=module.cache, progress=bar("packing"))
        fresh = (store.folder / "store.json").stat().st_mtime >= began
        if not fresh:  # else its checksums were taken a moment ago
            store.verify()
        describe(store, time.time() - began, fresh=fresh)


def single(data: ObjectDataModule) -> list[Any]:
    """The data modules that have an archive of their own: those that are joined, or the one itself."""
    return list(data.modules.values()) if isinstance(data, MultimodalDataModule) else [data]


def describe(store: Store, seconds: float, *, fresh: bool) -> None:
    """Objects, modalities, size on disk and time, then the folder."""
    size = sum(file.stat().st_size for file in store.folder.iterdir()) / 1e6
    say(f"{len(store)} objects")
    for name, modality in store.modalities.items():
        shape = "x".join(map(str, modality.shape))
        say(f"  {name:10} {modality.kind:6} {shape:12} {', '.join(modality.channels)}")
    for note in store.notes:
        say(f"note: {note}")
    say(f"{size:.1f} MB, {'packed' if fresh else 'packed before, found again and verified'} in {seconds:.1f} s")
    say(str(store.folder))
