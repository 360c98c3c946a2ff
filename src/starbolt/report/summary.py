"""What a run found, in plain sentences: what was learnt, how well, beside what, how honestly, and where it fails."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from starbolt.report.calibrated import reliability, sets
from starbolt.report.card import seal
from starbolt.report.learning import main_score
from starbolt.report.results import Results
from starbolt.report.shift.answers import answered_otherwise
from starbolt.report.shift.inputs import measured_otherwise
from starbolt.report.slices.measured import Failure, Measured, failure, uncovered
from starbolt.report.words import Interval, measured, number, unit_of
from starbolt.tasks.reliability import perfect_ks

CONTROLS = {"boosting": "gradient boosting on simple features", "linear": "a linear model on simple features"}
TRIVIAL = {True: "always answering the commonest class", False: "always answering the training mean"}


def headline(results: Results, found: Mapping[str, Interval]) -> str:
    """What was trained on what, and its main score: two sentences."""
    spec, name = results.spec, main_score(results)
    inputs = " and ".join(_input(about) for about in spec.inputs.values())
    aim = ", ".join(spec.target.names)
    learnt = f"to tell {len(results.classes)} classes apart (column {aim})" if results.classes else f"to estimate {aim}"
    first = f"{_model(results)} learnt {learnt} from {inputs} of {spec.sizes.get('train', 0):,} training objects."
    value = results.scores.get(name)
    if value is None:
        return first
    unseen = "test objects" if waived(results) else "test objects that it never saw"
    seen = unseen if results.part == "test" else "validation objects"
    told = measured(value, found.get(name), unit_of(name, results))
    return f"{first} On {results.predictions.num_rows:,} {seen} its {name} is {told}."


def findings(results: Results, found: Mapping[str, Interval], told: Sequence[Measured]) -> list[str]:
    """What else a reader must know, a sentence or two each."""
    doubt = f"The audit found faults that were waived ({waived(results)}): see Audit below." if waived(results) else ""
    notes = (one["sentence"] for one in _found(results, note=True) if not one["waived"])
    noted = [f"The audit notes: {sentence} (see Audit below)." for sentence in notes]
    good = [beside_controls(results, found), *calibrated(results), *failing(results, told)]
    made = [*good, doubt, *noted, seal(results)]
    return [words for words in made if words]


def shifted(results: Results) -> list[str]:
    """How the test objects differ from the others, a sentence each; nothing where they do not."""
    inputs = measured_otherwise(results.shift) if results.part == "test" else ""
    return [*answered_otherwise(results), *([inputs] if inputs else [])]


def waived(results: Results) -> str:
    """Findings of the audit that were let pass: the test objects may then be known."""
    return ", ".join(dict.fromkeys(finding["name"] for finding in _found(results, note=False)))


def _found(results: Results, *, note: bool) -> list[dict[str, Any]]:
    return [finding for finding in results.audit.get("findings", []) if finding.get("note", False) == note]


def beside_controls(results: Results, found: Mapping[str, Interval]) -> str:
    """Whether the main score is better than each control's by more than its interval."""
    name = main_score(results)
    if (value := results.scores.get(name)) is None:
        return ""
    words = CONTROLS | {"naive": TRIVIAL[bool(results.classes)]}
    order: dict[str, list[str]] = {"better than": [], "not clearly better than": [], "worse than": []}
    for control, what in words.items():
        if (theirs := results.control(control).get(name)) is not None:
            order[_verdict(name, value, theirs, found.get(name))].append(f"{what} ({number(theirs)})")
    told = [f"{verdict} {_listed(controls)}" for verdict, controls in order.items() if controls]
    span = ", where more than its 68% interval counts" if name in found else ""
    return f"By {name} it is {', and '.join(told)}{span}." if told else ""


def _verdict(name: str, value: float, theirs: float, interval: Interval | None) -> str:
    from starbolt.direction import LOWER_IS_BETTER

    low, high = interval or (value, value)
    lower = name.partition("/")[0] in LOWER_IS_BETTER
    better, worse = (theirs > high, theirs < low) if lower else (theirs < low, theirs > high)
    return "better than" if better else "worse than" if worse else "not clearly better than"


def calibrated(results: Results) -> list[str]:
    """Nominal and reached coverage, and the calibration error or the distance of the PIT from uniform."""
    kind = "sets" if results.classes else "intervals"
    names = ("all", *results.spec.target.names)
    told = [
        f"The {sets.level(results):.0%} {kind}{f' of {row.name}' if row.name != 'all' else ''} hold the truth of "
        f"{row.reached:.1%} (chance allows {row.low:.1%} to {row.high:.1%})."
        for row in sets.covered(results)
        if row.name in names
    ]
    if results.classes:
        error, perfect = reliability.top_error(results)
        return [" ".join([*told, f"The calibration error is {error:.4f}; chance alone gives {perfect:.4f}."])]
    for quantity in results.quantities if len(results.quantities) == 1 else ():
        if (distance := results.scores.get("pit_ks")) is not None and quantity.pit is not None:
            chance = perfect_ks(len(quantity.pit))
            told.append(f"The PIT's distance from uniform is {distance:.4f}; chance alone gives {chance:.4f}.")
    return [" ".join(told)] if told else []


def failing(results: Results, told: Sequence[Measured]) -> list[str]:
    """Where it does worst, and where its sets or intervals hold too little, if chance does not explain it."""
    kind = "sets" if results.classes else "intervals"
    made = []
    if worst := failure(told):
        made.append(
            f"It does worst {_where(worst)}: {worst.score} {number(worst.value)} against "
            f"{number(worst.whole)} of all objects."
        )
    if open_ := uncovered(told, sets.level(results)):
        made.append(f"Its {sets.level(results):.0%} {kind} hold only {open_.value:.1%} {_where(open_)}.")
    return [" ".join(made)] if made else []


def _where(failed: Failure) -> str:
    unit = f" {failed.slicing.unit}" if failed.slicing.unit else ""
    return f"where {failed.slicing.column} is {failed.cell.words}{unit} ({len(failed.cell.places):,} objects)"


def _listed(words: Sequence[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"


def _model(results: Results) -> str:
    target = str(results.config.get("model", {}).get("_target_", "network")).rpartition(".")[2]
    article = "An" if target[0] in "AEIOU" or target in ("MLP",) else "A"
    return f"{article} {target}" + (" of several encoders" if target == "Fusion" else "")


def _input(about: Any) -> str:
    channels = about.channels[1:] if about.kind == "series" else about.channels
    listed = ", ".join(channels) if len(channels) <= 6 else f"{', '.join(channels[:5])}, ..."
    if about.kind == "image":
        size = " x ".join(map(str, about.shape[1:]))
        return f"images of {size} pixels ({len(channels)} channel{'s' * (len(channels) > 1)}: {listed})"
    what = "light curves in" if about.kind == "series" else "the"
    words = f"channel{'s' * (len(channels) > 1)}" if about.kind == "series" else f"column{'s' * (len(channels) > 1)}"
    return f"{what} {len(channels)} {words} ({listed})"
