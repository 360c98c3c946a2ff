"""The files that say what Starbolt needs agree with each other, and give their reasons."""

import re
import tomllib
from pathlib import Path

import pytest
import yaml

import starbolt

ROOT = Path(__file__).parents[1]
PROJECT = (ROOT / "pyproject.toml").read_text()
ABOUT = tomllib.loads(PROJECT)["project"]
CONDA = yaml.safe_load((ROOT / "environment.yml").read_text())["dependencies"]
LINES = re.findall(r'^ +"([\w-]+)([^"]*)",?(.*)$', PROJECT.split("\n[tool")[0], re.MULTILINE)


def test_conda_offers_the_pythons_that_the_package_names():
    low, high = re.fullmatch(r"python >=(3\.\d+),<3\.(\d+)", CONDA[0]).groups()
    assert ABOUT["requires-python"] == f">={low}"
    named = [c.split(" :: ")[-1] for c in ABOUT["classifiers"] if "Python :: 3." in c]
    assert named == [f"3.{minor}" for minor in range(int(low[2:]), int(high))]


def test_conda_installs_the_package_itself_and_so_its_dependencies():
    assert CONDA[1:] == ["pip", {"pip": ["-e .[dev]"]}]
    assert "dev" in ABOUT["optional-dependencies"]


@pytest.mark.parametrize("name", [re.split(r"[<>=]", need)[0] for need in ABOUT["dependencies"]])
def test_every_dependency_gives_its_reason(name):
    reasons = {found: comment for found, _, comment in LINES}
    assert re.fullmatch(r"\s*# .{10,}", reasons[name])


def test_every_extra_gives_its_reason():
    block = PROJECT.split("[project.optional-dependencies]\n")[1].split("\n[")[0]
    for line in block.splitlines():
        assert "#" in line or line.strip() in ("dev = [", "]", ""), line


def test_one_version_stands_everywhere():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    newest = re.search(r"^## \[([\d.]+)\]", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)[1]
    assert citation["version"] == starbolt.__version__ == newest
    assert citation["license"] == ABOUT["license"]


def test_every_target_of_ci_exists_in_the_makefile():
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert {"demo", "test", "test-all", "test-gpu", "results", "lint"} <= targets
    assert set(re.findall(r"^make ([a-z-]+)$", (ROOT / ".ci" / "run").read_text(), re.MULTILINE)) <= targets
