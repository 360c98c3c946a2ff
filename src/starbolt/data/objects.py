"""The objects of a data module: their catalogue and their measurements, packed and ready to gather."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from starbolt.archives.base import Archive
from starbolt.archives.reading.sentinels import USUAL, suspects
from starbolt.data.sources import Source
from starbolt.store.pack import Progress, pack
from starbolt.store.store import ID, Modality

PIECE = 65_536  # names that become Python's strings at once


class Objects(NamedTuple):
    """N objects as a data module fetched them: catalogue, a Source per modality, fingerprint, notes made."""

    catalogue: pa.Table
    sources: dict[str, Source]
    fingerprint: str
    notes: tuple[str, ...] = ()

    @property
    def ids(self) -> np.ndarray:
        """Name of each object, as strings [N]: four bytes a letter of the longest, made anew at every call."""
        names = self.catalogue[ID]
        longest = pc.max(pc.utf8_length(names)).as_py() or 1
        ids, place = np.empty(len(names), f"<U{longest}"), 0
        for batch in pa.table([names], ["id"]).to_batches(max_chunksize=PIECE):  # Python's strings are far larger
            ids[place : place + len(batch)] = batch["id"].to_numpy(zero_copy_only=False)
            place += len(batch)
        return ids

    def names(self, rows: np.ndarray | None) -> pa.Array:
        """The names of the objects in the given catalogue rows (None: of all), as Arrow has them."""
        column = self.catalogue[ID]
        return (column if rows is None else column.take(pa.array(rows, pa.int64()))).combine_chunks()


def packed(archive: Archive, progress: Progress | None, cache: str | None) -> Objects:
    """The objects of an archive, from its packed store."""
    store = pack(archive, cache=cache, progress=progress)
    sources = {name: Source(modality) for name, modality in store.modalities.items()}
    values = {name: modality for name, modality in store.modalities.items() if modality.kind != "image"}
    strange = [note for modality in values.values() for note in _sentinels(modality)]
    return Objects(store.catalogue, sources, store.fingerprint, (*store.notes, *strange))


def _sentinels(modality: Modality) -> list[str]:
    """What `suspects` says, asked only of channels whose smallest or largest number is a usual sentinel.

    The numbers are looked through in pieces: they may be more than the memory holds.
    """
    x, piece = modality.data.x, 65_536
    low, high = np.full((2, x.shape[1]), np.nan, np.float32)
    for start in range(0, len(x), piece):
        values = np.asarray(x[start : start + piece], np.float32)
        values = values if modality.complete else np.where(np.isfinite(values), values, np.float32(np.nan))
        low, high = np.fmin(low, np.fmin.reduce(values)), np.fmax(high, np.fmax.reduce(values))
    few = np.flatnonzero(np.isin(low, USUAL) | np.isin(high, USUAL))
    return [note for i in few for note in suspects(x[:, i : i + 1], [modality.channels[i]])]


def named(value: Any, words: str) -> None:
    """ValueError naming the words to type where a source is not given."""
    if value is None:
        raise ValueError(f"the data have no source; say {words}")
