"""A kernel is compiled once, by many at the same time if need be; whatever goes wrong, there is none, and no error."""

from __future__ import annotations

import multiprocessing
import shutil
from pathlib import Path

import pytest

from starbolt import native

SOURCE = "int answer(void) { return 42; }\n"


@pytest.fixture(autouse=True)
def compiler(monkeypatch, tmp_path) -> None:
    if native._compiler() is None:
        pytest.skip("no C compiler here")
    monkeypatch.setenv("STARBOLT_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("STARBOLT_NATIVE", raising=False)


@pytest.fixture
def source(tmp_path) -> Path:
    path = tmp_path / "kernel.c"
    path.write_text(SOURCE)
    return path


def kept(tmp_path: Path) -> list[Path]:
    return list((tmp_path / "cache").glob("native-*/*"))


def forbid(monkeypatch) -> None:
    def compiled(*_):
        raise AssertionError("compiled again")

    monkeypatch.setattr(native, "_compiled", compiled)


def test_it_is_compiled_once(source, tmp_path, monkeypatch):
    assert native.load(source).answer() == 42
    (library,) = kept(tmp_path)
    forbid(monkeypatch)
    assert native.load(source).answer() == 42
    assert kept(tmp_path) == [library]


@pytest.mark.parametrize("change", ["source", "header", "processor", "flags"])
def test_another_source_header_or_machine_has_its_own(source, tmp_path, monkeypatch, change):
    assert native.load(source).answer() == 42
    if change == "source":
        source.write_text(SOURCE.replace("42", "43"))
    elif change == "header":
        (tmp_path / "more.h").write_text("")
    elif change == "processor":
        monkeypatch.setattr(native, "_processor", lambda: "another")
    else:
        monkeypatch.setattr(native, "FLAGS", (*native.FLAGS, "-DANOTHER"))
    assert native.load(source).answer() == (43 if change == "source" else 42)
    assert len(kept(tmp_path)) == 2


@pytest.mark.parametrize("rubbish", [b"", b"rubbish", None])
def test_a_damaged_library_is_compiled_again(source, tmp_path, rubbish):
    assert native.load(source).answer() == 42
    (library,) = kept(tmp_path)
    content = library.read_bytes()
    library.unlink()  # it is mapped: to write into it would be to write into us
    library.write_bytes(content[: len(content) // 2] if rubbish is None else rubbish)
    assert native.load(source).answer() == 42
    assert [path.read_bytes() for path in kept(tmp_path)] == [content]


def work(source: Path, answers) -> None:
    answers.put(native.load(source).answer())


def test_several_processes_may_compile_at_the_same_time(source, tmp_path):
    context = multiprocessing.get_context("fork")
    answers = context.Queue()
    workers = [context.Process(target=work, args=(source, answers)) for _ in range(4)]
    for worker in workers:
        worker.start()
    assert [answers.get(timeout=60) for _ in workers] == [42] * 4
    for worker in workers:
        worker.join()
    assert len(kept(tmp_path)) == 1


@pytest.mark.parametrize(
    "trouble", ["off", "no compiler", "failing compiler", "silent compiler", "no C", "no folder", "others' folder"]
)
def test_where_there_is_none_there_is_none(source, tmp_path, monkeypatch, trouble):
    if trouble == "off":
        monkeypatch.setenv("STARBOLT_NATIVE", "0")
    elif trouble == "no compiler":
        monkeypatch.setenv("PATH", str(tmp_path))
    elif trouble == "failing compiler":
        monkeypatch.setenv("CC", "false")
    elif trouble == "silent compiler":
        monkeypatch.setenv("CC", "true")
    elif trouble == "no C":
        source.write_text("this is no C")
    elif trouble == "no folder":
        (tmp_path / "cache").write_text("a file")
    else:
        assert native.load(source)
        kept(tmp_path)[0].parent.chmod(0o777)
    assert native.load(source) is None


def test_a_compiler_has_its_own_words(source, tmp_path, monkeypatch):
    monkeypatch.setenv("CC", f"{shutil.which(native._compiler()[0])} -DANSWER=44")
    source.write_text(SOURCE.replace("42", "ANSWER"))
    assert native.load(source).answer() == 44
