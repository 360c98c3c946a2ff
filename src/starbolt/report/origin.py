"""Where a run came from: its data, the code and packages that made it, and its whole configuration."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from html import escape
from typing import Any

from omegaconf import OmegaConf

from starbolt.report.results import Results
from starbolt.report.words import html_table

USES = {"train": "fitted", "val": "chose the epoch", "cal": "calibrated the answers", "test": "not looked at"}
ELSEWHERE = ("command", "notes", "packages")  # told in other places, or in other words


def line(results: Results) -> str:
    """When, by what and of which objects, on one line."""
    about = results.provenance
    started = str(about.get("started", ""))[:10]
    version = f"Starbolt {about['starbolt']}" if about.get("starbolt") else ""
    scored = f"{results.predictions.num_rows:,} objects of the {results.part} part"
    return " · ".join(word for word in (started, version, scored) if word)


def sizes(results: Results) -> str:
    """HTML: how many objects each part has, and what for."""
    uses = USES | ({"test": "scored at the end"} if results.part == "test" else {})
    uses |= {} if results.calibration else {"cal": "kept for calibration"}
    rows = [[part, f"{n:,}", uses.get(part, "")] for part, n in results.spec.sizes.items()]
    return html_table(["part", "objects", "use"], rows)


def told(results: Results) -> str:
    """HTML: code, packages, data, hardware and configuration."""
    config = escape(OmegaConf.to_yaml(OmegaConf.create(results.config)))
    whole = f"<details><summary>config.yaml, the whole configuration</summary><pre>{config}</pre></details>"
    return f"{_facts(results.provenance)}{whole}"


def _facts(about: Mapping[str, Any]) -> str:
    told = {key: _fact(key, value) for key, value in about.items() if key not in ELSEWHERE and value is not None}
    told["packages"] = ", ".join(f"{name} {version}" for name, version in about.get("packages", {}).items())
    items = "".join(f"<dt>{escape(key)}</dt><dd>{escape(value)}</dd>" for key, value in told.items() if value)
    return f"<dl>{items}</dl>"


def _fact(key: str, value: Any) -> str:
    if key == "seconds":
        return str(datetime.timedelta(seconds=round(value))) + " (h:mm:ss)"
    return f"{value:,}" if key == "parameters" else str(value)
