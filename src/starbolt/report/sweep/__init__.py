"""sweep.html: one page that tells a sweep, its best trial, how that was found, and what it is worth."""

from __future__ import annotations

from pathlib import Path


def write_sweep(folder: Path) -> Path:
    """sweep.html of a sweep's folder, with figures/; returns its path. See `starbolt.report.sweep.page`."""
    from starbolt.report.sweep.page import write  # matplotlib loads slowly

    return write(Path(folder))
