"""The seal of the test rows: each time they are scored is written down, and the report says how often."""

from __future__ import annotations

import datetime
import hashlib
import json
from pathlib import Path
from typing import Any

from starbolt.aside import write_json

FILE = "looks.json"


def record(run: Path, checkpoint: Path, verb: str) -> None:
    """Add to looks.json of a run folder that its test rows were scored now, by which checkpoint and verb.

    A training that goes on after it was killed amid its report has looked but once.
    """
    when, looks = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"), of_run(run)
    look = {"checkpoint": digest(checkpoint), "verb": verb}
    if verb == "train" and looks and looks[-1].items() >= look.items():
        return
    looks.append({"when": when, **look})
    write_json(run / FILE, looks)


def of_run(run: Path) -> list[dict[str, Any]]:
    """All times the test rows of a run were scored, the first one first."""
    return json.loads((run / FILE).read_text()) if (run / FILE).is_file() else []


def digest(file: Path) -> str:
    """16 hexadecimal digits that stand for a file's bytes."""
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()[:16]
