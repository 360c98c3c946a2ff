"""provenance: what a result came from can be told apart from what it would come from now."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

import starbolt
from starbolt import provenance


@pytest.fixture
def repository(tmp_path, monkeypatch) -> Path:
    """A file `kept` under git, in the current directory."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "kept").write_text("one\n")
    me = ["-c", "user.name=me", "-c", "user.email=me@example.org"]
    for words in (["init", "-q"], ["add", "kept"], [*me, "commit", "-qm", "one"]):
        subprocess.run(["git", *words], check=True)
    return tmp_path


def test_changes_are_told_apart(repository):
    commit = provenance.git_commit()
    assert provenance.git_changes() is None
    (repository / "unknown").write_text("to git\n")
    assert (provenance.git_commit(), provenance.git_changes()) == (commit, None)
    (repository / "kept").write_text("two\n")
    first = provenance.git_changes()
    assert provenance.git_commit() == f"{commit}+changes"
    (repository / "kept").write_text("three\n")
    assert provenance.git_changes() not in (None, first)
    (repository / "kept").write_text("two\n")
    assert provenance.git_changes() == first


def test_outside_a_repository_there_is_no_commit(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert (provenance.git_commit(), provenance.git_changes()) == (None, None)


def test_the_code_of_starbolt_has_a_fingerprint_wherever_it_lies(tmp_path, monkeypatch):
    for place in ("a", "b"):
        (tmp_path / place / "inner").mkdir(parents=True)
        for name in ("__init__.py", "inner/one.py"):
            (tmp_path / place / name).write_text(f"'''{name}'''\n")
    (tmp_path / "b" / "notes.txt").write_text("no code")
    monkeypatch.setattr(starbolt, "__file__", str(tmp_path / "a" / "__init__.py"))
    first = provenance.source()
    monkeypatch.setattr(starbolt, "__file__", str(tmp_path / "b" / "__init__.py"))
    assert provenance.source() == first
    (tmp_path / "b" / "inner" / "one.py").rename(tmp_path / "b" / "inner" / "two.py")
    assert provenance.source() != first


def test_here_is_the_same_twice():
    told = provenance.here()
    assert told == provenance.here()
    assert told["directory"] == str(Path.cwd())
    assert told["packages"].keys() == set(provenance.PACKAGES)
    assert "threads" in told["hardware"]
    assert told["processor"]
