"""What the docs say is there: tests behind formats, words behind settings, pages behind links."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from starbolt.compose import compose, compose_data, conf_folder, options
from starbolt.sweep.space import axes_of, fixed

DOCS = Path(__file__).parents[1] / "docs"
PAGES = sorted([*DOCS.rglob("*.md"), *(DOCS.parent / name for name in ("README.md", "CONTRIBUTING.md"))])
ROWS = re.findall(r"^\| (.+?) \|.*\| `(test_\w+\.py)::(\w+)` \|$", (DOCS / "formats.md").read_text(), re.MULTILINE)

VERBS = {"train": compose, "doctor": compose, "inspect": compose_data, "pack": compose_data}
ANY = "data=table data.path=cat.fits data.target=z model=mlp task=regression"  # where the docs write ...
ELSEWHERE = ("run=", "like=", "sweep.best=")  # words that need a run to compose


def commands(page: Path) -> Iterator[list[str]]:
    """The commands of a page whose words are composed, as words, the verb first."""
    for block in re.findall(r"^```sh\n(.*?)^```", page.read_text(), re.DOTALL | re.MULTILINE):
        for line in block.replace("\\\n", " ").splitlines():
            line = re.sub(r" && .*", "", line).replace(" ... ", f" {ANY} ").replace("=NAME", "=eros1")
            words = shlex.split(line, comments=True)
            elsewhere = any(word.startswith(ELSEWHERE) for word in words) or len(words) < 3
            if words[:1] == ["starbolt"] and not elsewhere and words[1] in VERBS:
                yield words[1:]


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


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(DOCS.parent)))
def test_links_lead_somewhere(page):
    text = page.read_text()
    for target in re.findall(r"\]\((?!https?:)([^)]+)\)", text):
        file, _, heading = target.partition("#")
        path = page.parent / file if file else page
        assert path.exists(), target
        if heading:
            titles = re.findall(r"^#+ (.+)$", path.read_text(), re.M)
            assert heading in {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}, target


@pytest.mark.parametrize("page", [page for page in PAGES if any(commands(page))], ids=lambda page: page.stem)
def test_every_command_composes(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("STARBOLT_DATA", "/some/where")
    for name, content in re.findall(r"^```yaml\n# (conf/\S+)\n(.*?)^```", page.read_text(), re.DOTALL | re.MULTILINE):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(content)
    for verb, *words in commands(page):
        varied = [f"{axis.key}={(axis.values or (axis.low,))[0]}" for axis in axes_of([w for w in words if w != "-m"])]
        cfg = VERBS[verb]([*fixed([word for word in words if word != "-m"]), *(varied if "-m" in words else [])])
        assert "_target_" in cfg.data, words


def test_every_option_of_every_group_is_named():
    rows = "".join(line for line in (DOCS / "words.md").read_text().splitlines() if line.startswith("| `"))
    for group in {path.name for path in conf_folder().iterdir() if path.is_dir()}:
        assert f"`{group}`" in rows
        named = set(re.findall(r"`(?:\w+=)?(\w+)`", rows))
        assert group == "experiment" or set(options(group)) <= named, group
