"""`starbolt doctor`: is this machine fit for trainings? With data= and model=: a batch on its way through a run."""

from __future__ import annotations

import sys

from starbolt.compose import compose
from starbolt.messages import say


def main(words: list[str]) -> None:
    """Print a line for each thing looked at, with the command that mends it; status 1 where there is a fault."""
    from starbolt.doctor.disk import DISKS
    from starbolt.doctor.finding import found
    from starbolt.doctor.machine import MACHINE

    cfg = compose(words) if words else None  # a mistake in the words is told before anything is looked at
    findings = []
    for finding in found([*MACHINE, *DISKS]):
        say(str(finding))
        findings.append(finding)
    if cfg is not None:
        from starbolt.doctor.walk import walked

        say("")
        for finding in walked(cfg):
            say(str(finding))
            findings.append(finding)
    faults = sum(finding.state == "fault" for finding in findings)
    warnings = sum(finding.state == "warning" for finding in findings)
    say(f"\n{_count(faults, 'fault')}, {_count(warnings, 'warning')}")
    if faults:
        sys.exit(1)


def _count(number: int, what: str) -> str:
    return f"{number or 'no'} {what}{'' if number == 1 else 's'}"
