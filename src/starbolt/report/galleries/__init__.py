"""Objects to look at: the most wrong, the least sure, the most unusual, as cut-outs, light curves or catalogue rows."""

from __future__ import annotations

from html import escape

from starbolt.report.galleries import cards, sheet, tables
from starbolt.report.galleries.kinds import Gallery, galleries
from starbolt.report.markup import Figures
from starbolt.report.results import Results


def told(results: Results, figures: Figures) -> str:
    """Each gallery as HTML; kept among the figures as well."""
    shown = [_gallery(results, gallery, figures) for gallery in galleries(results)]
    return cards.legend(results) + "".join(shown) if shown else ""


def _gallery(results: Results, gallery: Gallery, figures: Figures) -> str:
    if drawing := sheet.draw(results, gallery):
        figures.keep(drawing)
    made, table = cards.cards(results, gallery), tables.table(results, gallery)
    if made:
        table = f"<details><summary>as a table</summary>{table}</details>"
    return f"<h3>{escape(gallery.title)}</h3><p>{escape(gallery.told)}</p>{made}{table}"
