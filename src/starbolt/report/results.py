"""A finished run as its folder tells it: the only thing that a report reads."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from starbolt.contract import Spec
from starbolt.report.quantity import Quantity, numbers, quantities
from starbolt.report.reading import arrays, labelled, plain, read_history


@dataclass(frozen=True)
class Results:
    """What a run folder holds.

    history: column -> float64 [epochs], NaN where a cell is empty. metrics, controls: see metrics.json, controls.json.
    part: which part of the split the report shows, "test" where it was scored. parts: the labelled objects of each.
    gallery, explained: arrays of gallery.npz and explain.npz. audit: audit.json, see `data.findings.Audited`.
    calibration: calibration.json. looks: looks.json. shift: shift.json, see `shift.shift_table`. Whatever a run folder
    lacks is empty.
    """

    folder: Path
    config: dict[str, Any]
    spec: Spec
    provenance: dict[str, Any]
    history: dict[str, np.ndarray]
    metrics: dict[str, float]
    controls: dict[str, dict[str, float]]
    part: str
    parts: dict[str, pa.Table]
    gallery: dict[str, np.ndarray]
    audit: dict[str, Any]
    calibration: dict[str, Any]
    looks: list[dict[str, Any]]
    shift: dict[str, Any]
    explained: dict[str, np.ndarray]

    @classmethod
    def read(cls, folder: Path) -> Results:
        """Read a run folder; FileNotFoundError where it is not one."""
        from omegaconf import OmegaConf

        if not (folder / "spec.json").is_file():
            raise FileNotFoundError(f"{folder} is no finished run: it has no spec.json")
        config: Any = OmegaConf.to_container(OmegaConf.load(folder / "config.yaml"))
        spec = Spec.from_dict(plain(folder / "spec.json"))
        metrics = plain(folder / "metrics.json")
        part = "test" if any(name.startswith("test/") for name in metrics) else "val"
        return cls(
            folder,
            config,
            spec,
            plain(folder / "provenance.json"),
            read_history(folder),
            metrics,
            plain(folder / "controls.json"),
            part,
            labelled(pq.read_table(folder / "predictions.parquet"), spec),
            arrays(folder / "gallery.npz"),
            plain(folder / "audit.json"),
            plain(folder / "calibration.json"),
            plain(folder / "looks.json", []),
            plain(folder / "shift.json"),
            arrays(folder / "explain.npz"),
        )

    @property
    def predictions(self) -> pa.Table:
        """The labelled objects of the part shown, one row each: what predictions.parquet tells of them."""
        return self.parts[self.part]

    @property
    def scores(self) -> dict[str, float]:
        """Score name -> value of the part shown, without the part's name."""
        return _of_part(self.metrics, self.part)

    def control(self, name: str) -> dict[str, float]:
        """Like `scores`, of the control "naive", "linear" or "boosting"; empty where there is none."""
        return _of_part(self.controls.get(name, {}), self.part)

    @property
    def classes(self) -> tuple[str, ...]:
        """Class names; empty for quantities."""
        return self.spec.target.classes

    @cached_property
    def loss(self) -> np.ndarray:
        """Loss of each object [n]."""
        return numbers(self.predictions, "loss")

    @cached_property
    def codes(self) -> np.ndarray:
        """True class of each object, int64 [n]."""
        return self._codes("target")

    @cached_property
    def given(self) -> np.ndarray:
        """The class that each object was given, int64 [n]: with weights in the loss not always the most probable."""
        return self._codes("prediction")

    @cached_property
    def prob(self) -> np.ndarray:
        """Class probabilities, float64 [n, K]."""
        return np.stack([numbers(self.predictions, f"prob_{name}") for name in self.classes], 1)

    @cached_property
    def sets(self) -> np.ndarray | None:
        """Which classes the set of each object holds, bool [n, K]; None where no sets were predicted."""
        names = [f"set_{name}" for name in self.classes]
        if not names or not set(names) <= set(self.predictions.column_names):
            return None
        return np.stack([self.predictions[name].to_numpy().astype(bool) for name in names], 1)

    @cached_property
    def quantities(self) -> list[Quantity]:
        """Each predicted quantity, of the objects whose true value is known."""
        return quantities(self.predictions, self.spec)

    def _codes(self, column: str) -> np.ndarray:
        place = {name: code for code, name in enumerate(self.classes)}
        return np.array([place[name] for name in self.predictions[column].to_pylist()], np.int64)


def _of_part(scores: dict[str, float], part: str) -> dict[str, float]:
    return {name.partition("/")[2]: value for name, value in scores.items() if name.startswith(f"{part}/")}
