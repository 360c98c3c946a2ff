"""`starbolt fetch` ends with a path, and the command that it prints trains on what it fetched."""

from __future__ import annotations

import gzip
import hashlib
import re
import shlex
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import h5py
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hydra.utils import get_object

from starbolt import build
from starbolt.compose import UserError, compose
from starbolt.data.audit import Audit
from starbolt.fetch.registry import SETS
from starbolt.verbs import fetch

DOCS = Path(__file__).parents[2] / "docs"
SIDE = 24  # [pixels] of the look-alikes


class Silent(SimpleHTTPRequestHandler):
    """Serves the files of a folder."""

    def log_message(self, *args):
        """Silent."""


@pytest.fixture
def offered(tmp_path: Path, monkeypatch) -> Iterator[Callable[[str], Path]]:
    """name -> the path of a small look-alike of that set, which is offered in its place."""
    there = tmp_path / "server"
    there.mkdir()
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Silent, directory=str(there)))
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("STARBOLT_DATA", raising=False)

    def offer(name: str) -> Path:
        path = there / SETS[name].file
        look_alike(path, positions=name == "galaxy10_decals")
        digest, url = (
            hashlib.sha256(path.read_bytes()).hexdigest(),
            f"http://127.0.0.1:{server.server_port}/{path.name}",
        )
        changed = replace(SETS[name], mirrors=(url,), sha256=digest, size=path.stat().st_size)
        monkeypatch.setitem(SETS, name, changed)
        return path

    yield offer
    server.shutdown()
    server.server_close()


def look_alike(path: Path, *, positions: bool) -> None:
    """300 images [N, H, W, 3] of ten classes of growing brightness; 20 are there twice, with another class."""
    random = np.random.default_rng(0)
    answers = np.arange(300) % 10
    images = random.integers(0, 60, (300, SIDE, SIDE, 3)) + 18 * answers[:, None, None, None]
    places = np.stack([random.uniform(0, 360, 300), random.uniform(-20, 60, 300)])
    if positions:
        images[280:], places[:, 280:] = images[:20], places[:, :20]
        answers[280:] = (answers[:20] + 1) % 10
    with h5py.File(path, "w") as file:
        file["images"], file["ans"] = images.astype("u1"), answers.astype("u1")
        if positions:
            file["ra"], file["dec"] = places
            file["redshift"], file["pxscale"] = random.uniform(0, 0.2, 300), np.full(300, 0.262)


def fetched(capsys, *words: str) -> tuple[list[str], list[str]]:
    """The lines that were printed, and the words after `starbolt train` among them."""
    fetch.main(list(words))
    lines = capsys.readouterr().out.splitlines()
    line = next(line for line in lines if line.startswith("train on it with: "))
    return lines, shlex.split(line.partition(": ")[2])[2:]


def findings(words: list[str]) -> set[str]:
    """What the audit finds in the data of a training."""
    cfg = compose(words)
    data = build.data(cfg)
    data.open(get_object(cfg.task._target_).target)
    assert data.catalogue.num_rows == 300
    return {finding.name for finding in Audit()(data).findings}


def test_without_words_it_lists_what_there_is(capsys):
    fetch.main([])
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["name", "what", "objects", "size", "licence"]
    for data, line in zip(SETS.values(), lines[1:], strict=False):
        assert line.split()[0] == data.name
        assert f"{data.objects:,}" in line
        assert line.endswith(data.licence)


@pytest.mark.parametrize("given", [True, False], ids=["STARBOLT_DATA", "no STARBOLT_DATA"])
@pytest.mark.parametrize("name", SETS)
def test_it_says_licence_citation_and_command_and_ends_with_the_path(
    name, given, offered, tmp_path, monkeypatch, capsys
):
    source = offered(name)
    if given:
        monkeypatch.setenv("STARBOLT_DATA", str(tmp_path / "kept"))
    lines, command = fetched(capsys, name)
    path = Path(lines[-1])
    assert path == Path(tmp_path / "kept" if given else "data") / name / source.name
    assert path.read_bytes() == source.read_bytes()
    assert f"licence: {SETS[name].licence}" in lines
    assert [line.removeprefix("cite: ") for line in lines if line.startswith("cite: ")] == list(SETS[name].cite)
    assert command == [f"experiment={name}"]
    assert findings(command) == set()


def test_the_second_time_it_is_there(offered, capsys):
    offered("galaxy10_sdss").rename("elsewhere")  # the server has it no more
    folder = Path("data/galaxy10_sdss")
    folder.mkdir(parents=True)
    Path("elsewhere").rename(folder / "Galaxy10.h5")
    lines, _ = fetched(capsys, "galaxy10_sdss")
    assert "it was there already, and is whole" in lines
    assert lines[-1] == str(folder / "Galaxy10.h5")


