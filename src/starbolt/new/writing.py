"""The template's files with a project's own name in their paths and in what they say, written aside and renamed."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from starbolt import __version__
from starbolt.compose import UserError
from starbolt.new.names import refuse_name

TEMPLATE = Path(__file__).resolve().parent / "template"
BEHIND = ".txt"  # each file's own name


def write_project(name: str, output: Path) -> list[Path]:
    """Write the project `name` into the new or empty folder `output`, which appears as a whole; its files, from there.

    UserError where the name will not do, or where `output` is a file, holds something or is the current folder.
    """
    refuse_name(name)
    folder = output.expanduser().resolve()
    refuse_folder(folder, output)
    folder.parent.mkdir(parents=True, exist_ok=True)
    beside = folder.with_name(f".{folder.name}.{os.getpid()}.part")
    texts = filled(name)
    try:
        for path, text in texts.items():
            (beside / path).parent.mkdir(parents=True, exist_ok=True)
            (beside / path).write_text(text, encoding="utf-8")
        if folder.exists():
            folder.rmdir()  # it is empty, and not every system renames onto a folder
        beside.rename(folder)
    finally:
        shutil.rmtree(beside, ignore_errors=True)
    return list(texts)


def refuse_folder(folder: Path, output: Path) -> None:
    """UserError where a project cannot be written into `folder`, which the user calls `output`."""
    if folder.exists() and not folder.is_dir():
        raise UserError(f"{output} is a file; name another folder with output=FOLDER")
    held = min((path.name for path in folder.iterdir()), default=None) if folder.exists() else None
    if held:
        raise UserError(f"the folder {output} is not empty (it holds {held}); name another with output=FOLDER")
    if folder == Path.cwd():
        raise UserError(f"{output} is the folder that you are in; name a new one with output=FOLDER")


def filled(name: str) -> dict[Path, str]:
    """Path -> text of each file of the project `name`, in the order of their paths."""

    def own(text: str) -> str:
        return text.replace("__project__", name).replace("__starbolt__", __version__)

    found = {path.relative_to(TEMPLATE): path for path in TEMPLATE.rglob(f"*{BEHIND}")}
    texts = {Path(own(str(path).removesuffix(BEHIND))): file for path, file in found.items()}
    return {path: own(texts[path].read_text(encoding="utf-8")) for path in sorted(texts)}
