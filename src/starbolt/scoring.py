"""From a trained network to the answers of a run folder: calibrate, score, and keep what a report needs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import torch
from torch import Tensor

from starbolt import loading
from starbolt.aside import aside, write_json
from starbolt.data import ObjectDataModule
from starbolt.data.labels import class_words
from starbolt.explain import explain, write_explanation
from starbolt.predict import (
    Network,
    answered,
    best_device,
    group_codes,
    known_of,
    predict_rows,
    prediction_of,
    score,
    scored_table,
)
from starbolt.report.controls import controls
from starbolt.report.gallery import gallery_rows, write_gallery
from starbolt.report.shift.inputs import shift_table
from starbolt.tasks.reliability import class_reliability, quantity_reliability

Calibrates = Callable[..., list[str]]


def calibrate_run(
    calibrates: Calibrates | None,
    network: Network,
    data: ObjectDataModule,
    checkpoint: Path,
    *,
    device: torch.device | None = None,
) -> None:
    """Calibrate a trained network and keep what was fitted in its checkpoint; notes go to the data's."""
    network.calibration = None
    if calibrates is not None:
        data.notes += calibrates(network, data, device=device)
    loading.keep_calibration(checkpoint, network.calibration)


def score_parts(
    folder: Path,
    network: Network,
    data: ObjectDataModule,
    parts: Sequence[str],
    *,
    slices: Sequence[str] = (),
    device: torch.device | None = None,
) -> dict[str, pa.Table]:
    """metrics.json, predictions.parquet and calibration.json of the named parts; the predictions of each part.

    The last part is the one that calibration.json tells of.
    """
    found = {part: predict_rows(network, data.loader(data.parts[part], alone=True), device=device) for part in parts}
    metrics = {f"{part}/{name}": v for part, told in found.items() for name, v in score(network, data, told).items()}
    tables = {part: scored_table(network, data, told, slices=slices, part=part) for part, told in found.items()}
    write_table(folder / "predictions.parquet", pa.concat_tables(tables.values()))
    write_json(folder / "metrics.json", metrics)
    write_json(folder / "calibration.json", calibration_told(network, data, found[parts[-1]]))
    return tables


def calibration_told(network: Network, data: ObjectDataModule, found: Mapping[str, Tensor]) -> dict[str, Any]:
    """What was fitted, and the scores of these objects before and after; {} of a network without calibration."""
    if network.calibration is None:
        return {}
    fit, groups, known = network.calibration.fit, network.calibration.groups, known_of(found)
    answers = {"before": network.task.answer(prediction_of(known)), "after": answered(network, data.catalogue, known)}
    told: dict[str, Any] = {name: _reliable(network, answer, known["y"]) for name, answer in answers.items()}
    classes = network.spec.target.classes
    if working := getattr(fit, "working", ()):
        told["working_point"] = dict(zip(classes, working, strict=True))
    codes = group_codes(network.calibration, data.catalogue, known)
    return {
        "level": fit.level,
        "objects": sum(fit.counts) if classes else max(fit.counts),
        "counts": dict(zip(classes or network.spec.target.names, fit.counts, strict=True)),
        "by": list(groups.columns),
        "groups": group_coverage(network, answers["after"], known["y"], groups.names, codes),
        "fitted": network.calibration.to_dict()["fit"],
        **told,
    }


def group_coverage(
    network: Network, answer: Mapping[str, Tensor], y: Tensor, names: Sequence[str], codes: Tensor | None
) -> list[dict[str, Any]]:
    """Per calibration group its name, number of objects, and the share whose set or interval holds the truth."""
    if codes is None:
        return []
    if network.spec.target.classes:
        inside = answer["set"].gather(1, y[:, None])[:, 0]
    else:
        inside = (((y >= answer["low"]) & (y <= answer["high"])) | ~torch.isfinite(y)).all(1)
    told = [(name, inside[codes == code]) for code, name in enumerate(names)]
    return [{"group": n, "objects": len(i), "coverage": float(i.double().mean())} for n, i in told if len(i)]


def _reliable(network: Network, answer: Mapping[str, Tensor], y: Tensor) -> dict[str, float]:
    scores = network.task.scores(answer, y)
    if network.spec.target.classes:
        return scores | class_reliability(answer["prob"], y)
    pit = network.task.judge(answer, y).get("pit")
    return scores if pit is None else scores | quantity_reliability(pit[:, 0])


def keep_evidence(
    folder: Path,
    network: Network,
    data: ObjectDataModule,
    tables: Mapping[str, pa.Table],
    *,
    device: torch.device | None = None,
) -> None:
    """What a report shows besides the answers: controls.json, shift.json, explain.npz and gallery.npz.

    tables: the predictions of each scored part, the last of which the report shows.
    """
    part, table = list(tables.items())[-1]
    spec = network.spec
    wrong = gallery_rows(table, spec)["wrong"]
    explained = explain(network, data, wrong, data.parts[part], device=device or best_device())
    write_explanation(folder, explained)
    write_gallery(folder, data.sources, spec, data.ids, gallery_rows(table, spec, explained["unusual"]))
    if "test" in tables:
        write_json(folder / "shift.json", shift_table(data.sources, spec, data.y, data.parts, groups=groups_of(data)))
    beside = controls(data.sources, data.y, data.parts, network.task, score=list(tables))
    write_json(folder / "controls.json", beside)


def groups_of(data: ObjectDataModule) -> np.ndarray | None:
    """The declared group of each object of the catalogue [N], its own where it has none; None without groups."""
    if data.group_column is None:
        return None
    words = class_words(data.catalogue, data.group_column)
    return np.where(words == "", data.ids, words)


def write_table(path: Path, table: pa.Table) -> None:
    """Parquet, written aside and renamed."""
    with aside(path) as beside:
        pq.write_table(table, beside)
