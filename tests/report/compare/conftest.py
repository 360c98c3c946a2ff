"""Run folders with as much in them as a comparison reads."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from starbolt.contract import Spec, TargetSpec

Maker = Callable[..., Path]


def merged(config: dict[str, Any], words: dict[str, Any]) -> dict[str, Any]:
    """The configuration with dotted words laid over it."""
    whole = json.loads(json.dumps(config))
    for key, value in words.items():
        inner = whole
        *path, last = key.split(".")
        for name in path:
            inner = inner.setdefault(name, {})
        inner[last] = value
    return whole


CONFIG: dict[str, Any] = {
    "seed": 0,
    "model": {"_target_": "starbolt.models.MLP", "width": 64},
    "task": {"_target_": "starbolt.tasks.Regression", "loss": "mse", "redshift": False},
    "optim": {"_target_": "torch.optim.AdamW", "lr": 0.001},
}


@pytest.fixture(autouse=True)
def _fewer_resamples(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("starbolt.report.compare.draws.RESAMPLES", 200)


@pytest.fixture
def write(tmp_path: Path) -> Maker:
    """(name, truth [n], mean [n], ids, part, group, **words of the configuration) -> a run that estimated z."""

    def make(
        name: str,
        truth: np.ndarray,
        mean: np.ndarray,
        *,
        ids: np.ndarray | None = None,
        part: str = "test",
        group: np.ndarray | None = None,
        **words: Any,
    ) -> Path:
        n = len(truth)
        columns = {
            "id": np.array([f"J{i:05d}" for i in (np.arange(n) if ids is None else ids)]),
            "row": np.arange(n),
            "part": np.full(n, part),
            "target": truth,
            "z": mean,
            "loss": (mean - truth) ** 2,
        }
        columns |= {} if group is None else {"group": [f"g{i:04d}" for i in group]}
        spec = Spec({}, TargetSpec(("z",), ("",), (), (), (0.0,), (1.0,)))
        return put(tmp_path / name, columns, spec, merged(CONFIG, words | {"run": str(tmp_path / name), "name": name}))

    return make


@pytest.fixture
def write_classes(tmp_path: Path) -> Maker:
    """(name, codes [n], prob [n, 2], **words) -> a run that told "a" from "b"."""

    def make(name: str, codes: np.ndarray, prob: np.ndarray, *, classes: str = "ab", **words: Any) -> Path:
        n, names = len(codes), np.array(["a", "b"])
        columns = {"id": np.arange(n), "row": np.arange(n), "part": np.full(n, "test"), "target": names[codes]}
        columns |= {"prediction": names[prob.argmax(1)], "prob_a": prob[:, 0], "prob_b": prob[:, 1]}
        columns |= {"loss": -np.log(prob[np.arange(n), codes])}
        spec = Spec({}, TargetSpec(("kind",), ("",), tuple(classes), (1,) * len(classes)))
        return put(tmp_path / name, columns, spec, merged(CONFIG, words))

    return make


def put(folder: Path, columns: dict[str, Any], spec: Spec, config: dict[str, Any]) -> Path:
    folder.mkdir(parents=True)
    pq.write_table(pa.table(columns), folder / "predictions.parquet")
    part = columns["part"][0]
    for file, content in (
        ("spec.json", spec.to_dict()),
        ("config.yaml", config),
        ("metrics.json", {f"{part}/loss": 1.0}),
    ):
        (folder / file).write_text(json.dumps(content))  # JSON is YAML
    return folder
