"""drive: whatever happens to trials, launchers and other sweeps, every trial ends once and is told."""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path

import pytest

from starbolt.aside import write_json
from starbolt.endurance import lease
from starbolt.sweep import drive
from starbolt.sweep.drive import Drive
from starbolt.trials.study import Axis, Study, Trial
from starbolt.trials.trial import STATE, End, assign

Behave = Callable[["Job"], None]


class Job:
    """What a trial does is said by the test: it may write its end, and end or not."""

    def __init__(self, folder: Path, behave: Behave | None) -> None:
        self.folder, self.how, self.heard = folder, None, []
        if behave:
            behave(self)

    def ended(self) -> str | None:
        return self.how

    def stop(self) -> None:
        self.heard.append("stop")

    def end(self) -> None:
        self.heard.append("end")
        self.how = "killed by SIGKILL"


def finishes(job: Job) -> None:
    says(job, End("finished", float(job.folder.name[1:])))
    job.how = "left with status 0"


def dies(job: Job) -> None:
    job.how = "killed by SIGSEGV"


def hangs(job: Job) -> None:
    """It goes on for ever."""


def says(job: Job, end: End) -> None:
    write_json(job.folder / STATE, {**end._asdict(), "seconds": 1.0, "when": 0.0})


class Launcher:
    """Starts jobs that behave as the test says, by the number of their trial; finishes where it says nothing."""

    def __init__(self, parallel: int = 1, ahead: bool = False, **behave: Behave) -> None:
        self.parallel, self.ahead, self.behave = parallel, ahead, behave
        self.started: list[list[str]] = []
        self.jobs: dict[str, Job] = {}
        self.living: dict[str, Job] = {}
        self.most = 0

    def start(self, folders: Sequence[Path]) -> list[Job]:
        self.started.append([folder.name for folder in folders])
        jobs = [Job(folder, self.behave.get(folder.name, finishes)) for folder in folders]
        self.jobs |= {job.folder.name: job for job in jobs}
        self.most = max(self.most, sum(job.how is None for job in self.jobs.values()))
        return jobs

    def alive(self, folder: Path) -> str | None:
        return "a job" if folder.name in self.living else None

    def adopt(self, folder: Path) -> Job:
        return self.living[folder.name]


class Sweep:
    """A study of grid trials in a folder, and all that its drive told."""

    def __init__(self, folder: Path, trials: int) -> None:
        self.folder, self.told = folder, []
        self.study = Study(folder)
        self.study.plan([{"seed": str(seed)} for seed in range(trials)])

    def place(self, trial: Trial) -> Path:
        return self.folder / f"t{trial.number}"

    def prepare(self, trial: Trial) -> Path:
        self.place(trial).mkdir(exist_ok=True)
        assign(self.place(trial), trial.number, "val/loss", "min", None, 10)
        return self.place(trial)

    def drive(self, launcher: Launcher, *, timeout: float | None = None, limit: int = 0, prepare=None) -> Drive:
        return Drive(
            self.study, launcher, prepare=prepare or self.prepare, place=self.place, home=self.folder, limit=limit,
            timeout=timeout, tell=lambda trial, end: self.told.append((trial.number, end)),
        )  # fmt: skip

    def states(self) -> list[str]:
        return [trial.state for trial in self.study.trials()]

    def reasons(self) -> list[str | None]:
        return [trial.reason for trial in self.study.trials()]


@pytest.fixture(autouse=True)
def _quick(monkeypatch):
    monkeypatch.setattr(drive, "LOOK", 0.01)
    monkeypatch.setattr(drive, "SCAN", 0.05)
    monkeypatch.setattr(drive, "LAST_WORDS", 0.05)
    monkeypatch.setattr(drive.gc, "collect", lambda: 0)  # of all that the tests have imported: a tenth of a second


@pytest.fixture
def sweep(tmp_path):
    return lambda trials: Sweep(tmp_path, trials)


