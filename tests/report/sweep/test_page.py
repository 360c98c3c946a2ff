"""sweep.html: one file that loads nothing, tells every trial, and praises its best no more than is due."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
from pyarrow import csv

from starbolt.report.sweep import write_sweep

Maker = Callable[..., Path]
VOID = {"meta", "img", "br", "wbr"}
HONEST = "Its test scores are the honest number"
OPTIM = {"optim": {"kind": "choice", "values": ["sgd", "adam"]}}


class Reader(HTMLParser):
    """Collects links, what is loaded, pictures' words and the rows of tables; tags must be closed in order."""

    def __init__(self, page: Path) -> None:
        super().__init__()
        self.open: list[str] = []
        self.links: list[str] = []
        self.loads: list[str] = []
        self.alts: list[str] = []
        self.rows: list[tuple[str, list[str]]] = []
        self.feed(page.read_text())
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        told = {name: value or "" for name, value in attrs}
        self.open += [] if tag in VOID else [tag]
        self.links += [told["href"]] if "href" in told else []
        self.loads += [told["src"]] if "src" in told else []
        self.alts += [told.get("alt", "")] if tag == "img" else []
        self.rows += [(told.get("class", ""), [])] if tag == "tr" else []
        if tag in ("td", "th"):
            self.rows[-1][1].append("")

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "td" in self.open:
            self.rows[-1][1][-1] += data

    def trials(self) -> dict[str, tuple[str, list[str]]]:
        """Rows of the table of trials, which name a state, by the trial's number."""
        states = ("finished", "pruned", "failed", "running", "waiting")
        return {row[0]: (kind, row) for kind, row in self.rows if len(row) > 1 and row[1].startswith(states)}


def trial(number: int, value: float | None = None, **told: Any) -> dict[str, Any]:
    entry = {"number": number, "folder": f"trial_{number:04d}", "state": "failed" if value is None else "finished"}
    return entry | {"value": value, "params": {}, "metrics": {}} | told


def text_of(page: Path) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", "", page.read_text()))


def test_every_trial_has_its_row_and_failed_ones_their_reason(mixed: Path) -> None:
    rows = Reader(write_sweep(mixed)).trials()
    assert list(rows) == [str(i) for i in range(10)]
    assert rows["2"][1][1] == "failedkilled by signal 9"
    assert rows["6"][1][1] == "failedtook longer than 10 minutes"
    assert rows["9"][1][1] == "pruned"
    assert rows["5"][1][2:5] == ["0.25", "0.003162", "64"]


def test_the_marked_trial_is_the_one_named_and_no_other(mixed: Path) -> None:
    page = write_sweep(mixed)
    marked = {number: row[1] for number, (kind, row) in Reader(page).trials().items() if kind == "best"}
    assert marked == {"3": "finished, best"}
    assert "The best of 7 finished trials, number 3 (optim.lr=0.0007943, model.width=64)" in text_of(page)


def test_page_loads_nothing_and_its_figures_have_words_and_numbers(mixed: Path) -> None:
    page = write_sweep(mixed)
    reader = Reader(page)
    assert len(reader.loads) == len(reader.alts) == 4
    assert all(load.startswith("data:image/svg+xml") for load in reader.loads)
    assert all(reader.alts)
    assert not re.search(r"<link|@import|url\(|<script [^>]*src", page.read_text())
    names = {path.stem for path in (mixed / "figures").glob("*.csv")}
    assert names == {"sweep_history", "sweep_curves", "sweep_parallel", "sweep_importance"}
    assert not list(mixed.glob("*.part"))


def test_history_tells_the_best_so_far(mixed: Path) -> None:
    write_sweep(mixed)
    told = csv.read_csv(mixed / "figures" / "sweep_history.csv").to_pydict()
    assert told["best_so_far"] == [0.4, 0.3, None, 0.1, 0.1, 0.1, None, 0.1, 0.1, None]


def test_links_are_relative_and_lead_somewhere_also_in_a_folder_that_was_moved(mixed: Path, tmp_path: Path) -> None:
    (mixed / "trial_0003" / "report.html").write_text("")
    shutil.rmtree(mixed / "trial_0004")
    page = write_sweep(mixed)
    assert str(tmp_path) not in page.read_text()
    moved = mixed.rename(tmp_path / "elsewhere")
    links = [link for link in Reader(moved / "sweep.html").links if not link.startswith("#")]
    assert all((moved / unquote(link)).exists() for link in links)
    assert {"trial_0003/report.html", "trial_0005/", "best.yaml"} <= set(links)
    assert not any("trial_0004" in link for link in links)


def test_a_trial_outside_the_folder_is_not_linked(write: Maker) -> None:
    page = write_sweep(write([trial(0, 0.1, folder="../else"), trial(1, 0.2, folder="a:b,c=1 #")]))
    assert [link for link in Reader(page).links if not link.startswith("#")] == ["a%3Ab%2Cc%3D1%20%23/"]


