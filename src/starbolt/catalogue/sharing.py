"""Who makes which partition, where several processes work on one catalogue: by locks, or dealt out beforehand."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from starbolt.compose import UserError


@dataclass(frozen=True)
class Locks:
    """A lock file for each partition, held while it is made; the kernel frees that of a process that was killed."""

    folder: Path

    def numbers(self, count: int) -> range:
        """The partitions that this process may make."""
        return range(count)

    @contextmanager
    def held(self, name: str) -> Iterator[bool]:
        """Whether this process alone holds the lock of that name, until the end of the block."""
        lock = FileLock(self.folder / f"{name}.lock")
        try:
            lock.acquire(blocking=False)
        except Timeout:
            yield False
            return
        except (NotImplementedError, OSError) as error:
            raise UserError(
                f"files in {self.folder} cannot be locked ({error}); say share=0/1 to work without locks, or share=0/4 "
                "to share=3/4 for four processes"
            ) from None
        try:
            yield True
        finally:
            lock.release()


@dataclass(frozen=True)
class Share:
    """Every `of`-th partition from `first` on, which no other process makes: nothing need be locked."""

    first: int
    of: int

    def numbers(self, count: int) -> range:
        """The partitions that this process may make."""
        return range(self.first, count, self.of)

    @contextmanager
    def held(self, name: str) -> Iterator[bool]:
        """Always."""
        yield True


def sharing(word: str | None, folder: Path) -> Locks | Share:
    """What share= says, such as 0/4; without it, locks in the folder."""
    if word is None:
        return Locks(folder)
    found = re.fullmatch(r"(\d+)/(\d+)", word)
    if not found or int(found[1]) >= int(found[2]):
        raise UserError(f"share={word} is not one of share=0/4, share=1/4, share=2/4, share=3/4 or their like")
    return Share(int(found[1]), int(found[2]))
