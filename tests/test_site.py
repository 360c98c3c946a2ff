"""The site builds without a warning and without a network, all its links lead somewhere, docstrings are as written."""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import os
import re
import subprocess
import sys
import tomllib
from html.parser import HTMLParser
from pathlib import Path
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

import pytest
import yaml

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PUBLIC = {  # package -> its page, where it is not known by its __all__
    "starbolt": None,
    "starbolt.data": None,
    "starbolt.models": None,
    "starbolt.tasks": None,
    "starbolt.archives": None,
    "starbolt.data.audit": None,
    "starbolt.contract": ("Block", "Batch", "Spec", "InputSpec", "TargetSpec"),
    "starbolt.schedules": ("cosine", "onecycle", "plateau"),
}
LOADED = ("stylesheet", "icon", "preload", "modulepreload")  # kinds of <link>
BUILD = """
import socket, sys
def refuse(*_, **__):
    raise OSError("the site asked for a network")
socket.socket.connect = socket.getaddrinfo = refuse
from sphinx.cmd.build import main
sys.exit(main(sys.argv[1:]))
"""


class Page(NamedTuple):
    """ids: of its elements. links: to other places. loaded: scripts, styles and images."""

    ids: set[str]
    links: list[str]
    loaded: list[str]


class Reader(HTMLParser):
    """Reads a page of the site."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.page = Page(set(), [], [])
        self.feed(text)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        told = {key: value for key, value in attributes if value is not None}
        self.page.ids.update(told[key] for key in ("id", "name") if key in told)
        if "src" in told:
            self.page.loaded.append(told["src"])
        elif "href" in told:
            loaded = tag == "link" and told.get("rel") in LOADED
            (self.page.loaded if loaded else self.page.links).append(told["href"])


@pytest.fixture(scope="module")
def site(tmp_path_factory) -> dict[Path, Page]:
    """Each page of the site, built as `make docs` builds it, where connecting to anything is an error."""
    for name in ("sphinx", "myst_nb", "pydata_sphinx_theme"):
        pytest.importorskip(name, reason=f"{name} is not installed: pip install 'starbolt[docs]'")
    home = tmp_path_factory.mktemp("site")
    words = ["-b", "html", "-W", "--keep-going", "-n", "-q", "-d", str(home / "trees"), str(DOCS), str(home / "html")]
    quiet = {key: value for key, value in os.environ.items() if key != "STARBOLT_DOCS_EXECUTE"}
    done = subprocess.run([sys.executable, "-c", BUILD, *words], capture_output=True, text=True, check=False, env=quiet)
    assert done.returncode == 0, done.stderr
    assert not done.stderr.strip()
    pages = (home / "html").rglob("*.html")
    return {path: Reader(path.read_text()).page for path in pages if "_static" not in path.parts}


def home_of(site: dict[Path, Page]) -> Path:
    """The folder of the site."""
    return min(site, key=lambda path: len(path.parts)).parent


@pytest.mark.slow
def test_every_page_is_there(site):
    home = home_of(site)
    written = [path.relative_to(DOCS) for kind in ("md", "ipynb") for path in DOCS.rglob(f"*.{kind}")]
    pages = {path.relative_to(home) for path in site}
    left_out = {Path("results_notes.md")}
    assert {path.with_suffix(".html") for path in written if path not in left_out} <= pages


@pytest.mark.slow
def test_every_public_name_has_a_place(site):
    places = set().union(*(page.ids for page in site.values()))
    for package, names in PUBLIC.items():
        module = importlib.import_module(package)
        for name in names or module.__all__:
            value = getattr(module, name)
            ids = {f"{package}.{name}", f"starbolt.{name}", f"{getattr(value, '__module__', package)}.{name}"}
            assert ids & places, f"{package}.{name}"


@pytest.mark.slow
def test_every_link_leads_somewhere(site):
    lost = []
    for path, page in site.items():
        for link in page.links:
            address = urlsplit(link)
            if address.scheme or address.netloc:
                continue
            target = (path.parent / unquote(address.path)).resolve() if address.path else path
            known = site.get(target)
            anchor = unquote(address.fragment)
            if not target.is_file() or (anchor and known and anchor not in known.ids):
                lost.append(f"{path.name}: {link}")
    assert not lost


@pytest.mark.slow
def test_nothing_is_loaded_from_elsewhere(site):
    for path, page in site.items():
        for source in page.loaded:
            address = urlsplit(source)
            assert not address.netloc, (path.name, source)
            assert address.scheme == "data" or (path.parent / unquote(address.path)).is_file(), (path.name, source)
    for sheet in (home_of(site) / "_static").rglob("*.css"):
        assert not re.search(r"(url\(|@import )['\" ]*(https?:)?//", sheet.read_text()), sheet.name


def test_the_places_where_it_is_built_name_what_is_there():
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    told = yaml.safe_load((ROOT / ".readthedocs.yaml").read_text())
    assert (ROOT / told["sphinx"]["configuration"]).is_file()
    assert set(told["python"]["install"][0]["extra_requirements"]) <= set(extras)
    wanted = [line for line in (ROOT / ".binder" / "requirements.txt").read_text().splitlines() if line[:1] != "#"]
    assert wanted == ["-e .[docs]"]
    python = (ROOT / ".binder" / "runtime.txt").read_text().strip().removeprefix("python-")
    assert python == told["build"]["tools"]["python"]
    assert "docs" in extras


@pytest.fixture(scope="module")
def plain():
    """The module that makes docstrings ready."""
    spec = importlib.util.spec_from_file_location("plain_docstrings", DOCS / "_ext" / "plain_docstrings.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def shown(plain, documented) -> list[str]:
    lines = inspect.getdoc(documented).splitlines()
    plain.process(None, "class", documented.__name__, documented, None, lines)
    return lines


def test_arguments_become_a_list_with_the_text_of_each(plain):
    def network(shape, width=64, depth=1, **others):
        """Dense layers.

        width, depth: units in each hidden layer, number of them; shape: of one object. others: words
        of all networks.
        """

    assert shown(plain, network) == [
        "Dense layers.", "",
        ":param width: units in each hidden layer, number of them",
        ":param depth: see ``width``",
        ":param shape: of one object.",
        ":param others: words of all networks.",
    ]  # fmt: skip


def test_what_reads_like_an_argument_and_is_none_stays_in_its_sentence(plain):
    def reader(path):
        """Reads a file. where: a condition. path: the file."""

    assert shown(plain, reader) == ["Reads a file. where: a condition.", "", ":param path: the file."]


@pytest.mark.parametrize(
    ("text", "marked"),
    [
        ("`Batch`es of x", r"``Batch``\ es of x"),
        ('a pattern such as "cat_*.fits"', r'a pattern such as "cat\_\*.fits"'),
        ("columns prob_ and _err", r"columns prob\_ and _err"),
        ("see Block there", "see :py:class:`~starbolt.contract.Block` there"),
        ("Dense layers", "Dense layers"),
        ("He et al., doi:10.1109/CVPR.2016.90.", "He et al., `doi:10.1109/CVPR.2016.90 <https://doi.org/10.1109/CVPR.2016.90>`__."),
    ],
)  # fmt: skip
def test_signs_are_shown_as_written(plain, text, marked):
    assert plain.marked(text) == marked
