"""What the numbers say, in words and in tables."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from starbolt.report.intervals import is_redshift
from starbolt.report.learning import main_score
from starbolt.report.results import Results

Interval = tuple[float, float]
AIMS = {"bias": "best 0", "coverage_90": "best 0.9"}
WITH_UNIT = {"rms", "mae", "crps"}  # scores in the target's unit
WITH_UNIT_UNLESS_REDSHIFT = {"bias", "nmad", "sigma_iqr"}


def summary(results: Results, found: Mapping[str, Interval]) -> str:
    """What was trained on what, and its main score beside the controls: two plain sentences, as text.

    A third where findings of the audit were waived: the test objects may then be known.
    """
    spec, name = results.spec, main_score(results)
    inputs = " and ".join(_input_in_words(key, about) for key, about in spec.inputs.items())
    aim = ", ".join(spec.target.names)
    learnt = f"to tell {len(results.classes)} classes apart (column {aim})" if results.classes else f"to estimate {aim}"
    first = f"{_model(results)} learnt {learnt} from {inputs} of {spec.sizes.get('train', 0):,} training objects."
    waived = ", ".join(dict.fromkeys(finding["name"] for finding in results.audit.get("findings", [])))
    unseen = "test objects" if waived else "test objects that it never saw"
    seen = unseen if results.part == "test" else "validation objects"
    value = results.scores.get(name)
    if value is None:
        return first
    measured = _measured(value, found.get(name), unit_of(name, results))
    text = f"On {results.predictions.num_rows:,} {seen} its {name} is {measured}"
    linear, naive = (results.control(control).get(name) for control in ("linear", "naive"))
    trivial = "always answering the commonest class" if results.classes else "always answering the training mean"
    beside = [f"a linear model on simple features gives {number(linear)}"] if linear is not None else []
    beside += [f"{trivial} {'' if beside else 'gives '}{number(naive)}"] if naive is not None else []
    doubt = f" The audit found faults that were waived ({waived}): see Audit below." if waived else ""
    return f"{first} {text}{'; ' if beside else ''}{' and '.join(beside)}.{doubt}"


def score_table(results: Results, found: Mapping[str, Interval]) -> str:
    """HTML: every score with its 68% interval beside the linear and the naive control."""
    linear, naive = results.control("linear"), results.control("naive")
    rows = []
    for name, value in results.scores.items():
        unit = unit_of(name, results)
        label = (
            f"{escape(name).replace('_', '_<wbr>')}{f' [{escape(unit)}]' if unit else ''}<small>{_aim(name)}</small>"
        )
        shown = f"<b>{_value(value, found.get(name))}</b><small>{_span(value, found.get(name))}</small>"
        beside = [_value(c[name], found.get(name)) if name in c else "-" for c in (linear, naive)]
        rows.append([label, shown, *beside])
    return html_table(["score", "network", "linear", "naive"], rows, safe=True)


def html_table(header: Sequence[str], rows: Sequence[Sequence[str]], *, safe: bool = False) -> str:
    """A table that scrolls by itself where the screen is narrow. safe: the cells are HTML already."""
    cell = (lambda text: text) if safe else escape
    head = "".join(f"<th>{escape(name)}</th>" for name in header)
    body = "".join("<tr>" + "".join(f"<td>{cell(value)}</td>" for value in row) + "</tr>" for row in rows)
    return f'<div class="scroll"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'


def number(value: Any) -> str:
    """Four significant digits, no trailing zeros; "-" where unknown."""
    return "-" if value is None or not math.isfinite(value) else f"{value:.4g}"


def unit_of(name: str, results: Results) -> str:
    """Unit of a score; empty where it has none."""
    base, _, target = name.partition("/")
    names, units = results.spec.target.names, results.spec.target.units
    if not units or base not in WITH_UNIT | (set() if is_redshift(results) else WITH_UNIT_UNLESS_REDSHIFT):
        return ""
    return units[names.index(target) if target in names else 0]


def decimals(interval: Interval | None) -> int:
    """Decimals that a value deserves: two significant digits of half its interval, at most 6."""
    half = (interval[1] - interval[0]) / 2 if interval else 0.0
    return 4 if not half > 0 else min(max(1 - math.floor(math.log10(half)), 0), 6)


def _value(value: float, interval: Interval | None) -> str:
    return f"{value:,.{decimals(interval)}f}" if math.isfinite(value) else "-"


def _span(value: float, interval: Interval | None) -> str:
    if not interval:
        return ""
    return f"{_value(interval[0], interval)} to {_value(interval[1], interval)}"


def _measured(value: float, interval: Interval | None, unit: str) -> str:
    span = f" (68% interval {_span(value, interval)})" if interval else ""
    return f"{_value(value, interval)}{' ' if unit else ''}{unit}{span}"


def _aim(name: str) -> str:
    from starbolt.tasks.scores import LOWER_IS_BETTER

    base = name.partition("/")[0]
    return AIMS.get(base, "lower is better" if base in LOWER_IS_BETTER else "higher is better")


def _model(results: Results) -> str:
    target = str(results.config.get("model", {}).get("_target_", "network")).rpartition(".")[2]
    article = "An" if target[0] in "AEIOU" or target in ("MLP",) else "A"
    return f"{article} {target}" + (" of several encoders" if target == "Fusion" else "")


def _input_in_words(name: str, about: Any) -> str:
    channels = about.channels[1:] if about.kind == "series" else about.channels
    listed = ", ".join(channels) if len(channels) <= 6 else f"{', '.join(channels[:5])}, ..."
    if about.kind == "image":
        size = " x ".join(map(str, about.shape[1:]))
        return f"images of {size} pixels ({len(channels)} channel{'s' * (len(channels) > 1)}: {listed})"
    what = "light curves in" if about.kind == "series" else "the"
    words = f"channel{'s' * (len(channels) > 1)}" if about.kind == "series" else f"column{'s' * (len(channels) > 1)}"
    return f"{what} {len(channels)} {words} ({listed})"
