"""Downloads that go on where they broke off, by HTTP range requests; the downloader that pooch lacks."""

from __future__ import annotations

import errno
import json
import os
import re
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import requests

from starbolt import __version__
from starbolt.aside import write_json
from starbolt.compose import UserError
from starbolt.messages import bar, say

WAITS = (2.0, 10.0, 30.0)  # [s] after each break-off that brought nothing new, before a mirror is given up
TIMEOUTS = (10.0, 60.0)  # [s] until there is a connection, until there are more bytes
BLOCK = 1 << 16  # bytes; what is lost at most where a connection breaks off
PASSING = (408, 425, 429, 500, 502, 503, 504)  # states of a server that another try may not meet
HEADERS = {
    "Accept-Encoding": "identity",  # the bytes of the file, not of a compressed copy
    "User-Agent": f"starbolt/{__version__} (https://github.com/starbolt/starbolt)",
}


class MirrorError(Exception):
    """Why a mirror does not give the file."""


class BreakOffError(Exception):
    """Why a download stopped, which another try may bring to its end."""


class Continued:
    """A downloader for `pooch.retrieve`, which keeps what has come in the folder `part`.

    It continues a download that was begun from any mirror, since the checksum tells in the end whether all is one file,
    and begins anew where a server gives no ranges, or has changed its file. size: [bytes] of the file, None where that
    is not known; name: what the progress bar shows. MirrorError where a mirror is given up, UserError where the disk is
    full.
    """

    def __init__(self, part: Path, size: int | None, name: str) -> None:
        self.part, self.size, self.name = part, size, name
        self.content, self.about = content(part), part / "about.json"
        self.came = False  # whether this mirror has sent anything

    def __call__(self, url: str, output_file: str, pooch: Any) -> None:
        """Download all of `url` to `output_file`."""
        most, tries, self.came = self._have(), 0, False
        if most:
            say(f"{host(url)}: going on from {amount(most)}")
        while True:
            try:
                self._ask(url)
                break
            except BreakOffError as error:
                have = self._have()
                most, tries = max(most, have), 0 if have > most else tries
                if tries == len(WAITS):
                    raise MirrorError(f"{host(url)} {error}") from error
                say(f"{host(url)} {error} at {amount(have)}; going on in {WAITS[tries]:g} s")
                time.sleep(WAITS[tries])
                tries += 1
        self._hand_over(Path(output_file))

    def _ask(self, url: str) -> None:
        """One request, for what is missing; BreakOffError where it brings only some of it."""
        have = self._have()
        if have and have == self.size:
            return
        asked = HEADERS | (self._range(url, have) if have else {})
        try:
            with requests.get(url, headers=asked, stream=True, timeout=TIMEOUTS) as reply:
                if reply.status_code == 416 and _total(reply) == have:  # nothing is missing
                    return
                if have and (reply.status_code == 416 or not self._continues(reply, have)):
                    self.content.unlink()
                    raise BreakOffError("has another file than the one that was begun")
                _refuse_state(url, reply)
                self._write(url, reply, have if reply.status_code == 206 else 0)
        except requests.exceptions.SSLError as error:
            raise MirrorError(f"{host(url)} has a certificate that is not trusted here") from error
        except requests.exceptions.ChunkedEncodingError as error:
            raise BreakOffError("broke off") from error
        except (requests.ConnectionError, requests.Timeout) as error:
            if not self.came:
                raise MirrorError(f"{host(url)} cannot be reached from here") from error
            raise BreakOffError("broke off") from error

    def _range(self, url: str, have: int) -> dict[str, str]:
        """What asks for the bytes that are missing; for the whole file if the mirror has changed it since."""
        about = self._known()
        same = {"If-Range": about["version"]} if about.get("url") == url and about.get("version") else {}
        return {"Range": f"bytes={have}-"} | same

    def _continues(self, reply: requests.Response, have: int) -> bool:
        """Whether a partial reply fits to what is there; others are no matter of ours."""
        if reply.status_code != 206:
            return True
        begins = re.match(rf"bytes {have}-", reply.headers.get("Content-Range", ""))
        totals = {total for total in (self.size, self._known().get("total"), _total(reply)) if total}
        return bool(begins) and len(totals) <= 1

    def _write(self, url: str, reply: requests.Response, begin: int) -> None:
        """Append what comes, or begin anew; UserError where it does not fit on the disk."""
        length = reply.headers.get("Content-Length")
        total = begin + int(length) if length else self.size
        if self.size and total != self.size:
            raise MirrorError(f"{url} has {total:,} bytes where {self.size:,} are published")
        self._refuse_full((total or 0) - begin)
        write_json(self.about, {"url": url, "version": _version(reply), "total": total})
        try:
            with self.content.open("ab" if begin else "wb") as file, _shown(self.name, total) as show:
                for block in reply.iter_content(BLOCK):
                    file.write(block)
                    self.came = True
                    show(file.tell())
        except requests.RequestException:  # which is an OSError, too
            raise
        except OSError as error:
            if error.errno in (errno.ENOSPC, errno.EDQUOT):
                self._refuse_full(BLOCK, always=True)
            raise
        if total and self._have() != total:
            raise BreakOffError("broke off")

    def _refuse_full(self, missing: int, *, always: bool = False) -> None:
        folder = self.part.parent
        free = shutil.disk_usage(folder).free
        if missing > free or always:
            raise UserError(
                f"{self.name} does not fit into {folder}: {amount(free)} are free and at least {amount(missing)} are "
                "missing; make room and say the same again, which goes on, or say output=FOLDER"
            )

    def _hand_over(self, file: Path) -> None:
        """pooch verifies the file under a name of its own: a second one, so that an interruption loses nothing."""
        file.unlink(missing_ok=True)
        try:
            os.link(self.content, file)
        except OSError:  # a disk that knows one name for each file
            self.content.replace(file)

    def _have(self) -> int:
        return self.content.stat().st_size if self.content.exists() else 0

    def _known(self) -> dict[str, Any]:
        return json.loads(self.about.read_text()) if self.about.exists() else {}


