"""One look at data before training: histograms of columns, examples of images and of series."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure

from starbolt.contract import Block
from starbolt.data.sources import Source
from starbolt.report.controls import evenly
from starbolt.report.style import BLUE, COLOURS, GREY, house_style, plain, with_unit

CLASSES, EACH = 6, 4  # classes shown, and examples of each
MOST = 24  # examples or histograms shown
SAMPLE = 20_000  # rows in a histogram
STRIP = 4  # channels of an image shown side by side
WIDTH, HEIGHT = 10.0, 1.7  # of the figure, and of one row of panels [inches]


def draw_overview(file: Path, sources: Mapping[str, Source], ids: np.ndarray, labels: np.ndarray) -> Path:
    """Write the figure, a block of panels per modality, as PNG; returns its path.

    ids: strings [N]. labels: strings [N], the target in words, "" where unknown.
    """
    rows = examples(labels)
    titles = [f"{labels[row] or ids[row]}" for row in rows]
    heights = [_lines(source, len(rows)) for source in sources.values()]
    with house_style():
        figure = Figure(figsize=(WIDTH, HEIGHT * sum(heights) + 0.3 * len(heights)))
        blocks = figure.subfigures(len(heights), 1, height_ratios=heights, squeeze=False)[:, 0]
        for block, (name, source) in zip(blocks, sources.items(), strict=True):
            block.suptitle(plain(name))
            DRAW[source.modality.kind](block, source, rows, titles)
        figure.savefig(file)
    return file


def examples(labels: np.ndarray) -> np.ndarray:
    """Catalogue rows to show: a few of each class, or objects evenly along the target where it has many values."""
    known = np.flatnonzero(labels != "")
    names, counts = np.unique(labels[known], return_counts=True)
    if len(names) < 2:
        return evenly(np.arange(len(labels)), MOST)
    if counts.mean() < EACH:
        return known[_by_size(labels[known])][np.linspace(0, len(known) - 1, min(MOST, len(known))).astype(int)]
    largest = np.sort(names[np.argsort(-counts, kind="stable")][:CLASSES])
    return np.concatenate([evenly(known[labels[known] == name], EACH) for name in largest])


def histograms(figure: SubFigure, source: Source, rows: np.ndarray, titles: Sequence[str]) -> None:
    """A histogram per column, of the central 99.8 per cent of its measured values."""
    count = len(source.modality.data.x) if source.rows is None else len(source.rows)
    block = source.gather(torch.from_numpy(evenly(np.arange(count), SAMPLE)))
    seen = block.mask.expand_as(block.x)
    channels = list(zip(source.modality.channels, source.modality.units, strict=True))[:MOST]
    for c, (axes, (name, unit)) in enumerate(zip(_panels(figure, len(channels), 6), channels, strict=True)):
        x = block.x[:, c][seen[:, c]].numpy()
        if len(x):
            axes.hist(x, bins=40, range=tuple(np.percentile(x, [0.1, 99.9])), color=BLUE)
        axes.set_xlabel(with_unit(name, unit))
        axes.locator_params(axis="x", nbins=3)
        axes.set_yticks([])


def pictures(figure: SubFigure, source: Source, rows: np.ndarray, titles: Sequence[str]) -> None:
    """The examples' images, their first channels side by side, each stretched by itself."""
    block = source.gather(torch.from_numpy(rows))
    mask = block.mask.expand_as(block.x)
    for axes, x, seen, title in zip(_panels(figure, len(rows), _across(source)), block.x, mask, titles, strict=True):
        strip = [stretched(plane.numpy(), there.numpy()) for plane, there in zip(x[:STRIP], seen, strict=False)]
        axes.imshow(np.concatenate(strip, 1), origin="lower", cmap="gray", interpolation="nearest", vmin=0, vmax=1)
        axes.set_title(plain(title), fontsize=9)
        axes.set_axis_off()


def curves(figure: SubFigure, source: Source, rows: np.ndarray, titles: Sequence[str]) -> None:
    """The examples' values against time since the first point, with errors, a colour per channel."""
    block = source.gather(torch.from_numpy(rows))
    names, units = source.modality.channels, source.modality.units
    for i, (axes, title) in enumerate(zip(_panels(figure, len(rows), _across(source)), titles, strict=True)):
        for c, name in enumerate(names, start=1):
            _points(axes, block, i, c, plain(name))
        axes.set_title(plain(title), fontsize=9)
        if "mag" in units:
            axes.invert_yaxis()
    figure.supxlabel("time since the first point", fontsize=9)
    figure.legend(*figure.axes[0].get_legend_handles_labels(), loc="outside right upper")


def stretched(x: np.ndarray, seen: np.ndarray) -> np.ndarray:
    """An image [H, W] between 0 and 1: asinh of the distance from the median in units of the noise; NaN unmeasured."""
    values = x[seen]
    if len(values) == 0:
        return np.full(x.shape, np.nan)
    middle = np.median(values)
    noise = 1.4826 * np.median(np.abs(values - middle)) or 1.0
    scaled = np.arcsinh((x - middle) / noise)
    low, high = np.percentile(scaled[seen], [1, 99.8])
    return np.where(seen, np.clip((scaled - low) / ((high - low) or 1.0), 0, 1), np.nan)


DRAW = {"table": histograms, "image": pictures, "series": curves}


def _points(axes: Axes, block: Block, i: int, c: int, name: str) -> None:
    seen = block.mask.expand_as(block.x)[i, c].numpy()
    time, x = block.x[i, 0].numpy()[seen], block.x[i, c].numpy()[seen]
    err = None if block.err is None else block.err[i, c].numpy()[seen]
    colour = COLOURS[(c - 1) % len(COLOURS)]
    axes.errorbar(time, x, err, fmt=".", markersize=3, linewidth=0.7, color=colour, label=name)


def _panels(figure: SubFigure, count: int, across: int) -> list[Axes]:
    grid = figure.subplots(-(-count // across), across, squeeze=False).ravel()
    for axes in grid[count:]:
        axes.set_axis_off()
    for axes in grid:
        axes.tick_params(labelsize=7, color=GREY)
    return list(grid[:count])


def _across(source: Source) -> int:
    """Panels in a row: fewer where each shows several channels side by side."""
    return 4 if source.modality.kind == "series" or source.modality.shape[0] > 1 else 8


def _lines(source: Source, count: int) -> float:
    """Height that a modality's panels take, in rows; a strip of several channels is a low one."""
    if source.modality.kind == "table":
        return -(-min(len(source.modality.channels), MOST) // 6)
    strip = source.modality.kind == "image" and source.modality.shape[0] > 1
    return -(-count // _across(source)) * (0.7 if strip else 1.0)


def _by_size(words: np.ndarray) -> np.ndarray:
    try:
        return np.argsort(words.astype(float), kind="stable")
    except ValueError:
        return np.argsort(words, kind="stable")
