"""`make bench-gpu` in little: every section says what it has to say, without packages that a bare machine may lack."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

SCRIPT = Path(__file__).parents[1] / "benchmarks" / "gpu.py"
ABSENT = """
import sys

class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("astropy", "astropy_healpix", "erfa", "optuna", "wandb"):
            raise ModuleNotFoundError(f"no module {name} here", name=name)

sys.meta_path.insert(0, Absent())
"""
SAID = {  # section -> rows, at least, and what some of them say
    "card": (6, "product of matrices"),
    "mlp": (6, "starbolt's share"),
    "stamps": (1, "packed"),
    "feed": (5, "read from the map"),
    "scoring": (4, "ten million, from the map"),
    "gru": (4, "starbolt"),
    "cnn": (3, "starbolt's share"),
    "compiled": (1, "ten million, compiled"),
}


def test_every_section_runs_in_little(tmp_path):
    (tmp_path / "sitecustomize.py").write_text(ABSENT)
    words = [sys.executable, str(SCRIPT), "--small", "--folder", str(tmp_path), "--json", str(tmp_path / "table.json")]
    environment = os.environ | {"PYTHONPATH": str(tmp_path), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(words, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    rows = json.loads((tmp_path / "table.json").read_text())["rows"]
    for section, (least, what) in SAID.items():
        told = [row for row in rows if row[0] == section]
        assert len(told) >= least, done.stdout
        assert any(what in row[1] for row in told), done.stdout
    assert not [row for row in rows if row[2] in ("FAILED", "skipped")], done.stdout
    assert all(" ".join(row[1].split()) in " ".join(done.stdout.split()) for row in rows)
    assert not list(tmp_path.glob("starbolt-gpu-*")), "the packed stamps are left behind"
