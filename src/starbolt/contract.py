"""What data and models share, and all that they share: Block, Batch and Spec.

Data speak physics, models speak tensors. Data modules fill `Batch`es in physical units; the `Spec` says what the
numbers mean; `Standardise` turns a measured block into a network's input. Axis 0 is always the object, axis 1 the
channel.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, NamedTuple

from torch import Tensor

RESERVED = ("id", "row", "part", "target", "loss", "outside")  # columns of predictions.parquet that every task has


class Block(NamedTuple):
    """One modality of a batch: [B, C] table, [B, C, H, W] image, [B, C, T] series.

    x: float32, physical units, 0 where unmeasured. Channel 0 of a series is the time since the object's first point,
    or, over any other axis (wavelength, phase), where each point lies.
    mask: bool, broadcastable to x: True where measured (missing column, bad pixel and padding are one idea).
    err: float32 like x: one sigma, 0 where unknown; None where the data have no errors.
    limit: bool like x: x is an upper or lower limit, not a measurement; None where the data have no limits.
    length: int64 [B], number of points; series only.
    """

    x: Tensor
    mask: Tensor
    err: Tensor | None = None
    limit: Tensor | None = None
    length: Tensor | None = None


class Batch(NamedTuple):
    """A batch of B objects.

    inputs: modality name -> Block; one entry for most users, several for fusion.
    y: int64 [B] class, or float32 [B, K] quantities; -1 or NaN where unknown.
    weight: float32 [B], relative weight in the loss.
    row: int64 [B], row of the catalogue, so that every prediction finds its object again.
    """

    inputs: dict[str, Block]
    y: Tensor
    weight: Tensor
    row: Tensor


@dataclass(frozen=True)
class InputSpec:
    """One modality: what its numbers mean and how they are distributed over the training rows.

    shape: of one object: (C,), (C, H, W) or (C, T) with T the longest training series.
    transform: per channel "linear", "log" or "asinh", applied before mean and spread are taken.
    stretch: "linear", "asinh", "log" or "zscale" of (x - zero) / soft, of the channels with transform "linear".
    zero, soft: per channel, in its unit; soft is the softening of "asinh" too (0 and 1 elsewhere; zero empty: all 0).
    mean, spread: per channel, of the transformed values of the training rows.
    missing: per channel the fraction unmeasured in the training rows.
    err_mean, err_spread: per channel, of log10 of the transformed errors; empty where the data have no errors.
    scaling: "global", "object" (each object's own median and scale taken out) or "both".
    limits: whether some of the values are upper or lower limits.
    axis: what a series runs over, see Archive; its unit is that of channel 0.
    pixel_scale, zero_point: of images [arcsec, mag], None where unknown.
    summaries, low, high: names and training range of what `ranges.summary` tells of an object, see there.
    measured: digest of the store rows that all this was measured on, see `measure.rows_digest`.
    """

    kind: str
    channels: tuple[str, ...]
    units: tuple[str, ...]
    shape: tuple[int, ...]
    transform: tuple[str, ...]
    soft: tuple[float, ...]
    mean: tuple[float, ...]
    spread: tuple[float, ...]
    missing: tuple[float, ...]
    err_mean: tuple[float, ...] = ()
    err_spread: tuple[float, ...] = ()
    scaling: str = "global"
    limits: bool = False
    stretch: str = "linear"
    zero: tuple[float, ...] = ()
    axis: str = "time"
    pixel_scale: float | None = None
    zero_point: float | None = None
    summaries: tuple[str, ...] = ()
    low: tuple[float, ...] = ()
    high: tuple[float, ...] = ()
    measured: str = ""


@dataclass(frozen=True, eq=False)
class TargetSpec:
    """What is predicted: classes (`classes` not empty) or quantities.

    counts: training rows per class. mean, spread, low, high: of each quantity over the training rows, in its unit;
    log_mean, log_spread: of its decimal logarithm, NaN where any training value is not positive.
    """

    names: tuple[str, ...]
    units: tuple[str, ...] = ()
    classes: tuple[str, ...] = ()
    counts: tuple[int, ...] = ()
    mean: tuple[float, ...] = ()
    spread: tuple[float, ...] = ()
    log_mean: tuple[float, ...] = ()
    log_spread: tuple[float, ...] = ()
    low: tuple[float, ...] = ()
    high: tuple[float, ...] = ()

    def __eq__(self, other: object) -> bool:
        """Whether all values are the same, where NaN is the same as NaN."""
        return isinstance(other, TargetSpec) and _without_nan(asdict(self)) == _without_nan(asdict(other))

    @property
    def columns(self) -> tuple[str, ...]:
        """What catalogues of predictions call each quantity: its own name, unless that has another meaning there."""
        return tuple(f"{name}_predicted" if name in RESERVED else name for name in self.names)


@dataclass(frozen=True)
class Spec:
    """Plain values that a checkpoint carries and that new data are compared with.

    inputs: modality name -> InputSpec; data, split: fingerprints of the packed store and of the split.
    """

    inputs: dict[str, InputSpec]
    target: TargetSpec
    data: str = ""
    split: str = ""
    sizes: dict[str, int] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """Nested dicts, tuples, strings, numbers and None (for NaN): safe to load without running code, and JSON."""
        state: dict[str, Any] = _without_nan(asdict(self))
        return state

    @classmethod
    def from_dict(cls, state: Mapping[str, Any]) -> Spec:
        """The inverse of `to_dict`, also after a trip through JSON or YAML (lists for tuples).

        What a spec of an earlier version lacks has its default.
        """
        inputs = {name: InputSpec(**_tuples(value)) for name, value in state["inputs"].items()}
        target = TargetSpec(**_tuples(state["target"]))
        return cls(inputs, target, state["data"], state["split"], dict(state["sizes"]))


def _tuples(values: Mapping[str, Any]) -> dict[str, Any]:
    return {key: tuple(map(_number, v)) if isinstance(v, list | tuple) else v for key, v in values.items()}


def _number(value: Any) -> Any:
    return math.nan if value is None else value


def _without_nan(value: Any) -> Any:
    """The same plain values with None for NaN, which JSON does not know and which equals nothing."""
    if isinstance(value, dict):
        return {key: _without_nan(v) for key, v in value.items()}
    if isinstance(value, tuple | list):
        return type(value)(map(_without_nan, value))
    return None if isinstance(value, float) and math.isnan(value) else value
