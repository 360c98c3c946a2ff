"""Every command of the README and the docs runs, as its reader would run it; trainings are cut to an epoch.

Those of a page follow one another in one folder: choose pages with -k, not single commands. What needs a GPU, a cluster
or a network is skipped, saying so, and where it is tested.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
NEEDS = {  # what a command says: what it needs, and where that is tested
    r"^make ": "minutes: tests/test_demo.py, and `make test` is what runs these",
    r"^(sbatch|squeue|scancel|eval|scripts/slurm)\b": "a cluster: tests/slurm",
    r"trainer=(gpu|ddp)": "a GPU: tests/test_gpu.py; several processes: tests/slurm",
    r"^starbolt sync": "a network: tests/test_tracking.py",
    r"galaxy10": "a network: tests/fetch",
    r"pip install": "a network: tests/new",
    r"my_survey\.example": "an installed project: tests/new",
    r"experiment=(eros1|sdss_photoz)": "the data sets in $STARBOLT_DATA: tests/test_conf.py",
}


def commands() -> Iterator[tuple[str, str]]:
    """(page, command) of every shell block, a command a line."""
    for page in PAGES:
        for block in re.findall(r"^```sh\n(.*?)^```", page.read_text(), re.DOTALL | re.MULTILINE):
            for line in block.replace("\\\n", " ").splitlines():
                if command := " ".join(re.sub(r"(^|\s)#.*", "", line).split()):
                    yield str(page.relative_to(ROOT)), command


@pytest.fixture(scope="module")
def desk(world, tmp_path_factory) -> Callable[[str], Path]:
    """Page -> a copy of the world in which its commands follow one another."""

    @cache
    def laid(page: str) -> Path:
        folder = tmp_path_factory.mktemp("desk") / "here"
        shutil.copytree(world, folder)
        text = (ROOT / page).read_text()
        for name in {"five", "losses", "folds"} - set(re.findall(r"sweep\.name=(\w+)", text)):
            shutil.copytree(world / "sweeps" / "NAME", folder / "sweeps" / name)
        for name, content in re.findall(r"^```yaml\n# (conf/\S+)\n(.*?)^```", text, re.DOTALL | re.MULTILINE):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(content)
        return folder

    return laid


def test_commands_are_found_in_all_pages_that_have_some():
    assert len({page for page, _ in commands()}) > 10
    assert len([*commands()]) > 90


@pytest.mark.slow
@pytest.mark.parametrize(("page", "command"), [*commands()], ids=lambda value: str(value)[:70])
def test_command(desk, page, command, shell):
    for said, needed in NEEDS.items():
        if re.search(said, command):
            pytest.skip(f"needs {needed}")
    shell(desk(page), command)
