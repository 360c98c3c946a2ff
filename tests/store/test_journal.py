"""A journal gives back the lines that were written whole."""

from starbolt.store import journal
from starbolt.store.journal import Journal


def test_lines_come_back_and_a_torn_one_is_left_out(tmp_path):
    one = Journal(tmp_path)
    assert one.read() == []
    one.rewrite([{"format": 1}])
    one.add({"start": 0})
    one.flush()
    assert Journal(tmp_path).read() == [{"format": 1}, {"start": 0}]
    with one.path.open("a") as file:
        file.write('{"start": 6')
    assert Journal(tmp_path).read() == [{"format": 1}, {"start": 0}]


def test_chunks_are_written_in_groups_after_their_data(tmp_path, monkeypatch):
    now, synced = [0.0], []
    monkeypatch.setattr(journal.time, "monotonic", lambda: now[0])
    monkeypatch.setattr(journal.os, "fsync", lambda file: synced.append(len(Journal(tmp_path).read())))
    (tmp_path / "image.arrow").write_text("data")
    one = Journal(tmp_path)
    one.add({"start": 0})
    assert one.read() == []
    now[0] = journal.SYNC
    one.add({"start": 64})
    assert one.read() == [{"start": 0}, {"start": 64}]
    assert synced == [0, 2], "first the data, then the lines that say they are there"
