"""Links from the page to what lies beside it, relative, so that the whole folder may be moved."""

from __future__ import annotations

from html import escape
from pathlib import Path, PurePath
from urllib.parse import quote

from starbolt.report.sweep.reading import Trial


def target(folder: Path, trial: Trial) -> str:
    """The trial's report where it has one, else its folder; "" where neither lies within the sweep's folder."""
    inside = PurePath(trial.folder)
    if not trial.folder or inside.is_absolute() or ".." in inside.parts:
        return ""
    if (folder / inside / "report.html").is_file():
        return quote(f"{inside.as_posix()}/report.html")
    return quote(f"{inside.as_posix()}/") if (folder / inside).is_dir() else ""


def linked(href: str, text: str) -> str:
    """HTML: the text, as a link where there is somewhere to go."""
    return f'<a href="{escape(href)}">{escape(text)}</a>' if href else escape(text)
