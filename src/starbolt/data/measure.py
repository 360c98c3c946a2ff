"""Measure the training rows: what is typical of each channel and target. Nothing else ever sees a statistic."""

from __future__ import annotations

import hashlib

import numpy as np
import torch

from starbolt.archives import Dense, Ragged
from starbolt.archives.reading.precision import coarse
from starbolt.contract import InputSpec, TargetSpec
from starbolt.data.cuts import Cut
from starbolt.data.ranges import extremes, summary, with_range
from starbolt.data.sources import Source
from starbolt.data.transforms import constants_of, curve_of, slope, transformed
from starbolt.store.store import Modality

SAMPLE = 4_000  # images or series looked at; a mean over this many is known to 2 per cent of its spread
NUMBERS = 50_000_000  # pixels looked at, all channels together [400 MB in float64]
CELLS = 10_000_000  # of a table; its means are known to a thousandth of their spread, and exactly where they are fewer
REACH = 20_000  # images or series whose range is taken
GRAIN = 30_000  # numbers below which torch works in one thread: on small pieces threads mostly wait for one another


def measure_input(
    modality: Modality,
    rows: np.ndarray,
    *,
    log: tuple[str, ...] = (),
    asinh: tuple[str, ...] = (),
    scaling: str = "global",
    stretch: str = "linear",
    cut: Cut | None = None,
) -> InputSpec:
    """The InputSpec of a modality from the given training rows [n] of the store alone.

    log, asinh: channels to transform before mean and spread are taken; scaling, stretch: see InputSpec. cut: where
    series end. ValueError where float32 would blur a column, or a channel is unmeasured.
    """
    source = Source(modality, cut=cut)
    x, err, channels, units = _values(source, rows)
    _refuse_coarse(modality, x)
    transform = tuple("log" if c in log else "asinh" if c in asinh else "linear" for c in channels)
    curves = tuple(curve_of(word, stretch) for word in transform)
    zero, soft = zip(*(constants_of(v, e, c) for v, e, c in zip(x, err or x, curves, strict=True)), strict=True)
    if modality.kind == "series":
        soft = (_typical_step(source, rows), *soft[1:])
    scaled = [transformed(v, c, s, z) for v, c, s, z in zip(x, curves, soft, zero, strict=True)]
    mean, spread = zip(*(_mean_spread(v, c) for v, c in zip(scaled, channels, strict=True)), strict=True)
    missing = tuple(
        float(np.mean(~np.isfinite(v)) or more) for v, more in zip(scaled, _unseen(modality, rows), strict=True)
    )
    errors = _error_statistics(x, err, curves, soft, zero) if err else ((), ())
    shape = (len(channels), *modality.shape[1:])
    limits = modality.data.limit is not None
    about = InputSpec(
        modality.kind, channels, units, shape, transform, soft, mean, spread, missing, *errors, scaling, limits,
        stretch, zero, modality.axis, modality.pixel_scale, modality.zero_point, measured=rows_digest(rows),
    )  # fmt: skip
    return with_range(about, _extremes(source, rows))


def rows_digest(rows: np.ndarray) -> str:
    """Sixteen letters that stand for a set of store rows, in whatever order."""
    return hashlib.sha256(np.unique(rows).astype("<i8").tobytes()).hexdigest()[:16]


def measure_target(
    names: tuple[str, ...], units: tuple[str, ...], classes: tuple[str, ...], y: np.ndarray
) -> TargetSpec:
    """The TargetSpec from the training rows' codes [n] or quantities [n, K]."""
    if classes:
        counts = np.bincount(y, minlength=len(classes))
        if (counts == 0).any():
            lacking = classes[int(np.argmin(counts))]
            raise ValueError(
                f"class {lacking!r} has no training row; drop it (data.min_count=, data.classes=) or split otherwise"
            )
        return TargetSpec(names, units, classes, tuple(int(c) for c in counts))
    mean, spread = zip(*(_mean_spread(v, n) for v, n in zip(y.T.astype(np.float64), names, strict=True)), strict=True)
    known = [v[np.isfinite(v)] for v in y.T.astype(np.float64)]
    logs = [np.log10(v) if (v > 0).all() else None for v in known]
    log_mean = tuple(float("nan") if v is None else float(v.mean()) for v in logs)
    log_spread = tuple(float("nan") if v is None else float(v.std()) or 1.0 for v in logs)
    low, high = (tuple(float(end(v)) for v in known) for end in (np.min, np.max))
    return TargetSpec(names, units, (), (), mean, spread, log_mean, log_spread, low, high)


