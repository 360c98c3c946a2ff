"""The works of the speed benchmark: data drawn from a fixed seed, as starbolt reads them and as arrays for its rivals.

The parts of the split are named in a column, so that both train and validate on the same objects. The rivals' arrays
are standardised beforehand, which starbolt does in its network, batch by batch.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from rivals.contest import DECAY, LR, Part, save

COLUMNS, BANDS, SIZE, STEPS = 10, 3, 63, 200
SHORTEST, LONGEST, TYPICAL = 20, 400, 80  # points of series as they come; TYPICAL: their median
PARTS = {"train": 0.7, "val": 0.15, "test": 0.15}
FAIR = [  # what all do: no schedule, no clipping, all epochs; nothing beyond training
    "split=column", "split.cal=0", "schedule=none", f"optim.weight_decay={DECAY}", "trainer=cpu",
    "trainer.gradient_clip_val=null", "callbacks.patience.patience=1000", "calibration=none", "test=false",
    "report=false",
]  # fmt: skip
CLASSES = ["data.id=id", "data.target=kind", "task=classification", "task.weights=none"]


def drawn(work: str, folder: Path, objects: int) -> list[str]:
    """Write the data of a work; what to type after `starbolt train` for it, batch size and epochs apart."""
    rng = np.random.default_rng(0)
    place = rng.permutation(objects) / objects
    parts = np.array(list(PARTS))[np.searchsorted(np.cumsum(list(PARTS.values()))[:-1], place, side="right")]
    makers = {"mlp": _table, "cnn": _stamps, "gru": _series, "ragged": _series}
    more = {"ragged": work == "ragged"} if work in ("gru", "ragged") else {}
    words = makers[work](folder, objects, parts, rng, **more)
    return [*words, f"optim.lr={LR[work]}", *FAIR]


def _table(folder: Path, objects: int, parts: np.ndarray, rng: np.random.Generator) -> list[str]:
    x = rng.standard_normal((objects, COLUMNS), np.float32)
    y = np.sin(2 * x[:, 0]) + x[:, 1] * x[:, 2] + 0.5 * x[:, 3] ** 2 + 0.3 * rng.standard_normal(objects, np.float32)
    columns = {f"x{i}": 20 + 3 * x[:, i] for i in range(COLUMNS)}
    pq.write_table(pa.table({**columns, "y": y, "split": parts}), folder / "table.parquet")
    y = (y - y[parts == "train"].mean()) / y[parts == "train"].std()
    _keep(folder, parts, x, y[:, None].astype(np.float32))
    words = ["data=table", f"data.path={folder}/table.parquet", "data.target=y", "model=mlp", "model.norm=false"]
    return [*words, "task=regression", "task.loss=mse"]


def _stamps(folder: Path, objects: int, parts: np.ndarray, rng: np.random.Generator) -> list[str]:
    """Round spots against long ones, at any angle, in noise."""
    kind = np.arange(objects) % 2
    v, u = np.mgrid[:SIZE, :SIZE].astype(np.float32) - SIZE // 2
    angle = rng.uniform(0, np.pi, (objects, 1, 1)).astype(np.float32)
    axis = np.where(kind == 0, 1.0, 0.5).astype(np.float32)[:, None, None]
    along, across = u * np.cos(angle) + v * np.sin(angle), v * np.cos(angle) - u * np.sin(angle)
    spot = np.exp(-(along**2 * axis + across**2 / axis) / 50)
    x = rng.standard_normal((objects, BANDS, SIZE, SIZE), np.float32)
    x += spot[:, None] * np.array([1.5, 2.0, 2.5], np.float32)[:, None, None]
    np.save(folder / "stamps.npy", x)
    _labels(folder / "stamps.parquet", kind, parts, {"row": np.arange(objects)})
    train = x[parts == "train"]
    x = (x - train.mean((0, 2, 3), keepdims=True)) / train.std((0, 2, 3), keepdims=True)
    _keep(folder, parts, x, kind)
    words = ["data=images", f"data.catalogue={folder}/stamps.parquet", f"data.stack={folder}/stamps.npy"]
    return [*words, "data.file=row", "data.symmetries=false", "model=cnn", *CLASSES]


def _series(folder: Path, objects: int, parts: np.ndarray, rng: np.random.Generator, ragged: bool) -> list[str]:
    """Variables of short and of longer periods with noise; four channels: time, time step, value and error."""
    kind = np.arange(objects) % 2
    length = np.full(objects, STEPS)
    if ragged:
        length = np.exp(rng.normal(np.log(TYPICAL), 0.7, objects)).round().astype(int).clip(SHORTEST, LONGEST)
        length[0] = LONGEST
    owner = np.repeat(np.arange(objects), length)
    place = np.arange(len(owner)) - np.repeat(np.cumsum(length) - length, length)
    gap = rng.exponential(1.0, len(owner))
    time = np.cumsum(gap)
    time -= time[np.cumsum(length) - length][owner]
    period = rng.uniform(8, 16, objects) * (1 + kind)
    error = rng.uniform(0.1, 0.5, len(owner))
    value = np.sin(2 * np.pi * (time / period[owner] + rng.uniform(0, 1, objects)[owner]))
    value += error * rng.standard_normal(len(owner))
    points = {"id": owner, "mjd": 58000 + time, "mag": (18 + value).astype(np.float32), "error": error}
    pq.write_table(pa.table(points), folder / "points.parquet")
    _labels(folder / "objects.parquet", kind, parts, {"id": np.arange(objects)})
    channels = np.stack([time, np.where(place == 0, 0, np.arcsinh(gap)), value, np.log10(error)], 1)
    seen = channels[(parts == "train")[owner]]
    x = np.zeros((objects, length.max(), channels.shape[1]), np.float32)
    x[owner, place] = (channels - seen.mean(0)) / seen.std(0)
    _keep(folder, parts, x, kind, length if ragged else None)
    words = ["data=series", f"data.observations={folder}/points.parquet", f"data.objects={folder}/objects.parquet"]
    roles = ["data.time=mjd", "data.value=mag", "data.error=error", "data.per_object=false"]
    return [*words, *roles, "model=gru", *CLASSES]


def _labels(path: Path, kind: np.ndarray, parts: np.ndarray, columns: dict[str, np.ndarray]) -> None:
    names = np.array(["A", "B"])[kind]
    pq.write_table(pa.table({"id": np.arange(len(kind)), **columns, "kind": names, "split": parts}), path)


def _keep(folder: Path, parts: np.ndarray, x: np.ndarray, y: np.ndarray, length: np.ndarray | None = None) -> None:
    for name in ("train", "val"):
        rows = parts == name
        save(folder, name, Part(x[rows], y[rows], None if length is None else length[rows]))
