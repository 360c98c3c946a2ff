"""What a project may be called: Python imports it, and it is an option of data=, model= and experiment=."""

from __future__ import annotations

import keyword
import re
import sys
import unicodedata
from pathlib import Path

from starbolt.compose import UserError, conf_folder

WORD = re.compile(r"[a-z][a-z0-9_]*")
INSIDE = ("conf", "data", "example", "runs", "slurm", "sweeps", "tests")  # beside it in its folder
GROUPS = ("data", "model", "experiment")


def refuse_name(name: str) -> None:
    """UserError where a project cannot be called `name`, with a name that would do."""
    if fault := fault_of(name):
        raise UserError(f"a project cannot be called {name!r}, {fault}; {would_do(name)} would do")


def fault_of(name: str) -> str | None:
    """Why a project cannot be called `name`; None where it can."""
    if name == "starbolt":
        return "which is this library"
    if not WORD.fullmatch(name):
        return "since Python imports it: a small letter first, then small letters, digits and underscores"
    if keyword.iskeyword(name):
        return "which is a word of Python's own"
    if name in INSIDE:
        return "which is the name of something else in its folder"
    if taken := next((group for group in GROUPS if (conf_folder() / group / f"{name}.yaml").is_file()), None):
        return f"since {taken}={name} is something else already"
    return "which is a module that is installed here" if installed(name) else None


def installed(name: str) -> bool:
    """Whether `import name` finds something outside the current folder; nothing is imported."""
    here = Path.cwd()
    elsewhere = [place for place in sys.path if Path(place).resolve() != here]  # "" is the current folder too
    return name in sys.stdlib_module_names or any(finder.find_spec(name, elsewhere) for finder in sys.meta_path)


def would_do(name: str) -> str:
    """A name like `name` that a project can have."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()  # letters without their accents
    word = re.sub(r"[^a-z0-9]+", "_", plain.lower()).strip("_") or "my_project"
    while fault_of(word):
        word = f"my_{word}"
    return word
