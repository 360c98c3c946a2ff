"""What the audit of a split finds, in plain values that a run folder and a report can hold."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

FIRST = 5  # offenders named


@dataclass(frozen=True)
class Finding:
    """A fault of the data or their split.

    name: by which it is waived. sentence: what was found. count: of the offenders. way_out: what to do about it.
    offenders: the first of them, each a pair of objects with their parts, or a feature with its score. note: it may be
    as it should be, and stops nothing.
    """

    name: str
    sentence: str
    count: int
    way_out: str
    offenders: tuple[tuple[str, ...], ...] = ()
    waived: bool = False
    note: bool = False

    @property
    def first(self) -> str:
        """The first offenders, in words."""
        listed = "; ".join(" and ".join(words) for words in self.offenders)
        return listed + ("; ..." if self.count > len(self.offenders) else "")


class AuditError(ValueError):
    """The audit found faults that were not waived; the message lists each with its first offenders."""


@dataclass(frozen=True)
class Audited:
    """An audit's outcome.

    looked: name of each check -> what it looked at, "" where it does not apply. findings: in the order of the checks.
    """

    looked: dict[str, str] = field(default_factory=dict)
    findings: tuple[Finding, ...] = ()

    @property
    def notes(self) -> list[str]:
        """The findings that stop nothing and were not waived, each in a sentence."""
        told = (finding for finding in self.findings if finding.note and not finding.waived)
        return [f"{finding.sentence}: {finding.first}; {finding.way_out}" for finding in told]

    def refuse(self) -> None:
        """AuditError where a fault was found and not waived."""
        faults = [finding for finding in self.findings if not (finding.waived or finding.note)]
        if faults:
            listed = "\n".join(f"- {f.name}: {f.sentence}: {f.first}\n  {f.way_out}" for f in faults)
            names = ",".join(f.name for f in faults)
            raise AuditError(
                f"the audit found {len(faults)} fault{'s' * (len(faults) > 1)} in the data or their split:\n{listed}\n"
                f"Where this is as you want it, say so with 'audit.waive=[{names}]'; the report will tell it"
            )

    def to_dict(self) -> dict[str, Any]:
        """Nested dicts, lists, strings and numbers, for audit.json."""
        return asdict(self)
