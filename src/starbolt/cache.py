"""Where what can be made again is kept: packed stores, compiled kernels."""

from __future__ import annotations

import os
from pathlib import Path


def default_cache() -> Path:
    """$STARBOLT_CACHE, else ~/.cache/starbolt (or what $XDG_CACHE_HOME says)."""
    if given := os.environ.get("STARBOLT_CACHE"):
        return Path(given)
    return Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "starbolt"