def _values(source: Source, rows: np.ndarray) -> tuple[list[np.ndarray], list[np.ndarray], tuple, tuple]:
    """Per channel, the values and errors of the sampled rows; series get their time channel in front."""
    modality, data = source.modality, source.modality.data
    if modality.kind == "table":
        rows = rows[:: max(1, -(-len(rows) * data.x.shape[1] // CELLS))]
        x, err = data.x[rows], None if data.err is None else data.err[rows]
    else:
        most = SAMPLE if isinstance(data, Ragged) else max(1, min(SAMPLE, NUMBERS // data.x[0].size))
        rows = rows[:: max(1, -(-len(rows) // most))]
        x, err = _points(source, rows) if isinstance(data, Ragged) else _pixels(data, rows)
    channels, units = modality.channels, modality.units
    values = list(x.T.astype(np.float64))
    errors = [] if err is None else list(err.T.astype(np.float64))
    if isinstance(data, Ragged):
        first = 1 if modality.axis == "time" else 0  # whether counted from the first point
        since = np.concatenate([data.time[a:b] - first * data.time[a : a + 1] for a, b in _spans(source, rows)])
        values = [since, *values]
        errors = [np.full(len(since), np.nan), *errors] if errors else []
        channels, units = (modality.axis, *channels), (modality.axis_unit, *units)
    return values, errors, channels, units


def _unseen(modality: Modality, rows: np.ndarray, step: int = 65_536) -> np.ndarray:
    """Fraction unmeasured of each channel of a table in all the rows, which a sample may miss; 0 for other kinds."""
    channels = len(modality.channels) + (modality.kind == "series")
    if modality.kind != "table" or modality.complete:
        return np.zeros(channels)
    pieces = (modality.data.x[rows[i : i + step]] for i in range(0, len(rows), step))
    return np.sum([(~np.isfinite(piece)).sum(0) for piece in pieces], axis=0) / max(len(rows), 1)


def _pixels(data: Dense, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
    flat = [None if p is None else np.moveaxis(p[rows], 1, -1).reshape(-1, p.shape[1]) for p in (data.x, data.err)]
    return flat[0], flat[1]  # type: ignore[return-value]


def _points(source: Source, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
    data, pick = source.modality.data, np.concatenate([np.arange(a, b) for a, b in _spans(source, rows)])
    return data.x[pick], None if data.err is None else data.err[pick]


def _spans(source: Source, rows: np.ndarray) -> list[tuple[int, int]]:
    assert isinstance(source.modality.data, Ragged)
    starts = source.modality.data.offsets[rows]
    return list(zip(starts.tolist(), (starts + source.lengths(rows)).tolist(), strict=True))


def _typical_step(source: Source, rows: np.ndarray) -> float:
    """Median positive time step of the training series, in the unit of time."""
    assert isinstance(source.modality.data, Ragged)
    time = source.modality.data.time
    steps = np.concatenate([np.diff(time[a:b]) for a, b in _spans(source, rows[:SAMPLE])])
    steps = steps[steps > 0]
    return float(np.median(steps)) if len(steps) else 1.0


def _extremes(source: Source, rows: np.ndarray) -> torch.Tensor:
    """Least and greatest of what `summary` tells [2 n, S], of every object of a table and of some of other kinds."""
    modality, table = source.modality, source.modality.kind == "table"
    most, step = (len(rows), max(1, GRAIN // modality.shape[0])) if table else (REACH, 250)
    rows = rows[:: max(1, -(-len(rows) // most))]
    shown = [source, source.as_of(0.0)] if source.cut and source.cut.early else [source]
    pieces = [torch.from_numpy(rows[i : i + step]) for i in range(0, len(rows), step)]
    blocks = (each.gather(piece) for each in shown for piece in pieces)
    return torch.cat([extremes(summary(block, modality.kind, modality.axis)) for block in blocks])


def _refuse_coarse(modality: Modality, x: list[np.ndarray]) -> None:
    """ValueError for a float64 column that float32 would blur; archives of tables refuse theirs before."""
    if modality.kind != "table" or modality.data.x.dtype != np.float64:
        return
    for values, name in zip(x, modality.channels, strict=True):
        if coarse(values):
            raise ValueError(
                f"column {name!r} (about {np.nanmedian(values):.10g}) is too coarse in float32; "
                f"subtract a round number near it in the file, or leave it out (data.context=[...])"
            )


def _mean_spread(values: np.ndarray, name: str) -> tuple[float, float]:
    finite = values[np.isfinite(values)]
    if len(finite) == 0:
        raise ValueError(f"{name!r} is unmeasured (NaN) in every training row; leave it out (data.exclude=[{name}])")
    mean, spread = float(finite.mean()), float(finite.std())
    return mean, spread if spread > np.spacing(np.float32(abs(mean))) else 1.0  # constant, as far as float32 can tell


def _error_statistics(
    x: list[np.ndarray],
    err: list[np.ndarray],
    curves: tuple[str, ...],
    soft: tuple[float, ...],
    zero: tuple[float, ...],
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    means, spreads = [], []
    for values, error, kind, width, origin in zip(x, err, curves, soft, zero, strict=True):
        error = error * slope(values, kind, width, origin)
        logs = np.log10(error[np.isfinite(error) & (error > 0)])
        means.append(float(logs.mean()) if len(logs) else 0.0)
        spreads.append((float(logs.std()) or 1.0) if len(logs) else 1.0)
    return tuple(means), tuple(spreads)
