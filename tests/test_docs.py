"""What the docs say is there: tests behind formats, words behind settings, pages behind links."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from starbolt.compose import conf_folder

DOCS = Path(__file__).parents[1] / "docs"
PAGES = sorted([*DOCS.glob("*.md"), DOCS.parent / "README.md"])
ROWS = re.findall(r"^\| (.+?) \|.*\| `(test_\w+\.py)::(\w+)` \|$", (DOCS / "formats.md").read_text(), re.MULTILINE)


def written_tests() -> set[tuple[str, str]]:
    files = Path(__file__).parent.rglob("test_*.py")
    return {(file.name, name) for file in files for name in re.findall(r"^def (test_\w+)", file.read_text(), re.M)}


def test_every_format_is_backed_by_a_test_that_is_there():
    assert len(ROWS) > 30
    assert not [row for row in ROWS if row[1:] not in written_tests()]
    table = [line for line in (DOCS / "formats.md").read_text().splitlines() if line.startswith("| ")]
    assert len(ROWS) == len([line for line in table if not line.startswith("| format |")])


@pytest.mark.parametrize("group", ["data", "split", "audit"])
def test_every_word_is_explained(group):
    text = "".join((DOCS / page).read_text() for page in ("data.md", "splits.md"))
    told = set(re.findall(r"`'?(?:data\.|split\.|audit\.)?(\w+)(?:[=.][^`]*)?`", text))
    for file in (conf_folder() / group).glob("*.yaml"):
        words = set(yaml.safe_load(file.read_text())) - {"_target_"}
        assert words <= told, (file.name, sorted(words - told))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page):
    text = page.read_text()
    for target in re.findall(r"\]\((?!https?:)([^)]+)\)", text):
        file, _, heading = target.partition("#")
        path = page.parent / file if file else page
        assert path.exists(), target
        if heading:
            titles = re.findall(r"^#+ (.+)$", path.read_text(), re.M)
            assert heading in {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}, target
