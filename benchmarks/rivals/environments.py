"""The virtual environments of rivals that starbolt does not bring: found by $STARBOLT_KERAS_PYTHON and
$STARBOLT_HYRAX_PYTHON, or made in .rivals/ beside the benchmarks."""

from __future__ import annotations

import os
import subprocess
import sys
import venv
from importlib.metadata import version
from pathlib import Path

HOME = Path(__file__).parents[2] / ".rivals"
WANTED = {  # what these rivals were last run with; Hyrax on the PyTorch that starbolt runs on
    "keras": ["tensorflow-cpu==2.21.0", "keras==3.15.1", "numpy==2.4.6"],
    "hyrax": [f"torch=={version('torch')}", f"torchvision=={version('torchvision')}", "hyrax==0.13"],
}


def python(rival: str) -> str | None:
    """The interpreter that runs a rival; None where it is not installed."""
    if rival not in WANTED:
        return sys.executable
    made = HOME / rival / "bin" / "python"
    named = os.environ.get(f"STARBOLT_{rival.upper()}_PYTHON")
    return named or (str(made) if made.exists() else None)


def make(rival: str) -> None:
    """Make a rival's environment, unless there is one; one that cannot be made is left out, and pip says why."""
    if python(rival):
        return
    venv.create(HOME / rival, with_pip=True, clear=True)
    program = str(HOME / rival / "bin" / "python")
    command = [program, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *WANTED[rival]]
    if subprocess.run(command).returncode:
        Path(program).unlink()
        print(f"{rival} could not be installed", file=sys.stderr)
