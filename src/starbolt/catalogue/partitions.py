"""A catalogue in partitions: the file of a partition is the mark that it is done, since it is renamed when whole.

Killed at any point and started again, the work goes on where it stopped and ends with the same bytes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from shutil import rmtree

import pyarrow as pa
import pyarrow.parquet as pq

from starbolt.catalogue.behind import Behind
from starbolt.catalogue.plan import FILE, PLAN, Plan
from starbolt.catalogue.sharing import Locks, Share
from starbolt.catalogue.writing import aside, sweep, write_table
from starbolt.compose import UserError

LOCKS = ".locks"


class Parts:
    """The folder of a catalogue's partitions."""

    def __init__(self, folder: Path, plan: Plan) -> None:
        self.folder, self.plan = folder, plan

    def begin(self) -> int:
        """Write the plan, or go on with it; how many partitions are there. UserError where another was begun here."""
        there, files = Plan.read(self.folder), len(list(self.folder.glob("*.parquet")))
        if files and there is None:
            raise UserError(f"{self.folder} holds Parquet files that are no catalogue begun here; name another output=")
        if files and there != self.plan:
            here, begun = self.plan.difference(there)  # type: ignore[arg-type]
            raise UserError(
                f"{self.folder} holds a catalogue {begun}, and this one is {here}; finish that one with its own words, "
                f"delete {self.folder}, or name another output="
            )
        if there != self.plan:
            self.plan.write(self.folder)
        self.plan = Plan.read(self.folder) or self.plan
        return len(self.done())

    def file(self, number: int) -> Path:
        """Where a partition is, once it is done."""
        return self.folder / f"part-{number:0{max(5, len(str(len(self.plan) - 1)))}d}.parquet"

    def done(self) -> list[int]:
        """The numbers of the partitions that are done."""
        there = {path.name for path in self.folder.glob("part-*.parquet")}
        return [number for number in range(len(self.plan)) if self.file(number).name in there]

    def gone(self) -> bool:
        """Whether another process has joined and removed them all."""
        return not (self.folder / FILE).exists()

    def write(self, number: int, table: pa.Table) -> None:
        """Write a partition; UserError where meanwhile another plan was begun in the folder."""
        if Plan.read(self.folder) != self.plan:
            raise UserError(f"another process has begun another catalogue in {self.folder}; name another output=")
        with aside(self.file(number)) as path:
            write_table(table, path)

    def tables(self, *, columns: list[str] | None = None) -> Iterator[pa.Table]:
        """The partitions, one after the other, in the catalogue's order."""
        for number in range(len(self.plan)):
            with self.opened(number) as file:
                yield file.read(columns)

    def schemas(self) -> Iterator[pa.Schema]:
        """What each partition says of itself."""
        for number in range(len(self.plan)):
            with self.opened(number) as file:
                yield file.schema_arrow

    def paths(self) -> Iterator[Path]:
        """The files of the partitions, one after the other, each found to be whole and of this catalogue."""
        for number in range(len(self.plan)):
            self.opened(number).close()
            yield self.file(number)

    def remove(self) -> None:
        """Remove the folder; the plan first, by whose absence others know that all is done."""
        (self.folder / FILE).unlink(missing_ok=True)
        rmtree(self.folder, ignore_errors=True)

    def clear(self) -> None:
        """Remove what is left in the folder of this catalogue, which is whole."""
        if Plan.read(self.folder) in (None, self.plan):
            self.remove()

    def unlock(self) -> None:
        """Remove the locks, which nobody needs any more."""
        rmtree(self.folder / LOCKS, ignore_errors=True)

    def opened(self, number: int) -> pq.ParquetFile:
        """The file of a partition; UserError where it cannot be read or is of another catalogue."""
        path = self.file(number)
        try:
            file = pq.ParquetFile(path)
            ours = (file.schema_arrow.metadata or {}).get(PLAN.encode()) == self.plan.name.encode()
        except (pa.ArrowException, OSError) as error:
            reason = str(error).split("\n")[0][:150]
            raise UserError(f"{path} cannot be read ({reason}); delete it and say the same again") from None
        if not ours:
            raise UserError(f"{path} belongs to another catalogue; delete it and say the same again")
        return file


def work(parts: Parts, claims: Locks | Share, make: Callable[[int], Callable[[], pa.Table]]) -> None:
    """Make every partition that is neither there nor in the hands of another process, until there is none left.

    make: begins a partition and tells what makes its table: that is done, and the table written, while the next is
    begun. A partition is this process's own until it is written.
    """
    busy = True
    while busy:
        busy = False
        with Behind() as behind:
            for number in claims.numbers(len(parts.plan)):
                if parts.file(number).exists():
                    continue
                if parts.gone():
                    return
                with ExitStack() as claim:
                    mine = claim.enter_context(claims.held(str(number)))
                    if mine and not parts.file(number).exists() and not parts.gone():
                        sweep(parts.file(number))
                        table = make(number)
                        behind.wait()
                        behind.start(partial(_write, parts, number, table), claim.pop_all())
                        busy = True


def _write(parts: Parts, number: int, table: Callable[[], pa.Table]) -> None:
    parts.write(number, table())
