"""Measure the training rows: what is typical of each channel and target. Nothing else ever sees a statistic."""

from __future__ import annotations

import numpy as np

from starbolt.archives import Dense, Ragged
from starbolt.contract import InputSpec, TargetSpec
from starbolt.store.store import Modality

SAMPLE = 4_000  # images or series looked at; a mean over this many is known to 2 per cent of its spread
NUMBERS = 50_000_000  # pixels looked at, all channels together [400 MB in float64]
LN10 = float(np.log(10.0))


def measure_input(
    modality: Modality,
    rows: np.ndarray,
    *,
    log: tuple[str, ...] = (),
    asinh: tuple[str, ...] = (),
    scaling: str = "global",
) -> InputSpec:
    """The InputSpec of a modality from the given training rows [n] alone.

    log, asinh: channels to transform before mean and spread are taken; scaling: see InputSpec.
    """
    x, err, channels, units = _values(modality, rows)
    transform = tuple("log" if c in log else "asinh" if c in asinh else "linear" for c in channels)
    soft = tuple(_softening(v, e) if t == "asinh" else 1.0 for v, e, t in zip(x, err or x, transform, strict=True))
    if modality.kind == "series":
        soft = (_typical_step(modality, rows), *soft[1:])
    scaled = [transformed(v, t, s) for v, t, s in zip(x, transform, soft, strict=True)]
    mean, spread = zip(*(_mean_spread(v, c) for v, c in zip(scaled, channels, strict=True)), strict=True)
    missing = tuple(float(np.mean(~np.isfinite(v))) for v in scaled)
    errors = _error_statistics(x, err, transform, soft) if err else ((), ())
    shape = (len(channels), *modality.shape[1:])
    limits = modality.data.limit is not None
    return InputSpec(
        modality.kind, channels, units, shape, transform, soft, mean, spread, missing, *errors, scaling, limits
    )


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
    return TargetSpec(names, units, (), (), mean, spread, log_mean, log_spread)


def transformed(values: np.ndarray, kind: str, soft: float) -> np.ndarray:
    """Values after "linear", "log" (base 10, NaN where not positive) or "asinh" (of values over `soft`)."""
    if kind == "log":
        return np.log10(np.where(values > 0, values, np.nan))
    return np.arcsinh(values / soft) if kind == "asinh" else values


def _values(modality: Modality, rows: np.ndarray) -> tuple[list[np.ndarray], list[np.ndarray], tuple, tuple]:
    """Per channel, the values and errors of the sampled rows; series get their time channel in front."""
    data = modality.data
    if modality.kind == "table":
        x, err = data.x[rows], None if data.err is None else data.err[rows]
    else:
        most = SAMPLE if isinstance(data, Ragged) else max(1, min(SAMPLE, NUMBERS // data.x[0].size))
        rows = rows[:: max(1, -(-len(rows) // most))]
        x, err = _points(data, rows) if isinstance(data, Ragged) else _pixels(data, rows)
    channels, units = modality.channels, modality.units
    values = list(x.T.astype(np.float64))
    errors = [] if err is None else list(err.T.astype(np.float64))
    if isinstance(data, Ragged):
        since = np.concatenate([data.time[a:b] - data.time[a : a + 1] for a, b in _spans(data, rows)])
        values = [since, *values]
        errors = [np.full(len(since), np.nan), *errors] if errors else []
        channels, units = ("time", *channels), ("d", *units)
    return values, errors, channels, units


def _pixels(data: Dense, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
    flat = [None if p is None else np.moveaxis(p[rows], 1, -1).reshape(-1, p.shape[1]) for p in (data.x, data.err)]
    return flat[0], flat[1]  # type: ignore[return-value]


def _points(data: Ragged, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
    pick = np.concatenate([np.arange(a, b) for a, b in _spans(data, rows)])
    return data.x[pick], None if data.err is None else data.err[pick]


def _spans(data: Ragged, rows: np.ndarray) -> list[tuple[int, int]]:
    return list(zip(data.offsets[rows].tolist(), data.offsets[rows + 1].tolist(), strict=True))


def _typical_step(modality: Modality, rows: np.ndarray) -> float:
    """Median positive time step of the training series, in the unit of time."""
    assert isinstance(modality.data, Ragged)
    steps = np.concatenate([np.diff(modality.data.time[a:b]) for a, b in _spans(modality.data, rows[:SAMPLE])])
    steps = steps[steps > 0]
    return float(np.median(steps)) if len(steps) else 1.0


def _softening(values: np.ndarray, err: np.ndarray) -> float:
    """Where asinh turns from linear to logarithmic: the median error, else the values' own robust spread."""
    width = np.nanmedian(err) if err is not values else 1.4826 * np.nanmedian(np.abs(values - np.nanmedian(values)))
    return float(width) if np.isfinite(width) and width > 0 else 1.0


def _mean_spread(values: np.ndarray, name: str) -> tuple[float, float]:
    finite = values[np.isfinite(values)]
    if len(finite) == 0:
        raise ValueError(f"{name!r} is unmeasured (NaN) in every training row; leave it out (data.exclude=[{name}])")
    mean, spread = float(finite.mean()), float(finite.std())
    return mean, spread if spread > np.spacing(np.float32(abs(mean))) else 1.0  # constant, as far as float32 can tell


def _error_statistics(
    x: list[np.ndarray], err: list[np.ndarray], transform: tuple[str, ...], soft: tuple[float, ...]
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    means, spreads = [], []
    for values, error, kind, width in zip(x, err, transform, soft, strict=True):
        if kind == "log":
            error = error / (np.where(values > 0, values, np.nan) * LN10)
        elif kind == "asinh":
            error = error / np.hypot(values, width)
        logs = np.log10(error[np.isfinite(error) & (error > 0)])
        means.append(float(logs.mean()) if len(logs) else 0.0)
        spreads.append((float(logs.std()) or 1.0) if len(logs) else 1.0)
    return tuple(means), tuple(spreads)