def after(seconds: float, then: Behave) -> Behave:
    def later(job: Job) -> None:
        timer = threading.Timer(seconds, then, [job])
        timer.daemon = True
        timer.start()

    return later


def test_one_at_a_time_trials_run_in_order(sweep):
    some, launcher = sweep(4), Launcher()
    some.drive(launcher).run()
    assert launcher.started == [["t0"], ["t1"], ["t2"], ["t3"]]
    assert some.states() == ["finished"] * 4
    assert some.told == [(i, End("finished", float(i))) for i in range(4)]
    assert [trial.value for trial in some.study.trials()] == [0.0, 1.0, 2.0, 3.0]


def test_no_more_run_at_a_time_than_may(sweep):
    some, launcher = sweep(7), Launcher(parallel=3)
    launcher.behave = {f"t{i}": after(0.05 + 0.02 * (i % 3), finishes) for i in range(7)}
    some.drive(launcher).run()
    assert launcher.most == 3
    assert launcher.started[0] == ["t0", "t1", "t2"]
    assert some.states() == ["finished"] * 7


def test_a_launcher_with_a_queue_gets_a_whole_grid_at_once(sweep):
    some, launcher = sweep(5), Launcher(parallel=2, ahead=True)
    some.drive(launcher).run()
    assert launcher.started == [["t0", "t1", "t2", "t3", "t4"]]
    assert some.states() == ["finished"] * 5


def test_a_search_is_asked_for_no_more_than_run_at_a_time(sweep, tmp_path):
    some, launcher = sweep(0), Launcher(parallel=2, ahead=True)
    some.study = Study(tmp_path, axes=(Axis("a", "choice", ("x", "y")),), sampler="random")
    some.drive(launcher, limit=5).run()
    assert len(some.states()) == 5
    assert max(map(len, launcher.started)) == 2


def test_a_sweep_of_nothing_is_over_and_leaves_nothing_behind(sweep, tmp_path):
    some = sweep(0)
    some.drive(Launcher()).run()
    assert not (tmp_path / ".workers").exists()


def test_a_job_that_dies_without_words_has_failed_and_the_others_go_on(sweep):
    some = sweep(3)
    some.drive(Launcher(t1=dies)).run()
    assert some.states() == ["finished", "failed", "finished"]
    assert some.reasons()[1] == "killed by SIGSEGV"
    assert some.told[1] == (1, End("failed", reason="killed by SIGSEGV"))


def test_last_words_that_come_late_are_waited_for(sweep, monkeypatch):
    monkeypatch.setattr(drive, "LAST_WORDS", 5.0)
    some = sweep(1)

    def late(job: Job) -> None:
        dies(job)
        after(0.1, lambda job: says(job, End("failed", reason="a bug of one's own")))(job)

    some.drive(Launcher(t0=late)).run()
    assert some.reasons() == ["a bug of one's own"]


def test_what_a_trial_says_of_itself_counts_and_not_its_launcher(sweep):
    some = sweep(3)

    def said(end: End) -> Behave:
        return lambda job: (says(job, end), dies(job))

    ends = [End("finished", 0.5), End("pruned", reason="poor"), End("failed", reason="no column z")]
    some.drive(Launcher(**{f"t{i}": said(end) for i, end in enumerate(ends)})).run()
    assert some.states() == ["finished", "pruned", "failed"]
    assert some.reasons() == [None, "poor", "no column z"]
    assert some.told == list(enumerate(ends))


def test_a_trial_that_was_stopped_by_another_is_failed_with_both_reasons(sweep):
    some = sweep(1)

    def stopped(job: Job) -> None:
        says(job, End("stopped", reason="stopped by SIGTERM"))
        job.how = "left with status 75"

    some.drive(Launcher(t0=stopped)).run()
    assert some.reasons() == ["left with status 75 (stopped by SIGTERM)"]


