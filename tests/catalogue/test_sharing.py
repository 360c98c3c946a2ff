"""Nobody works on what another process works on."""

import subprocess
import sys

import pytest

from starbolt.catalogue.sharing import Locks, Share, sharing
from starbolt.compose import UserError

HOLD = """
import sys, time
from pathlib import Path
from starbolt.catalogue.sharing import Locks
with Locks(Path(sys.argv[1])).held("3") as mine:
    print(mine, flush=True)
    time.sleep(60)
"""


def test_a_lock_is_held_by_one_process_until_it_ends_or_is_killed(tmp_path):
    with subprocess.Popen([sys.executable, "-c", HOLD, tmp_path], stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout.readline() == "True\n"
        with Locks(tmp_path).held("3") as mine, Locks(tmp_path).held("4") as another:
            assert (mine, another) == (False, True)
        other.kill()
    with Locks(tmp_path).held("3") as mine:
        assert mine
    with Locks(tmp_path).held("3") as mine:
        assert mine


@pytest.mark.parametrize("count", [0, 1, 3, 4, 21])
def test_shares_are_all_partitions_once(tmp_path, count):
    shares = [sharing(f"{i}/4", tmp_path) for i in range(4)]
    assert sorted(number for share in shares for number in share.numbers(count)) == list(range(count))
    with shares[0].held("0") as mine, shares[0].held("0") as again:
        assert mine
        assert again
    assert not list(tmp_path.iterdir())


def test_without_a_word_it_is_by_locks(tmp_path):
    assert sharing(None, tmp_path) == Locks(tmp_path)
    assert sharing("0/1", tmp_path) == Share(0, 1)
    assert list(Locks(tmp_path).numbers(3)) == [0, 1, 2]


@pytest.mark.parametrize("word", ["", "1", "4/4", "-1/4", "1/0", "a/b", "0/4/2"])
def test_a_share_that_is_none_is_told(tmp_path, word):
    with pytest.raises(UserError, match=r"share=.* is not one of share=0/4"):
        sharing(word, tmp_path)


def test_where_files_cannot_be_locked_the_way_out_is_told(tmp_path, monkeypatch):
    def refuse(self, **options):
        raise OSError(95, "Operation not supported")

    monkeypatch.setattr("starbolt.catalogue.sharing.FileLock.acquire", refuse)
    with pytest.raises(UserError, match=r"cannot be locked .*not supported.*share=0/1"), Locks(tmp_path).held("0"):
        pass
