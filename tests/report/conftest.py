"""Fabricated run folders: what a run leaves behind, without training anything."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch

from starbolt.contract import InputSpec, Spec, TargetSpec
from starbolt.tasks.conformal import least
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

    def write(
        name: str,
        spec: Spec,
        columns: dict,
        metrics: dict,
        controls: dict,
        gallery: dict,
        calibration: dict,
        **config: Any,
    ) -> Path:
        folder = tmp_path / name
        folder.mkdir()
        whole = {"name": name, "monitor": "val/loss", **config}
        for file, content in (
            ("spec", spec.to_dict()),
            ("metrics", metrics),
            ("controls", controls),
            ("config", whole),
            ("calibration", calibration),
            ("looks", [{"when": "2026-11-02T21:06:00+00:00", "checkpoint": "0123456789abcdef", "verb": "train"}]),
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


def drawn(classes: tuple[str, ...], n: int, random: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Classes [n], half of them the first, and calibrated probabilities [n, K]: of Gaussians two sigma apart."""
    share = np.array([0.5] + [0.5 / (len(classes) - 1)] * (len(classes) - 1))
    y = np.append(np.arange(len(classes)), random.choice(len(classes), n - len(classes), p=share))
    seen = random.normal(size=(n, len(classes)))
    seen[np.arange(n), y] += 2.0
    odds = share * np.exp(2.0 * seen)
    return y, (odds / odds.sum(1, keepdims=True)).astype(np.float32)


def classified(classes: tuple[str, ...], n: int, random: np.random.Generator) -> tuple[dict, dict, dict]:
    """Columns of predictions.parquet, metrics and calibration.json: n test objects, then as many for validation."""
    y, prob = drawn(classes, 2 * n, random)
    y_cal, prob_cal = drawn(classes, 400, random)
    lowest = [least(prob_cal[y_cal == k, k], 0.9) for k in range(len(classes))]
    sets, loss = prob >= np.array(lowest), -np.log(prob[np.arange(2 * n), y])
    names, part = np.array(classes), np.repeat(["test", "val"], n)
    columns = {
        "id": np.array([f"J{i:05d}" for i in range(2 * n)]),
        "row": np.arange(2 * n),
        "part": part,
        "target": names[y],
        "prediction": names[prob.argmax(1)],
        **{f"prob_{name}": prob[:, k] for k, name in enumerate(classes)},
        **{f"set_{name}": sets[:, k] for k, name in enumerate(classes)},
        "seeing": random.uniform(0.5, 2.5, 2 * n),
        "field": np.array(["north", "south"])[random.integers(0, 2, 2 * n)],
        "loss": loss,
    }
    scores = {**class_scores(torch.from_numpy(prob[:n]), torch.from_numpy(y[:n])), "loss": float(loss[:n].mean())}
    counts = dict(zip(classes, np.bincount(y_cal).tolist(), strict=True))
    calibration = {"level": 0.9, "objects": 400, "counts": counts, "working_point": dict.fromkeys(classes, 0.4)}
    calibration |= {"by": [], "groups": [], "before": scores | {"log_loss": 2.5}, "after": scores}
    return columns, {f"test/{name}": value for name, value in scores.items()}, calibration


@pytest.fixture
def image_run(write_run: Maker) -> Path:
    """A CNN on cut-outs in colour and in two infrared channels: three classes, a few objects in the gallery."""
    random = np.random.default_rng(1)
    classes = ("elliptical", "spiral", "merger <&>")
    columns, metrics, calibration = classified(classes, 300, random)
    y, x = np.mgrid[-1:1:32j, -1:1:32j]
    colour = random.poisson(30, (WORST, 3, 32, 32)) + 180 * np.exp(-(x**2 + y**2) * 8)
    infrared = random.normal(size=(WORST, 2, 32, 32)) + 300 * np.exp(-(x**2 + 3 * y**2) * 20)
    infrared[:, 1, :8, :8] = np.nan
    inputs = {
        "image": replace(about("image", ("R", "G", "B"), ("", "", ""), (3, 32, 32)), pixel_scale=0.4),
        "infrared": about("image", ("J", "K"), ("mJy", "mJy"), (2, 32, 32)),
    }
    spec = Spec(
        inputs, TargetSpec(("class",), ("",), classes, (500, 250, 250)), sizes={"train": 1000, "val": 100, "test": 300}
    )
    worst = np.argsort(-columns["loss"][:300])[:WORST]
    gallery = {
        "id": columns["id"][worst],
        "row": worst,
        **kinds(worst),
        "image": colour.clip(0, 255).astype("f4"),
        "infrared": infrared.astype("f4"),
    }
    controls = {"naive": {"test/accuracy": 0.5}, "linear": {"test/accuracy": 0.7}}
    model = {"_target_": "starbolt.models.CNN"}
    slices = ["seeing", "field"]
    return write_run("galaxies", spec, columns, metrics, controls, gallery, calibration, model=model, slices=slices)


