"""A checkpoint is there whole or not at all."""

from __future__ import annotations

import errno
import os

import pytest
import torch

from starbolt import checkpoints
from starbolt.checkpoints import AsideCheckpointIO


def test_what_is_saved_is_read_back_and_nothing_else_is_left(tmp_path):
    AsideCheckpointIO().save_checkpoint({"a": torch.ones(3)}, tmp_path / "new" / "last.ckpt")
    assert os.listdir(tmp_path / "new") == ["last.ckpt"]
    assert torch.equal(torch.load(tmp_path / "new" / "last.ckpt")["a"], torch.ones(3))


def test_a_failed_write_leaves_the_earlier_checkpoint(tmp_path, monkeypatch):
    path = tmp_path / "last.ckpt"
    AsideCheckpointIO().save_checkpoint({"a": 1}, path)

    def full(checkpoint, file):
        file.write(b"half")
        raise RuntimeError("unexpected pos 64 vs 0")

    monkeypatch.setattr(checkpoints.torch, "save", full)
    with pytest.raises(RuntimeError, match="unexpected pos"):
        AsideCheckpointIO().save_checkpoint({"a": 2}, path)

    def hidden(checkpoint, file):
        try:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        finally:
            full(checkpoint, file)

    monkeypatch.setattr(checkpoints.torch, "save", hidden)
    with pytest.raises(OSError, match="No space left") as caught:
        AsideCheckpointIO().save_checkpoint({"a": 2}, path)
    assert caught.value.errno == errno.ENOSPC
    assert os.listdir(tmp_path) == ["last.ckpt"]
    assert torch.load(path) == {"a": 1}
