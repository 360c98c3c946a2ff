"""A download comes whole or not at all: verified, continued where it broke off, from the next mirror if need be."""

from __future__ import annotations

import errno
import hashlib
import re
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pooch.core
import pytest
import requests
from filelock import FileLock

from starbolt.compose import UserError
from starbolt.fetch import continued
from starbolt.fetch.continued import amount
from starbolt.fetch.download import fetch
from starbolt.fetch.registry import SETS

CONTENT = np.random.default_rng(0).bytes(600_000)
OTHER = np.random.default_rng(1).bytes(600_000)
ONE = r"[^\n]+"  # a sentence stands on one line


@dataclass
class Page:
    """What a server has under one address, and how it behaves: it breaks off after so many bytes, once for each."""

    content: bytes = CONTENT
    breaks: list[int] = field(default_factory=list)
    states: list[int] = field(default_factory=list)  # of the next replies, in place of the file
    ranges: bool = True
    tag: str = '"1"'
    held: threading.Event | None = None  # awaited after the first 200,000 bytes


class Handler(BaseHTTPRequestHandler):
    """Serves the pages of its server, and writes down what was asked."""

    def do_GET(self):
        page = self.server.pages.get(self.path)
        self.server.asked.append((self.path, self.headers.get("Range"), self.headers.get("If-Range")))
        if page is None or page.states:
            self.send_error(page.states.pop(0) if page else 404)
            return
        asked = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", "")) if page.ranges else None
        same = self.headers.get("If-Range") in (None, page.tag)
        start, end = int(asked[1]) if asked and same else 0, len(page.content)
        if start >= end:
            self.send_response(416)
            self.send_header("Content-Range", f"bytes */{end}")
            self.end_headers()
            return
        self.send_response(206 if start else 200)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{end - 1}/{end}")
        self.send_header("Content-Length", str(end - start))
        self.send_header("ETag", page.tag)
        self.end_headers()
        body = page.content[start:]
        if page.breaks:
            self.wfile.write(body[: page.breaks.pop(0)])
        elif page.held:
            self.wfile.write(body[:200_000])
            page.held.wait(30)
        else:
            self.wfile.write(body)

    def log_message(self, *args):
        """Silent."""


