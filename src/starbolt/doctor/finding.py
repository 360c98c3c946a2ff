"""What an examination says: one line, and where something is wrong the command that mends it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

STATES = ("ok", "warning", "fault")


class Finding(NamedTuple):
    """state: ok, warning (it works, but not well) or fault (it does not work). mend: what to type or to do."""

    state: str
    what: str
    told: str
    mend: str = ""

    def __str__(self) -> str:
        line = f"{self.state:8} {self.what:11} {self.told}"
        return f"{line}\n{'':20} mend: {self.mend}" if self.mend else line


Check = Callable[[], Iterable[Finding]]


def found(checks: Iterable[Check]) -> Iterator[Finding]:
    """The findings of all checks; one that fails itself is a warning, and the others go on."""
    for check in checks:
        try:
            yield from check()
        except Exception as error:
            name = check.__name__.replace("_", " ")
            reason = (str(error).strip().splitlines() or [""])[0]
            yield Finding("warning", name, f"cannot be examined ({type(error).__name__}: {reason[:150]})")
