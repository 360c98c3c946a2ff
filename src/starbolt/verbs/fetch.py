"""`starbolt fetch`: a public data set, downloaded and verified, its licence, whom to cite and what to type next."""

from __future__ import annotations

import difflib
import shlex
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

from starbolt.compose import UserError
from starbolt.fetch.registry import SETS, DataSet, home
from starbolt.messages import say
from starbolt.verbs.listing import show


def main(words: list[str]) -> None:
    """Fetch the set that is named, or list all; the last line is the path of the file."""
    if not words:
        rows = [(data.name, data.what, f"{data.objects:,}", data.about, data.licence) for data in SETS.values()]
        show(("name", "what", "objects", "size", "licence"), rows)
        say("\nstarbolt fetch NAME downloads one; docs/public.md tells of others, and of the words that read them")
        return
    from starbolt.fetch.download import fetch

    data, folder = parsed(words)
    path, new = fetch(data, folder)
    say(f"{data.name}: {data.objects:,} {data.what}")
    say("downloaded and verified" if new else "it was there already, and is whole")
    say(f"licence: {data.licence}")
    for line in data.cite:
        say(f"cite: {line}")
    if find_spec("h5py") is None:
        say("to read it: pip install 'starbolt[hdf5]'")
    say(f"train on it with: {shlex.join(command(data, path))}")
    say(f"\n{path}")


def parsed(words: Sequence[str]) -> tuple[DataSet, Path]:
    """The set and its folder; UserError for a set or a word that is not known."""
    names = [word for word in words if "=" not in word]
    if len(names) != 1:
        raise UserError(f"name one data set to fetch: {', '.join(SETS)}")
    name = names[0]
    if name not in SETS:
        near = difflib.get_close_matches(name, SETS, 1)
        hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(SETS)}"
        raise UserError(f"there is no data set {name!r} to fetch; {hint}")
    folder = home(name)
    for word, _, value in (pair.partition("=") for pair in words if "=" in pair):
        if word != "output" or not value:
            raise UserError(f"starbolt fetch takes output=FOLDER, and not {word}={value}")
        folder = Path(value)
    return SETS[name], folder


def command(data: DataSet, path: Path) -> list[str]:
    """What to type next; the experiment finds the file where nothing else was said."""
    place = [] if path.parent == home(data.name) else [f"data.catalogue={path}"]
    return ["starbolt", "train", f"experiment={data.name}", *place]
