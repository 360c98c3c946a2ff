"""The latent map: where objects lie among the network's features, and which lie far from all that it was trained on."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke

from starbolt.report.gallery import SHOWN
from starbolt.report.lightcurves import MARKERS
from starbolt.report.quantity import numbers, truth_column
from starbolt.report.results import Results
from starbolt.report.style import COLOURS, GROUND, INK, WIDTH, Drawing, plain, with_unit

TRAINING = "#a3a9b0"
NEIGHBOUR = "tenth"
CLOSE = 0.045  # of the axes: rings that share a label


def draw(results: Results) -> Drawing:
    """Components one and two: training objects in grey, those shown by class or quantity, the strangest ringed."""
    found = results.explained
    figure = Figure(figsize=(WIDTH, 5.0))
    ax = figure.subplots()
    grey: dict[str, Any] = {"color": TRAINING, "ms": 3, "mec": "none", "rasterized": True, "zorder": 0.5}
    ax.plot(*found["latent_train_xy"].T, ".", label="training", **grey)
    truth = _truth(results)
    paint = _by_class if results.classes else _by_quantity
    paint(ax, results, truth)
    picked = _unusual(found)
    _ring(ax, found["latent_xy"][picked])
    share = 100 * found["latent_share"]
    ax.set_xlabel(f"component 1 ({share[0]:.0f}% of the variance)")
    ax.set_ylabel(f"component 2 ({share[1]:.0f}%)")
    figure.legend(loc="outside upper center", ncols=3, markerscale=1.5, handletextpad=0.2, columnspacing=1)
    columns = _numbers(results, truth, picked)
    return Drawing(
        "latent", "Where objects lie among the network's features", _caption(results, picked), figure, columns
    )


def _truth(results: Results) -> np.ndarray:
    """True class code, or first quantity, of each shown object [m]."""
    place = {row: i for i, row in enumerate(results.predictions["row"].to_pylist())}
    picked = [place[row] for row in results.explained["latent_row"].tolist()]
    if results.classes:
        return results.codes[picked]
    return numbers(results.predictions, truth_column(results.spec.target.names[0], results.spec))[picked]


def _by_class(ax: Axes, results: Results, truth: np.ndarray) -> None:
    for code, name in enumerate(results.classes):
        style: dict[str, Any] = {"color": COLOURS[code % len(COLOURS)], "marker": MARKERS[code // len(COLOURS) % 8]}
        ax.plot(*results.explained["latent_xy"][truth == code].T, ls="none", label=plain(name), **style, **_dots(truth))


def _by_quantity(ax: Axes, results: Results, truth: np.ndarray) -> None:
    known = np.isfinite(truth)
    x, y = results.explained["latent_xy"][known].T
    low, high = np.percentile(truth[known], [1, 99]) if known.any() else (0.0, 1.0)
    size = _dots(truth)["ms"] ** 2
    dots = ax.scatter(x, y, size, truth[known], cmap="viridis", vmin=low, vmax=high, lw=0, alpha=0.8, rasterized=True)
    target = results.spec.target
    label = with_unit(f"true {target.names[0]}", target.units[0] if target.units else "")
    ax.figure.colorbar(dots, ax=ax, label=label, pad=0.02, aspect=35)


def _dots(truth: np.ndarray) -> dict[str, Any]:
    """Many dots are small."""
    size = float(np.clip(60 / len(truth) ** 0.4, 2.2, 5.5))
    return {"ms": size, "mec": "none", "alpha": 0.75, "rasterized": True}


def _ring(ax: Axes, xy: np.ndarray) -> None:
    """The unusual objects, numbered in the order of their gallery, away from the middle of the map."""
    ax.plot(*xy.T, "o", mfc="none", mec=INK, ms=9, mew=1.1, label="most unusual")
    ends = np.array([ax.get_xlim(), ax.get_ylim()])
    places = (xy - ends[:, 0]) / np.ptp(ends, axis=1)
    for members in _together(places):
        away = np.where(places[members[0]] < 0.5, -1, 1)
        words = ",".join(str(i + 1) for i in members)
        ha = "right" if away[0] < 0 else "left"
        where: dict[str, Any] = {"textcoords": "offset points", "ha": ha, "va": "center", "fontsize": 8.5}
        where["path_effects"] = [withStroke(linewidth=2.5, foreground=GROUND)]
        ax.annotate(words, xy[members[0]], tuple(5.5 * away), zorder=4, **where)


def _together(places: np.ndarray) -> list[list[int]]:
    """Points [n, 2], in shares of the axes, grouped so that the numbers of different groups do not overlap."""
    groups: list[list[int]] = []
    for i, place in enumerate(places):
        near = [group for group in groups if np.linalg.norm(place - places[group[0]]) < CLOSE]
        if near:
            near[0].append(i)
        else:
            groups.append([i])
    return groups


def _unusual(found: dict[str, np.ndarray]) -> np.ndarray:
    """Places among the shown objects of those that the gallery shows, strangest first."""
    place = {row: i for i, row in enumerate(found["latent_row"].tolist())}
    return np.array([place[row] for row in found["unusual"][: SHOWN["unusual"]].tolist()], int)


def _caption(results: Results, picked: np.ndarray) -> str:
    found = results.explained
    names, scores = _ids(results)[picked], found["latent_score"][picked]
    told = ", ".join(f"{i + 1} {name} ({s:.1f})" for i, (name, s) in enumerate(zip(names, scores, strict=True)))
    shown, count = len(found["latent_row"]), results.predictions.num_rows
    some = f"{shown:,} of the {count:,}" if shown < count else f"The {shown:,}"
    usual = float(np.median(found["latent_score"]))
    return (
        f"{some} {results.part} objects among the network's features, along the first two principal components of "
        f"training objects (grey). Ringed are those farthest from {int(found['latent_trained']):,} training objects: "
        f"the distance to the {NEIGHBOUR} nearest, over the components that hold 99% of the variance (at most 32; here "
        f"{len(found['latent_share'])}), each in units of its spread, where 1 is usual for training objects (after Sun "
        f"et al. 2022, arXiv:2204.06507): {told}. The median of the objects shown is {usual:.2f}. Two axes hide the "
        "others: a ringed object may seem to lie among the rest. Strange to a network is not strange to an astronomer."
    )


def _ids(results: Results) -> np.ndarray:
    ids = dict(zip(results.predictions["row"].to_pylist(), results.predictions["id"].to_pylist(), strict=True))
    return np.array([str(ids[row]) for row in results.explained["latent_row"].tolist()])


def _numbers(results: Results, truth: np.ndarray, picked: np.ndarray) -> dict[str, Any]:
    """Shown and training objects, one below the other; the score and the number of the ring of shown ones."""
    found = results.explained
    rows, train = found["latent_row"], found["latent_train_row"]
    ring = np.zeros(len(rows), int)
    ring[picked] = np.arange(len(picked)) + 1
    nothing = np.full(len(train), np.nan)
    names = np.array(results.classes)[truth] if results.classes else truth
    xy = np.concatenate([found["latent_xy"], found["latent_train_xy"]])
    return {
        "row": np.concatenate([rows, train]),
        "id": np.concatenate([_ids(results), np.full(len(train), "")]),
        "part": np.concatenate([np.full(len(rows), results.part), np.full(len(train), "train")]),
        "true": np.concatenate([names, np.full(len(train), "") if results.classes else nothing]),
        "component_1": xy[:, 0],
        "component_2": xy[:, 1],
        "unusualness": np.concatenate([found["latent_score"], nothing]),
        "ring": np.concatenate([ring, np.zeros(len(train), int)]),
    }
