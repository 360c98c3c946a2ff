"""A finished run as its folder tells it: the only thing that a report reads."""

from __future__ import annotations

import csv
import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from starbolt.contract import Spec


class Quantity(NamedTuple):
    """One predicted quantity of the labelled objects: truth, mean and (or None) one sigma, each [n], in `unit`."""

    name: str
    unit: str
    truth: np.ndarray
    mean: np.ndarray
    sigma: np.ndarray | None


@dataclass(frozen=True)
class Results:
    """What a run folder holds.

    history: column -> float64 [epochs], NaN where a cell is empty. metrics, controls: see metrics.json, controls.json.
    part: which part of the split the report shows, "test" where it was scored. predictions: of its labelled objects.
    gallery: arrays of gallery.npz, audit: audit.json, see `data.findings.Audited`; each empty where there is none.
    """

    folder: Path
    config: dict[str, Any]
    spec: Spec
    provenance: dict[str, Any]
    history: dict[str, np.ndarray]
    metrics: dict[str, float]
    controls: dict[str, dict[str, float]]
    part: str
    predictions: pa.Table
    gallery: dict[str, np.ndarray]
    audit: dict[str, Any]

    @classmethod
    def read(cls, folder: Path) -> Results:
        """Read a run folder; FileNotFoundError where it is not one."""
        from omegaconf import OmegaConf

        if not (folder / "spec.json").is_file():
            raise FileNotFoundError(f"{folder} is no finished run: it has no spec.json")
        config: Any = OmegaConf.to_container(OmegaConf.load(folder / "config.yaml"))
        spec = Spec.from_dict(_json(folder / "spec.json"))
        metrics = _json(folder / "metrics.json")
        part = "test" if any(name.startswith("test/") for name in metrics) else "val"
        return cls(
            folder,
            config,
            spec,
            _json(folder / "provenance.json"),
            read_history(folder),
            metrics,
            _json(folder / "controls.json"),
            part,
            _labelled(pq.read_table(folder / "predictions.parquet"), part, spec),
            _gallery(folder / "gallery.npz"),
            _json(folder / "audit.json"),
        )

    @property
    def scores(self) -> dict[str, float]:
        """Score name -> value of the part shown, without the part's name."""
        return _of_part(self.metrics, self.part)

    def control(self, name: str) -> dict[str, float]:
        """Like `scores`, of the control "naive" or "linear"."""
        return _of_part(self.controls.get(name, {}), self.part)

    @property
    def classes(self) -> tuple[str, ...]:
        """Class names; empty for quantities."""
        return self.spec.target.classes

    @cached_property
    def loss(self) -> np.ndarray:
        """Loss of each object [n]."""
        return _numbers(self.predictions, "loss")

    @cached_property
    def codes(self) -> np.ndarray:
        """True class of each object, int64 [n]."""
        place = {name: code for code, name in enumerate(self.classes)}
        return np.array([place[name] for name in self.predictions["target"].to_pylist()], np.int64)

    @cached_property
    def prob(self) -> np.ndarray:
        """Class probabilities, float64 [n, K]."""
        return np.stack([_numbers(self.predictions, f"prob_{name}") for name in self.classes], 1)

    @cached_property
    def quantities(self) -> list[Quantity]:
        """Each predicted quantity, of the objects whose true value is known."""
        target = self.spec.target
        units = target.units or ("",) * len(target.names)
        triples = zip(target.names, target.columns, units, strict=True)
        return [self._quantity(name, column, unit) for name, column, unit in triples]

    def _quantity(self, name: str, column: str, unit: str) -> Quantity:
        truth = _numbers(self.predictions, truth_column(name, self.spec))
        known = np.isfinite(truth)
        has_sigma = f"{column}_err" in self.predictions.column_names
        sigma = _numbers(self.predictions, f"{column}_err")[known] if has_sigma else None
        return Quantity(name, unit, truth[known], _numbers(self.predictions, column)[known], sigma)


def truth_column(name: str, spec: Spec) -> str:
    """Column of predictions.parquet that holds the true value of a target."""
    return "target" if len(spec.target.names) == 1 else f"target_{name}"


def read_history(folder: Path) -> dict[str, np.ndarray]:
    """history.csv as column -> float64 [epochs], NaN where a cell is empty; empty where nothing was trained."""
    if not (folder / "history.csv").is_file():
        return {}
    with (folder / "history.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    names = rows[0].keys() if rows else ()
    return {name: np.array([float(row[name] or "nan") for row in rows]) for name in names}


def _json(path: Path) -> dict[str, Any]:
    return json.loads(path.read_text()) if path.is_file() else {}


def _of_part(scores: dict[str, float], part: str) -> dict[str, float]:
    return {name.partition("/")[2]: value for name, value in scores.items() if name.startswith(f"{part}/")}


def _labelled(table: pa.Table, part: str, spec: Spec) -> pa.Table:
    """The objects of a part that have a label, which are those that were scored."""
    keep = table["part"].to_numpy().astype(str) == part
    if spec.target.classes:
        keep &= np.isin(table["target"].to_numpy().astype(str), spec.target.classes)
    else:
        keep &= np.isfinite([_numbers(table, truth_column(name, spec)) for name in spec.target.names]).any(0)
    return table.filter(pa.array(keep))


def _numbers(table: pa.Table, name: str) -> np.ndarray:
    return table[name].to_numpy().astype(np.float64)


def _gallery(path: Path) -> dict[str, np.ndarray]:
    if not path.is_file():
        return {}
    with np.load(path) as arrays:
        return dict(arrays)
