"""report.html: one file that tells what was trained on what, how well, beside what, and where it fails."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from pathlib import Path
from string import Template

from starbolt.aside import aside
from starbolt.report import (
    audit,
    balance,
    calibrated,
    card,
    cite,
    confusion,
    explained,
    galleries,
    learning,
    origin,
    purity,
    quantities,
    roc,
    slices,
    summary,
    words,
)
from starbolt.report.intervals import score_intervals
from starbolt.report.markup import Figures, Section, contents, listed, paragraph
from starbolt.report.results import Results
from starbolt.report.style import house_style
from starbolt.report.words import Interval

PAGE = Path(__file__).with_name("page.html")
SHIFTED = "The test objects are not drawn as the training and validation objects were."


def write(folder: Path) -> Path:
    """report.html of a run folder, and figures/ with each figure as PNG and PDF and its numbers as CSV.

    Reads the run folder and nothing else. The scored part shown is test where it was scored, else val.
    """
    results = Results.read(folder)
    path = folder / "report.html"
    with house_style(), aside(path) as beside:
        beside.write_text(page(results, Figures(folder / "figures")), encoding="utf-8")
    return path


def page(results: Results, figures: Figures) -> str:
    """The page as HTML."""
    found, told = score_intervals(results), slices.measure(results)
    sections = [section for section in _sections(results, figures, found, told) if section.content]
    return Template(PAGE.read_text(encoding="utf-8")).substitute(
        title=escape(str(results.config.get("name") or results.folder.name)),
        meta=escape(origin.line(results)),
        headline=paragraph(summary.headline(results, found), "summary"),
        notice=_notice(results),
        findings=listed(summary.findings(results, found, told)),
        contents=contents(sections),
        sections="\n".join(section.html() for section in sections),
    )


def _sections(
    results: Results, figures: Figures, found: Mapping[str, Interval], told: list[slices.Measured]
) -> list[Section]:
    answers = [figure for kind in (confusion, purity, roc, quantities) for figure in kind.draw(results)]
    return [
        Section("Scores", words.score_table(results, found) + paragraph(words.NOTE, "note")),
        Section(
            "Learning",
            curves + paragraph(learning.RULE, "note") if (curves := figures.show(learning.draw(results))) else "",
        ),
        Section("Answers", figures.show(answers)),
        Section("Calibration", calibrated.told(results) + figures.show(calibrated.draw(results))),
        Section("Scores by slice", figures.show(slices.draw(results, told))),
        Section("Where it fails", galleries.told(results, figures)),
        Section("What the network looks at", _explained(results, figures)),
        Section("Data", origin.sizes(results) + figures.show(balance.draw(results))),
        Section("Audit", audit.told(results)),
        Section("Notes and warnings", listed(results.provenance.get("notes", []))),
        Section("Model card", card.told(results)),
        Section("How to cite", cite.told(results)),
        Section("Provenance", origin.told(results)),
    ]


def _explained(results: Results, figures: Figures) -> str:
    return figures.show(explained.draw(results)) + listed(explained.reasons(results))


def _notice(results: Results) -> str:
    """What must not be overlooked."""
    shifted = summary.shifted(results)
    return f'<aside class="notice">{paragraph(SHIFTED)}{listed(shifted)}</aside>' if shifted else ""
