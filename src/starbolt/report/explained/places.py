"""Grad-CAM: where in a cut-out the network found what speaks for its answer."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure

from starbolt.report.explained import chosen, tiles
from starbolt.report.results import Results
from starbolt.report.style import INK, WIDTH, Drawing, file_name

GAP = 0.16  # inches between the two columns of objects
HEAD = 0.25  # inches above a column
SIDE = (WIDTH - GAP) / 4  # of a picture
KEY = 0.62  # inches of the colour bar
STRENGTH = 0.75  # opacity of the largest value
FADED = 0.85  # brightest grey beneath the heat


def draw(results: Results, name: str) -> list[Drawing]:
    """One figure: the most wrong on the left, typical ones on the right, each as cut-out and with its heat."""
    if f"cam_{name}" not in results.explained:
        return []
    found, about = results.explained, results.spec.inputs[name]
    columns = [np.flatnonzero(found["wrong"]), np.flatnonzero(~found["wrong"])]
    tall = SIDE * about.shape[1] / about.shape[2]
    words = chosen.lines(results, found["row"])
    step = tall + max(map(len, words)) * tiles.LINE + 0.1
    figure = tiles.canvas(HEAD + max(map(len, columns)) * step + KEY)
    for column, places in enumerate(columns):
        left = column * (2 * SIDE + GAP)
        tiles.write(figure, left + 0.02, 0.02, chosen.WORDS[column == 0].capitalize(), weight="bold", fontsize=10)
        for row, i in enumerate(places.tolist()):
            told = "\n".join(_told(results, words[i], i))
            tiles.write(figure, left + 0.02, HEAD + row * step + 0.03, told)
            _object(figure, (left, HEAD + (row + 1) * step - tall), results, name, i)
    _key(figure, not results.classes)
    title = "Where the network looks (Grad-CAM)"
    return [Drawing(f"cam_{file_name(name)}", title, _caption(results, name), figure, _numbers(results, name))]


def _object(figure: Figure, corner: tuple[float, float], results: Results, name: str, i: int) -> None:
    """The cut-out, and beside it the same in grey beneath its heat; corner: left and top in inches."""
    about, (left, top) = results.spec.inputs[name], corner
    tall = SIDE * about.shape[1] / about.shape[2] - 0.04
    picture = tiles.shown(results, name)(results.explained[f"picture_{name}"][i])
    tiles.rule(tiles.tile(figure, (left + 0.02, top, SIDE - 0.04, tall), picture), about)
    grey = picture.mean(-1, keepdims=True)
    grey = FADED * np.clip(grey / max(float(np.percentile(grey, 99)), 1e-6), 0, 1)
    ax = tiles.tile(figure, (left + SIDE + 0.02, top, SIDE - 0.04, tall), np.repeat(grey, 3, -1))
    _heat(ax, results.explained[f"cam_{name}"][i], about.shape[1:], not results.classes)


def _told(results: Results, lines: list[str], i: int) -> list[str]:
    """An object in words; and the class that its map speaks for, where that is not the one predicted."""
    told = [tiles.shortened(line, 2 * SIDE) for line in lines]
    subject = chosen.subject(results, int(results.explained["code"][i]))
    if results.classes and f"predicted {subject} (" not in lines[-1]:
        told[-1] += f"; map of {subject}"
    return told


def _heat(ax: Axes, cam: np.ndarray, sides: tuple[int, ...], signed: bool) -> None:
    """The map, transparent where it is zero, with a line at half of its largest value."""
    values = cam if signed else np.maximum(cam, 0)
    largest = float(np.abs(values).max())
    if largest <= 0:
        middle: dict[str, Any] = {"ha": "center", "va": "center", "transform": ax.transAxes}
        ax.text(0.5, 0.5, "nothing\nspeaks for it", color="white", fontsize=tiles.SMALL, **middle)
        return
    fine = enlarged(values / largest, *sides)
    colours = colormaps[_map(signed)](_norm(signed)(fine))
    colours[..., 3] = STRENGTH * np.abs(fine)
    ax.imshow(tiles.smaller(colours, SIDE), aspect="auto", interpolation="none", extent=ax.images[0].get_extent())
    ax.contour(np.abs(fine), levels=[0.5], colors="white", linewidths=0.9)


def enlarged(cam: np.ndarray, height: int, width: int) -> np.ndarray:
    """A map at so many pixels, linear between the middles of its cells."""
    down, along = (
        np.clip((np.arange(size) + 0.5) * cells / size - 0.5, 0, cells - 1)
        for size, cells in zip((height, width), cam.shape, strict=True)
    )
    rows = np.stack([np.interp(along, np.arange(cam.shape[1]), row) for row in cam])
    return np.stack([np.interp(down, np.arange(cam.shape[0]), column) for column in rows.T], 1)


def _map(signed: bool) -> str:
    return tiles.DIVERGING if signed else "plasma"


def _norm(signed: bool) -> Normalize:
    return Normalize(-1 if signed else 0, 1)


def _key(figure: Figure, signed: bool) -> None:
    height = figure.get_size_inches()[1]
    ax = figure.add_axes((0.2, 0.42 / height, 0.6, 0.1 / height))
    bar = figure.colorbar(ScalarMappable(_norm(signed), _map(signed)), cax=ax, orientation="horizontal")
    bar.outline.set_visible(False)
    ax.tick_params(labelsize=tiles.SMALL, colors=INK)
    bar.set_ticks([-1, -0.5, 0, 0.5, 1] if signed else [0, 0.25, 0.5, 0.75, 1])
    words = "lowers the prediction      raises the prediction" if signed else "share of the map's largest value"
    ax.set_xlabel(words, fontsize=tiles.SMALL)


def _caption(results: Results, name: str) -> str:
    what = "the log odds of the class predicted" if results.classes else f"the predicted {results.spec.target.names[0]}"
    sign = "what speaks against it is left out" if results.classes else "red places raise it, blue ones lower it"
    cells = " x ".join(map(str, results.explained[f"cam_{name}"].shape[1:]))
    return (
        f"What each place of the network's last map ({cells} cells, drawn smoothly) adds to {what}: the map times the "
        f"gradient, each scaled to its own largest value; {sign}; the line is at half. After Selvaraju et al. (2017, "
        "doi:10.1109/ICCV.2017.74), place by place as in Draelos & Carin (2020, arXiv:2011.08891). It is coarse, tells "
        f"where and not what, and is no proof of a cause.{tiles.shown(results, name).in_words()} "
        f"{chosen.kinds_in_words(results)}"
    )


def _numbers(results: Results, name: str) -> dict[str, np.ndarray]:
    """A row per object and cell."""
    columns = tiles.long_form(results.explained[f"cam_{name}"], ("object", "y", "x"), "value")
    which = columns.pop("object")
    subject = np.array([chosen.subject(results, code) for code in results.explained["code"].tolist()])
    whole = {"row": results.explained["row"][which], "id": results.explained["id"][which], "subject": subject[which]}
    return whole | columns