def test_elsewhere_is_in_the_command(offered, tmp_path, capsys):
    offered("galaxy10_sdss")
    folder = tmp_path / "some where"
    lines, command = fetched(capsys, "galaxy10_sdss", f"output={folder}")
    assert lines[-1] == str(folder / "Galaxy10.h5")
    cfg = compose(command)
    assert cfg.data.catalogue == lines[-1]
    assert cfg.data.stack == f"{lines[-1]}:images"
    assert findings(command) == set()


def test_galaxies_that_are_there_twice_stay_on_one_side(offered, capsys):
    offered("galaxy10_decals")
    _, command = fetched(capsys, "galaxy10_decals")
    assert findings([*command, "data.group=null"]) == {"images", "positions"}
    assert findings(command) == set()


@pytest.mark.slow
@pytest.mark.parametrize("name", SETS)
def test_what_was_fetched_can_be_trained_on(name, offered, tmp_path, capsys, execute, unreported):
    offered(name)
    _, command = fetched(capsys, name)
    few = ["trainer=cpu", "trainer.max_epochs=3", "model.width=8", "data.batch_size=32", "data.shift=0"]
    folder = execute(tmp_path / "run", [*command, *few])
    assert re.search(r'"test/accuracy": [01]\.', (folder / "metrics.json").read_text())


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["galaxy10_sds"], "no data set 'galaxy10_sds' to fetch; did you mean galaxy10_sdss"),
        (["plasticc"], "no data set 'plasticc' to fetch; there are galaxy10_sdss, galaxy10_decals"),
        (["output=x"], "name one data set to fetch: galaxy10_sdss, galaxy10_decals"),
        (["galaxy10_sdss", "galaxy10_decals"], "name one data set"),
        (["galaxy10_sdss", "outptu=x"], "takes output=FOLDER, and not outptu=x"),
        (["galaxy10_sdss", "output="], "takes output=FOLDER, and not output="),
    ],
)
def test_a_mistake_is_told_in_a_sentence(words, sentence):
    with pytest.raises(UserError, match=sentence):
        fetch.main(words)


def write_described(folder: Path) -> None:
    """Small files in the layouts of the sets that docs/public.md only describes."""
    random = np.random.default_rng(0)
    label = np.arange(60) % 2
    triplets = random.normal(size=(60, 63, 63, 3)).astype("f4")
    np.save(folder / "braai.triplets.norm.programid1.npy", triplets)
    lines = [f"{i},{7_000_000_000_000_000_000 + i},{label[i]}" for i in range(60)]
    (folder / "braai.candidates.programid1.csv").write_text("\n".join([",candid,label", *lines]))
    points = [f"{i},{59_000 + t},{t % 6},{random.normal():.3f},0.1,1" for i in range(60) for t in range(8)]
    head = "object_id,mjd,passband,flux,flux_err,detected_bool"
    with gzip.open(folder / "plasticc_train_lightcurves.csv.gz", "wt") as file:
        file.write("\n".join([head, *points]))
    lines = [f"{i},{6 * i},{i - 30},{(90, 42)[label[i]]}" for i in range(60)]
    with gzip.open(folder / "plasticc_train_metadata.csv.gz", "wt") as file:
        file.write("\n".join(["object_id,ra,decl,target", *lines]))
    for part in ("TRAIN", "TEST"):
        curves = np.column_stack([1 + np.arange(60) % 3, random.normal(size=(60, 32))])
        np.savetxt(folder / f"StarLightCurves_{part}.tsv", curves, delimiter="\t")
    for name in ("training", "validation"):
        with h5py.File(folder / f"test_dc2_{name}_9816.hdf5", "w") as file:
            group = file.create_group("photometry")
            group["redshift"] = random.uniform(0, 3, 60)
            for band in "ugrizy":
                group[f"mag_{band}_lsst"] = random.uniform(18, 26, 60)
                group[f"mag_err_{band}_lsst"] = random.uniform(0.01, 0.2, 60)


def described() -> list[list[str]]:
    """The words after `starbolt train` of the sets that are described."""
    text = (DOCS / "public.md").read_text().partition("## Sets that are described")[2].replace("\\\n", " ")
    return [shlex.split(line)[2:] for line in re.findall(r"^starbolt train .*$", text, re.MULTILINE)]


def test_the_words_for_the_sets_that_are_described_read_their_layouts(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_described(tmp_path)
    (program,) = re.findall(r"```python\n(.*?)```", (DOCS / "public.md").read_text(), re.DOTALL)
    exec(program, {})
    assert pq.read_schema("TRAIN.parquet").field("brightness").type == pa.list_(pa.float64())
    assert len(described()) == 4
    for words in described():
        cfg = compose(words)
        data = build.data(cfg)
        data.open(get_object(cfg.task._target_).target)
        assert data.catalogue.num_rows >= 60
        assert len(data.parts["train"]) > 0
