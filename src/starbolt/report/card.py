"""The model card: what a network was made from, may be used for, and must not be trusted with.

After Mitchell et al. 2019, doi:10.1145/3287560.3287596. What the user says stands under `card` in the configuration.
"""

from __future__ import annotations

from html import escape

from starbolt.contract import InputSpec
from starbolt.report.results import Results
from starbolt.report.words import html_table, number

WORDS = {
    "data": "Data",
    "licence": "Licence of the data",
    "citation": "Citation of the data",
    "use": "Intended use",
    "limits": "Known limits",
}
MOST = 40  # ranges told


def told(results: Results) -> str:
    """The card as HTML."""
    card = results.config.get("card") or {}
    items = [_item(label, card.get(word), word) for word, label in WORDS.items()]
    items += [("Seal", escape(seal(results))), ("How to reproduce", f"<pre>{escape(command(results))}</pre>")]
    listed = "".join(f"<dt>{escape(label)}</dt><dd>{value}</dd>" for label, value in items)
    return f"<dl>{listed}</dl>{_ranges(results)}"


def command(results: Results) -> str:
    """The one command that makes the run again."""
    return str(results.provenance.get("command") or "not recorded")


def seal(results: Results) -> str:
    """How often the test rows were scored, and so how far their scores can be trusted."""
    looks = results.looks
    if results.part != "test":
        return "The test rows have not been scored."
    if not looks:
        return "The test rows have been scored; how often was not recorded."
    verbs = ", ".join(f"{look.get('verb', '?')} {look.get('when', '')}".strip() for look in looks)
    if len(looks) == 1:
        return f"The test rows have been scored once ({verbs})."
    networks = len({look.get("checkpoint") for look in looks})
    by = "by one network" if networks == 1 else f"by {networks} different networks"
    doubt = "" if networks == 1 else "; whoever chose among these by their test scores has no test part any more"
    return f"The test rows have been scored {len(looks)} times, {by} ({verbs}){doubt}."


def _item(label: str, value: object, word: str) -> tuple[str, str]:
    """A fact of the card, or how to state it."""
    return label, escape(str(value)) if value else f'<span class="missing">not stated (card.{word}="...")</span>'


def _ranges(results: Results) -> str:
    """Between which values the training objects lie: beyond, a network is blind."""
    rows = [row for name, about in results.spec.inputs.items() for row in _rows(name, about, len(results.spec.inputs))]
    if not rows:
        return ""
    table = html_table(["measured of an object", "least in training", "greatest"], rows[:MOST])
    return (
        f"<details><summary>Range of the training objects, beyond which answers mean nothing</summary>{table}</details>"
    )


def _rows(name: str, about: InputSpec, inputs: int) -> list[list[str]]:
    several = f"{name}: " if inputs > 1 else ""
    told = zip(about.summaries, about.low, about.high, strict=True)
    return [[f"{several}{word}", number(low), number(high)] for word, low, high in told]
