"""Pieces of the page: sections that can be jumped to, and figures with numbers that can be quoted."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from html import escape
from pathlib import Path
from typing import NamedTuple

from starbolt.report.style import Drawing, inline, save


class Section(NamedTuple):
    """A part of the page under a heading; without content it is left out."""

    title: str
    content: str

    @property
    def anchor(self) -> str:
        """What a link to it jumps to."""
        return re.sub(r"\W+", "-", self.title.lower())

    def html(self) -> str:
        """The section itself."""
        return f'<section id="{self.anchor}"><h2>{escape(self.title)}</h2>{self.content}</section>'


class Figures:
    """Figures in the order in which they are shown: numbered, and kept in a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.shown = folder, 0

    def keep(self, drawing: Drawing) -> None:
        """Save a figure without showing it."""
        save(drawing, self.folder)

    def show(self, drawings: Iterable[Drawing]) -> str:
        """HTML of figures, which are saved as well; empty where there are none."""
        made = "".join(map(self._figure, drawings))
        return f'<div class="figures">{made}</div>' if made else ""

    def _figure(self, drawing: Drawing) -> str:
        self.keep(drawing)
        self.shown += 1
        title = f"<b>Figure {self.shown}. {escape(drawing.title)}.</b>"
        return (
            f'<figure id="figure-{self.shown}">{inline(drawing.figure, drawing.title)}'
            f"<figcaption>{title} {escape(drawing.caption)}</figcaption></figure>"
        )


def contents(sections: Sequence[Section]) -> str:
    """Links to the sections."""
    items = "".join(f'<li><a href="#{section.anchor}">{escape(section.title)}</a></li>' for section in sections)
    return f'<nav aria-label="Contents"><ul>{items}</ul></nav>'


def listed(items: Iterable[str]) -> str:
    """Sentences as a list; empty where there are none."""
    made = "".join(f"<li>{escape(item)}</li>" for item in items)
    return f"<ul>{made}</ul>" if made else ""


def paragraph(text: str, kind: str = "") -> str:
    """A paragraph of plain text; empty where there is none."""
    mark = f' class="{kind}"' if kind else ""
    return f"<p{mark}>{escape(text)}</p>" if text else ""
