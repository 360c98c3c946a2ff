"""`starbolt compare`: is one setting better than another, on the same objects, over their seeds and folds?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from starbolt.compose import UserError
from starbolt.messages import bar, say
from starbolt.verbs.listing import show
from starbolt.verbs.runs import run_folders

OUTPUT = "output="
MADE = ("spec.json", "metrics.json", "predictions.parquet")  # what a finished run has


def main(words: list[str]) -> None:
    """Print the differences; write them and a figure into output= (default: compare); the last line is the folder."""
    outputs = [word.removeprefix(OUTPUT) for word in words if word.startswith(OUTPUT)]
    runs, notes = finished([word for word in words if not word.startswith(OUTPUT)])
    from starbolt.report.compare import compare
    from starbolt.report.compare.files import write
    from starbolt.report.compare.settings import settings
    from starbolt.report.compare.told import HEADER, sentences, table

    compared = compare(settings(runs), progress=bar("resampling"))
    folder = Path(outputs[-1] if outputs else "compare")
    figure = write(compared, folder)
    say(headline(compared.part, compared.objects, compared.groups))
    for setting in compared.settings:
        say(f"  {setting.label}: {len(setting.runs)} run{'s' * (len(setting.runs) > 1)}")
    show(HEADER, table(compared.rows))
    for line in sentences(compared) or [
        "the runs differ in nothing but seed and fold: there is one setting to tell of"
    ]:
        say(line)
    for note in [*notes, *compared.notes]:
        say(f"note: {note}")
    if figure:
        say(f"figure: {figure}")
    say(str(folder))


def headline(part: str, objects: int, groups: int | None) -> str:
    """On what the settings were compared."""
    within = "" if groups is None else f" in {groups:,} groups"
    return f"{objects:,} objects of the {part} part{within}, each compared with itself"


def finished(words: Sequence[str]) -> tuple[list[tuple[int, Path]], list[str]]:
    """Each finished run with the place of the word that named it, or a folder above it; notes on the others.

    Of the runs in a folder those named before are not taken again: so the first setting can be chosen.
    """
    if not words:
        raise UserError("say which runs to compare, as in starbolt compare RUN RUN (starbolt runs lists them)")
    found: list[tuple[int, Path]] = []
    for i, word in enumerate(words):
        before = {folder for _, folder in found}
        found += [(i, folder) for folder in _below(word) if folder == Path(word) or folder not in before]
    done = [(i, folder) for i, folder in found if all((folder / name).is_file() for name in MADE)]
    unfinished = [folder for i, folder in found if (i, folder) not in done]
    if not done:
        raise UserError(f"{unfinished[0]} is not finished; starbolt train run={unfinished[0]} goes on with it")
    return done, [f"{folder} is left out: it is not finished" for folder in unfinished]


def _below(word: str) -> Iterator[Path]:
    """The run that a word names, or all runs in a folder, by name."""
    folders = sorted(run_folders(Path(word)))
    if not folders:
        raise UserError(f"{word} is neither a run nor a folder of runs; starbolt runs lists those that there are")
    yield from folders
