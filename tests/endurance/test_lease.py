"""lease: one process executes a folder, others can see which; its hold dies with it."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from filelock import FileLock

from starbolt.endurance import lease
from starbolt.endurance.lease import ALIVE, DEAD, LOCK, held, holder, process_here

HERE = socket.gethostname()
HOLD = """
import sys, time
from pathlib import Path
from starbolt.endurance.lease import held
with held(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(600)
"""


@pytest.fixture
def other(tmp_path):
    """Another process that executes the folder."""
    child = subprocess.Popen([sys.executable, "-c", HOLD, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    assert child.stdout.readline() == "held\n"
    yield child
    child.kill()
    child.wait()
    child.stdout.close()


def sign_of(folder: Path, host: str, age: float) -> None:
    (folder / ALIVE).write_text(f"{host} 4242")
    os.utime(folder / ALIVE, (time.time() - age, time.time() - age))


def test_nobody_executes_a_fresh_folder_nor_one_that_is_not_there(tmp_path):
    assert holder(tmp_path) is None
    assert process_here(tmp_path) is None
    assert holder(tmp_path / "nowhere") is None


def test_a_folder_is_held_and_let_go(tmp_path):
    with held(tmp_path):
        assert holder(tmp_path) == f"process {os.getpid()} on {HERE}"
        assert process_here(tmp_path) == os.getpid()
    assert holder(tmp_path) is None
    assert not (tmp_path / ALIVE).exists()
    with held(tmp_path):
        assert holder(tmp_path)


def test_it_is_let_go_where_its_holder_raises(tmp_path):
    with pytest.raises(RuntimeError), held(tmp_path):
        raise RuntimeError
    assert holder(tmp_path) is None


def test_a_second_holder_is_refused_with_the_number_of_the_first(tmp_path, other):
    with pytest.raises(ValueError, match=f"process {other.pid} on {HERE}"), held(tmp_path):
        pass
    assert process_here(tmp_path) == other.pid  # and the first has it still


def test_the_same_process_does_not_hold_it_twice(tmp_path):
    with held(tmp_path), pytest.raises(ValueError, match=str(os.getpid())), held(tmp_path):
        pass


def test_a_hold_dies_with_its_process_however_young_its_last_sign(tmp_path, other):
    other.send_signal(signal.SIGKILL)
    other.wait()
    assert (tmp_path / ALIVE).is_file()
    assert holder(tmp_path) is None
    assert process_here(tmp_path) is None
    with held(tmp_path):
        assert process_here(tmp_path) == os.getpid()


def test_a_lock_without_a_sign_of_life_is_respected(tmp_path, other):
    """As in the moment between the two."""
    (tmp_path / ALIVE).unlink()
    with pytest.raises(ValueError, match="is being executed already"), held(tmp_path):
        pass


@pytest.mark.parametrize(("age", "lives"), [(0, True), (DEAD - 10, True), (DEAD + 10, False)])
def test_a_process_of_another_machine_lives_as_long_as_it_gives_signs(tmp_path, age, lives):
    sign_of(tmp_path, "elsewhere", age)
    assert holder(tmp_path) == ("process 4242 on elsewhere" if lives else None)
    assert process_here(tmp_path) is None
    if not lives:
        with held(tmp_path):
            assert process_here(tmp_path) == os.getpid()


def test_a_sign_that_moves_is_of_the_living_and_one_that_does_not_is_waited_for(tmp_path, monkeypatch):
    """A job that is queued again begins before the machine that died under it counts as dead."""
    monkeypatch.setattr(lease, "GLANCE", 0.1)
    monkeypatch.setattr(lease, "DEAD", 1.5)
    sign_of(tmp_path, "elsewhere", 0)
    threading.Timer(0.3, sign_of, (tmp_path, "elsewhere", 0)).start()
    with pytest.raises(ValueError, match="process 4242 on elsewhere"), held(tmp_path):
        pass
    sign_of(tmp_path, "elsewhere", 0)
    with held(tmp_path):
        assert process_here(tmp_path) == os.getpid()


@pytest.mark.parametrize("ahead", [-300, 300])
def test_a_clock_that_goes_wrong_changes_nothing(tmp_path, monkeypatch, ahead):
    sign_of(tmp_path, "elsewhere", 0)
    clock = time.time
    monkeypatch.setattr(lease.time, "time", lambda: clock() + ahead)
    assert holder(tmp_path) == "process 4242 on elsewhere"


@pytest.mark.parametrize("text", ["", "half", "one two three"])
def test_a_sign_that_cannot_be_read_is_nobodys(tmp_path, text):
    (tmp_path / ALIVE).write_text(text)
    assert holder(tmp_path) is None


def test_signs_are_given_again_and_again_and_stop_with_the_hold(tmp_path, monkeypatch):
    monkeypatch.setattr(lease, "BEAT", 0.05)
    with held(tmp_path):
        os.utime(tmp_path / ALIVE, (0, 0))
        until = time.monotonic() + 5
        while (tmp_path / ALIVE).stat().st_mtime == 0 and time.monotonic() < until:
            time.sleep(0.01)
        assert time.time() - (tmp_path / ALIVE).stat().st_mtime < 5
    time.sleep(0.2)
    assert not (tmp_path / ALIVE).exists()


def test_without_locks_the_signs_of_life_must_do(tmp_path, monkeypatch):
    """A file system that has none, as some network disks."""

    class NoLocks:
        def __init__(self, path: Path) -> None: ...

        def acquire(self, **_: object) -> None:
            raise NotImplementedError("no locks here")

        def release(self) -> None: ...

    monkeypatch.setattr(lease, "FileLock", NoLocks)
    with held(tmp_path):
        assert process_here(tmp_path) == os.getpid()
        with pytest.raises(ValueError, match=str(os.getpid())), held(tmp_path):
            pass
    sign_of(tmp_path, HERE, DEAD + 10)
    assert holder(tmp_path) is None


def test_a_folder_that_is_taken_away_does_not_stop_its_holder(tmp_path):
    folder = tmp_path / "run"
    folder.mkdir()
    with held(folder):
        folder.rename(tmp_path / "elsewhere")
    assert holder(folder) is None


def test_a_living_holder_is_seen_in_the_moment_of_its_sign_too(tmp_path):
    """A sign that is half written must not make its holder seem dead: its trial would be given to another."""
    over = threading.Event()

    def sign() -> None:
        while not over.is_set():
            lease._sign(tmp_path / ALIVE)

    lease._sign(tmp_path / ALIVE)
    thread = threading.Thread(target=sign)
    thread.start()
    try:
        seen = {(tmp_path / ALIVE).read_text() for _ in range(3000)}
    finally:
        over.set()
        thread.join()
    assert seen == {f"{HERE} {os.getpid()}"}


def test_who_only_looks_does_not_keep_another_from_beginning(tmp_path):
    """A sweep looks at its trials all the time, and has for that moment the lock of one that was killed."""
    look = FileLock(tmp_path / LOCK, thread_local=False)
    look.acquire()
    threading.Timer(0.1, look.release).start()
    with held(tmp_path):
        assert process_here(tmp_path) == os.getpid()
