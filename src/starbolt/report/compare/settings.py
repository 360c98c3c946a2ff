"""Which runs repeat one setting: those that differ in nothing but seed and fold."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from starbolt.compose import UserError
from starbolt.report.compare.labels import Flat, flat, labels
from starbolt.report.results import Results

Repeat = tuple[int, int | None]  # seed and fold


class Run(NamedTuple):
    """A finished run, and which of the words typed it came under."""

    word: int
    results: Results

    @property
    def repeat(self) -> Repeat:
        """Its seed and fold."""
        config = self.results.config
        return config.get("seed") or 0, (config.get("split") or {}).get("fold")


class Setting(NamedTuple):
    """What is compared: runs that repeat one another, by seed and fold. flat: their settings, see `labels.flat`."""

    label: str
    flat: Flat
    runs: dict[Repeat, Results]

    @property
    def seeds(self) -> tuple[int, ...]:
        return tuple(sorted({seed for seed, _ in self.runs}))

    def only(self, repeats: set[Repeat]) -> Setting:
        """The setting with these of its runs."""
        return self._replace(runs={repeat: run for repeat, run in self.runs.items() if repeat in repeats})

    def pooled(self, seed: int, part: str) -> Results:
        """The runs of one seed as one: the objects of all folds, each from the first fold that has it in this part."""
        folds = sorted((repeat for repeat in self.runs if repeat[0] == seed), key=lambda repeat: repeat[1] or 0)
        runs = [self.runs[repeat] for repeat in folds]
        tables = [run.parts[part] for run in runs]
        shared = [name for name in tables[0].column_names if all(name in table.column_names for table in tables)]
        whole = pa.concat_tables([table.select(shared) for table in tables], promote_options="default").combine_chunks()
        first = np.sort(np.unique(whole["id"].to_numpy().astype(str), return_index=True)[1])
        cuts = runs[0].calibration if len(runs) == 1 else {}  # of purity: each fold has chosen its own
        return replace(runs[0], part=part, parts={part: whole.take(first)}, calibration=cuts)


def settings(runs: Sequence[tuple[int, Path]]) -> list[Setting]:
    """The settings in the order of their first run, from (word, folder) pairs.

    Runs that agree even in seed and fold are told apart by where they lie: their folder's parent, else by their word,
    else each is a setting of its own.
    """
    read = [Run(word, Results.read(folder)) for word, folder in runs]
    flats = [flat(run.results.config) for run in read]
    found = next(groups for groups in _groupings(read, flats) if not any(map(_repeats, groups)))
    names = labels([group[0][0] for group in found], _homes(found))
    return [
        Setting(name, group[0][0], {run.repeat: run.results for _, run in group})
        for name, group in zip(names, found, strict=True)
    ]


def shared(found: Sequence[Setting]) -> list[Setting]:
    """The settings with the seeds and folds that all have; with all of theirs where there are none."""
    common = set.intersection(*(set(setting.runs) for setting in found))
    return [setting.only(common) for setting in found] if common else list(found)


def part_of(found: Sequence[Setting]) -> str:
    """ "test" where every run scored it, else "val"; UserError where some scored neither."""
    runs = [run for setting in found for run in setting.runs.values()]
    for part in ("test", "val"):
        if all(part in run.parts for run in runs):
            return part
    lacking = next(run.folder for run in runs if "val" not in run.parts)
    raise UserError(f"{lacking} scored neither the test nor the val part that the others did; train it again")


Group = list[tuple[Flat, Run]]


def _groupings(read: Sequence[Run], flats: Sequence[Flat]) -> Iterator[list[Group]]:
    """The runs in groups of equal settings, told apart ever more finely."""
    finer: list[Callable[[int], Hashable]] = [
        lambda i: None, lambda i: read[i].results.folder.absolute().parent, lambda i: read[i].word, lambda i: i,
    ]  # fmt: skip
    for apart in finer:
        groups: dict[Hashable, Group] = {}
        for i, (mine, run) in enumerate(zip(flats, read, strict=True)):
            groups.setdefault((repr(sorted(mine.items())), apart(i)), []).append((mine, run))
        yield list(groups.values())


def _repeats(group: Group) -> bool:
    return len({run.repeat for _, run in group}) < len(group)


def _homes(groups: Sequence[Group]) -> list[Path]:
    """The folder that holds the runs of a setting and no others', or its first run."""
    parents = [{run.results.folder.absolute().parent for _, run in group} for group in groups]
    alone = [len(mine) == 1 and parents.count(mine) == 1 for mine in parents]
    firsts = [group[0][1].results.folder.absolute() for group in groups]
    several = [len(group) > 1 for group in groups]
    return [f.parent if a and s else f for f, a, s in zip(firsts, alone, several, strict=True)]
