"""The report tells what the audit looked at, and every finding that was waived."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

from starbolt.report import write
from starbolt.report.audit import told
from starbolt.report.results import Results

LOOKED = {"ids": "2,300 objects", "groups": "", "target": "3 features"}
FINDING = {
    "name": "target",
    "sentence": "1 feature alone tells the target (AUC above 0.995), or hold it",
    "count": 7,
    "way_out": "leave it out",
    "offenders": [["table: <u> (AUC 0.9999)"]],
    "waived": True,
}


def audited(folder: Path, *findings: dict) -> str:
    (folder / "audit.json").write_text(json.dumps({"looked": LOOKED, "findings": findings}))
    return re.sub(r"<[^>]+>", " ", told(Results.read(folder)))


def test_a_clean_audit_says_what_was_looked_at(table_run: Callable[..., Path]) -> None:
    text = audited(table_run(50))
    assert "2 checks before the training found no fault" in text
    assert "2,300 objects" in text
    assert text.count("nothing") == 2
    assert text.count("does not apply") == 1


def test_a_waived_finding_is_told_and_escaped_on_the_page(table_run: Callable[..., Path]) -> None:
    folder = table_run(50)
    text = audited(folder, FINDING)
    assert "(waived): 1 feature alone tells the target" in text
    assert "table: &lt;u&gt; (AUC 0.9999); ..." in text
    page = write(folder).read_text()
    assert "<h2>Audit</h2>" in page
    assert "The audit found faults that were waived (target): see Audit below." in page
    assert "never saw" not in page


def test_a_note_is_told_and_the_test_objects_stay_unseen(table_run: Callable[..., Path]) -> None:
    folder = table_run(50)
    noted = {**FINDING, "name": "cadence", "sentence": "how they were observed tells", "waived": False, "note": True}
    assert "(a note): how they were observed tells" in audited(folder, noted)
    page = write(folder).read_text()
    assert "The audit notes: how they were observed tells (see Audit below)." in page
    assert "were waived" not in page
    audited(folder, noted | {"waived": True})
    assert "The audit notes" not in write(folder).read_text()


def test_a_run_that_was_not_audited_has_no_such_section(table_run: Callable[..., Path]) -> None:
    assert "<h2>Audit</h2>" not in write(table_run(50)).read_text()
