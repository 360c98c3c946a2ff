"""One sweep from its words to its page: the study, a run folder for each trial, the launcher, the end."""

from __future__ import annotations

import datetime
import shlex
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from starbolt.aside import write_text
from starbolt.compose import UserError, complete, explain, write_config
from starbolt.direction import mode_of
from starbolt.endurance import lease, signals
from starbolt.like import relocated
from starbolt.sweep import files
from starbolt.sweep.best import experiment
from starbolt.sweep.drive import LOOK, Drive, Hopeless
from starbolt.sweep.foreign import Foreign
from starbolt.sweep.plan import Plan
from starbolt.sweep.space import fixed, folder_of, label_of
from starbolt.sweep.told import say_end, say_table
from starbolt.trials.study import OVER, Axis, Study, Trial
from starbolt.trials.trial import End, assign

MOST = 20  # values of an axis that are tried to compose beforehand
OWN = ("sweep", "launcher", "hydra", "name")  # words about how it is done, not about what is done

Compose = Callable[[list[str]], Any]


class Sweep:
    """compose: override words -> configuration. config: that of the words that do not vary. launcher: Hydra's own."""

    def __init__(self, config: Any, compose: Compose, words: Sequence[str], launcher: Any) -> None:
        self.compose, self.command = compose, f"starbolt train -m {shlex.join(_typed(words))}"
        self.plan: Plan = _made(config.sweep)
        self.axes = self.plan.axes(words)
        typed = [word for word in fixed(words) if _head(word) not in OWN]
        told = any(word.startswith("test=") for word in typed)
        repeats = {axis.key for axis in self.axes} <= files.REPEATS
        self.words = [*typed, *([] if told or repeats else ["test=false"])]
        self.quick = [] if repeats or any(word.startswith("report=") for word in typed) else ["report=false"]
        self.sampled = self.plan.sampler in ("tpe", "random")
        self.folder = self._folder(config)
        self.launcher = Foreign(launcher) if Foreign.meant(config) else _made(config.launcher)

    def run(self) -> None:
        """Until every trial has ended. Exits with status 1 where one failed, 130 or 75 where the sweep was stopped."""
        plan, mode = self.plan, mode_of(self.plan.objective)
        points = plan.points(self.axes)
        self._refuse_wrong_words()
        self.folder.mkdir(parents=True, exist_ok=True)
        self.mode = mode
        files.begin(self.folder, self._about(), self.axes)
        self.study = Study(
            self.folder, axes=self.axes, mode=mode, sampler=plan.sampler, pruner=plan.pruner, seed=plan.seed,
            startup=plan.startup, warmup=plan.warmup,
        )  # fmt: skip
        self.study.plan(points)
        if plan.retry:
            self._retry()
        drive = Drive(
            self.study, self.launcher, prepare=self.prepare, place=self.place, home=self.folder, limit=plan.trials,
            timeout=60 * plan.timeout if plan.timeout else None, tell=self._tell,
        )  # fmt: skip
        self._say_start()
        try:
            with signals.owned():
                drive.run()
                self._finish()
        except Hopeless as error:
            drive.stop()
            raise UserError(str(error)) from error
        except (KeyboardInterrupt, signals.Stopped) as stop:
            signals.deaf()
            drive.stop()
            files.trials_told(self.folder, self.study, self.place, self.label, mode)
            print(f"stopped; the same command goes on, with sweep.name={self.folder.name}", file=sys.stderr)
            sys.exit(getattr(stop, "status", signals.INTERRUPTED))

    def label(self, trial: Trial) -> str:
        """A trial's name: what differs."""
        return label_of(trial.settings, self.sampled)

    def place(self, trial: Trial) -> Path:
        """A trial's folder."""
        return self.folder / folder_of(trial.number, trial.settings, self.sampled)

    def prepare(self, trial: Trial) -> Path:
        """Write the run folder of a trial, where it is not written already; ValueError where its settings are wrong."""
        folder = self.place(trial)
        print(f"trial {trial.number}: {self.label(trial)}", flush=True)
        if (folder / "config.yaml").is_file():
            write_config(relocated(folder))
        else:
            cfg = self._composed([f"{key}={text}" for key, text in trial.settings.items()], folder, self.label(trial))
            write_config(cfg, [*self.words, *(f"{key}={text}" for key, text in trial.settings.items())])
        plan = self.plan
        assign(folder, trial.number, plan.objective, self.mode, plan.pruner, plan.startup, plan.warmup)
        return folder

    def _composed(self, settings: list[str], folder: Path, label: str) -> Any:
        from hydra.errors import HydraException
        from omegaconf import OmegaConf
        from omegaconf.errors import OmegaConfBaseException

        words = [*self.words, *self.quick, *settings]
        try:
            whole = self.compose(words)
            choices = dict(whole.hydra.runtime.choices)
            cfg: Any = OmegaConf.create(OmegaConf.to_container(whole))
            del cfg["hydra"]
            cfg.run, cfg.name = str(folder), label
            complete(cfg, choices)
            OmegaConf.resolve(cfg)
        except (HydraException, OmegaConfBaseException) as error:
            raise ValueError(explain(error, words)) from error
        except UserError as error:
            raise ValueError(str(error)) from error
        return cfg

    def _refuse_wrong_words(self) -> None:
        """Compose each axis' first value, and its words: what is misspelt is told before anything is written."""
        first = {axis.key: axis.values[0] if axis.values else _middle(axis) for axis in self.axes}
        others = [first | {axis.key: text} for axis in self.axes for text in axis.values[1:MOST] if text.isalpha()]
        try:
            for settings in [first, *others]:
                self._composed([f"{key}={text}" for key, text in settings.items()], self.folder / "first", "first")
        except ValueError as error:
            raise UserError(str(error)) from error

    def _folder(self, config: Any) -> Path:
        name = self.plan.name or config.get("name") or datetime.datetime.now().strftime("%Y-%m-%d_%H-%M-%S")
        folder = Path("sweeps").absolute() / str(name)
        if not self.plan.resume and (folder / files.SWEEP).is_file():
            raise UserError(
                f"there is a sweep {folder} already, and sweep.resume=false would not go on with it; "
                "say another sweep.name="
            )
        return folder

    def _about(self) -> dict[str, Any]:
        plan = self.plan
        return {
            "name": self.folder.name,
            "command": self.command,
            "objective": plan.objective,
            "mode": self.mode,
            "sampler": plan.sampler,
            "pruner": plan.pruner,
            "words": self.words,
        }

    def _say_start(self) -> None:
        over = sum(trial.state in OVER for trial in self.study.standing())
        told = f"{over} of its trials have ended" if over else f"to go on with it: sweep.name={self.folder.name}"
        print(f"sweep: {self.folder} ({told})", flush=True)

    def _retry(self) -> None:
        tried = self.study.standing()
        good = [trial.settings for trial in tried if trial.state != "failed"]
        for trial in tried:
            if trial.state == "failed" and trial.settings not in good:
                self.study.again(trial.number)
                good.append(trial.settings)

    def _tell(self, trial: Trial, end: End) -> None:
        say_end(trial.number, end, self.plan.objective, self.place(trial))
        files.trials_told(self.folder, self.study, self.place, self.label, self.mode)

    def _finish(self) -> None:
        told = files.trials_told(self.folder, self.study, self.place, self.label, self.mode, whole=True)
        best = self.study.trials()[told["best"]] if told["best"] is not None else None
        if best:
            words = files.words_of(self.words, best.settings)
            note = f"the best of {len(told['trials'])} trials of the sweep {self.folder.name}, by {self.plan.objective}"
            write_text(self.folder / files.BEST, experiment(words, self.folder.name, note))
        from starbolt.report.sweep import write_sweep

        say_table(told, self.plan.objective)
        page = write_sweep(self.folder)
        if best and self._report(self.place(best)):
            write_sweep(self.folder)  # with a link to it
        print(f"report: {page}")
        print(self.folder)
        failed = sum(trial["state"] == "failed" for trial in told["trials"])
        if failed:
            what = f"{failed} of {len(told['trials'])} trials failed"
            print(f"starbolt: {what}; sweep.retry=true tries them again", file=sys.stderr)
            sys.exit(1)

    def _report(self, folder: Path) -> bool:
        """Have the best trial write the report that it left out; whether it did."""
        if self.quick and not (folder / "report.html").is_file() and lease.holder(folder) is None:
            cfg = relocated(folder)
            cfg.report = True
            write_config(cfg)
            (job,) = self.launcher.start([folder])
            try:
                while job.ended() is None:
                    time.sleep(LOOK)
            except BaseException:
                job.end()
                raise
            return True
        return False


def _made(config: Any) -> Any:
    """The plan or launcher that a part of the configuration is the keyword arguments of."""
    from hydra.utils import get_class
    from omegaconf import OmegaConf

    words: dict[str, Any] = dict(OmegaConf.to_container(config, resolve=True))  # type: ignore[arg-type]
    return get_class(words.pop("_target_"))(**words)


def _typed(words: Sequence[str]) -> list[str]:
    """The words as the user gave them, without those that only Hydra needs."""
    return [word for word in words if _head(word) != "hydra" and word not in ("-m", "--multirun")]


def _head(word: str) -> str:
    return word.lstrip("+~").partition("=")[0].partition(".")[0].partition("/")[0]


def _middle(axis: Axis) -> str:
    value = (axis.low * axis.high) ** 0.5 if axis.log else (axis.low + axis.high) / 2
    return str(int(value) if axis.integer else value)
