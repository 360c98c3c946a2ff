"""The seal of the test rows: every look is written down."""

import json
import os

from starbolt import looks


def test_every_look_is_written_down(tmp_path):
    file = tmp_path / "best.ckpt"
    file.write_bytes(b"one")
    looks.record(tmp_path, file, "train")
    file.write_bytes(b"two")
    looks.record(tmp_path, file, "evaluate")
    told = looks.of_run(tmp_path)
    assert [look["verb"] for look in told] == ["train", "evaluate"]
    assert told[0]["checkpoint"] != told[1]["checkpoint"]
    assert json.loads((tmp_path / "looks.json").read_text()) == told
    assert sorted(os.listdir(tmp_path)) == ["best.ckpt", "looks.json"]


def test_who_never_looked_has_no_looks(tmp_path):
    assert looks.of_run(tmp_path) == []
