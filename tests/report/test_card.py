"""The model card and the citation: what the user said, how to say the rest, and how often the test rows were scored."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

import starbolt
from starbolt.compose import conf_folder
from starbolt.report import card, cite
from starbolt.report.results import Results


def changed(folder: Path, file: str, content: object) -> Results:
    (folder / file).write_text(json.dumps(content))
    return Results.read(folder)


def test_words_of_the_card_are_those_of_the_configuration() -> None:
    assert list(yaml.safe_load((conf_folder() / "train.yaml").read_text())["card"]) == list(card.WORDS)


@pytest.mark.parametrize("file", sorted((conf_folder() / "experiment").glob("*.yaml")), ids=lambda file: file.stem)
def test_every_experiment_states_its_card(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from starbolt.compose import compose

    monkeypatch.setenv("STARBOLT_DATA", "/some/where")
    assert all(compose([f"experiment={file.stem}"]).card.values())


def test_what_is_not_stated_is_said_plainly_with_the_way_out(image_run: Path) -> None:
    page = card.told(changed(image_run, "config.yaml", {"card": {"data": "SDSS <thumbnails>", "licence": None}}))
    assert "SDSS &lt;thumbnails&gt;" in page
    assert 'not stated (card.licence="...")' in page
    assert page.count("not stated") == 4
    assert "starbolt train data=galaxies" in page


LOOK = {"when": "2026-11-02T21:06:00+00:00", "checkpoint": "aa", "verb": "train"}


@pytest.mark.parametrize(
    ("looks", "words"),
    [
        ([LOOK], "scored once (train 2026-11-02"),
        ([LOOK, LOOK | {"verb": "evaluate"}], "scored 2 times, by one network"),
        ([LOOK, LOOK, LOOK | {"checkpoint": "bb"}], "by 2 different networks"),
        ([], "how often was not recorded"),
    ],
)
def test_the_seal_counts_looks(image_run: Path, looks: list[dict], words: str) -> None:
    assert words in card.seal(changed(image_run, "looks.json", looks))


def test_a_run_that_never_scored_its_test_part_says_so(image_run: Path) -> None:
    assert "have not been scored" in card.seal(changed(image_run, "metrics.json", {"val/accuracy": 0.8}))


def test_the_citation_is_that_of_the_file() -> None:
    file = yaml.safe_load((Path(starbolt.__file__).parents[2] / "CITATION.cff").read_text())
    told = {name: file[name] for name in cite.CITATION}
    assert told | {"authors": [author["name"] for author in file["authors"]]} == cite.CITATION
    assert str(file["version"]) == starbolt.__version__


def test_how_to_cite_names_the_version_that_made_the_run_and_the_data(image_run: Path) -> None:
    provenance = json.loads((image_run / "provenance.json").read_text()) | {"starbolt": "0.0.7"}
    (image_run / "provenance.json").write_text(json.dumps(provenance))
    page = cite.told(changed(image_run, "config.yaml", {"card": {"citation": "Baillard et al. 2011"}}))
    assert "Baillard et al. 2011" in page
    assert "version = {0.0.7}" in page
    assert "@software{starbolt," in page
    assert page.count("{{") == page.count("}}")
