"""The same sources and options have the same name, any other another."""

import importlib.util
import os

import numpy as np
import pyarrow as pa
import pytest

from starbolt.archives.tables import TableArchive
from starbolt.store.fingerprint import fingerprint as named
from starbolt.store.fingerprint import states


def fingerprint(archive, catalogue):
    return named(archive, catalogue, states(archive.sources(catalogue)))


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


OWN = """
import numpy as np
import pyarrow as pa
from starbolt.archives import Archive

class Mine(Archive):
    channels = ("a",)
    def read(self):
        return pa.table({"row": np.arange(3)})
    def load(self, row):
        return np.full(1, FACTOR * row["row"], np.float32)
"""


def own(path, factor):
    path.write_text(OWN.replace("FACTOR", str(factor)))
    spec = importlib.util.spec_from_file_location("mine", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    archive = module.Mine()
    return fingerprint(archive, archive.read())


def test_the_code_of_an_own_archive_counts(tmp_path):
    names = [own(tmp_path / f"{i}.py", factor) for i, factor in enumerate((1, 2, 1))]
    assert names[0] == names[2] != names[1]


def test_a_file_in_a_folder_counts(tmp_path):
    (tmp_path / "a" / "b").mkdir(parents=True)
    before = states([str(tmp_path)])
    (tmp_path / "a" / "b" / "c.fits").write_text("x")
    assert states([str(tmp_path)]) != before
    assert states(["", str(tmp_path / "none")]) == states([])


@pytest.mark.parametrize(
    "way", ["{name}", "./{name}", "{here}//{name}", "{here}/./{name}", "{here}/../{folder}/{name}"]
)
@pytest.mark.parametrize("name", ["file", ".hidden", "a..b"])
def test_a_file_is_the_same_however_its_path_is_written(tmp_path, monkeypatch, name, way):
    (tmp_path / name).write_text("x")
    monkeypatch.chdir(tmp_path)
    written = way.format(name=name, here=tmp_path, folder=tmp_path.name)
    assert states([written]) == states([str(tmp_path / name)]) != states([])