@pytest.fixture
def served() -> Iterator[SimpleNamespace]:
    """A server: its pages by path, what was asked as (path, Range, If-Range), and the address of a page."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.pages, server.asked = {"/a": Page(), "/b": Page()}, []
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    yield SimpleNamespace(
        pages=server.pages, asked=server.asked, url=lambda page: f"http://127.0.0.1:{server.server_port}{page}"
    )
    server.shutdown()
    server.server_close()


@pytest.fixture(autouse=True)
def _impatient(monkeypatch):
    monkeypatch.setattr(continued, "WAITS", (0.0, 0.0, 0.0))


def data_set(*mirrors: str, size: int | None = len(CONTENT)):
    digest = hashlib.sha256(CONTENT).hexdigest()
    return replace(SETS["galaxy10_sdss"], mirrors=mirrors, sha256=digest, size=size)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "data" / "galaxy10_sdss"


def ranges(served) -> list[str | None]:
    return [asked for _, asked, _ in served.asked]


def test_a_file_comes_whole_and_the_second_time_nothing_is_asked(served, folder):
    data = data_set(served.url("/a"))
    path, new = fetch(data, folder)
    assert new
    assert path.read_bytes() == CONTENT
    assert fetch(data, folder) == (path, False)
    assert len(served.asked) == 1
    assert list(folder.iterdir()) == [path]


@pytest.mark.parametrize("size", [len(CONTENT), None], ids=["size known", "size unknown"])
def test_what_breaks_off_in_the_middle_is_continued_by_a_range(served, folder, size):
    served.pages["/a"].breaks = [300_000]
    path, _ = fetch(data_set(served.url("/a"), size=size), folder)
    assert path.read_bytes() == CONTENT
    (_, first, _), (_, second, same) = served.asked
    assert first is None
    assert 0 < int(re.fullmatch(r"bytes=(\d+)-", second)[1]) <= 300_000
    assert same == '"1"'


def test_more_break_offs_than_tries_are_no_matter_while_bytes_come(served, folder):
    served.pages["/a"].breaks = [100_000] * 5
    path, _ = fetch(data_set(served.url("/a")), folder)
    assert path.read_bytes() == CONTENT
    assert len(served.asked) > len(continued.WAITS) + 1


def test_a_mirror_that_sends_nothing_more_is_left_for_the_next_which_continues(served, folder, capsys):
    served.pages["/a"].breaks = [300_000, *[0] * 9]
    path, _ = fetch(data_set(served.url("/a"), served.url("/b")), folder)
    assert path.read_bytes() == CONTENT
    assert served.asked[-1][0] == "/b"
    assert int(served.asked[-1][1].strip("bytes=-")) > 0
    assert served.asked[-1][2] is None  # the version is another server's
    assert re.search(r"broke off; asking 127", capsys.readouterr().out)


def test_a_server_without_ranges_begins_anew(served, folder):
    served.pages["/a"].ranges = False
    served.pages["/a"].breaks = [300_000]
    path, _ = fetch(data_set(served.url("/a")), folder)
    assert path.read_bytes() == CONTENT
    assert ranges(served)[1] is not None


def test_a_file_that_changed_in_between_begins_anew(served, folder, monkeypatch):
    page = served.pages["/a"] = Page(content=OTHER, breaks=[300_000], tag='"old"')
    monkeypatch.setattr(time, "sleep", lambda seconds: page.__dict__.update(content=CONTENT, tag='"new"'))
    path, _ = fetch(data_set(served.url("/a")), folder)
    assert path.read_bytes() == CONTENT
    assert served.asked[1][2] == '"old"'


def test_a_busy_server_is_asked_again(served, folder):
    served.pages["/a"].states = [503, 429]
    path, _ = fetch(data_set(served.url("/a")), folder)
    assert path.read_bytes() == CONTENT


def test_a_killed_process_leaves_a_part_that_is_continued(served, folder):
    served.pages["/a"].held = threading.Event()
    data = data_set(served.url("/a"))
    program = (
        "import sys; from dataclasses import replace; from pathlib import Path\n"
        "from starbolt.fetch.download import fetch; from starbolt.fetch.registry import SETS\n"
        "url, digest, size, folder = sys.argv[1:]\n"
        "fetch(replace(SETS['galaxy10_sdss'], mirrors=(url,), sha256=digest, size=int(size)), Path(folder))"
    )
    words = [data.mirrors[0], data.sha256, str(data.size), str(folder)]
    process = subprocess.Popen([sys.executable, "-c", program, *words])
    content = folder / "Galaxy10.h5.part" / "content"
    until = time.monotonic() + 60
    while not (content.exists() and content.stat().st_size > 0) and time.monotonic() < until:
        time.sleep(0.02)
    process.kill()
    process.wait()
    assert not (folder / "Galaxy10.h5").exists()
    there = content.stat().st_size
    served.pages["/a"].held.set()
    served.pages["/a"].held = None
    path, _ = fetch(data, folder)
    assert path.read_bytes() == CONTENT
    assert ranges(served) == [None, f"bytes={there}-"]
    assert list(folder.iterdir()) == [path]


@pytest.mark.parametrize("size", [len(CONTENT), None], ids=["size known", "size unknown"])
def test_an_interruption_while_it_is_verified_loses_nothing(served, folder, monkeypatch, size):
    data = data_set(served.url("/a"), size=size)
    with monkeypatch.context() as patch:
        patch.setattr(pooch.core, "hash_matches", interrupted)
        with pytest.raises(KeyboardInterrupt):
            fetch(data, folder)
    assert not (folder / "Galaxy10.h5").exists()
    path, _ = fetch(data, folder)
    assert path.read_bytes() == CONTENT
    assert ranges(served) == [None] if size else [None, "bytes=600000-"]


def interrupted(*args, **kwargs):
    raise KeyboardInterrupt


def test_a_wrong_checksum_is_told_with_both_digests_and_the_next_mirror_is_asked(served, folder, capsys):
    served.pages["/a"].content = OTHER
    data = data_set(served.url("/a"), served.url("/b"))
    path, _ = fetch(data, folder)
    assert path.read_bytes() == CONTENT
    line = capsys.readouterr().out.splitlines()[0]
    assert served.url("/a") in line
    assert hashlib.sha256(OTHER).hexdigest() in line
    assert data.sha256 in line
    assert ranges(served) == [None, None]  # nothing of the wrong file is continued


def test_with_no_mirror_left_a_wrong_checksum_leaves_nothing_behind(served, folder):
    served.pages["/a"].content = OTHER
    with pytest.raises(UserError, match=f"^{ONE}{hashlib.sha256(OTHER).hexdigest()}{ONE}$"):
        fetch(data_set(served.url("/a")), folder)
    assert not folder.parent.exists()


def test_a_part_of_another_file_does_not_condemn_the_mirror_that_continues_it(served, folder, capsys):
    served.pages["/a"].content, served.pages["/a"].breaks = OTHER, [300_000, *[0] * 9]
    path, _ = fetch(data_set(served.url("/a"), served.url("/b")), folder)
    assert path.read_bytes() == CONTENT
    assert [asked for page, asked, _ in served.asked if page == "/b"][-1] is None
    assert "downloading it anew" in capsys.readouterr().out


def test_a_file_of_another_size_is_refused_before_it_is_downloaded(served, folder):
    served.pages["/a"].content = b"<html>log in first</html>"
    with pytest.raises(UserError, match="has 25 bytes where 600,000 are published"):
        fetch(data_set(served.url("/a")), folder)
    assert not folder.exists()


def test_a_page_that_is_not_there_is_told_with_the_way_without_a_network(served, folder):
    sentence = rf"^galaxy10_sdss did not come: {ONE}/x is not there \(HTTP 404\); {ONE} put it at {folder}/Galaxy10.h5 "
    with pytest.raises(UserError, match=sentence):
        fetch(data_set(served.url("/x")), folder)
    assert not folder.exists()
    path, _ = fetch(data_set(served.url("/x"), served.url("/b")), folder)
    assert path.read_bytes() == CONTENT


def test_without_a_network_one_sentence_comes_at_once(folder, monkeypatch):
    monkeypatch.setattr(time, "sleep", lambda seconds: pytest.fail("nothing is gained by waiting"))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}/a"
        with pytest.raises(UserError, match=rf"^{ONE} cannot be reached from here; {ONE}starbolt fetch galaxy10_sdss"):
            fetch(data_set(url, f"{url}/again"), folder)
    assert not folder.exists()


def test_what_was_brought_by_hand_is_verified(folder):
    folder.mkdir(parents=True)
    (folder / "Galaxy10.h5").write_bytes(CONTENT)
    assert fetch(data_set("http://127.0.0.1:9/nobody"), folder) == (folder / "Galaxy10.h5", False)


@pytest.mark.parametrize("content", [CONTENT[:1000], OTHER], ids=["half copied", "another"])
def test_another_file_of_that_name_is_refused_and_left_as_it_is(served, folder, content):
    folder.mkdir(parents=True)
    (folder / "Galaxy10.h5").write_bytes(content)
    with pytest.raises(UserError, match=f"^{ONE}Galaxy10.h5 has {ONE}starbolt fetch galaxy10_sdss again$"):
        fetch(data_set(served.url("/a")), folder)
    assert (folder / "Galaxy10.h5").read_bytes() == content
    assert not served.asked


def test_a_file_that_does_not_fit_is_refused_before_it_is_downloaded(served, folder, monkeypatch):
    monkeypatch.setattr(continued.shutil, "disk_usage", lambda folder: SimpleNamespace(free=5000))
    with pytest.raises(UserError, match=f"does not fit into {folder}: 5.0 kB are free {ONE}output=FOLDER$"):
        fetch(data_set(served.url("/a"), served.url("/b")), folder)
    assert len(served.asked) == 1


def test_a_disk_that_fills_up_meanwhile_keeps_what_came(served, folder, monkeypatch):
    def filling(reply, size):
        yield reply.raw.read(size)
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(requests.Response, "iter_content", filling)
        with pytest.raises(UserError, match="does not fit"):
            fetch(data_set(served.url("/a")), folder)
    path, _ = fetch(data_set(served.url("/a")), folder)
    assert path.read_bytes() == CONTENT
    assert ranges(served)[1] == f"bytes={continued.BLOCK}-"


def test_two_at_once_do_not_write_the_same_file(served, folder):
    part = folder / "Galaxy10.h5.part"
    part.mkdir(parents=True)
    with FileLock(part / "lock"), pytest.raises(UserError, match="another starbolt fetch is downloading"):
        fetch(data_set(served.url("/a")), folder)
    assert part.exists()
    assert not served.asked


def test_a_folder_that_is_a_file_is_told(served, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match=r"file cannot be written .*output=FOLDER"):
        fetch(data_set(served.url("/a")), tmp_path / "file")


@pytest.mark.parametrize(
    ("count", "said"), [(7, "7 bytes"), (65_536, "65.5 kB"), (210_234_548, "210.2 MB"), (2_540_000_000, "2.5 GB")]
)
def test_bytes_are_said_in_units(count, said):
    assert amount(count) == said
