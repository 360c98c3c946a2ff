"""Work done behind is done when the block is left, whatever ends it, and its errors are told."""

import threading
from contextlib import ExitStack

import pytest

from starbolt.catalogue.behind import Behind


def claim(told, name):
    stack = ExitStack()
    stack.callback(told.append, f"{name} let go by {threading.current_thread().name}")
    return stack


def test_each_is_done_in_the_background_and_let_go_by_who_waits():
    told, here = [], threading.current_thread().name
    with Behind() as behind:
        for name in "ab":
            behind.wait()
            behind.start(
                lambda name=name: told.append(f"{name} by {threading.current_thread().name}"), claim(told, name)
            )
    lines = [line.replace("starbolt-write_0", "the other") for line in told]
    assert lines == ["a by the other", f"a let go by {here}", "b by the other", f"b let go by {here}"]


@pytest.mark.parametrize("error", [ValueError("no"), KeyboardInterrupt()])
def test_what_was_begun_is_ended_where_an_error_ends_the_block(error):
    told, gate = [], threading.Event()

    def slow():
        gate.wait(60)
        told.append("done")

    with pytest.raises(type(error)), Behind() as behind:  # noqa: PT012
        behind.start(slow, claim(told, "it"))
        threading.Timer(0.05, gate.set).start()
        raise error
    assert [line.split(" by ")[0] for line in told] == ["done", "it let go"]


def fail():
    raise OSError("no space left")


def test_an_error_comes_out_of_the_next_wait_and_lets_go():
    told = []
    with Behind() as behind:
        behind.start(fail, claim(told, "it"))
        with pytest.raises(OSError, match="no space left"):
            behind.wait()
    assert len(told) == 1


def test_an_error_comes_out_of_the_end_but_not_before_another():
    with pytest.raises(OSError, match="no space left"), Behind() as behind:
        behind.start(fail, ExitStack())
    with pytest.raises(ValueError, match="the first"), Behind() as behind:  # noqa: PT012
        behind.start(fail, ExitStack())
        raise ValueError("the first")
