"""The same sources and options have the same name, any other another."""

import os

import numpy as np
import pyarrow as pa
import pytest

from starbolt.archives.tables import TableArchive
from starbolt.store.fingerprint import fingerprint


def name_of(source, **options):
    archive = TableArchive(source, **options)
    return fingerprint(archive, archive.read())


@pytest.fixture
def catalogue(tmp_path):
    path = tmp_path / "cat.csv"
    path.write_text("a,b\n1,2\n3,4\n")
    return path


def test_unchanged_is_the_same(catalogue):
    assert name_of(str(catalogue)) == name_of(str(catalogue))
    assert len(name_of(str(catalogue))) == 16


def test_a_changed_file_is_another_even_with_the_same_content(catalogue):
    before = name_of(str(catalogue))
    os.utime(catalogue, ns=(1, 1))
    assert name_of(str(catalogue)) != before


def test_each_option_counts(catalogue):
    names = [name_of(str(catalogue), **o) for o in ({}, {"where": "a > 0"}, {"missing": (99,)}, {"zero": {"a": 1}})]
    assert len(set(names)) == 4


def test_tables_in_memory_count_with_what_they_hold():
    table = pa.table({"a": np.arange(100.0)})
    assert name_of(table.slice(0, 50)) != name_of(table.slice(50, 50))
    assert name_of(table.slice(0, 50)) == name_of(pa.table({"a": np.arange(50.0)}))
    long = {"a": np.arange(5000.0)}
    changed = {"a": long["a"].copy()}
    changed["a"][2500] = -1  # where a printed table shows an ellipsis
    assert name_of(long) != name_of(changed)


def test_units_count():
    fields = [pa.schema([pa.field("a", pa.float64(), metadata={"unit": unit})]) for unit in ("mag", "Jy")]
    one, two = (pa.table([pa.array([1.0, 2.0])], schema=schema) for schema in fields)
    assert name_of(one) != name_of(two)


def test_the_word_of_an_options_array_is_its_content(boxed):
    names = set()
    for value in (0, 1):
        archive = boxed([np.zeros(1)] * 2, ("a",), option=np.full(10_000, value))
        names.add(fingerprint(archive, archive.read()))
    assert len(names) == 2


def test_an_empty_option_is_no_folder(boxed, tmp_path, monkeypatch):
    """A run writes into the current folder; a text option "" must not make that folder a source."""
    monkeypatch.chdir(tmp_path)
    archive = boxed([np.zeros(1)] * 2, ("a",), option="")
    before = fingerprint(archive, archive.read())
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs" / "log.txt").write_text("a run")
    assert fingerprint(archive, archive.read()) == before


def test_an_option_of_any_type_counts(boxed):
    names = set()
    for option in ({1, 2}, {1, 3}, np.int64(3), range(4)):
        archive = boxed([np.zeros(1)] * 2, ("a",), option=option)
        names.add(fingerprint(archive, archive.read()))
    assert len(names) == 4