def test_a_trial_that_takes_too_long_is_ended_and_the_others_go_on(sweep):
    some, launcher = sweep(3), Launcher(t1=hangs)
    some.drive(launcher, timeout=0.3).run()
    assert launcher.jobs["t1"].heard == ["end"]
    assert some.states() == ["finished", "failed", "finished"]
    assert some.reasons()[1] == "took longer than sweep.timeout=0.005 minutes"


def test_a_trial_that_finishes_while_it_is_ended_has_finished(sweep, monkeypatch):
    some, launcher = sweep(1), Launcher(t0=hangs)
    monkeypatch.setattr(Job, "end", finishes)
    some.drive(launcher, timeout=0.1).run()
    assert some.states() == ["finished"]


def test_the_time_in_a_queue_does_not_count(sweep):
    """It begins once somebody executes the folder."""
    some, launcher = sweep(1), Launcher(ahead=True, t0=after(0.5, finishes))
    some.drive(launcher, timeout=0.2).run()
    assert some.states() == ["finished"]
    assert launcher.jobs["t0"].heard == []


def test_the_time_after_the_queue_does(sweep, tmp_path):
    some = sweep(1)
    with ExitStack() as stack:
        launcher = Launcher(ahead=True, t0=lambda job: stack.enter_context(lease.held(job.folder)))
        some.drive(launcher, timeout=0.2).run()
    assert some.states() == ["failed"]
    assert "sweep.timeout" in some.reasons()[0]


def test_settings_that_cannot_be_composed_are_a_failed_trial(sweep):
    some, launcher = sweep(3), Launcher(parallel=3)

    def prepare(trial: Trial) -> Path:
        if trial.number == 1:
            raise ValueError("seed=x is no whole number\nand more")
        return some.prepare(trial)

    some.drive(launcher, prepare=prepare).run()
    assert launcher.started == [["t0", "t2"]]
    assert some.states() == ["finished", "failed", "finished"]
    assert some.reasons()[1] == "seed=x is no whole number"


def test_a_trial_whose_value_is_no_number_does_not_stop_the_sweep(sweep):
    some = sweep(3)

    def diverges(job: Job) -> None:
        says(job, End("finished", float("nan")))
        job.how = "left with status 0"

    some.drive(Launcher(t1=diverges)).run()
    assert some.states() == ["finished", "failed", "finished"]


# what an earlier sweep left


def left_running(some: Sweep, worker: str | None = "elsewhere_1") -> Trial:
    trial = some.study.next(0, worker)
    some.prepare(trial)
    return trial


def test_a_trial_that_ended_unseen_is_settled_and_not_run_again(sweep):
    some, launcher = sweep(3), Launcher()
    says(Job(some.place(left_running(some)), None), End("finished", 0.125))
    says(Job(some.place(left_running(some)), None), End("failed", reason="no column z"))
    some.drive(launcher).run()
    assert launcher.started == [["t2"]]
    assert some.states() == ["finished", "failed", "finished"]
    assert some.study.trials()[0].value == 0.125
    assert sorted(number for number, _ in some.told) == [0, 1, 2]


@pytest.mark.parametrize("said", [None, End("stopped", reason="stopped by SIGINT")])
def test_a_dead_workers_trial_goes_on(sweep, said):
    some, launcher = sweep(2), Launcher()
    folder = some.place(left_running(some))
    if said:
        says(Job(folder, None), said)
    some.drive(launcher).run()
    assert launcher.started == [["t0"], ["t1"]]
    assert some.states() == ["finished", "finished"]
    assert {trial.worker for trial in some.study.trials()} == {f"{socket.gethostname()}_{os.getpid()}"}


def test_dead_workers_trials_go_on_no_more_at_a_time_than_may(sweep):
    some, launcher = sweep(4), Launcher(parallel=2)
    for _ in range(4):
        left_running(some)
    launcher.behave = {f"t{i}": after(0.1, finishes) for i in range(4)}
    some.drive(launcher).run()
    assert launcher.most == 2
    assert some.states() == ["finished"] * 4


