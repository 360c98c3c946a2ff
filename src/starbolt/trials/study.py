"""One journal file per study: what a sweep has tried, tries and will try. The only importer of Optuna, and a late one.

Every process of a sweep, on whichever machine, appends to the same file (Optuna's journal, which locks by links and so
works on network disks too). The settings of a trial are kept as the texts that Hydra reads.
"""

from __future__ import annotations

import logging
import math
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

FILE, NAME = "study.journal", "sweep"
CHUNK = 100  # trials planned under one lock, which others would break if it were held for long
SAMPLERS, PRUNERS = ("tpe", "random", "grid"), ("median", "hyperband")
OVER = ("finished", "pruned", "failed")
STATES = {"COMPLETE": "finished", "PRUNED": "pruned", "FAIL": "failed", "RUNNING": "running", "WAITING": "waiting"}


@dataclass(frozen=True)
class Axis:
    """What one setting may be: `values`, texts in order, or a number from `low` to `high`, of which none is listed."""

    key: str
    kind: str  # choice, range or interval
    values: tuple[str, ...] = ()
    low: float = 0.0
    high: float = 0.0
    log: bool = False
    integer: bool = False

    def text(self, drawn: Any) -> str:
        """What Hydra reads, of what a sampler drew: the number of one of a range's values, else the value itself."""
        return self.values[drawn] if self.kind == "range" else str(drawn)

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for sweep.json."""
        numbers = {"low": self.low, "high": self.high, "log": self.log, "integer": self.integer}
        return {"kind": self.kind, **(numbers if self.kind == "interval" else {"values": list(self.values)})}


class Trial(NamedTuple):
    """A trial as the journal has it: state is one of STATES' values; settings are texts by key."""

    number: int
    state: str
    settings: dict[str, str]
    value: float | None
    reason: str | None
    worker: str | None
    curve: list[tuple[int, float]]
    seconds: float | None
    again: int | None = None  # number of the failed trial that it is tried for again


class Study:
    """The journal of a sweep's folder; created where there is none.

    axes: what is searched, where a sampler draws. mode: "min" or "max". sampler, pruner: see SAMPLERS, PRUNERS.
    startup: trials at random before a sampler learns. warmup: epochs before a pruner ends a trial.
    With one seed and the same trials before it, a trial is always given the same settings.
    """

    def __init__(
        self,
        folder: Path,
        *,
        axes: Sequence[Axis] = (),
        mode: str = "min",
        sampler: str = "grid",
        pruner: str | None = None,
        seed: int = 0,
        startup: int = 10,
        warmup: int = 0,
    ) -> None:
        folder = folder.absolute()
        self.axes, self.sampler, self.seed, self.startup = {axis.key: axis for axis in axes}, sampler, seed, startup
        with _quiet() as optuna:
            journal = optuna.storages.journal
            self._ask = folder / "ask"
            self._ask.touch()  # the lock is a link to it; Optuna waits for ever on one that leads nowhere
            self._lock = journal.JournalFileSymlinkLock(str(folder / "ask"))
            _mend(folder / FILE, journal.JournalFileSymlinkLock(str(folder / FILE)))
            storage = optuna.storages.JournalStorage(journal.JournalFileBackend(str(folder / FILE)))
            self._study = optuna.create_study(
                storage=storage,
                study_name=NAME,
                direction={"min": "minimize", "max": "maximize"}[mode],
                pruner=_pruner(optuna, pruner, startup, warmup),
                load_if_exists=True,
            )

    def trials(self) -> list[Trial]:
        """All trials, by number."""
        with _quiet():
            return [self._told(frozen) for frozen in self._study.get_trials(deepcopy=False)]

    def standing(self) -> list[Trial]:
        """All trials but the failed ones that are tried again."""
        trials = self.trials()
        again = {trial.again for trial in trials}
        return [trial for trial in trials if trial.number not in again]

    def plan(self, points: Sequence[Mapping[str, str]]) -> None:
        """Add the settings that were neither tried nor planned before, to be tried in this order."""
        for start in range(0, len(points), CHUNK):
            self._plan(points[start : start + CHUNK])

    def _plan(self, points: Sequence[Mapping[str, str]]) -> None:
        with self.locked(), _quiet():
            known = [trial.settings for trial in self.trials()]
            for point in map(dict, points):
                if point not in known:
                    known.append(point)
                    self._study.enqueue_trial({}, user_attrs={"settings": point})

    def next(self, limit: int, worker: str) -> Trial | None:
        """The next trial, now running: of those planned, else one that the sampler asks for; None where `limit` are.

        Several processes may ask at the same time: none is given another's.
        """
        with self.locked():
            trials = self.trials()
            planned = any(trial.state == "waiting" for trial in trials)
            if not planned and (self.sampler == "grid" or len(self.standing()) >= limit):
                return None
            with _quiet() as optuna:
                self._study.sampler = self._sampler(optuna, len(trials))
                drawn = {} if planned else {key: _distribution(optuna, axis) for key, axis in self.axes.items()}
                asked = self._study.ask(drawn)
                asked.set_user_attr("worker", worker)
                return self._told(self._study.get_trials(deepcopy=False)[asked.number])

    def take_over(self, number: int, worker: str, before: str | None) -> bool:
        """Make a running trial one's own whose worker died; False where another one was quicker."""
        with self.locked():
            trial = self.trials()[number]
            if trial.state != "running" or trial.worker != before:
                return False
            self._set(number, "worker", worker)
            return True

    def again(self, number: int) -> None:
        """Plan a failed trial's settings once more."""
        with self.locked(), _quiet():
            self._study.enqueue_trial({}, user_attrs={"settings": self.trials()[number].settings, "again": number})

    def report(self, number: int, step: int, value: float) -> bool:
        """Tell the objective of a step of a running trial; whether it does so poorly that it should end."""
        if self.trials()[number].state != "running":  # its run is continued by hand, after its end
            return False
        with _quiet() as optuna:
            trial = optuna.trial.Trial(self._study, self._identity(number))
            trial.report(value, step)
            return trial.should_prune()

    def tell(self, number: int, state: str, value: float | None = None, reason: str | None = None) -> None:
        """How a trial ended: "finished" with its value, "pruned" or "failed" with a reason. The first word counts."""
        with self.locked(), _quiet() as optuna:
            if self.trials()[number].state in OVER:
                return
            if state == "finished" and (value is None or math.isnan(value)):
                state, reason = "failed", f"its value is {value}"
            if reason:
                self._set(number, "reason", reason)
            states = {told: optuna.trial.TrialState[name] for name, told in STATES.items()}
            given = value if state == "finished" else None
            self._study.tell(number, given, state=states[state])

    def importance(self) -> dict[str, float] | None:
        """Share of each setting in how the values differ (fANOVA, Hutter et al. 2014, ICML); None of too few trials."""
        done = [trial for trial in self.trials() if trial.state == "finished"]
        varied = [key for key in self.axes if len({trial.settings.get(key) for trial in done}) > 1]
        if len(done) < 4 or len({trial.value for trial in done}) < 2 or not varied:
            return None
        with _quiet() as optuna:
            copy = optuna.create_study(direction=self._study.direction.name.lower())
            values = {key: sorted({trial.settings[key] for trial in done}) for key in varied}
            distributions = {key: _of_texts(optuna, texts) for key, texts in values.items()}
            for trial in done:
                params = {key: _number(trial.settings[key], distributions[key]) for key in varied}
                frozen = optuna.trial.create_trial(params=params, distributions=distributions, value=trial.value)
                copy.add_trial(frozen)
            evaluator = optuna.importance.FanovaImportanceEvaluator(seed=0)
            return optuna.importance.get_param_importances(copy, evaluator=evaluator)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """One process at a time, on whichever machine."""
        if getattr(self, "_inside", False):
            yield
            return
        with _quiet():
            self._lock.acquire()
            self._ask.touch()  # a sign of life: else those who wait take the lock for one of the dead
        self._inside = True
        try:
            yield
        finally:
            self._inside = False
            self._lock.release()

    def _told(self, frozen: Any) -> Trial:
        attributes, state = frozen.user_attrs, STATES[frozen.state.name]
        drawn = {key: self.axes[key].text(value) for key, value in frozen.params.items() if key in self.axes}
        return Trial(
            frozen.number,
            state,
            attributes.get("settings", drawn),
            frozen.value if state == "finished" else None,
            attributes.get("reason"),
            attributes.get("worker"),
            sorted(frozen.intermediate_values.items()),
            frozen.duration.total_seconds() if frozen.duration else None,
            attributes.get("again"),
        )

    def _sampler(self, optuna: Any, trials: int) -> Any:
        """Seeded anew for each trial: what it asks for depends on the trials before, not on when a process began."""
        seed = self.seed * 100_003 + trials
        if self.sampler == "tpe":
            return optuna.samplers.TPESampler(seed=seed, n_startup_trials=self.startup)
        return optuna.samplers.RandomSampler(seed=seed)

    def _identity(self, number: int) -> int:
        return self._study._storage.get_trial_id_from_study_id_trial_number(self._study._study_id, number)

    def _set(self, number: int, name: str, value: Any) -> None:
        self._study._storage.set_trial_user_attr(self._identity(number), name, value)


