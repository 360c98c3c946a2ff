"""What a referee asks for: controls beside every score, figures with their numbers, and one page that tells a run."""

from __future__ import annotations

from pathlib import Path


def write(folder: Path) -> Path:
    """report.html of a run folder, with figures/; returns its path. See `starbolt.report.page`."""
    from starbolt.report.page import write as write_page  # matplotlib loads slowly, and the controls need none

    return write_page(Path(folder))