def test_the_trial_of_a_worker_that_lives_is_left_to_it_and_waited_for(sweep, tmp_path):
    some, launcher = sweep(2), Launcher()
    trial = left_running(some, "elsewhere_1")
    worker = tmp_path / ".workers" / "elsewhere_1"
    worker.mkdir(parents=True)
    (worker / lease.ALIVE).write_text("elsewhere 1")
    threading.Timer(0.4, some.study.tell, [trial.number, "finished", 7.0]).start()
    began = time.monotonic()
    some.drive(launcher).run()
    assert time.monotonic() - began > 0.3
    assert launcher.started == [["t1"]]
    assert [trial.value for trial in some.study.trials()] == [7.0, 1.0]


def test_a_worker_that_dies_meanwhile_gives_its_trial_up(sweep, tmp_path):
    some, launcher = sweep(1), Launcher()
    left_running(some, "elsewhere_1")
    worker = tmp_path / ".workers" / "elsewhere_1"
    worker.mkdir(parents=True)
    (worker / lease.ALIVE).write_text("elsewhere 1")
    threading.Timer(0.3, os.utime, [worker / lease.ALIVE, (0, 0)]).start()
    some.drive(launcher).run()
    assert launcher.started == [["t0"]]
    assert some.states() == ["finished"]


def test_a_trial_that_somebody_executes_is_left_alone_though_its_sweep_died(sweep):
    some, launcher = sweep(1), Launcher()
    folder = some.place(left_running(some))
    (folder / lease.ALIVE).write_text("elsewhere 1")

    def ends() -> None:
        says(Job(folder, None), End("finished", 3.0))
        (folder / lease.ALIVE).unlink()

    threading.Timer(0.3, ends).start()
    some.drive(launcher).run()
    assert launcher.started == []
    assert some.study.trials()[0].value == 3.0


def test_a_job_that_still_runs_is_adopted(sweep):
    """Also where there is no room for more."""
    some, launcher = sweep(2), Launcher()
    launcher.living["t0"] = Job(some.place(left_running(some)), after(0.3, finishes))
    some.drive(launcher).run()
    assert launcher.started == [["t1"]]
    assert some.states() == ["finished", "finished"]
    assert some.study.trials()[0].worker == f"{socket.gethostname()}_{os.getpid()}"


def test_an_adopted_job_that_dies_has_failed_with_its_reason(sweep):
    some, launcher = sweep(1), Launcher()
    launcher.living["t0"] = Job(some.place(left_running(some)), after(0.2, dies))
    some.drive(launcher).run()
    assert some.reasons() == ["killed by SIGSEGV"]


def test_dead_workers_are_forgotten_and_living_ones_are_not(sweep, tmp_path):
    some = sweep(1)
    for name in ("dead_1", "elsewhere_1"):
        (tmp_path / ".workers" / name).mkdir(parents=True)
        (tmp_path / ".workers" / name / lease.ALIVE).write_text("elsewhere 1")
    for path in ("dead_1/" + lease.ALIVE, "dead_1"):
        os.utime(tmp_path / ".workers" / path, (0, 0))
    seen = []

    def look(job: Job) -> None:
        seen.extend(sorted(path.name for path in (tmp_path / ".workers").iterdir()))
        finishes(job)

    some.drive(Launcher(t0=look)).run()
    assert seen == sorted(["elsewhere_1", f"{socket.gethostname()}_{os.getpid()}"])


def test_a_sweep_can_be_seen_at_work(sweep, tmp_path):
    some, seen = sweep(1), []
    me = tmp_path / ".workers" / f"{socket.gethostname()}_{os.getpid()}"

    def look(job: Job) -> None:
        seen.append(lease.process_here(me))
        finishes(job)

    some.drive(Launcher(t0=look)).run()
    assert seen == [os.getpid()]


