"""aside: a file has its old content or its new one, never half of it, and nothing is left beside it."""

from __future__ import annotations

import json
import multiprocessing
import threading
from pathlib import Path

import pytest

from starbolt.aside import aside, write_json, write_text


def fail(path: Path) -> None:
    with aside(path) as beside:
        beside.write_text("half")
        path.parent.write_text("this is no file, and cannot be written")


def test_where_the_writing_fails_the_old_content_stays_and_nothing_is_left(tmp_path):
    write_text(tmp_path / "a.json", "old")
    with pytest.raises(OSError, match="directory"):
        fail(tmp_path / "a.json")
    assert [path.name for path in tmp_path.iterdir()] == ["a.json"]
    assert (tmp_path / "a.json").read_text() == "old"


def test_whoever_reads_while_several_write_reads_one_of_them_whole(tmp_path):
    texts = [letter * 100_000 for letter in "abc"]
    write_text(tmp_path / "a", texts[0])

    def work(text):
        for _ in range(50):
            write_text(tmp_path / "a", text)

    threads = [threading.Thread(target=work, args=(text,)) for text in texts]
    for thread in threads:
        thread.start()
    seen = {(tmp_path / "a").read_text() for _ in range(200)}
    for thread in threads:
        thread.join()
    assert seen <= set(texts)
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def write_often(path: Path, times: int) -> None:
    for i in range(times):
        write_json(path, {"i": i})


def test_several_processes_may_write_the_same_file(tmp_path):
    """As two sweeps that tell of the same trials, or give the same one out again."""
    context = multiprocessing.get_context("fork")
    both = [context.Process(target=write_often, args=(tmp_path / "a.json", 1500)) for _ in range(2)]
    for process in both:
        process.start()
    for process in both:
        process.join()
    assert [process.exitcode for process in both] == [0, 0]
    assert json.loads((tmp_path / "a.json").read_text()) == {"i": 1499}
    assert [path.name for path in tmp_path.iterdir()] == ["a.json"]