def test_labels_values_and_reasons_are_escaped(write: Maker) -> None:
    nasty = '<script>alert("1")</script> & $x$'
    axes = {"data.where": {"kind": "choice", "values": [nasty, "$y"]}}
    trials = [trial(i, 0.1 * (i + 1), params={"data.where": nasty}, label=nasty) for i in range(3)]
    trials.append(trial(3, None, params={"data.where": "$y"}, reason=nasty))
    folder = write(trials, axes, 0, {"data.where": 1.0}, nasty, name=nasty, command=nasty, words=[nasty])
    page = write_sweep(folder)
    assert "<script>alert" not in page.read_text()
    assert Reader(page).trials()["3"][1][1] == f"failed{nasty}"


def test_the_best_of_several_settings_is_told_with_caution(mixed: Path) -> None:
    text = text_of(write_sweep(mixed))
    assert "Chosen as the best of 7 by val/loss" in text
    assert f"{HONEST}: no trial has them" in text
    assert "starbolt train sweep.best=night" in text
    assert "model: width: 64" in text


def test_where_the_best_was_tested_the_caution_says_so(write: Maker) -> None:
    trials = [trial(i, 0.1 + i, params={"optim": o}, metrics={"test/loss": 0.3}) for i, o in enumerate(("sgd", "adam"))]
    text = text_of(write_sweep(write(trials, OPTIM, 0)))
    assert f"{HONEST}: they took no part in the choice" in text


def test_seeds_alone_choose_nothing(write: Maker) -> None:
    axes = {"seed": {"kind": "range", "values": ["0", "1", "2"]}}
    page = write_sweep(write([trial(i, v, params={"seed": str(i)}) for i, v in enumerate((0.1, 0.2, 0.3))], axes, 0))
    text = text_of(page)
    assert HONEST not in text
    assert "val/loss is 0.20 ± 0.10: mean and standard deviation of 3 trials that differ in seed alone" in text
    assert text.index("Standard deviations (of n - 1)") < text.index("the best of them is the luckiest")
    assert "sweep.best" not in text


def test_a_best_at_the_end_of_its_interval_is_told(mixed: Path) -> None:
    assert "a still better one may lie beyond" not in text_of(write_sweep(mixed))
    told = (mixed / "trials.json").read_text()
    (mixed / "trials.json").write_text(told.replace('"best": 3', '"best": 0'))
    assert "optim.lr at the lower end of its interval: a still better one may lie beyond" in text_of(write_sweep(mixed))


def test_a_sweep_without_a_finished_trial_has_a_page(write: Maker) -> None:
    page = write_sweep(write([trial(i, params={"optim": "sgd"}, reason="killed by signal 9") for i in range(2)], OPTIM))
    text = text_of(page)
    assert "No trial has finished: there is no best." in text
    assert "2 trials failed: killed by signal 9." in text
    assert len(Reader(page).trials()) == 2
    assert Reader(page).loads == []


@pytest.mark.parametrize("trials", [[], [trial(0, 0.1)], [trial(0, state="running"), trial(1, state="waiting")]])
def test_a_sweep_of_hardly_a_trial_has_a_page(write: Maker, trials: list[dict[str, Any]]) -> None:
    page = write_sweep(write(trials, best=0 if trials and trials[0]["value"] else None))
    assert len(Reader(page).trials()) == len(trials)
    assert HONEST not in text_of(page)
    assert ("not at its end" in text_of(page)) == (len(trials) == 2)


@pytest.mark.parametrize("mode", ["min", "max"])
def test_three_hundred_trials_of_eight_parameters_make_a_page_of_two_megabytes(write: Maker, mode: str) -> None:
    interval = {"kind": "interval", "low": 0.0, "high": 300.0, "log": False, "integer": True}
    axes = {f"part{k}.word": interval if k % 2 else {"kind": "choice", "values": ["a", "b", "c"]} for k in range(8)}
    trials = []
    for i in range(300):
        params = {name: str(i) if axis is interval else "abc"[i % 3] for name, axis in axes.items()}
        value = 1 + abs(i - 150) / 150 if i else 1e9 * (1 if mode == "min" else -1)
        trials.append(trial(i, value, params=params, curve=[[epoch, value + 1 / (epoch + 1)] for epoch in range(20)]))
    page = write_sweep(write(trials, axes, 150, mode=mode))
    assert len(Reader(page).trials()) == 300
    assert page.stat().st_size < 2e6
    assert "1 trial so much worse that the scale leaves it out" in text_of(page)


def test_what_is_no_sweep_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"holds no sweep: it has no sweep\.json"):
        write_sweep(tmp_path)


def test_the_page_needs_neither_optuna_nor_torch(mixed: Path) -> None:
    script = f"""
import sys
from pathlib import Path
from starbolt.report.sweep import write_sweep
assert "matplotlib" not in sys.modules
write_sweep(Path({str(mixed)!r}))
assert not {{"optuna", "torch", "lightning"}} & set(sys.modules)
"""
    subprocess.run([sys.executable, "-c", script], check=True)
