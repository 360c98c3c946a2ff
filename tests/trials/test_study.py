"""study: one journal for all processes of a sweep; nothing is tried twice, forgotten, or decided by who asks."""

from __future__ import annotations

import itertools
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from starbolt.trials.study import FILE, Axis, Study

AXES = (
    Axis("optim.lr", "interval", low=1e-4, high=1e-1, log=True),
    Axis("model.width", "choice", ("8", "16", "32")),
    Axis("model.depth", "range", ("1", "2", "3")),
)
POINTS = [{"seed": str(seed), "optim": name} for name in ("sgd", "adam") for seed in range(3)]
HEAD = """
import sys, time, json
from pathlib import Path
from starbolt.trials.study import Axis, Study
folder = Path(sys.argv[1])
AXES = (Axis("optim.lr", "interval", low=1e-4, high=1e-1, log=True), Axis("model.width", "choice", ("8", "16", "32")),
        Axis("model.depth", "range", ("1", "2", "3")))
"""


def process(body: str, *words: object) -> subprocess.Popen:
    command = [sys.executable, "-c", HEAD + body, *map(str, words)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def output(child: subprocess.Popen) -> str:
    out, err = child.communicate(timeout=60)
    assert child.returncode == 0, err
    return out


@pytest.fixture
def grid(tmp_path):
    study = Study(tmp_path)
    study.plan(POINTS)
    return study


def search(folder: Path, **words) -> Study:
    return Study(folder, axes=AXES, **{"sampler": "tpe", "startup": 3, "seed": 5} | words)


def worth(settings: dict[str, str]) -> float:
    return float(settings["optim.lr"]) * 100 + int(settings["model.width"]) / 8 + int(settings["model.depth"])


def finish_some(study: Study, count: int, worker: str = "me") -> list[dict[str, str]]:
    given = []
    for _ in range(count):
        trial = study.next(10_000, worker)
        study.tell(trial.number, "finished", worth(trial.settings))
        given.append(trial.settings)
    return given


# what is planned


def test_what_is_planned_is_tried_once_in_its_order_and_then_nothing(grid):
    given = [grid.next(0, "me") for _ in POINTS]
    assert [trial.settings for trial in given] == POINTS
    assert [trial.number for trial in given] == list(range(6))
    assert {(trial.state, trial.worker) for trial in given} == {("running", "me")}
    assert grid.next(0, "me") is None
    assert grid.next(100, "me") is None  # a grid asks for nothing more


def test_planning_again_adds_only_what_is_new(grid, tmp_path):
    grid.plan(POINTS)
    assert len(grid.trials()) == 6
    grid.tell(grid.next(0, "me").number, "failed", reason="it was bad")
    again = Study(tmp_path)
    again.plan([*POINTS, {"seed": "9", "optim": "sgd"}])
    assert [trial.settings for trial in again.trials()] == [*POINTS, {"seed": "9", "optim": "sgd"}]
    assert again.trials()[0].state == "failed"  # and what was tried stays tried


def test_settings_that_are_said_twice_are_tried_once(tmp_path):
    study = Study(tmp_path)
    study.plan([{"seed": "1"}, {"seed": "1"}])
    assert len(study.trials()) == 1


def test_again_plans_the_same_settings_under_a_new_number(grid):
    for _ in POINTS:
        grid.tell(grid.next(0, "me").number, "failed", reason="bad luck")
    grid.again(2)
    last = grid.next(0, "me")
    assert (last.number, last.settings, last.state) == (6, POINTS[2], "running")
    assert grid.trials()[2].state == "failed"


def test_what_a_sampler_asked_for_may_be_planned_again_and_goes_first(tmp_path):
    study = search(tmp_path)
    first = study.next(10, "me")
    study.tell(first.number, "failed", reason="bad luck")
    study.again(first.number)
    assert study.next(10, "me").settings == first.settings
    finish_some(study, 5)  # and the sampler goes on, though it does not know those settings


# several processes

TAKE = """
study = Study(folder)
while (trial := study.next(0, sys.argv[2])) is not None:
    print(trial.number)
    study.tell(trial.number, "finished", float(trial.number))
"""


def test_no_trial_is_given_to_two_processes(tmp_path):
    study = Study(tmp_path)
    study.plan([{"seed": str(seed)} for seed in range(24)])
    children = [process(TAKE, tmp_path, f"worker{i}") for i in range(3)]
    given = [[int(line) for line in output(child).split()] for child in children]
    assert sorted(itertools.chain(*given)) == list(range(24))
    trials = study.trials()
    assert [trial.state for trial in trials] == ["finished"] * 24
    assert [trial.value for trial in trials] == [float(i) for i in range(24)]
    for i, numbers in enumerate(given):
        assert {trials[number].worker for number in numbers} <= {f"worker{i}"}


SEARCH = """
study = Study(folder, axes=AXES, sampler="tpe", startup=3, seed=5)
while (trial := study.next(12, sys.argv[2])) is not None:
    print(trial.number, flush=True)
    study.tell(trial.number, "finished", float(trial.settings["optim.lr"]))
"""


def test_a_search_asked_by_several_processes_has_as_many_trials_as_it_should(tmp_path):
    children = [process(SEARCH, tmp_path, f"worker{i}") for i in range(3)]
    given = sorted(int(line) for child in children for line in output(child).split())
    assert given == list(range(12))
    trials = search(tmp_path).trials()
    assert len({str(trial.settings) for trial in trials}) == 12
    assert all(set(trial.settings) == {axis.key for axis in AXES} for trial in trials)


ONE = """
study = Study(folder, axes=AXES, sampler=sys.argv[2], startup=3, seed=5)
trial = study.next(100, "other")
study.tell(trial.number, "finished", float(trial.settings["optim.lr"]) * 100 + int(trial.settings["model.width"]) / 8
           + int(trial.settings["model.depth"]))
"""


@pytest.mark.parametrize("sampler", ["tpe", "random"])
def test_one_seed_and_history_give_the_same_settings_whichever_process_asks(tmp_path, sampler):
    (tmp_path / "one").mkdir()
    (tmp_path / "many").mkdir()
    alone = finish_some(search(tmp_path / "one", sampler=sampler), 7)
    finish_some(search(tmp_path / "many", sampler=sampler), 3)
    for _ in range(2):
        output(process(ONE, tmp_path / "many", sampler))
    finish_some(search(tmp_path / "many", sampler=sampler), 2)
    assert [trial.settings for trial in search(tmp_path / "many").trials()] == alone
    assert len({str(settings) for settings in alone}) == 7


def test_another_seed_gives_other_settings(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    assert finish_some(search(tmp_path / "a"), 2) != finish_some(search(tmp_path / "b", seed=6), 2)


def test_a_search_ends_at_its_limit_and_what_runs_counts(tmp_path):
    study = search(tmp_path)
    assert [study.next(2, "me").number for _ in range(2)] == [0, 1]
    assert study.next(2, "me") is None
    assert study.next(3, "me").number == 2  # unless it is given more


DIE = """
study = Study(folder)
with study.locked():
    print("locked", flush=True)
    time.sleep(600)
"""


def test_a_process_that_is_killed_while_it_asks_does_not_stop_the_others(tmp_path):
    """Its lock is broken when nobody has touched it for the grace period, which is shortened here."""
    study = Study(tmp_path)
    study.plan(POINTS)
    child = process(DIE, tmp_path)
    assert child.stdout.readline() == "locked\n"
    child.send_signal(signal.SIGKILL)
    child.communicate()
    study._lock.grace_period = 1
    got = []
    thread = threading.Thread(target=lambda: got.append(study.next(0, "me")), daemon=True)
    thread.start()
    thread.join(timeout=5)
    waits_for_ever = thread.is_alive()
    if waits_for_ever:
        os.unlink(tmp_path / "ask.lock")
        thread.join(timeout=5)
    assert not waits_for_ever
    assert got[0].settings == POINTS[0]


def test_waiting_for_another_process_does_not_burn_a_core(tmp_path):
    study = Study(tmp_path)
    child = process(DIE.replace("600", "1.5"), tmp_path)
    assert child.stdout.readline() == "locked\n"
    began, spent = time.monotonic(), time.process_time()
    with study.locked():
        waited, burnt = time.monotonic() - began, time.process_time() - spent
    output(child)
    assert waited > 0.5
    assert burnt < waited / 2


def test_who_takes_the_lock_shows_it(tmp_path):
    """Those who wait break a lock that nobody has touched for the grace period: it must be a dead one's."""
    study = Study(tmp_path)
    os.utime(tmp_path / "ask", (0, 0))
    with study.locked():
        assert (tmp_path / "ask.lock").stat().st_mtime > 0


def test_the_locks_of_a_folder_that_is_named_from_here_lead_somewhere_too(tmp_path, monkeypatch):
    """Optuna waits for ever on a link that dangles."""
    monkeypatch.chdir(tmp_path)
    Path("sweep").mkdir()
    with Study(Path("sweep")).locked():
        assert Path("sweep/ask.lock").exists()


# how trials end


def test_the_first_word_on_a_trial_counts(grid):
    number = grid.next(0, "me").number
    grid.tell(number, "finished", 0.25)
    grid.tell(number, "failed", reason="killed by SIGKILL")
    grid.tell(number, "finished", 0.5)
    trial = grid.trials()[number]
    assert (trial.state, trial.value, trial.reason) == ("finished", 0.25, None)
    assert trial.seconds >= 0


@pytest.mark.parametrize(("state", "reason"), [("pruned", "others were better"), ("failed", "the disk is full")])
def test_a_trial_that_ends_otherwise_has_a_reason_and_no_value(grid, tmp_path, state, reason):
    number = grid.next(0, "me").number
    grid.report(number, 0, 1.5)
    grid.tell(number, state, None, reason)
    for study in (grid, Study(tmp_path)):
        trial = study.trials()[number]
        assert (trial.state, trial.value, trial.reason, trial.curve) == (state, None, reason, [(0, 1.5)])


@pytest.mark.parametrize("value", [float("inf"), -float("inf"), 1e308])
def test_however_large_a_value_is_a_value(grid, value):
    grid.tell(grid.next(0, "me").number, "finished", value)
    assert grid.trials()[0].value == value


@pytest.mark.parametrize("value", [float("nan"), None])
def test_a_trial_whose_value_is_no_number_has_failed_and_says_so(grid, value):
    """As of a run that diverged: its sweep goes on."""
    grid.tell(grid.next(0, "me").number, "finished", value)
    trial = grid.trials()[0]
    assert (trial.state, trial.value) == ("failed", None)
    assert trial.reason
    assert grid.next(0, "me").settings == POINTS[1]


def test_a_dead_workers_trial_is_taken_over_once(grid, tmp_path):
    number = grid.next(0, "dead").number
    other = Study(tmp_path)
    assert grid.take_over(number, "me", "dead")
    assert not other.take_over(number, "you", "dead")
    assert not other.take_over(number, "you", None)
    assert grid.trials()[number].worker == "me"
    assert other.take_over(number, "you", "me")  # who knows that I died, too


def test_a_trial_that_ended_or_waits_is_not_taken_over(grid):
    number = grid.next(0, "dead").number
    grid.tell(number, "finished", 1.0)
    assert not grid.take_over(number, "me", "dead")
    assert not grid.take_over(number + 1, "me", None)


def test_the_curve_of_a_trial_is_kept_and_one_told_twice_is_as_it_was_first(grid):
    number = grid.next(0, "me").number
    for step, value in ((1, 0.5), (0, 0.9), (1, 7.0)):
        assert not grid.report(number, step, value)  # no pruner, no pruning
    assert grid.trials()[number].curve == [(0, 0.9), (1, 0.5)]


def good_trials(study, count, epochs):
    """So many trials that finish with the same good score in each epoch; none is told to end."""
    for _ in range(count):
        number = study.next(0, "me").number
        assert not any(study.report(number, step, 0.1) for step in range(epochs))
        study.tell(number, "finished", 0.1)


@pytest.mark.parametrize("pruner", ["median", "hyperband"])
def test_poor_trials_are_told_to_end_and_one_that_ended_is_not(tmp_path, pruner):
    study = Study(tmp_path, pruner=pruner, startup=3)
    study.plan([{"seed": str(seed)} for seed in range(24)])
    good_trials(study, 16, 9)
    ended = []
    for _ in range(8):  # hyperband lets some go on: which is decided by their number
        poor = study.next(0, "me").number
        if any(study.report(poor, step, 99.0) for step in range(9)):
            study.tell(poor, "pruned", reason="poor")
            ended.append(poor)
    assert ended
    assert not study.report(ended[0], 9, 99.0)
    assert study.trials()[ended[0]].curve[-1][0] < 9


@pytest.mark.parametrize("pruner", ["median", "hyperband"])
def test_none_is_ended_in_its_first_epochs(tmp_path, pruner):
    study = Study(tmp_path, pruner=pruner, startup=3, warmup=5)
    study.plan([{"seed": str(seed)} for seed in range(16)])
    good_trials(study, 8, 20)
    ends = []
    for _ in range(8):
        poor = study.next(0, "me").number
        ends += [next((step for step in range(20) if study.report(poor, step, 99.0)), None)]
        study.tell(poor, "pruned", reason="poor")
    ended = [step for step in ends if step is not None]
    assert ended
    assert min(ended) >= 5


def test_a_score_that_should_grow_is_poor_where_it_is_small(tmp_path):
    study = Study(tmp_path, mode="max", pruner="median", startup=2)
    study.plan([{"seed": str(seed)} for seed in range(4)])
    for _ in range(2):
        number = study.next(0, "me").number
        study.report(number, 0, 0.5)
        study.tell(number, "finished", 0.5)
    assert not study.report(study.next(0, "me").number, 0, 0.9)
    assert study.report(study.next(0, "me").number, 0, 0.1)


# the file


def test_a_line_that_was_torn_off_is_taken_away_and_nothing_else(grid, tmp_path):
    grid.tell(grid.next(0, "me").number, "finished", 0.5)
    whole = (tmp_path / FILE).read_bytes()
    (tmp_path / FILE).write_bytes(whole + b'{"op_code": 4, "worker_id": "abc')
    again = Study(tmp_path)
    assert (tmp_path / FILE).read_bytes().startswith(whole)
    assert b'"abc' not in (tmp_path / FILE).read_bytes()
    assert again.trials()[0].value == 0.5
    assert again.next(0, "me").settings == POINTS[1]


def test_a_first_line_that_was_torn_off_leaves_an_empty_study(tmp_path):
    (tmp_path / FILE).write_bytes(b'{"op_code": 0')
    assert Study(tmp_path).trials() == []


def test_a_line_that_somebody_is_writing_is_left_to_them(grid, tmp_path):
    """Who holds the journal's lock has written half of a line, and goes on with the other half."""
    from optuna.storages.journal import JournalFileSymlinkLock

    from starbolt.trials.study import _mend

    grid.tell(grid.next(0, "me").number, "finished", 0.5)
    whole = (tmp_path / FILE).read_bytes()
    start = whole.rstrip(b"\n").rfind(b"\n") + 1 + 7
    lock = JournalFileSymlinkLock(str(tmp_path / FILE))
    lock.acquire()
    (tmp_path / FILE).write_bytes(whole[:start])
    thread = threading.Thread(target=_mend, args=(tmp_path / FILE, JournalFileSymlinkLock(str(tmp_path / FILE))))
    thread.start()
    time.sleep(0.3)
    assert (tmp_path / FILE).read_bytes() == whole[:start]
    with (tmp_path / FILE).open("ab") as file:
        file.write(whole[start:])
    lock.release()
    thread.join(timeout=5)
    assert (tmp_path / FILE).read_bytes() == whole
    assert Study(tmp_path).trials()[0].value == 0.5


def test_a_whole_journal_is_opened_without_its_lock(grid, tmp_path):
    """A sweep may be at work: it is not to be waited for."""
    from starbolt.trials.study import _mend

    class Never:
        def acquire(self) -> None:
            raise AssertionError

    _mend(tmp_path / FILE, Never())
    _mend(tmp_path / "nothing", Never())


def test_a_study_keeps_its_direction_and_is_read_without_its_axes(tmp_path):
    finish_some(search(tmp_path, mode="max"), 2)
    assert [trial.state for trial in Study(tmp_path, mode="max").trials()] == ["finished"] * 2


# axes


def test_what_is_drawn_is_written_as_hydra_reads_it(tmp_path):
    axes = (
        Axis("a", "range", ("0.1", "0.2", "0.30000000000000004")),
        Axis("b", "choice", ("'x,y'", "[1,2]", "null")),
        Axis("c", "interval", low=4, high=64, integer=True, log=True),
        Axis("d", "interval", low=0.0, high=1.0),
    )
    study = Study(tmp_path, axes=axes, sampler="random")
    for _ in range(30):
        settings = study.next(100, "me").settings
        assert settings["a"] in axes[0].values
        assert settings["b"] in axes[1].values
        assert 4 <= int(settings["c"]) <= 64
        assert 0 <= float(settings["d"]) <= 1
    assert len({trial.settings["a"] for trial in study.trials()}) == 3
    assert search_again(tmp_path, axes) == [trial.settings for trial in study.trials()]


def search_again(folder: Path, axes: tuple[Axis, ...]) -> list[dict[str, str]]:
    return [trial.settings for trial in Study(folder, axes=axes, sampler="random").trials()]


def test_an_axis_tells_its_values_or_its_ends():
    assert Axis("a", "choice", ("x", "y")).to_dict() == {"kind": "choice", "values": ["x", "y"]}
    told = Axis("a", "interval", low=1e-4, high=1.0, log=True).to_dict()
    assert told == {"kind": "interval", "low": 1e-4, "high": 1.0, "log": True, "integer": False}


# importance


def test_what_moves_the_value_is_important_and_what_does_not_is_not(tmp_path):
    axes = (Axis("optim.lr", "choice", ("0.1", "0.01", "0.001")), Axis("seed", "choice", ("0", "1", "2")))
    study = Study(tmp_path, axes=axes)
    study.plan([{"optim.lr": lr, "seed": seed} for lr in axes[0].values for seed in axes[1].values])
    for _ in range(9):
        trial = study.next(0, "me")
        study.tell(trial.number, "finished", float(trial.settings["optim.lr"]))
    importance = study.importance()
    assert importance["optim.lr"] > 0.9 > importance["seed"]


def test_what_moves_the_value_a_hundred_times_as_much_is_the_more_important(tmp_path):
    """However the best tenth of the trials happen to differ: adam is better than sgd by 1, a seed by 0.01."""
    axes = (Axis("optim", "choice", ("sgd", "adam")), Axis("seed", "choice", tuple(map(str, range(10)))))
    study = Study(tmp_path, axes=axes, mode="max")
    study.plan([{"optim": name, "seed": str(seed)} for name in ("sgd", "adam") for seed in range(10)])
    for _ in range(20):
        trial = study.next(0, "me")
        study.tell(trial.number, "finished", (trial.settings["optim"] == "adam") + 0.001 * int(trial.settings["seed"]))
    importance = study.importance()
    assert importance["optim"] > importance["seed"]


@pytest.mark.parametrize("values", [[], [1.0, 2.0, 3.0], [1.0] * 6])
def test_too_few_trials_or_equal_ones_tell_nothing(grid, tmp_path, values):
    axes = (Axis("optim", "choice", ("sgd", "adam")), Axis("seed", "choice", ("0", "1", "2")))
    study = Study(tmp_path, axes=axes)
    for value in values:
        study.tell(study.next(0, "me").number, "finished", value)
    assert study.importance() is None


def test_settings_that_do_not_vary_have_no_importance(tmp_path):
    study = Study(tmp_path, axes=(Axis("optim", "choice", ("sgd",)), Axis("seed", "choice", ("0", "1", "2", "3", "4"))))
    study.plan([{"optim": "sgd", "seed": str(seed)} for seed in range(5)])
    for i in range(5):
        study.tell(study.next(0, "me").number, "finished", float(i))
    assert set(study.importance()) == {"seed"}
