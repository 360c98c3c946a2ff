"""sweep.html: what was found first, how it was found below, every trial at the end."""

from __future__ import annotations

from html import escape
from pathlib import Path
from string import Template

from starbolt.aside import aside
from starbolt.report.markup import Figures, Section, contents, paragraph
from starbolt.report.style import WIDTH, house_style
from starbolt.report.sweep import best, curves, head, history, importance, parallel, repeats, table
from starbolt.report.sweep.reading import Sweep, read

PAGE = Path(__file__).parents[1] / "page.html"
LOOK, SCRIPT = Path(__file__).with_name("page.css"), Path(__file__).with_name("page.js")


def write(folder: Path) -> Path:
    """sweep.html of a sweep's folder, and figures/ with each figure as PNG and PDF and its numbers as CSV.

    Reads sweep.json, trials.json and best.yaml, looks whether a trial has a report, and nothing else.
    """
    sweep = read(folder)
    path = folder / "sweep.html"
    with house_style(), aside(path) as beside:
        beside.write_text(page(sweep, Figures(folder / "figures")), encoding="utf-8")
    return path


def page(sweep: Sweep, figures: Figures) -> str:
    """The page as HTML."""
    sections = [section for section in _sections(sweep, figures) if section.content]
    script = f"<script>\n{SCRIPT.read_text(encoding='utf-8')}</script>"
    return Template(_dressed()).substitute(
        title=escape(sweep.name),
        meta=escape(head.line(sweep)),
        headline=paragraph(head.headline(sweep), "summary"),
        notice=head.notice(sweep),
        findings=head.opening(sweep),
        contents=contents(sections),
        sections="\n".join([*(section.html() for section in sections), script]),
    )


def _sections(sweep: Sweep, figures: Figures) -> list[Section]:
    found = [
        Section("Best trial", best.told(sweep)),
        Section("History", figures.show([*history.draw(sweep), *curves.draw(sweep)])),
        Section("Parameters", _parameters(sweep, figures)),
        Section("Mean and spread", repeats.told(sweep)),
        Section("All trials", table.trials(sweep)),
        Section("What was searched", head.searched(sweep)),
        Section(best.AGAIN, best.again(sweep)),
    ]
    first = 0 if sweep.chooses else -1  # without a choice the spread is the result
    return sorted(found, key=lambda section: first if section.title == "Mean and spread" else 0)


def _parameters(sweep: Sweep, figures: Figures) -> str:
    """Both figures beside one another where there is room, else the wide one by itself."""
    lines, bars = parallel.draw(sweep), importance.draw(sweep)
    if not any(drawing.figure.get_figwidth() > WIDTH for drawing in lines):
        return figures.show([*lines, *bars])
    return f'<div class="wide">{figures.show(lines)}</div>{figures.show(bars)}'


def _dressed() -> str:
    """The house's page with the look of what only this page has."""
    look = LOOK.read_text(encoding="utf-8").replace("$", "$$")
    return PAGE.read_text(encoding="utf-8").replace("</style>", f"{look}</style>", 1)
