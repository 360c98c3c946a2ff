"""A store opens as it was packed, and says so when it is not."""

import json
import os

import numpy as np
import pytest

from starbolt.store import Store, pack
from starbolt.store.store import checksum


@pytest.fixture
def store(boxed, tmp_path):
    samples = [np.full(2, i, np.float32) for i in range(6)]
    return pack(boxed(samples, ("a", "b"), id="name", ids=list("uvwxyz")), cache=tmp_path)


def test_it_knows_its_objects(store):
    assert len(store) == 6
    assert store.ids.tolist() == list("uvwxyz")
    assert store.id == "name"
    assert Store.open(store.folder).fingerprint == store.fingerprint == store.folder.name


def test_the_numbers_cannot_be_written(store):
    with pytest.raises(ValueError, match="read-only"):
        store.modalities["table"].data.x[0] = 1


def test_verify_accepts_what_was_packed_and_names_what_differs(store):
    store.verify()
    path = store.folder / "table.arrow"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"table\.arrow differs"):
        store.verify()


def test_a_file_that_was_written_since_is_compared_when_it_is_opened(store, monkeypatch):
    path, looked = store.folder / "table.arrow", []
    verify = Store.verify
    monkeypatch.setattr(Store, "verify", lambda self: (looked.append(1), verify(self)))
    Store.open(store.folder)
    assert looked == []
    content = bytearray(path.read_bytes())
    os.utime(path)
    Store.open(store.folder)
    Store.open(store.folder)
    assert looked == [1]
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"differs from what was packed|damaged"):
        Store.open(store.folder)


@pytest.mark.parametrize("damage", ["no json", "torn json", "no file", "a short file", "another format"])
def test_half_a_store_is_none(store, damage):
    about = store.folder / "store.json"
    if damage == "no json":
        about.unlink()
    elif damage == "torn json":
        about.write_text(about.read_text()[:40])
    elif damage == "no file":
        (store.folder / "table.arrow").unlink()
    elif damage == "a short file":
        os.truncate(store.folder / "table.arrow", (store.folder / "table.arrow").stat().st_size - 1)
    else:
        about.write_text(json.dumps(json.loads(about.read_text()) | {"format": 0}))
    assert not Store.is_whole(store.folder)
    with pytest.raises(ValueError, match="no packed store"):
        Store.open(store.folder)


@pytest.mark.parametrize("size", [0, 1, 99, 100, 101, 350])
def test_a_checksum_covers_every_byte_and_its_place(tmp_path, monkeypatch, size):
    monkeypatch.setattr("starbolt.store.store.PIECE", 100)
    file, content = tmp_path / "file", bytearray(np.random.default_rng(0).bytes(size))
    file.write_bytes(content)
    sums = {checksum(file)}
    for i in range(size):
        changed = content.copy()
        changed[i] ^= 1 << i % 8
        file.write_bytes(changed)
        sums.add(checksum(file))
    file.write_bytes(content + b"\0")
    sums.add(checksum(file))
    assert len(sums) == size + 2


def test_pieces_that_change_places_are_noticed(tmp_path, monkeypatch):
    monkeypatch.setattr("starbolt.store.store.PIECE", 4)
    sums = set()
    for content in (b"aaaabbbb", b"bbbbaaaa"):
        (tmp_path / "file").write_bytes(content)
        sums.add(checksum(tmp_path / "file"))
    assert len(sums) == 2
