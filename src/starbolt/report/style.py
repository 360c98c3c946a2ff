"""How every figure looks, and how it is kept: PNG and PDF with the numbers behind it as CSV, SVG within the page."""

from __future__ import annotations

import base64
import io
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
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#8C6D1F")
BLUE, RED, GREEN = COLOURS[:3]
GREY = "#777777"
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
    "figure.facecolor": "white",
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


def plain(text: object) -> str:
    """The text as it stands: a dollar sign starts no formula."""
    return str(text).replace("$", r"\$")


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
    """The figure as an <img> that carries its own SVG."""
    _settle(figure)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="svg", metadata={"Date": None})
    width = round(figure.get_figwidth() * 96)
    return f'<img src="{data_uri(buffer.getvalue(), "svg+xml")}" alt="{escape(alt)}" width="{width}">'


def _settle(figure: Figure) -> None:
    """Lay the figure out once, however many formats follow: that is most of the time a figure takes."""
    if figure.get_layout_engine() is not None:
        figure.draw_without_rendering()
        figure.set_layout_engine("none")


def data_uri(image: bytes, kind: str) -> str:
    """An image as a URI that needs no file."""
    return f"data:image/{kind};base64,{base64.b64encode(image).decode()}"
