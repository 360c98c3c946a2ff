"""Pack an archive once: decode every object, in parallel, into Arrow files that training maps into memory.

A store is a folder named by the fingerprint of its sources and options. It is written aside and renamed when whole, so
a half-written store is never seen; one packer works at a time, others wait for it. A packing that was killed is taken
up again by the next one where it stopped.
"""

from __future__ import annotations

import errno
import shutil
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pyarrow as pa
from filelock import FileLock

from starbolt.archives import Archive
from starbolt.cache import default_cache
from starbolt.messages import say
from starbolt.store import layout
from starbolt.store.about import describe
from starbolt.store.chunks import Chunks, Facts, Form, size
from starbolt.store.fingerprint import fingerprint, shortcut, states
from starbolt.store.ids import object_ids
from starbolt.store.journal import Journal
from starbolt.store.store import FORMAT, ID, Store
from starbolt.store.workers import packed

FIRST = 8  # objects decoded to learn what all of them bring
CHUNK = 64  # objects decoded by one task, fewer where they are large
ROWS = 65_536  # the same where `load_rows` is one vectorised pass
TASK = 1_000_000  # bytes that one task should decode at most: they stay in a core's cache until they are written
STALE = 7 * 86_400  # [s] a packing that nobody took up again for so long is removed

Progress = Callable[[int, int], None]


def pack(
    archive: Archive, *, cache: str | Path | None = None, workers: int = 0, progress: Progress | None = None
) -> Store:
    """The store of `archive`, made now unless a valid one is in the cache.

    cache: folder of stores (default $STARBOLT_CACHE, else the user's cache folder). workers: processes; 0 for one a
    core. progress: called with the objects done and in all.
    Raises ValueError where the archive is empty, ids repeat or objects do not fit together.
    """
    home = Path(cache) if cache else default_cache()
    home.mkdir(parents=True, exist_ok=True)
    known = shortcut(archive)
    return _found(archive, home, known) or _made(archive, home, known, workers, progress)


def _found(archive: Archive, home: Path, known: str | None) -> Store | None:
    """The store that an earlier packing noted for these catalogue files, if its other sources are unchanged too."""
    pointer = home / f"{known}.known"
    if known is None or not pointer.exists():
        return None
    store = _opened(home / pointer.read_text())
    return store if store and store.sources == states(archive.sources(store.catalogue)) else None


def _made(archive: Archive, home: Path, known: str | None, workers: int, progress: Progress | None) -> Store:
    """Read the catalogue; find its store or pack it."""
    archive.tally.clear()  # of an earlier packing
    catalogue = archive.read()
    if catalogue.num_rows == 0:
        raise ValueError("the catalogue has no rows left; look at data.path and data.where")
    sources = states(archive.sources(catalogue))
    folder = home / fingerprint(archive, catalogue, sources)
    with FileLock(home / f"{folder.name}.lock"):
        store = _opened(folder)
        if store is None:
            if folder.exists():
                say(f"the packed store {folder} is damaged; packing again")
            _write_aside(folder, archive, catalogue, sources, workers, progress)
            store = Store.open(folder)
    if known:
        (home / f"{known}.known").write_text(folder.name)
    return store


def _opened(folder: Path) -> Store | None:
    """The store, if it is there and whole."""
    try:
        return Store.open(folder)
    except ValueError:
        return None


def _write_aside(folder: Path, archive: Archive, catalogue: pa.Table, sources: str, *how: Any) -> None:
    aside = folder.with_name(f".{folder.name}.part")
    _sweep(folder.parent)
    try:
        _write(aside, archive, catalogue, sources, *how)
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        shutil.rmtree(aside, ignore_errors=True)
        raise ValueError(
            f"no space left while packing into {folder.parent}; set STARBOLT_CACHE to a larger disk"
        ) from None
    shutil.rmtree(folder, ignore_errors=True)
    (aside / "store").rename(folder)
    shutil.rmtree(aside)


def _sweep(home: Path) -> None:
    """Remove what packings left that were given up."""
    for aside in home.glob(".*.part"):
        if aside.stat().st_mtime < time.time() - STALE:
            shutil.rmtree(aside, ignore_errors=True)


def _write(
    aside: Path, archive: Archive, catalogue: pa.Table, sources: str, workers: int, progress: Progress | None
) -> None:
    """Write all files of the store into aside/store."""
    tally = Counter(archive.tally)
    ids = object_ids(archive, catalogue)
    chunks, journal = Chunks(aside, aside / "store", archive, catalogue), Journal(aside)
    facts, step = _take_up(chunks, journal)
    aside.touch()  # not stale
    layout.write_table(chunks.store / "catalogue.arrow", _scalars(catalogue).append_column(ID, ids))
    spans = _spans(catalogue.num_rows, facts[0], step, {each["start"] for each in facts})
    progress = progress or (lambda done, total: None)
    done = sum(each["stop"] - each["start"] for each in facts)
    progress(done, catalogue.num_rows)
    try:
        for each in packed(chunks, spans, workers):
            journal.add(each)
            facts.append(each)
            progress(done := done + each["stop"] - each["start"], catalogue.num_rows)
    except BaseException:
        journal.flush()  # the next packing goes on from here
        raise
    facts.sort(key=lambda each: each["start"])
    tally += sum((Counter(each["tally"]) for each in facts), Counter())
    describe(chunks, facts, tally, sources)


def _take_up(chunks: Chunks, journal: Journal) -> tuple[list[Facts], int]:
    """The chunks that an earlier packing finished, and rows per chunk; afresh where there are none that fit."""
    rows = chunks.catalogue.num_rows
    head, *facts = journal.read() or [{}]
    if facts and head["format"] == FORMAT and head["rows"] == rows:
        chunks.forms = {name: Form.from_plain(form) for name, form in head["forms"].items()}
        if chunks.stand(facts):
            journal.rewrite([head, *facts])
            return facts, head["step"]
    shutil.rmtree(chunks.folder, ignore_errors=True)
    chunks.store.mkdir(parents=True)
    stop = min(ROWS if chunks.archive.whole else FIRST, rows)
    parts, tally = chunks.load(0, stop)
    chunks.begin(parts)
    step = ROWS if chunks.archive.whole else min(CHUNK, max(1, TASK * stop // (1 + sum(map(size, parts.values())))))
    forms = {name: asdict(form) for name, form in chunks.forms.items()}
    journal.rewrite([{"format": FORMAT, "rows": rows, "step": step, "forms": forms}])
    journal.add(first := chunks.write(0, stop, parts, tally))
    return [first], step


def _spans(rows: int, first: Facts, step: int, done: set[int]) -> Iterator[tuple[int, int]]:
    """Rows (start, stop) of each chunk behind the first that is still to do."""
    for start in range(first["stop"], rows, step):
        if start not in done:
            yield start, min(start + step, rows)


def _scalars(catalogue: pa.Table) -> pa.Table:
    simple = [f.name for f in catalogue.schema if not (pa.types.is_nested(f.type) or pa.types.is_binary(f.type))]
    return catalogue.select(simple)
