"""What the audit of the data and their split looked for, what it found, and what was waived."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Any

from starbolt.report.results import Results
from starbolt.report.words import html_table

MEANING = {
    "ids": "the same id in two parts of the split",
    "groups": "the same group in two parts",
    "positions": "two objects close together on the sky in two parts",
    "images": "identical or nearly identical images in two parts",
    "rows": "identical table rows in two parts",
    "series": "identical series in two parts",
    "cadence": "number, spacing or bands of the points that alone tell a class, or the quantity",
    "target": "a feature that alone tells the target",
    "missing": "a feature that is missing in one class only",
    "statistics": "statistics of other rows than those of training",
}


def told(results: Results) -> str:
    """The audit as HTML: a sentence, each finding with its first offenders, a row per check; "" without an audit."""
    looked = results.audit.get("looked", {})
    if not looked:
        return ""
    findings = results.audit.get("findings", [])
    items = "".join(f"<li>{_finding(finding)}</li>" for finding in findings)
    found: dict[str, int] = {}
    for finding in findings:
        found[finding["name"]] = found.get(finding["name"], 0) + finding["count"]
    rows = [
        [name, MEANING.get(name, ""), about or "does not apply", _outcome(about, found.get(name, 0))]
        for name, about in looked.items()
    ]
    table = html_table(["check", "looks for", "in", "found"], rows)
    return f"<p>{_summary(looked, findings)}</p>" + (f"<ul>{items}</ul>" if items else "") + table


def _summary(looked: Mapping[str, str], findings: list[dict[str, Any]]) -> str:
    made = sum(map(bool, looked.values()))
    if not findings:
        return f"{made} checks before the training found no fault of the data or their split."
    names = ", ".join(dict.fromkeys(finding["name"] for finding in findings))
    return f"{made} checks before the training; what it found was noted or waived (audit.waive): {escape(names)}."


def _finding(finding: Mapping[str, Any]) -> str:
    words = "; ".join(" and ".join(offender) for offender in finding["offenders"])
    more = "; ..." if finding["count"] > len(finding["offenders"]) else ""
    waived = "waived" if finding["waived"] else "a note" if finding.get("note") else "not waived"
    return f"<b>{escape(finding['name'])}</b> ({waived}): {escape(finding['sentence'])}: {escape(words + more)}"


def _outcome(about: str, count: int) -> str:
    return "-" if not about else f"{count:,}" if count else "nothing"
