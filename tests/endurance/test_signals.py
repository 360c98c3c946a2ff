"""signals: in training they are noted, at any other time they stop the run at once; then they are as they were."""

from __future__ import annotations

import signal
import threading

import pytest

from starbolt.endurance import signals
from starbolt.endurance.signals import CLUSTER, INTERRUPTED, TAKEN, Stopped


@pytest.mark.parametrize("number", CLUSTER)
def test_what_a_cluster_sends_stops_at_once_where_nothing_trains(number):
    before = signal.getsignal(number)
    with pytest.raises(Stopped, match=number.name) as stop, signals.owned():
        signal.raise_signal(number)
    assert stop.value.status == TAKEN
    assert signal.getsignal(number) is before


@pytest.mark.parametrize("number", [signal.SIGINT, *CLUSTER])
def test_in_training_a_signal_is_noted_and_nothing_else(number):
    before = signal.getsignal(number)
    with signals.training():
        assert not signals.asked()
        signal.raise_signal(number)
        assert signals.asked() == number
    assert not signals.asked()
    assert signal.getsignal(number) is before


def test_a_cluster_may_send_twice_and_ctrl_c_twice_stops_at_once(capsys):
    with signals.training():
        signal.raise_signal(signal.SIGTERM)
        signal.raise_signal(signal.SIGTERM)
        signal.raise_signal(signal.SIGINT)
        assert "Ctrl-C again" in capsys.readouterr().err
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
    assert Stopped(signal.SIGINT).status == INTERRUPTED


def test_signals_are_taken_back_from_whoever_took_them():
    with signals.training():
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        signals.take_back()
        signal.raise_signal(signal.SIGTERM)
        assert signals.asked() == signal.SIGTERM


def test_a_stop_is_not_swallowed_by_those_who_catch_exceptions():
    def careless():
        try:
            signal.raise_signal(signal.SIGUSR1)
        except Exception:
            return "swallowed"

    with pytest.raises(Stopped), signals.owned():
        careless()


def test_another_thread_may_train_too():
    """Python hears signals in its first thread alone: a run in another one goes without."""
    done = []

    def work():
        with signals.owned(), signals.training():
            done.append(signals.asked())

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert done == [0]