@contextmanager
def _quiet() -> Iterator[Any]:
    """Optuna without its log and its warnings of what is experimental or reported twice."""
    import optuna

    optuna.logging.set_verbosity(logging.ERROR)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield optuna


def _mend(journal: Path, lock: Any) -> None:
    """Take off half a line that a full disk or a dead machine left at the end: Optuna would read no more."""
    if not journal.is_file() or journal.read_bytes()[-1:] in (b"", b"\n"):
        return
    lock.acquire()  # the journal's own: somebody may be writing this line now
    try:
        content = journal.read_bytes()
        with journal.open("rb+") as file:
            file.truncate(content.rfind(b"\n") + 1)
    finally:
        lock.release()


def _pruner(optuna: Any, name: str | None, startup: int, warmup: int) -> Any:
    if name == "median":
        return optuna.pruners.MedianPruner(n_startup_trials=min(startup, 5), n_warmup_steps=warmup)
    if name == "hyperband":
        return optuna.pruners.HyperbandPruner(min_resource=max(warmup, 1))
    return optuna.pruners.NopPruner()


def _distribution(optuna: Any, axis: Axis) -> Any:
    if axis.kind == "choice":
        return optuna.distributions.CategoricalDistribution(axis.values)
    if axis.kind == "range":
        return optuna.distributions.IntDistribution(0, len(axis.values) - 1)
    if axis.integer:
        return optuna.distributions.IntDistribution(int(axis.low), int(axis.high), log=axis.log)
    return optuna.distributions.FloatDistribution(axis.low, axis.high, log=axis.log)


def _of_texts(optuna: Any, texts: Sequence[str]) -> Any:
    """A distribution that holds these texts, as numbers where all of them are."""
    try:
        numbers = [float(text) for text in texts]
    except ValueError:
        return optuna.distributions.CategoricalDistribution(tuple(texts))
    return optuna.distributions.FloatDistribution(min(numbers), max(numbers), log=min(numbers) > 0)


def _number(text: str, distribution: Any) -> float | str:
    return text if hasattr(distribution, "choices") else float(text)