def test_trials_that_slurm_refuses_are_tried_by_the_next_sweep(sweep):
    some, launcher = sweep(2), Launcher()

    def refuse(folders: Sequence[Path]) -> list[Job]:
        raise ValueError("Slurm did not take the jobs (invalid partition)")

    launcher.start = refuse
    with pytest.raises(ValueError, match="invalid partition"):
        some.drive(launcher).run()
    assert some.states() == ["running", "waiting"]
    some.drive(Launcher()).run()
    assert some.states() == ["finished", "finished"]


# an end in good order


def test_stop_asks_all_and_sees_them_end(sweep):
    some, launcher = sweep(3), Launcher(parallel=2, t0=hangs, t1=hangs)
    one = some.drive(launcher)
    one._step()
    one.stop()
    assert [job.heard for job in launcher.jobs.values()] == [["stop", "end"]] * 2
    assert some.states() == ["running", "running", "waiting"]  # to go on with


def test_all_are_asked_before_any_is_waited_for(sweep, monkeypatch):
    order, some = [], sweep(2)
    monkeypatch.setattr(Job, "stop", lambda job: order.append(f"stop {job.folder.name}"))
    monkeypatch.setattr(Job, "end", lambda job: order.append(f"end {job.folder.name}"))
    one = some.drive(Launcher(parallel=2, t0=hangs, t1=hangs))
    one._step()
    one.stop()
    assert order == ["stop t0", "stop t1", "end t0", "end t1"]


def test_jobs_in_a_queue_need_no_sweep_to_go_on(sweep):
    some, launcher = sweep(2), Launcher(ahead=True, t0=hangs, t1=hangs)
    one = some.drive(launcher)
    one._step()
    one.stop()
    assert [job.heard for job in launcher.jobs.values()] == [["stop"]] * 2


# several sweeps


def test_a_failed_trial_that_is_retried_is_not_settled_by_the_end_it_had_before(sweep):
    """Its folder is that of the first time, where another sweep, or this one once it is started again, finds it."""
    some, launcher = sweep(1), Launcher()
    folder = some.place(left_running(some))
    says(Job(folder, None), End("failed", reason="bad luck"))
    some.study.tell(0, "failed", None, "bad luck")
    some.study.again(0)
    assert some.study.next(0, "dead_1").number == 1
    some.place = lambda trial: folder
    some.drive(launcher).run()
    assert launcher.started == [["t0"]]
    assert some.states() == ["failed", "finished"]


def breaks(job: Job) -> None:
    says(job, End("failed", reason="there is no column 'zz'"))
    job.how = "left with status 1"


def test_a_sweep_whose_trials_all_fail_in_the_same_way_gives_up_and_the_others_wait(sweep):
    some = sweep(6)
    with pytest.raises(drive.Hopeless, match=r"first 3 trials failed in the same way \(there is no column 'zz'\)"):
        some.drive(Launcher(**{f"t{i}": breaks for i in range(6)})).run()
    assert some.states() == ["failed"] * 3 + ["waiting"] * 3


def test_trials_that_fail_beside_others_that_do_not_are_no_reason_to_give_up(sweep):
    some = sweep(5)
    some.drive(Launcher(**{f"t{i}": breaks for i in (1, 2, 3, 4)})).run()
    assert some.states() == ["finished"] + ["failed"] * 4


def test_a_trial_that_somebody_executes_by_hand_is_left_to_them(sweep, monkeypatch):
    """Its process could not begin; that is no failure of the trial."""
    some = sweep(1)
    some.study.next(0, "me_1")

    def refused(job: Job) -> None:
        job.how = "left with status 1"

    driven = some.drive(Launcher())
    driven.running[0] = drive.Running(some.study.trials()[0], some.prepare(some.study.trials()[0]), Job(
        some.place(some.study.trials()[0]), refused), time.monotonic())  # fmt: skip
    monkeypatch.setattr(drive.lease, "holder", lambda folder: "process 1 on here")
    driven._look(driven.running[0])
    assert some.states() == ["running"]
    assert driven.running == {}
