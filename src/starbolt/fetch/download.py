"""A published file from the first mirror that gives it whole: pooch verifies it, and what broke off is continued.

All that is not verified lies in FILE.part, a folder beside the file, which goes when the file comes.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

import pooch
from filelock import FileLock, Timeout

from starbolt.compose import UserError
from starbolt.fetch.continued import Continued, MirrorError, content, host
from starbolt.fetch.registry import DataSet
from starbolt.messages import say


class Fetched(NamedTuple):
    """A file that was verified, and whether it was downloaded now or lay there already."""

    path: Path
    new: bool


def fetch(data: DataSet, folder: Path) -> Fetched:
    """The file of a data set in `folder`, verified. UserError where it does not come, or another file has its name."""
    path = folder / data.file
    if path.exists():
        _refuse_another(path, data)
        return Fetched(path, new=False)
    with _part_of(path) as part:
        _from_the_first_that_has_it(data, path, part).replace(path)
    return Fetched(path, new=True)


def _refuse_another(path: Path, data: DataSet) -> None:
    """UserError where a file is not the published one; it is not ours to remove."""
    way = f"finish copying it or remove it, then say starbolt fetch {data.name} again"
    there = path.stat().st_size
    if data.size and there != data.size:
        raise UserError(f"{path} has {there:,} bytes, the published file {data.size:,}; {way}")
    if (found := pooch.file_hash(str(path))) != data.sha256:
        raise UserError(f"{path} has the SHA-256 {found}, the published file {data.sha256}; {way}")


@contextmanager
def _part_of(path: Path) -> Iterator[Path]:
    """The folder of what is not verified, for one process at a time; only what can be continued stays in it."""
    part = path.with_name(f"{path.name}.part")
    made = [folder for folder in (path.parent, *path.parent.parents) if not folder.exists()]
    lock = FileLock(part / "lock", timeout=0)
    try:
        part.mkdir(parents=True, exist_ok=True)
        lock.acquire()
    except Timeout:
        raise UserError(f"another starbolt fetch is downloading {path}; wait for it") from None
    except (PermissionError, NotADirectoryError, FileExistsError) as error:
        raise UserError(f"{path.parent} cannot be written ({error.strerror}); say output=FOLDER") from error
    try:
        yield part
    finally:
        lock.release()
        if path.exists() or not content(part).exists():
            shutil.rmtree(part, ignore_errors=True)
        with suppress(OSError):  # there is something in it
            for folder in made:
                folder.rmdir()


def _from_the_first_that_has_it(data: DataSet, path: Path, part: Path) -> Path:
    """The verified file, still in `part`. UserError with what each mirror said, and the way without a network."""
    said = []
    for place, url in enumerate(data.mirrors):
        try:
            return _verified(data, url, part)
        except MirrorError as error:
            said.append(str(error))
            if place + 1 < len(data.mirrors):
                say(f"{error}; asking {host(data.mirrors[place + 1])}")
    why = "; ".join(dict.fromkeys(said))
    raise UserError(
        f"{data.name} did not come: {why}; download {data.mirrors[0]} on a machine that can, put it at {path} and say "
        f"starbolt fetch {data.name} again, which verifies it"
    )


def _verified(data: DataSet, url: str, part: Path) -> Path:
    """The file from one mirror; MirrorError where it does not come, or is another one, which is removed."""
    begun = content(part).exists()
    try:
        return _retrieved(data, url, part)
    except ValueError as error:  # of pooch
        content(part).unlink(missing_ok=True)
        if begun:  # what was continued may have been begun elsewhere
            say(f"what was continued from {host(url)} is not the published file; downloading it anew")
            return _verified(data, url, part)
        found = re.search(r"got (\w+)", str(error))
        other = found[1] if found else "another"
        raise MirrorError(f"{url} gives a file with the SHA-256 {other} where {data.sha256} is published") from error


def _retrieved(data: DataSet, url: str, part: Path) -> Path:
    """What `pooch.retrieve` gives; its own lines are left out."""
    pooch.get_logger().setLevel("WARNING")
    downloader = Continued(part, data.size, data.name)
    return Path(
        pooch.retrieve(url, f"sha256:{data.sha256}", fname=data.file, path=part.absolute(), downloader=downloader)
    )
