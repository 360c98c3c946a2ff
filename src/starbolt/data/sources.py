"""Gather the measurements of many objects at once from a store's memory map: no per-object Python."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, replace
from functools import cached_property
from threading import Lock

import numpy as np
import torch
from torch import Tensor

from starbolt.archives import Ragged
from starbolt.contract import Block, InputSpec
from starbolt.data.cuts import Cut, detected
from starbolt.data.feed import Fetch, taken
from starbolt.data.matching import match
from starbolt.store.store import Modality

PIECE = 4_096  # series whose ends are found at once
QUIET = Lock()  # held while warnings are held back, which concerns all threads


@dataclass(frozen=True)
class Source:
    """One modality of the objects of a data module.

    rows: int64 [N], the store's row for each catalogue row, -1 where the object lacks this modality; None: the same
    row. order: which stored channels to take, in which order; None: all, as stored. factors, axis_factor, notes: see
    `Match`. cut: where series over time may end; None: they have no day to end at. home: the device whose memory holds
    the numbers and gives the blocks, see `on`; None: the memory map.
    """

    modality: Modality
    rows: np.ndarray | None = None
    order: tuple[int, ...] | None = None
    factors: tuple[float, ...] = ()
    axis_factor: float = 1.0
    notes: tuple[str, ...] = ()
    cut: Cut | None = None
    home: torch.device | None = None

    def on(self, device: torch.device) -> Source:
        """The same source with its numbers copied to the memory of a device, in their own type; cut series stay."""
        if self.cut is not None and self.cut.until is not None:
            return self
        copied = replace(self, home=device)
        _ = copied._planes  # now, not with the first batch
        return copied

    def matching(self, name: str, spec: InputSpec) -> Source:
        """This source as a checkpoint wants it: channels in its order, values in its units, `notes` on conversions.

        Nothing is copied: batches are converted as they are gathered. ValueError where the two cannot be matched.
        """
        order, factors, axis_factor, notes = match(name, self.modality, spec)
        stored = tuple(range(self.modality.data.x.shape[1]))
        place = None if order == stored else order
        return replace(self, order=place, factors=factors, axis_factor=axis_factor, notes=notes)

    def as_of(self, day: float | None) -> Source:
        """The same series as they were so long after their first detection; None: whole. See `Cut`."""
        assert self.cut is not None
        return replace(self, cut=replace(self.cut, until=day))

    def lengths(self, rows: np.ndarray) -> np.ndarray | None:
        """Number of points of each series; None for tables and images."""
        if not isinstance(self.modality.data, Ragged):
            return None
        places = torch.from_numpy(np.asarray(rows if self.rows is None else np.maximum(self.rows[rows], 0), np.int64))
        return torch.cat([self._kept(piece) for piece in places.split(PIECE)]).numpy()

    def gather(self, rows: Tensor, steps: int = 1, fetch: Fetch = taken) -> Block:
        """The Block of the given catalogue rows [B]; series are padded to the longest, and to `steps` at least.

        fetch: reads rows of tables and images from this machine's memory, and may bring them elsewhere, where the rest
        is then done.
        """
        if self.rows is None:
            return self._gather(rows, steps, fetch)
        places = torch.from_numpy(self.rows)[rows]
        block, there = self._gather(places.clamp(min=0), steps, fetch), places >= 0
        return block if bool(there.all()) else _without(block, ~there.to(block.x.device))

    def _gather(self, rows: Tensor, steps: int, fetch: Fetch) -> Block:
        return self._series(rows, steps) if isinstance(self.modality.data, Ragged) else self._dense(rows, fetch)

    def _dense(self, rows: Tensor, fetch: Fetch) -> Block:
        x, err, limit = (None if p is None else self._pick(p) for p in self._taken(rows, fetch))
        assert x is not None
        x, mask = _measured(self._converted(x.float()), self.modality.complete)
        return Block(x, mask, None if err is None else _known(self._converted(err.float())), limit)

    def _taken(self, rows: Tensor, fetch: Fetch) -> list[Tensor | None]:
        """Rows of the planes [N, ...], in their own type."""
        if self.home is not None and self.home.type != "cpu":
            there = rows.to(self.home, non_blocking=True)
            return [None if plane is None else plane.index_select(0, there) for plane in self._planes]
        return [None if plane is None else fetch(plane.numpy(), rows.numpy()) for plane in self._planes]

    def _series(self, rows: Tensor, steps: int) -> Block:
        (x, err, limit), (time, offsets) = self._planes, self._times
        assert x is not None
        if not len(time):  # no object has a point: a place to read that nobody looks at
            time = torch.zeros(1, dtype=time.dtype)
            x, err, limit = (None if p is None else p.new_zeros(1, p.shape[1]) for p in (x, err, limit))
            assert x is not None
        start, length = offsets[rows], self._kept(rows)
        step = torch.arange(max(int(length.max()), steps), device=time.device)
        start, length = start.to(time.device, non_blocking=True), length.to(time.device, non_blocking=True)
        inside = step < length[:, None]
        flat = (start[:, None] + step.minimum(length[:, None] - 1).clamp(min=0)).flatten().clamp(max=len(time) - 1)

        def planes(plane: Tensor) -> Tensor:
            return self._pick(plane.index_select(0, flat).view(len(rows), len(step), -1).transpose(1, 2))

        since = time[flat].view(len(rows), -1)
        if self.modality.axis == "time":
            since = since - since[:, :1]
        since = (since * self.axis_factor).float().masked_fill(~inside, 0.0)
        values, mask = _measured(self._converted(planes(x)), False)
        mask &= inside[:, None]
        values = values.masked_fill(~mask, 0.0)
        nothing = torch.zeros_like(since)[:, None]
        sigma = None if err is None else _known(self._converted(planes(err))).masked_fill(~mask, 0.0)
        return Block(
            torch.cat([since[:, None], values], 1),
            torch.cat([inside[:, None], mask], 1),
            None if sigma is None else torch.cat([nothing, sigma], 1),
            None if limit is None else torch.cat([nothing.bool(), planes(limit) & mask], 1),
            length,
        )

    def _kept(self, rows: Tensor) -> Tensor:
        """Number of points [B] of stored series, up to where they are cut."""
        time, offsets = self._times
        start, length = offsets[rows], offsets[rows + 1] - offsets[rows]
        if self.cut is None or self.cut.until is None:
            return length
        shift = start - (length.cumsum(0) - length)  # from the place among these points to that in the store
        place = torch.arange(int(length.sum())) + shift.repeat_interleave(length)
        x, err, limit = (None if p is None else self._pick(p.index_select(0, place)) for p in self._planes)
        assert x is not None
        least = self.cut.least if self.order is None else [self.cut.least[i] for i in self.order]
        seen = detected(x, torch.isfinite(x), err, limit, least).any(1)
        return self.cut.kept(time.index_select(0, place), seen, length, self.axis_factor)

    def _pick(self, x: Tensor) -> Tensor:
        return x if self.order is None else x[:, list(self.order)]

    def _converted(self, x: Tensor) -> Tensor:
        """x [B, C, ...] in the unit of the checkpoint."""
        if not self.factors:
            return x
        return x * torch.tensor(self.factors, dtype=x.dtype, device=x.device).view(-1, *(1,) * (x.ndim - 2))

    @cached_property
    def _planes(self) -> tuple[Tensor | None, Tensor | None, Tensor | None]:
        data = self.modality.data
        x, err, limit = (None if plane is None else self._held(plane) for plane in (data.x, data.err, data.limit))
        return x, err, limit

    @cached_property
    def _times(self) -> tuple[Tensor, Tensor]:
        """The times, and where each object's begin; these the CPU reads."""
        assert isinstance(self.modality.data, Ragged)
        return self._held(self.modality.data.time), _mapped(self.modality.data.offsets)

    def _held(self, plane: np.ndarray) -> Tensor:
        mapped = _mapped(plane)
        return mapped if self.home is None else mapped.to(self.home, copy=True)


def _mapped(array: np.ndarray) -> Tensor:
    with QUIET, warnings.catch_warnings():
        warnings.filterwarnings("ignore", "The given NumPy array is not writable")  # nobody writes to the map
        return torch.from_numpy(array)


def _measured(x: Tensor, complete: bool) -> tuple[Tensor, Tensor]:
    if complete:
        return x, torch.ones((len(x),) + (1,) * (x.ndim - 1), dtype=torch.bool, device=x.device)
    mask = torch.isfinite(x)
    return torch.where(mask, x, 0.0), mask


def _known(err: Tensor) -> Tensor:
    return torch.where(torch.isfinite(err), err, 0.0)


def _without(block: Block, absent: Tensor) -> Block:
    """The block with the absent objects unmeasured; a series of theirs has length 0."""
    shape = (-1,) + (1,) * (block.x.ndim - 1)
    gone = absent.view(shape)
    planes = [None if p is None else p.masked_fill(gone, 0) for p in (block.x, block.err, block.limit)]
    length = None if block.length is None else block.length.masked_fill(absent, 0)
    x, err, limit = planes
    assert x is not None
    return Block(x, block.mask & ~gone, err, limit, length)
