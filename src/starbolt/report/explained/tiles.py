"""Small images side by side, in places given in inches: a grid that no layout engine moves."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from starbolt.contract import InputSpec
from starbolt.report import cutouts
from starbolt.report.galleries import scale
from starbolt.report.results import Results
from starbolt.report.style import GREY, INK, WIDTH, plain

DIVERGING = "RdBu_r"
LINE = 0.145  # inches of a line of text
SMALL = 8.5  # points
DOTS = 110  # per inch: of larger pictures pixels are averaged, so that the page stays small


def canvas(height: float) -> Figure:
    """An empty figure, `height` inches high."""
    figure = Figure(figsize=(WIDTH, height))
    figure.set_layout_engine("none")
    return figure


def tile(figure: Figure, box: tuple[float, float, float, float], image: np.ndarray, **how: Any) -> Axes:
    """An image in a box of inches: left, top (from the figure's top), width and height."""
    width, height = figure.get_size_inches()
    left, top, across, down = box
    ax = figure.add_axes((left / width, 1 - (top + down) / height, across / width, down / height))
    ax.imshow(smaller(image, across), interpolation="none", aspect="auto", extent=_sides(image), **how)
    ax.set(xticks=[], yticks=[])
    ax.spines[:].set(visible=True, color=GREY, linewidth=0.4)
    return ax


def smaller(image: np.ndarray, inches: float) -> np.ndarray:
    """An image [H, W] or [H, W, 3] of no more pixels than so many inches show, by whole blocks of them."""
    factor = int(max(image.shape[:2]) / (DOTS * inches))
    if factor < 2:
        return image
    down, along = (size // factor for size in image.shape[:2])
    blocks = image[: down * factor, : along * factor].reshape(down, factor, along, factor, *image.shape[2:])
    return blocks.mean((1, 3))


def _sides(image: np.ndarray) -> tuple[float, float, float, float]:
    """Edges of an image in its own pixels."""
    height, width = image.shape[:2]
    return -0.5, width - 0.5, height - 0.5, -0.5


def write(figure: Figure, left: float, top: float, text: str, **how: Any) -> None:
    """Text whose upper left corner lies so many inches from the figure's."""
    width, height = figure.get_size_inches()
    how = dict[str, Any](fontsize=SMALL, color=INK, va="top", linespacing=1.15) | how
    figure.text(left / width, 1 - top / height, plain(text), **how)


def shortened(text: str, inches: float) -> str:
    """The text, cut where it would be longer than so many inches."""
    most = max(int(inches / (SMALL / 72 * 0.5)), 4)
    return text if len(text) <= most else f"{text[: most - 1]}…"


class Shown(NamedTuple):
    """How an image [C, H, W] is shown as one picture: in colour, or one channel of it in grey."""

    about: InputSpec
    colour: bool
    channel: int

    def __call__(self, image: np.ndarray) -> np.ndarray:
        """The picture [H, W, 3]."""
        if self.colour:
            return cutouts.picture(image, self.about.channels)
        one = slice(self.channel, self.channel + 1)
        return cutouts.picture(image[one], self.about.channels[one])

    def in_words(self) -> str:
        """Which channel is shown, where there are others."""
        channels = self.about.channels
        if self.colour or len(channels) == 1:
            return ""
        return (
            f" Of {len(channels)} channels the cut-outs show {channels[self.channel]}, on which the answers hang most "
            "(gradient times deviation from the median)."
        )


def shown(results: Results, name: str) -> Shown:
    """How the cut-outs of an input are shown: the channel on which the answers hang most, where there is no colour."""
    about = results.spec.inputs[name]
    colour = cutouts.is_colour(results.explained[f"picture_{name}"], about.channels)
    return Shown(about, colour, int(results.explained[f"channel_share_{name}"].argmax()))


def rule(ax: Axes, about: InputSpec) -> None:
    """The bar that says how large the cut-out on these axes is, where its scale is known."""
    if bar := scale.bar(about, True):
        left, low = 0.06 * about.shape[2], 0.93 * about.shape[1]
        ax.plot([left, left + bar.pixels], [low, low], color="white", lw=2, solid_capstyle="butt")
        ax.text(left, low - 0.03 * about.shape[1], bar.label, color="white", fontsize=8, va="bottom")


def long_form(values: np.ndarray, axes: tuple[str, ...], name: str) -> dict[str, np.ndarray]:
    """An array as columns: the place along each axis, and the value."""
    places = np.indices(values.shape).reshape(values.ndim, -1)
    return {**dict(zip(axes, places, strict=True)), name: values.ravel()}
