"""What is fetched can be verified and cited, and its experiment reads it where it comes to lie."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from starbolt.compose import compose
from starbolt.fetch.registry import SETS, home


@pytest.mark.parametrize("data", SETS.values(), ids=lambda data: data.name)
def test_a_set_can_be_verified_and_cited(data):
    assert re.fullmatch("[0-9a-f]{64}", data.sha256)
    assert all(re.fullmatch(rf"https?://[\w.]+/\S+/{re.escape(data.file)}", url) for url in data.mirrors)
    assert data.mirrors[0].startswith("https://")
    assert any("https://" in line for line in data.cite)


@pytest.mark.parametrize("given", ["/some/where", None], ids=["STARBOLT_DATA", "no STARBOLT_DATA"])
@pytest.mark.parametrize("data", SETS.values(), ids=lambda data: data.name)
def test_the_experiment_of_a_set_reads_it_where_it_comes_to_lie(data, given, tmp_path: Path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("STARBOLT_DATA", raising=False)
    if given:
        monkeypatch.setenv("STARBOLT_DATA", given)
    cfg = compose([f"experiment={data.name}"])
    assert Path(cfg.data.catalogue) == home(data.name) / data.file
    assert cfg.data.stack == f"{cfg.data.catalogue}:images"
    assert cfg.card.licence == data.licence
    assert len(cfg.data.classes) == 10


def test_the_page_tells_of_every_set():
    page = (Path(__file__).parents[2] / "docs" / "public.md").read_text()
    for data in SETS.values():
        assert f"`{data.name}`" in page
        assert f"{data.objects:,}" in page
        assert data.about in page
