"""How every figure looks, and how it is kept: PNG and PDF with the numbers behind it as CSV, SVG within the page."""

from __future__ import annotations

import base64
import io
import re
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from typing import Any

import matplotlib
import pyarrow as pa
from matplotlib.figure import Figure
from pyarrow import csv

# Okabe & Ito 2008, told apart by the colour-blind too
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#777777", "#8c6d1f")
BLUE, RED, GREEN = COLOURS[:3]
GREY = "#7f7f7f"
INK, GROUND = "#1c1e21", "#fffffe"  # used for nothing else, so that the page can swap them in the dark
DARK = {INK: "#e6e8ea", GROUND: "#1e2226", BLUE: "#4aa8dd", RED: "#f08a3c", GREEN: "#2bb38d"}
WIDTH = 4.8  # inches: as wide as a column of a journal, and legible on a phone
STYLE: dict[Any, Any] = {
    "font.size": 10,
    "axes.titlesize": 10,
    "axes.labelsize": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "legend.frameon": False,
    "legend.fontsize": 9,
    "figure.constrained_layout.use": True,
    "text.color": INK,
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "figure.facecolor": GROUND,
    "axes.facecolor": "none",
    "savefig.dpi": 150,
    "svg.hashsalt": "starbolt",  # the same run gives the same page
    "pdf.fonttype": 42,  # fonts that journals accept
}


@dataclass(frozen=True)
class Drawing:
    """A figure with its file name, title and caption, and the numbers behind it as columns of equal length."""

    name: str
    title: str
    caption: str
    figure: Figure
    numbers: Mapping[str, Any] = field(default_factory=dict)


@contextmanager
def house_style() -> Iterator[None]:
    """Within it figures look like ours; names in scripts that the font lacks are drawn as boxes without a word."""
    with matplotlib.rc_context(STYLE), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing from font")
        yield


def bare(width: float, height: float) -> Figure:
    """A figure [inches] that is not laid out by itself: of one with many panels that takes most of the time."""
    with matplotlib.rc_context({"figure.constrained_layout.use": False}):
        return Figure(figsize=(width, height))


def plain(text: object) -> str:
    """The text as it stands: a dollar sign starts no formula."""
    return str(text).replace("$", r"\$")


def file_name(text: str) -> str:
    """The text as part of a file name."""
    return re.sub(r"[^\w-]+", "_", text)


def with_unit(name: str, unit: str) -> str:
    """An axis label: the name, and its unit in brackets where there is one."""
    return plain(f"{name} [{unit}]" if unit else name)


def save(drawing: Drawing, folder: Path) -> None:
    """Write NAME.png, NAME.pdf and NAME.csv."""
    folder.mkdir(exist_ok=True)
    _settle(drawing.figure)
    drawing.figure.savefig(folder / f"{drawing.name}.png")
    drawing.figure.savefig(folder / f"{drawing.name}.pdf", metadata={"CreationDate": None})
    csv.write_csv(pa.table(dict(drawing.numbers)), folder / f"{drawing.name}.csv")


def inline(figure: Figure, alt: str) -> str:
    """The figure as an <img> that carries its own SVG, light or dark as the page is."""
    _settle(figure)
    buffer = io.StringIO()
    figure.savefig(buffer, format="svg", metadata={"Date": None})
    width, height = (round(96 * side) for side in figure.get_size_inches())
    source = data_uri(_for_the_dark(buffer.getvalue()).encode(), "svg+xml")
    return f'<img src="{source}" alt="{escape(alt)}" width="{width}" height="{height}">'


def _for_the_dark(svg: str) -> str:
    """The SVG with other colours where the reader asked for a dark page."""
    for light in DARK:
        svg = svg.replace(light, f"var(--c{light[1:]})")
    light_rule, dark_rule = (
        ":root{" + "".join(f"--c{name[1:]}:{shown};" for name, shown in colours.items()) + "}"
        for colours in ({light: light for light in DARK}, DARK)
    )
    rules = f"{light_rule}@media (prefers-color-scheme: dark){{{dark_rule}}}"
    return svg.replace("*{stroke", f"{rules}*{{stroke", 1)


def _settle(figure: Figure) -> None:
    """Lay the figure out once, however many formats follow: that is most of the time a figure takes."""
    if figure.get_layout_engine() is not None:
        figure.draw_without_rendering()
        figure.set_layout_engine("none")


def data_uri(image: bytes, kind: str) -> str:
    """An image as a URI that needs no file."""
    return f"data:image/{kind};base64,{base64.b64encode(image).decode()}"
