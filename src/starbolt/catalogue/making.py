"""Make a catalogue: partition by partition, alone or beside other processes, and end it when all are there."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import torch
from torch import Tensor

from starbolt.catalogue.joining import OWN, is_joined, join
from starbolt.catalogue.partitions import LOCKS, Parts, work
from starbolt.catalogue.plan import Plan
from starbolt.catalogue.sharing import Locks, Share, sharing
from starbolt.catalogue.writing import described
from starbolt.compose import UserError
from starbolt.data import ObjectDataModule
from starbolt.data.ranges import Outside
from starbolt.messages import bar, say
from starbolt.predict import Network, answers, best_device, predict_rows, units_of


class Output(NamedTuple):
    """Where a catalogue goes: one file, or a folder that keeps its partitions."""

    path: Path
    whole: bool

    @property
    def folder(self) -> Path:
        """Where the partitions are: beside the one file, until it is whole."""
        return self.path.with_name(f"{self.path.name}.parts") if self.whole else self.path

    def ended(self, plan: Plan) -> bool:
        """Whether the one file is there already and was made by the same plan."""
        return self.whole and is_joined(self.path, plan)


class Maker:
    """Makes partitions by their number, with units and origin in their metadata, and tells of each."""

    def __init__(
        self,
        network: Network,
        data: ObjectDataModule,
        parts: Parts,
        grid: np.ndarray | None,
        device: torch.device | None,
    ) -> None:
        self.network, self.data, self.parts, self.grid, self.device = network, data, parts, grid, device
        self.reach, self.units, self.bar = Outside(network.spec), units_of(network.spec), bar("predicting")
        self.told = 0

    def __call__(self, number: int) -> Callable[[], pa.Table]:
        """Predict the rows of a partition; what makes its table of that."""
        plan, rows = self.parts.plan, self.parts.plan.rows(number)
        if len(plan) > 1 and not sys.stderr.isatty():
            say(f"partition {number + 1} of {len(plan)}")
        done = max(len(self.parts.done()) * plan.partition, self.told)  # the one before may not be written yet
        done = min(done, plan.objects - len(rows))
        device = self.device or best_device()
        batches = self.data.loader(rows, alone=True, device=device)
        found = predict_rows(self.network, batches, device=device, progress=lambda n, _: self._tell(done + n))
        return partial(self.table, found)

    def table(self, found: Mapping[str, Tensor]) -> pa.Table:
        """The answers for what was found, with units, origin, and the tally of what lies outside."""
        table = answers(self.network, self.data, found, grid=self.grid)
        own = {OWN.decode(): json.dumps(self.reach.tally(found))}
        return described(table, self.units, self.parts.plan.metadata | own)

    def end(self) -> None:
        """Close the bar, if it is still open: other processes may have done the rest."""
        if 0 < self.told < self.parts.plan.objects:
            self._tell(self.parts.plan.objects)

    def _tell(self, done: int) -> None:
        self.told = done
        self.bar(done, self.parts.plan.objects)


def make(
    network: Network,
    data: ObjectDataModule,
    plan: Plan,
    output: Output,
    *,
    share: str | None = None,
    grid: np.ndarray | None = None,
    device: torch.device | None = None,
) -> bool:
    """Make what is not there yet; whether the catalogue is then whole. share: see `sharing`; grid: see `answers`."""
    parts = Parts(output.folder, plan)
    claims = sharing(share, parts.folder / LOCKS)
    there = 0 if output.ended(plan) else parts.begin()
    if output.ended(plan):  # also where another process ended it a moment ago
        parts.clear()
        say("the catalogue was there already, made by the same network of the same objects")
        return True
    if there:
        say(f"{there} of {len(plan)} partitions were there already")
    maker = Maker(network, data, parts, grid, device)
    with _kept(parts, output):
        work(parts, claims, maker)
    maker.end()
    return _ended(parts, output, claims, maker.reach)


@contextmanager
def _kept(parts: Parts, output: Output) -> Iterator[None]:
    """Where the work is broken off, say what is kept; nothing is where a single partition was to be made."""
    try:
        yield
    except BaseException as error:
        if output.whole and len(parts.plan) == 1 and not parts.done():
            parts.remove()
        elif isinstance(error, KeyboardInterrupt):
            say(f"{len(parts.done())} of {len(parts.plan)} partitions are kept; the same words go on from there")
        raise


def _ended(parts: Parts, output: Output, claims: Locks | Share, reach: Outside) -> bool:
    """Join the partitions where all are there and one file is asked for; whether that, or a whole folder, is there."""
    done = len(parts.done())
    if done < len(parts.plan) and not parts.gone():
        say(f"{done} of {len(parts.plan)} partitions are done; other processes make the rest, and the last ends it")
        return False
    try:
        tallies = [json.loads(schema.metadata[OWN]) for schema in parts.schemas()]
        if output.whole and not _joined(parts, output, claims):
            say("another process joins the partitions")
            return False
    except (UserError, OSError):
        if not output.ended(parts.plan):  # another process was faster, and has removed them
            raise
        return True
    if output.whole:
        parts.remove()
    else:
        parts.unlock()
    if note := reach.told(tallies, parts.plan.objects):
        say(f"note: {note}")
    return True


def _joined(parts: Parts, output: Output, claims: Locks | Share) -> bool:
    with claims.held("join") as mine:
        if mine and not parts.gone():
            join(parts, output.path)
        return mine
