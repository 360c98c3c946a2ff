"""`make demo` runs end to end, and each network beats both controls."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

HOME = Path(__file__).parents[1]
SCRIPT = HOME / "scripts" / "demo.py"
ROW = r"^\| (MLP|CNN|GRU) \| [^|]+ \| ([\d.]+) \| ([\d.]+) \| ([\d.]+) \| ([\d.]+) \|$"
STATED = {name: scores for name, *scores in re.findall(ROW, (HOME / "docs" / "sky.md").read_text(), re.MULTILINE)}


@pytest.mark.slow
def test_demo(tmp_path):
    environment = os.environ | {"STARBOLT_CACHE": str(tmp_path / "cache"), "COLUMNS": "120"}
    done = subprocess.run(
        [sys.executable, str(SCRIPT)], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    row = r"^\s*(MLP|CNN|GRU) .*?(rms|accuracy)\s+([\d.]+)\s+([\d.]+)\s+([\d.]+)\s+([\d.]+)$"
    rows = re.findall(row, done.stdout, re.MULTILINE)
    assert [row[0] for row in rows] == ["MLP", "CNN", "GRU"], done.stdout
    for name, score, here, boosting, linear, naive in rows:
        for measured, stated in zip((naive, linear, boosting, here), STATED[name], strict=True):
            near = pytest.approx(float(stated), rel=1 / 3) if score == "rms" else pytest.approx(float(stated), abs=0.06)
            assert float(measured) == near, f"{name}: docs/sky.md states {stated}"
    for _, score, here, *controls in rows:
        better = min(map(float, controls)) if score == "rms" else max(map(float, controls))
        assert float(here) < better if score == "rms" else float(here) > better
    reports = done.stdout.strip().splitlines()[-3:]
    assert all((tmp_path / report).is_file() for report in reports)
