"""`starbolt predict`: apply a trained network to a catalogue, every object of it, labelled or not.

The catalogue is made in partitions that any number of processes share; one that was killed goes on where it stopped.
"""

from __future__ import annotations

import ctypes
import hashlib
import re
import sys
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pyarrow.compute as pc
import torch

from starbolt.catalogue.joining import WRITERS
from starbolt.catalogue.making import Output, make
from starbolt.catalogue.plan import Plan
from starbolt.compose import UserError
from starbolt.data import ObjectDataModule
from starbolt.data.ranges import Outside
from starbolt.messages import say
from starbolt.predict import Network
from starbolt.store.store import ID
from starbolt.verbs.applying import ensemble_file, loaded, members, own_words

WORDS = ("checkpoint", "output", "partition", "share", "device", "grid")
MOST = 100_000  # objects of a partition, where nothing is said
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3  # see mallopt(3)
KEPT = 1 << 25  # bytes, of each thread
BYTES = 256_000_000  # of their measurements at most: a partition takes up to minutes


def main(words: list[str]) -> None:
    """Write one row per object to output=FILE or, in partitions, to output=FOLDER; the last line is its name."""
    own, rest = own_words(words, WORDS)
    output, grid, device = output_of(own), grid_of(own), device_of(own)
    hold_memory()
    network, data, _, _ = loaded(own, rest, labels=False)
    refuse_letters(output, network, data)
    for note in data.notes:
        say(f"note: {note}")
    plan = plan_of(own, network, data)
    if make(network, data, plan, output, share=own.get("share"), grid=grid, device=device):
        say(f"{plan.objects} objects")
        say(str(output.path))


def hold_memory() -> None:
    """Keep memory that the layers of a network free for the next batch, which wants as much; glibc would give it back.

    To have it given anew, page by page, takes as long as a small network takes to compute.
    """
    if sys.platform == "linux" and hasattr(libc := ctypes.CDLL(None), "mallopt"):
        libc.mallopt(M_MMAP_THRESHOLD, KEPT // 4)
        libc.mallopt(M_TRIM_THRESHOLD, KEPT)


def output_of(own: Mapping[str, str]) -> Output:
    """What output= names: a file by its ending, else a folder; UserError where it has another ending."""
    word = own.get("output", "")
    path = Path(word)
    if word and (word.endswith("/") or path.is_dir() or not path.suffix):
        return Output(path, whole=False)
    if path.suffix not in WRITERS:
        raise UserError(
            f"say output=FILE ending in {', '.join(WRITERS)}, or output=FOLDER for partitions, not "
            f"{word or 'nothing'!r}"
        )
    return Output(path, whole=True)


def grid_of(own: Mapping[str, str]) -> np.ndarray | None:
    """The values [G] that grid=[LOW,HIGH,NUMBER] means, float32; None where it is not said."""
    if "grid" not in own:
        return None
    try:
        low, high, number = (float(word) for word in own["grid"].strip("[] ").split(","))
        return np.linspace(low, high, _counted("grid", str(int(number))), dtype=np.float32)
    except ValueError:
        raise UserError(f"grid={own['grid']} is not of the kind 'grid=[0,2,201]': lowest, highest, how many") from None


def device_of(own: Mapping[str, str]) -> torch.device | None:
    """The device that device= names, tried out; None where it is not said."""
    if "device" not in own:
        return None
    try:
        device = torch.device(own["device"])
        torch.zeros(1, device=device)
    except (RuntimeError, AssertionError) as error:
        reason = str(error).strip().split("\n")[0][:120]
        raise UserError(
            f"device={own['device']} is not to be had here ({reason}); say cpu, cuda, cuda:1 or mps"
        ) from None
    return device


def plan_of(own: Mapping[str, str], network: Network, data: ObjectDataModule) -> Plan:
    """All that the catalogue depends on."""
    partition = _counted("partition", own["partition"]) if "partition" in own else usual_partition(data)
    grid = {"grid": own["grid"].replace(" ", "")} if "grid" in own else {}
    about = {
        "starbolt_training_data": network.spec.data,
        "starbolt_split": network.spec.split,
        "checkpoint": own["checkpoint"],
        **{f"starbolt_{word}": value for word, value in grid.items()},
    }
    cuts = {name: source.cut for name, source in data.sources.items() if source.cut and source.cut.until is not None}
    until = {f"{name}.until": f"{cut.until} from {cut.least}" for name, cut in cuts.items()}
    words = {"data.batch_size": str(data.batch_size), **until, **grid}
    objects = data.catalogue.num_rows
    return Plan(digest(own["checkpoint"]), data.objects.fingerprint, objects, partition, words, about=about)


def digest(checkpoint: str) -> str:
    """SHA-256 of the checkpoint's file; of an ensemble that of the file in which it is kept."""
    paths, folder = members(checkpoint)
    with (paths[0] if len(paths) == 1 else folder / ensemble_file(checkpoint)).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def usual_partition(data: ObjectDataModule) -> int:
    """Objects of a partition: at most MOST of them, and BYTES, in whole batches; the same on every machine."""
    size = sum(source.modality.nbytes for source in data.sources.values()) / data.catalogue.num_rows
    batch = data.scored_at_once
    return max(1, int(min(MOST, BYTES / max(size, 1))) // batch) * batch


def refuse_letters(output: Output, network: Network, data: ObjectDataModule) -> None:
    """UserError where a FITS table is asked for and a name has letters that FITS does not know."""
    if output.path.suffix != ".fits" or not output.whole:
        return
    spec = network.spec
    names = (*spec.target.names, *spec.target.classes, *Outside(spec).names)
    strange = [name for name in names if not name.isascii()]
    plain = pc.string_is_ascii(data.catalogue[ID])
    if not pc.all(plain).as_py():
        strange.append(data.catalogue[ID].filter(pc.invert(plain))[0].as_py())
    if strange:
        raise UserError(f"FITS knows ASCII letters alone, not {strange[0]!r}; say output=FILE.parquet, .csv or .ecsv")


def _counted(word: str, value: str) -> int:
    if not re.fullmatch(r"[1-9]\d*", value):
        raise UserError(f"{word}={value} is no number of objects")
    return int(value)
