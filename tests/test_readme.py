"""The README's programs run as they stand, on a small simulated sky."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from starbolt.simulate import simulate

TEXT = (Path(__file__).parents[1] / "README.md").read_text()
PROGRAMS = dict(re.findall(r"<!-- test: (\w+) -->\n```python\n(.*?)```", TEXT, re.DOTALL))
COLUMNS = {
    "table": ["id", "redshift", "redshift_err", "redshift_mode", "redshift_low", "redshift_high", "outside", "mask"],
    "images": ["id", "prediction", "prob_bogus", "prob_real", "outside", "mask"],
    "series": ["id", "prediction", "prob_cepheid", "prob_eclipsing", "prob_mira", "prob_rr_lyrae", "outside", "mask"],
}


@pytest.fixture(scope="module")
def sky(tmp_path_factory):
    folder = tmp_path_factory.mktemp("readme")
    simulate(folder / "sky", galaxies=400, stamps=120, stars=120)
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(COLUMNS))
def test_program(sky, name):
    program = PROGRAMS[name].replace("epochs=20", "epochs=1").replace("epochs=10", "epochs=1")
    program += f"\nassert answers.colnames == {COLUMNS[name]}, answers.colnames\nassert len(answers) > 100\n"
    subprocess.run([sys.executable, "-c", program], cwd=sky, check=True)
