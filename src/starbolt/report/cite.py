"""How to cite: this software, as CITATION.cff has it, and the data, as the run's card has it."""

from __future__ import annotations

from html import escape

import starbolt
from starbolt.report.results import Results

CITATION = {  # the same as CITATION.cff, which an installed package does not bring
    "title": "Starbolt: neural networks for astronomers",
    "authors": ["The Starbolt developers"],
    "license": "BSD-3-Clause",
    "repository-code": "https://github.com/starbolt/starbolt",
}
BIBTEX = """@software{{starbolt,
  author  = {{{{{authors}}}}},
  title   = {{{{{title}}}}},
  version = {{{version}}},
  url     = {{{url}}},
}}"""


def told(results: Results) -> str:
    """As HTML: the data first, without which there would be nothing to cite."""
    card = results.config.get("card") or {}
    data = card.get("citation")
    version = str(results.provenance.get("starbolt") or starbolt.__version__)
    lines = f"<p>Data: {escape(str(data))}</p>" if data else ""
    return f"{lines}<p>Software: {escape(sentence(version))}</p><pre>{escape(bibtex(version))}</pre>"


def sentence(version: str) -> str:
    """The software's reference as one sentence."""
    authors = ", ".join(CITATION["authors"])
    return f"{authors}, {CITATION['title']}, version {version}, {CITATION['repository-code']}."


def bibtex(version: str) -> str:
    """The software's reference as a BibTeX entry."""
    authors, url = " and ".join(CITATION["authors"]), CITATION["repository-code"]
    return BIBTEX.format(authors=authors, title=CITATION["title"], version=version, url=url)