def content(part: Path) -> Path:
    """What has come of the file."""
    return part / "content"


def host(url: str) -> str:
    """The name of the server."""
    return urlsplit(url).netloc


def amount(count: int) -> str:
    """Bytes as one says them: 210.2 MB."""
    for unit, size in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if count >= size:
            return f"{count / size:.1f} {unit}"
    return f"{count} bytes"


def _refuse_state(url: str, reply: requests.Response) -> None:
    """MirrorError, or BreakOffError where waiting may help, if the server does not give the file."""
    state = reply.status_code
    if state in (200, 206):
        return
    if state in PASSING:
        raise BreakOffError(f"is busy (HTTP {state})")
    raise MirrorError(f"{url} is not there (HTTP {state})" if state in (404, 410) else f"{url} answers HTTP {state}")


def _version(reply: requests.Response) -> str | None:
    """What tells one version of a file from another, where the server says it: its tag, else its date."""
    tag = reply.headers.get("ETag")
    return tag if tag and not tag.startswith("W/") else reply.headers.get("Last-Modified")


def _total(reply: requests.Response) -> int | None:
    """Bytes of the whole file, as a reply about a range tells them: "bytes 0-9/210"."""
    told = reply.headers.get("Content-Range", "").rpartition("/")[2]
    return int(told) if told.isdigit() else None


@contextmanager
def _shown(name: str, total: int | None) -> Iterator[Callable[[int], None]]:
    """A progress bar in MB that ends where the download does, be it whole or not."""
    update, done, most = bar(f"{name} [MB]"), 0, (total or 0) // 1_000_000 + 1

    def show(count: int) -> None:
        nonlocal done
        done = count // 1_000_000
        update(done, most)

    try:
        yield show
    finally:
        update(done, done)
