"""compare.json, compare.csv and the figure, written into one folder."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
from pyarrow import csv

from starbolt.report.compare.differences import Compared
from starbolt.report.compare.forest import forest
from starbolt.report.compare.told import COLUMNS, as_dict, columns
from starbolt.report.style import save


def write(compared: Compared, folder: Path) -> Path | None:
    """compare.json, compare.csv and, where there are several settings, compare.png and .pdf; the path of the PNG."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "compare.json").write_text(json.dumps(as_dict(compared), indent=1))
    if len(compared.settings) > 1:
        save(forest(compared), folder)
        return folder / "compare.png"
    csv.write_csv(
        pa.table([list(c) for c in zip(*columns(compared.rows), strict=True)], COLUMNS), folder / "compare.csv"
    )
    return None
