"""What the benchmarks share: a scratch folder that is removed, times of repeated work, and a line that tells them."""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any


@contextmanager
def scratch() -> Iterator[Path]:
    """A folder that is removed at the end ($TMPDIR says where)."""
    with tempfile.TemporaryDirectory(prefix="starbolt-benchmark-") as folder:
        yield Path(folder)


def seconds(work: Callable[[], Any]) -> float:
    """How long the work takes [s]."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def told(what: str, times: Sequence[float]) -> str:
    """One line: median and spread of the times [s]."""
    return f"{what:48} {statistics.median(times):8.2f} s  ({min(times):.2f} to {max(times):.2f}, {len(times)} runs)"


def ratio(slow: Sequence[float], fast: Sequence[float]) -> float:
    """How many times faster, by the medians."""
    return statistics.median(slow) / statistics.median(fast)


def verdict(what: str, value: float, wanted: float, unit: str = "times faster") -> str:
    """One line: the ratio, and whether it is what the project promises."""
    return f"{what:48} {value:8.1f} {unit}; promised {wanted:g}: {'kept' if value >= wanted else 'MISSED'}"