@pytest.fixture
def series_run(write_run: Maker) -> Path:
    """A GRU on light curves in two bands, in magnitudes: six classes."""
    random = np.random.default_rng(2)
    classes = ("RRAB", "RRC", "CEPH", "ECL", "LPV", "DSCT")
    columns, metrics, calibration = classified(classes, 400, random)
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
    worst = np.argsort(-columns["loss"][:400])[:WORST]
    gallery = {
        "id": columns["id"][worst],
        "row": worst,
        **kinds(worst),
        "series_time": time,
        "series_x": x.astype("f4"),
    }
    gallery["series_err"] = np.where(np.isnan(x), np.nan, 0.05).astype("f4")
    controls = {"naive": {"test/accuracy": 0.3}, "linear": {"test/accuracy": 0.6}}
    model = {"_target_": "starbolt.models.GRU"}
    return write_run("stars", spec, columns, metrics, controls, gallery, calibration, model=model)


def kinds(worst: np.ndarray) -> dict[str, np.ndarray]:
    """Which of the gallery's objects are shown for what: the first ones are unsure too, the last is unusual too."""
    return {"rows_wrong": worst, "rows_unsure": worst[:3], "rows_unusual": worst[-1:]}


def estimated(n: int, random: np.random.Generator) -> tuple[dict, dict, dict]:
    """Columns of predictions.parquet, metrics and calibration.json: n redshifts with Gaussians, half as many more."""
    m = n + n // 2
    z = random.gamma(3, 0.05, m).astype(np.float32)
    sigma = random.uniform(0.01, 0.03, m).astype(np.float32)
    mean = (z + sigma * random.normal(size=m)).astype(np.float32)
    columns = {
        "id": [str(i) for i in range(m)],
        "row": np.arange(m),
        "part": np.array(["test"] * n + ["val"] * (m - n)),
    }
    answer = {"z": mean, "z_err": sigma, "z_mode": mean, "z_low": mean - 1.645 * sigma, "z_high": mean + 1.645 * sigma}
    pit = torch.distributions.Normal(0.0, 1.0).cdf(torch.from_numpy((z - mean) / sigma)).numpy()
    judged = {"z_pit": pit, "z_crps": 0.6 * sigma, "z_cde": -0.3 / sigma, "mag_r": random.normal(17, 1, m)}
    columns |= {"target": z, **answer, **judged, "loss": ((mean - z) / sigma) ** 2 / 2 + np.log(sigma)}
    told = {
        "pit": pit,
        "crps": judged["z_crps"],
        "cde": judged["z_cde"],
        "low": answer["z_low"],
        "high": answer["z_high"],
    }
    known = {name: torch.from_numpy(values[:n]) for name, values in told.items()}
    scores = quantity_scores(torch.from_numpy(mean[:n]), torch.from_numpy(z[:n]), redshift=True, **known)
    scores["loss"] = float(columns["loss"][:n].mean())
    calibration = {
        "level": 0.9,
        "objects": 200,
        "counts": {"z": 200},
        "before": scores | {"crps": 0.5},
        "after": scores,
    }
    return columns, {f"test/{name}": value for name, value in scores.items()}, calibration


@pytest.fixture
def table_run(write_run: Maker) -> Maker:
    """An MLP on a catalogue of magnitudes, with so many test objects."""

    def make(n: int = 500, name: str = "redshifts") -> Path:
        random = np.random.default_rng(3)
        columns, metrics, calibration = estimated(n, random)
        inputs = {"table": about("table", ("u", "g", "r"), ("mag", "mag", "mag"), (3,))}
        spec = Spec(
            inputs, TargetSpec(("z",), ("",), (), (), (0.15,), (0.09,)), sizes={"train": 2000, "val": 300, "test": n}
        )
        worst = np.argsort(-columns["loss"][:n])[:WORST]
        gallery = {
            "id": np.array(columns["id"])[worst],
            "row": worst,
            **kinds(worst),
            "table": random.normal(20, 1, (WORST, 3)).astype("f4"),
        }
        controls = {"naive": {"test/nmad": 0.08, "test/rms": 0.09}, "linear": {"test/nmad": 0.03, "test/rms": 0.05}}
        task = {"_target_": "starbolt.tasks.Regression", "redshift": True}
        words = {"model": {"_target_": "starbolt.models.MLP"}, "task": task, "slices": ["mag_r"]}
        return write_run(name, spec, columns, metrics, controls, gallery, calibration, **words)

    return make
