"""aside: a file has its old content or its new one, never half of it, and nothing is left beside it."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from starbolt.aside import aside, write_text


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
