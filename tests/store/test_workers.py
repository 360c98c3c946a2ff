"""Processes that pack: one that is killed is told of, and none outlives its parent."""

import os
import signal

import numpy as np
import pyarrow as pa
import pytest

from starbolt.archives import Archive
from starbolt.store import pack
from starbolt.store.workers import FEW


class Counted(Archive):
    channels = ("a",)

    def __init__(self, deadly=-1):
        self._deadly = deadly

    def read(self):
        return pa.table({"row": np.arange(2 * FEW)})

    def load(self, row):
        if row["row"] == self._deadly:
            os.kill(os.getpid(), signal.SIGKILL)
        return np.array([row["row"], os.getpid()], np.float64)[: len(self.channels)]


def test_a_killed_process_is_told_of_and_the_next_packing_goes_on(tmp_path):
    with pytest.raises(ValueError, match="a process that packed was killed"):
        pack(Counted(deadly=2 * FEW - 1), cache=tmp_path, workers=2)
    found = pack(Counted(), cache=tmp_path, workers=2).modalities["table"].data.x[:, 0]
    assert found.tolist() == list(range(2 * FEW))


def test_other_processes_do_the_work(tmp_path):
    class Signed(Counted):
        channels = ("a", "process")

    pids = set(pack(Signed(), cache=tmp_path, workers=2).modalities["table"].data.x[:, 1].astype(int).tolist())
    assert pids - {os.getpid()}, "beside the first few objects"
