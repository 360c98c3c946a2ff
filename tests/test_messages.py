"""A mistake, or a machine too small, is told in one sentence."""

import pytest

from starbolt.messages import guarded


class OutOfMemoryError(RuntimeError):
    """As torch names it when a GPU is full; its message goes on over several lines."""


@pytest.mark.parametrize(
    "error", [MemoryError("Unable to allocate 90 GiB"), OutOfMemoryError("CUDA out of memory.\nTried")]
)
def test_too_little_memory_is_told_with_the_way_out(error, capsys):
    with pytest.raises(SystemExit) as left, guarded():
        raise error
    said, more = capsys.readouterr().err.strip().splitlines()
    assert left.value.code == 1
    assert "data.batch_size" in said
    assert more.startswith("more: https://")


def test_what_is_our_own_mistake_keeps_its_traceback():
    with pytest.raises(KeyError), guarded():
        raise KeyError("ours")
