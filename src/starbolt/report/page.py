"""report.html: one file that tells what was trained on what, how well, beside what, and where it fails."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from html import escape
from pathlib import Path
from string import Template
from typing import Any

from omegaconf import OmegaConf

from starbolt.report import audit, balance, confusion, learning, quantities, roc, words, worst
from starbolt.report.intervals import score_intervals
from starbolt.report.results import Results
from starbolt.report.style import Drawing, house_style, inline, save

PAGE = Path(__file__).with_name("page.html")
USES = {"train": "fitted", "val": "chose the epoch", "cal": "kept for calibration", "test": "not looked at"}


def write(folder: Path) -> Path:
    """report.html of a run folder, and figures/ with each figure as PNG and PDF and its numbers as CSV.

    Reads the run folder and nothing else. The scored part shown is test where it was scored, else val.
    """
    results = Results.read(folder)
    with house_style():
        sections = "\n".join(_sections(results, folder / "figures"))
    name = str(results.config.get("name") or folder.name)
    found = score_intervals(results)
    text = Template(PAGE.read_text()).substitute(
        title=escape(name),
        summary=escape(words.summary(results, found)),
        scores=words.score_table(results, found),
        part=escape(results.part),
        sections=sections,
    )
    path = folder / "report.html"
    aside = path.with_suffix(".part")
    aside.write_text(text, encoding="utf-8")
    aside.rename(path)
    return path


def _sections(results: Results, figures: Path) -> list[str]:
    return [
        _section("Learning", _figures(learning.draw(results), figures), learning.RULE),
        _section(
            "Answers", _figures([f for kind in (confusion, roc, quantities) for f in kind.draw(results)], figures)
        ),
        _worst(results, figures),
        _section("Data", _sizes(results) + _figures(balance.draw(results), figures)),
        _section("Audit", audit.told(results)),
        _notes(results.provenance.get("notes", [])),
        _section("Provenance", _provenance(results)),
    ]


def _section(title: str, content: str, note: str = "") -> str:
    if not content:
        return ""
    note = f'<p class="note">{escape(note)}</p>' if note else ""
    return f"<section><h2>{escape(title)}</h2>{content}{note}</section>"


def _figures(drawings: list[Drawing], folder: Path) -> str:
    """Keep the figures in the folder, and show them."""
    for drawing in drawings:
        save(drawing, folder)
    return f'<div class="figures">{"".join(map(_figure, drawings))}</div>' if drawings else ""


def _figure(drawing: Drawing) -> str:
    title, caption = escape(drawing.title), escape(drawing.caption)
    shown = inline(drawing.figure, drawing.title)
    return f"<figure><h3>{title}</h3>{shown}<figcaption>{caption}</figcaption></figure>"


def _worst(results: Results, figures: Path) -> str:
    """Gallery, or table alone, of the objects with the largest loss."""
    for drawing in worst.draw(results):
        save(drawing, figures)
    cards, table = worst.cards(results), worst.table(results)
    if cards:
        table = f"<details><summary>as a table</summary>{table}</details>"
    intro = f"The objects of the {escape(results.part)} part with the largest loss, worst first."
    return _section("Where it fails", f"<p>{intro}</p>{cards}{table}")


def _sizes(results: Results) -> str:
    uses = USES | ({"test": "scored at the end"} if results.part == "test" else {})
    rows = [[part, f"{n:,}", uses.get(part, "")] for part, n in results.spec.sizes.items()]
    return words.html_table(["part", "objects", "use"], rows)


def _notes(notes: list[str]) -> str:
    items = "".join(f"<li>{escape(note)}</li>" for note in notes)
    return _section("Notes and warnings", f"<ul>{items}</ul>" if items else "")


def _provenance(results: Results) -> str:
    """How to make the run again, where it came from, and its whole configuration."""
    about = results.provenance
    command = escape(str(about.get("command", "")))
    again = f"<p>Made by</p><pre>{command}</pre>" if command else ""
    config = escape(OmegaConf.to_yaml(OmegaConf.create(results.config)))
    whole = f"<details><summary>config.yaml, the whole configuration</summary><pre>{config}</pre></details>"
    return f"{again}{_facts(about)}{whole}"


def _facts(about: Mapping[str, Any]) -> str:
    told = {
        key: value for key, value in about.items() if key not in ("command", "notes", "packages") and value is not None
    }
    told = {key: _fact(key, value) for key, value in told.items()}
    told["packages"] = ", ".join(f"{name} {version}" for name, version in about.get("packages", {}).items())
    items = "".join(f"<dt>{escape(key)}</dt><dd>{escape(value)}</dd>" for key, value in told.items() if value)
    return f"<dl>{items}</dl>"


def _fact(key: str, value: Any) -> str:
    if key == "seconds":
        return str(datetime.timedelta(seconds=round(value))) + " (h:mm:ss)"
    return f"{value:,}" if key == "parameters" else str(value)
