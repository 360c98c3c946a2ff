"""All that is told of what a network looks at: arrays by name, for explain.npz."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from starbolt.contract import Batch
from starbolt.data.module import ObjectDataModule
from starbolt.ensemble import Ensemble
from starbolt.explain.answer import codes_of, encoded, features, gathered, sample
from starbolt.explain.filters import first_convolution, first_layer
from starbolt.explain.gradcam import grad_cam
from starbolt.explain.importance import permutation_importance
from starbolt.explain.latent import principal_axes, typical, unusualness
from starbolt.explain.occlusion import occlusion
from starbolt.learner import Learner
from starbolt.predict import at_rest

WRONG, TYPICAL = 4, 4  # objects of which maps and curves are shown
UNUSUAL = 16
SHOWN = {"table": 5_000, "series": 5_000, "image": 3_000}  # objects of the latent map, by the slowest of the modalities
TRAINING = {"table": 5_000, "series": 3_000, "image": 2_000}  # those that they are compared with
KEPT = 2_000  # training objects of the latent map that are drawn
FILE = "explain.npz"

Arrays = dict[str, np.ndarray]


def explain(
    network: Learner | Ensemble,
    data: ObjectDataModule,
    rows: np.ndarray,
    part_rows: np.ndarray,
    *,
    device: torch.device,
) -> Arrays:
    """What a trained network looks at: filters, maps, columns, stretches of time, and where it puts objects.

    rows: catalogue rows of the objects that it got most wrong, worst first. part_rows: of all objects of the part that
    the report shows. Of an ensemble the first member is explained.

    Gives `row`, `id` and `wrong` (bool) of the n chosen objects, `code` of what is explained of each; `latent_*`, see
    `_latent`; `unusual`, catalogue rows, strangest first; per modality NAME `cam_NAME`, `filters_NAME`, ... with the
    measurements of the chosen objects; `reasons`, sentences on what could not be told.
    """
    learner = _first(network).to(device)
    with at_rest(learner):
        return _explained(learner, data, rows, part_rows, device)


def _explained(
    learner: Learner, data: ObjectDataModule, rows: np.ndarray, part_rows: np.ndarray, device: torch.device
) -> Arrays:
    found, central = _latent(learner, data, rows, part_rows, device)
    chosen = np.concatenate([rows[:WRONG], central])
    batch = gathered(learner, data, chosen, device)
    codes = codes_of(learner, batch)
    with torch.no_grad():
        parts = features(learner, batch.inputs)
    found |= {"row": chosen, "id": data.ids[chosen].astype(str), "wrong": np.arange(len(chosen)) < len(rows[:WRONG])}
    found |= {"code": codes.numpy(), "reasons": np.zeros(0, str)}
    for name, about in learner.spec.inputs.items():
        if about.kind == "image":
            found |= _image(learner, name, batch, parts, codes, found["reasons"])
        elif about.kind == "series":
            found |= _named(name, {**occlusion(learner, name, batch.inputs[name], parts, codes), **_curve(batch, name)})
        else:
            found |= _named(name, permutation_importance(learner, data, name, device))
    return found


def write_explanation(folder: Path, arrays: Arrays) -> Path:
    """Write explain.npz, aside and renamed; returns its path."""
    aside, path = folder / ".explain.part.npz", folder / FILE
    np.savez_compressed(aside, **arrays)  # type: ignore[arg-type]
    aside.rename(path)
    return path


def _first(network: Learner | Ensemble) -> Learner:
    return network.members[0] if isinstance(network, Ensemble) else network  # type: ignore[return-value]


def _latent(
    learner: Learner, data: ObjectDataModule, rows: np.ndarray, part_rows: np.ndarray, device: torch.device
) -> tuple[Arrays, np.ndarray]:
    """Where objects lie among the network's features, and the rows of the typical ones.

    latent_row [m], latent_xy [m, 2] and latent_score [m] of the shown objects, among them all of `rows`;
    latent_train_row, latent_train_xy of some of the latent_trained training objects; latent_share [k], the fraction of
    the variance that each of the components that count tells.
    """
    slowest = min((about.kind for about in learner.spec.inputs.values()), key=SHOWN.__getitem__)
    shown = np.union1d(sample(part_rows, SHOWN[slowest]), rows)
    train = sample(data.parts["train"], TRAINING[slowest])
    there, here = (_joined(encoded(learner, data, which, device)) for which in (train, shown))
    axes = principal_axes(there)
    score = unusualness(axes, here, there).numpy()
    place = axes(here)
    leave = np.flatnonzero(np.isin(shown, rows))
    central = typical(place, _groups(data.y[shown]), TYPICAL, leave)
    found = {"latent_row": shown, "latent_xy": place[:, :2].numpy(), "latent_score": score}
    found |= {"latent_train_row": train[:KEPT], "latent_train_xy": axes(there[:KEPT])[:, :2].numpy()}
    found |= {"latent_trained": np.array(len(train)), "latent_share": axes.share.numpy()}
    found |= {"unusual": shown[np.argsort(-score, kind="stable")[:UNUSUAL]]}
    return found, shown[central]


def _groups(y: np.ndarray) -> np.ndarray:
    """A group per object, int [n]: its class, or the quarter of the first quantity's values in which its own lies."""
    if y.dtype == np.int64:
        return y
    first = y[:, 0]
    return np.searchsorted(np.nanquantile(first, [0.25, 0.5, 0.75]), np.nan_to_num(first))


def _joined(parts: dict[str, Tensor]) -> Tensor:
    return torch.cat(list(parts.values()), 1)


def _image(
    learner: Learner, name: str, batch: Batch, parts: dict[str, Tensor], codes: Tensor, reasons: np.ndarray
) -> Arrays:
    block = batch.inputs[name]
    if first_convolution(learner.encoder.encoders[name]) is None:
        reason = f"{name}: its encoder has no convolution, so there are no filters and no map of where it looks"
        return {"reasons": np.append(reasons, reason)}
    found: dict[str, Any] = first_layer(learner, name, block)
    cam, share = grad_cam(learner, name, batch.inputs, parts, codes)
    found["channel_share"] = share.numpy()
    if cam.numel():
        found["cam"] = cam.numpy()
    else:
        reason = f"{name}: none of its encoder's maps leads to the answer, so there is no map of where it looks"
        reasons = np.append(reasons, reason)
    found["picture"] = block.x.masked_fill(~block.mask, torch.nan).cpu().numpy()
    return {**_named(name, found), "reasons": reasons}


def _curve(batch: Batch, name: str) -> Arrays:
    """Measurements of the chosen series: time [n, T], x [n, V, T] and, where known, err, NaN where unmeasured."""
    block = batch.inputs[name]
    x = block.x.masked_fill(~block.mask, torch.nan).cpu().numpy()
    planes = {"time": x[:, 0], "x": x[:, 1:]}
    if block.err is None:
        return planes
    return planes | {"err": block.err.masked_fill(~block.mask | (block.err <= 0), torch.nan)[:, 1:].cpu().numpy()}


def _named(name: str, arrays: Arrays) -> Arrays:
    return {f"{key}_{name}": value for key, value in arrays.items()}
