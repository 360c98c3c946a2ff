"""The audit of a split, made before every training: what stands on two sides, and what gives the target away."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial

from starbolt.archives.reading.columns import nearest
from starbolt.data.audit import copies, identity, leaks, stamps
from starbolt.data.audit.cadence import cadence
from starbolt.data.audit.findings import Audited, Finding
from starbolt.data.audit.sides import Sides
from starbolt.data.measure import measure_target, rows_digest
from starbolt.data.module import ObjectDataModule

CHECKS = ("ids", "groups", "positions", "images", "rows", "series", "cadence", "target", "missing", "statistics")
COPIES: dict[str, tuple[str, Callable[..., Finding | None]]] = {  # by the kind of a modality
    "image": ("images", stamps.images),
    "table": ("rows", copies.rows),
    "series": ("series", copies.series),
}
COPIED = "drop the copies first: where a value stands many times with one answer, any column tells it"
Check = tuple[str, str, Callable[[], Finding | None]]


class Audit:
    """Looks for faults of the data and their split that would make a score better than it is.

    waive: names of findings that are as the user wants them; they are told all the same. radius: of `positions`
    [arcsec]. limit: AUC or R2 above which one feature tells the target.
    """

    def __init__(self, waive: str | Sequence[str] = (), radius: float = 1.0, limit: float = 0.995) -> None:
        self.waive = (waive,) if isinstance(waive, str) else tuple(waive)
        for name in self.waive:
            if name not in CHECKS:
                raise ValueError(f"audit.waive names {name!r}, which is no check; {nearest(name, CHECKS)}")
        self.radius, self.limit = radius, limit

    def __call__(self, data: ObjectDataModule) -> Audited:
        """The findings on a data module that is open; its notes get those that stop nothing."""
        looked: dict[str, str] = {}
        findings: list[Finding] = []
        for name, about, check in self._checks(data, Sides.of(data)):
            looked[name] = f"{looked[name]}; {about}" if name in looked else about
            finding = check()
            if finding and name == "target" and any(earlier.name == "rows" for earlier in findings):
                finding = replace(finding, way_out=COPIED)
            if finding:
                findings.append(replace(finding, waived=finding.name in self.waive))
        audited = Audited({name: looked.get(name, "") for name in CHECKS}, tuple(findings))
        data.notes += [note for note in audited.notes if note not in data.notes]
        return audited

    def _checks(self, data: ObjectDataModule, sides: Sides) -> Iterator[Check]:
        """Each check that applies: its name, what it looks at, and the check itself."""
        yield "ids", f"{len(sides.rows):,} objects", partial(identity.ids, sides)
        if data.group_column:
            yield "groups", data.group_column, partial(identity.groups, sides, data.catalogue, data.group_column)
        if data.ra and data.dec:
            place = partial(identity.positions, sides, data.catalogue, data.ra, data.dec, self.radius)
            yield "positions", f"{data.ra} and {data.dec}, within {self.radius:g} arcsec", place
        for name, source in data.sources.items():
            check, find = COPIES[source.modality.kind]
            yield check, name, partial(find, sides, name, source)
            if source.modality.kind == "series" and source.modality.axis == "time":
                yield "cadence", name, partial(cadence, sides, name, source, data.y, data.spec.target)
        tables = {name: source for name, source in data.sources.items() if source.modality.kind == "table"}
        if tables:
            channels = f"{sum(len(source.modality.channels) for source in tables.values())} features"
            for check, find_leak in (("target", leaks.target), ("missing", leaks.missing)):
                yield check, channels, partial(find_leak, sides, tables, data.y, data.spec.target, self.limit)
        yield "statistics", "of the inputs and the target", partial(statistics, data)


def statistics(data: ObjectDataModule) -> Finding | None:
    """Statistics that were measured on other rows than those of training."""
    train = data.parts["train"]
    wrong = []
    for name, source in data.sources.items():
        places = copies.places_of(source, train)
        if data.spec.inputs[name].measured != rows_digest(places[places >= 0]):
            wrong.append((name,))
    aim = data.spec.target
    if measure_target(aim.names, aim.units, aim.classes, data.y[train]) != aim:
        wrong.append(("target",))
    if not wrong:
        return None
    return Finding(
        "statistics",
        "means, spreads and counts were measured on other rows than those of training",
        len(wrong),
        "measure data.parts['train'] alone, in the data module's `_measure`",
        tuple(wrong),
    )
