"""Fabricated run folders: what a run leaves behind, without training anything."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch

from starbolt.contract import InputSpec, Spec, TargetSpec
from starbolt.tasks.scores import class_scores, quantity_scores

WORST = 5  # objects in the gallery

Maker = Callable[..., Path]


def about(kind: str, channels: tuple[str, ...], units: tuple[str, ...], shape: tuple[int, ...]) -> InputSpec:
    n = len(channels)
    return InputSpec(kind, channels, units, shape, ("linear",) * n, (1.0,) * n, (0.0,) * n, (1.0,) * n, (0.0,) * n)


def history(epochs: int = 20, *, overfit: bool = True) -> str:
    lines = ["epoch,step,seconds,lr,train/loss,val/loss,val/accuracy,val/rms"]
    for e in range(epochs):
        rise = 0.03 * max(e - 8, 0) if overfit else 0.0
        lines.append(
            f"{e},{10 * e},{e},0.001,{np.exp(-e / 5)},{np.exp(-e / 4) + 0.2 + rise},{0.9 - 0.5**e},{1 + 0.5**e}"
        )
    return "\n".join(lines)


@pytest.fixture
def write_run(tmp_path: Path) -> Maker:
    """Write the files common to all runs, and return the folder."""

    def write(name: str, spec: Spec, columns: dict, metrics: dict, controls: dict, gallery: dict, **config) -> Path:
        folder = tmp_path / name
        folder.mkdir()
        whole = {"name": name, "monitor": "val/loss", **config}
        for file, content in (
            ("spec", spec.to_dict()),
            ("metrics", metrics),
            ("controls", controls),
            ("config", whole),
        ):
            ending = "yaml" if file == "config" else "json"  # JSON is YAML
            (folder / f"{file}.{ending}").write_text(json.dumps(content))
        provenance = {
            "command": f"starbolt train data={name}",
            "started": "2026-11-02T21:04:00+00:00",
            "seconds": 83.4,
            "git": "0123456789abcdef0123456789abcdef01234567",
            "packages": {"torch": "2.15.0", "lightning": "2.6.6"},
            "hardware": "x86_64, 2 cores",
            "parameters": 123456,
            "notes": ["<3> points whose error is not positive were dropped"],
        }
        (folder / "provenance.json").write_text(json.dumps(provenance))
        (folder / "history.csv").write_text(history())
        pq.write_table(pa.table(columns), folder / "predictions.parquet")
        if gallery:
            np.savez(folder / "gallery.npz", **gallery)
        return folder

    return write


def classified(classes: tuple[str, ...], n: int, random: np.random.Generator) -> tuple[dict, dict]:
    """Columns of predictions.parquet and metrics of n objects, half in the first class."""
    share = np.array([0.5] + [0.5 / (len(classes) - 1)] * (len(classes) - 1))
    y = np.append(np.arange(len(classes)), random.choice(len(classes), n - len(classes), p=share))
    logit = random.normal(size=(n, len(classes)))
    logit[np.arange(n), y] += 2.0
    prob = (np.exp(logit) / np.exp(logit).sum(1, keepdims=True)).astype(np.float32)
    names = np.array(classes)
    columns = {
        "id": np.array([f"J{i:05d}" for i in range(n)]),
        "row": np.arange(n),
        "part": np.full(n, "test"),
        "target": names[y],
        "prediction": names[prob.argmax(1)],
        **{f"prob_{name}": prob[:, k] for k, name in enumerate(classes)},
        "loss": -np.log(prob[np.arange(n), y]),
    }
    scores = class_scores(torch.from_numpy(prob), torch.from_numpy(y)) | {"loss": float(columns["loss"].mean())}
    return columns, {f"test/{name}": value for name, value in scores.items()}


@pytest.fixture
def image_run(write_run: Maker) -> Path:
    """A CNN on cut-outs in colour and in two infrared channels: three classes, a few objects in the gallery."""
    random = np.random.default_rng(1)
    classes = ("elliptical", "spiral", "merger <&>")
    columns, metrics = classified(classes, 300, random)
    y, x = np.mgrid[-1:1:32j, -1:1:32j]
    colour = random.poisson(30, (WORST, 3, 32, 32)) + 180 * np.exp(-(x**2 + y**2) * 8)
    infrared = random.normal(size=(WORST, 2, 32, 32)) + 300 * np.exp(-(x**2 + 3 * y**2) * 20)
    infrared[:, 1, :8, :8] = np.nan
    inputs = {
        "image": about("image", ("R", "G", "B"), ("", "", ""), (3, 32, 32)),
        "infrared": about("image", ("J", "K"), ("mJy", "mJy"), (2, 32, 32)),
    }
    spec = Spec(
        inputs, TargetSpec(("class",), ("",), classes, (500, 250, 250)), sizes={"train": 1000, "val": 100, "test": 300}
    )
    worst = np.argsort(-columns["loss"])[:WORST]
    gallery = {
        "id": columns["id"][worst],
        "row": worst,
        "image": colour.clip(0, 255).astype("f4"),
        "infrared": infrared.astype("f4"),
    }
    controls = {"naive": {"test/accuracy": 0.5}, "linear": {"test/accuracy": 0.7}}
    return write_run("galaxies", spec, columns, metrics, controls, gallery, model={"_target_": "starbolt.models.CNN"})


@pytest.fixture
def series_run(write_run: Maker) -> Path:
    """A GRU on light curves in two bands, in magnitudes: six classes."""
    random = np.random.default_rng(2)
    classes = ("RRAB", "RRC", "CEPH", "ECL", "LPV", "DSCT")
    columns, metrics = classified(classes, 400, random)
    time = np.sort(random.uniform(0, 400, (WORST, 60)), 1).astype("f4")
    time[:, 40:] = np.where(np.arange(WORST)[:, None] % 2, np.nan, time[:, 40:])
    x = (
        16
        + 0.4 * np.sin(time / 20)[:, None]
        + np.array([0.0, 0.8])[:, None]
        + random.normal(size=(WORST, 2, 60)) * 0.05
    )
    x[:, 0, ::2], x[:, 1, 1::2] = np.nan, np.nan
    inputs = {"series": about("series", ("time", "B_E", "R_E"), ("d", "mag", "mag"), (3, 60))}
    spec = Spec(
        inputs,
        TargetSpec(("type",), ("",), classes, (90, 80, 70, 60, 50, 40)),
        sizes={"train": 390, "val": 50, "test": 400},
    )
    worst = np.argsort(-columns["loss"])[:WORST]
    gallery = {"id": columns["id"][worst], "row": worst, "series_time": time, "series_x": x.astype("f4")}
    gallery["series_err"] = np.where(np.isnan(x), np.nan, 0.05).astype("f4")
    controls = {"naive": {"test/accuracy": 0.3}, "linear": {"test/accuracy": 0.6}}
    return write_run("stars", spec, columns, metrics, controls, gallery, model={"_target_": "starbolt.models.GRU"})


def estimated(n: int, random: np.random.Generator) -> tuple[dict, dict]:
    """Columns of predictions.parquet and metrics of n redshifts with one sigma each."""
    z = random.gamma(3, 0.05, n).astype(np.float32)
    sigma = random.uniform(0.01, 0.03, n).astype(np.float32)
    mean = (z + sigma * random.normal(size=n)).astype(np.float32)
    columns = {
        "id": [str(i) for i in range(n)],
        "row": np.arange(n),
        "part": np.full(n, "test"),
        "target": z,
        "z": mean,
    }
    columns |= {"z_err": sigma, "loss": ((mean - z) / sigma) ** 2}
    scores = quantity_scores(*(torch.from_numpy(v) for v in (mean, sigma, z)), redshift=True)
    scores["loss"] = float(columns["loss"].mean())
    return columns, {f"test/{name}": value for name, value in scores.items()}


@pytest.fixture
def table_run(write_run: Maker) -> Maker:
    """An MLP on a catalogue of magnitudes, with so many test objects."""

    def make(n: int = 500, name: str = "redshifts") -> Path:
        random = np.random.default_rng(3)
        columns, metrics = estimated(n, random)
        inputs = {"table": about("table", ("u", "g", "r"), ("mag", "mag", "mag"), (3,))}
        spec = Spec(
            inputs, TargetSpec(("z",), ("",), (), (), (0.15,), (0.09,)), sizes={"train": 2000, "val": 300, "test": n}
        )
        worst = np.argsort(-columns["loss"])[:WORST]
        gallery = {
            "id": np.array(columns["id"])[worst],
            "row": worst,
            "table": random.normal(20, 1, (WORST, 3)).astype("f4"),
        }
        controls = {"naive": {"test/nmad": 0.08, "test/rms": 0.09}, "linear": {"test/nmad": 0.03, "test/rms": 0.05}}
        task = {"_target_": "starbolt.tasks.Regression", "redshift": True}
        model = {"_target_": "starbolt.models.MLP"}
        return write_run(name, spec, columns, metrics, controls, gallery, model=model, task=task)

    return make
