"""A run that is a trial of a sweep: it tells the journal how it goes, and writes its end into its folder."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path

from lightning.pytorch import Callback, LightningModule, Trainer

from starbolt.aside import write_json
from starbolt.endurance.signals import Stopped
from starbolt.messages import sentence
from starbolt.trials.study import FILE as JOURNAL
from starbolt.trials.study import Study
from starbolt.trials.trial import FILE, STATE, End

CALIBRATED = {"interval_width", "set_size"}  # scores that only calibrated answers have


class Pruned(Exception):  # noqa: N818 (it is no error)
    """A trial did so much worse than the others that it was ended."""


class Attempt:
    """One execution of a trial's folder; tells: whether this process is the rank that does so."""

    def __init__(self, folder: Path, tells: bool = True) -> None:
        self.folder, self.tells, self.about = folder, tells, json.loads((folder / FILE).read_text())

    @classmethod
    def of(cls, folder: Path, tells: bool = True) -> Attempt | None:
        """The attempt in a run's folder; None of a run that is no trial, or no more: it ended, or left its sweep."""
        if not ((folder / FILE).is_file() and (folder.parent / JOURNAL).is_file()):
            return None
        attempt = cls(folder, tells)
        running = [trial.number for trial in attempt.study.trials() if trial.state == "running"]
        return attempt if attempt.about["number"] in running else None

    @cached_property
    def study(self) -> Study:
        """The journal, in the folder above."""
        about = self.about
        words = {word: about[word] for word in ("mode", "pruner", "startup", "warmup") if word in about}
        return Study(self.folder.parent, **words)

    @contextmanager
    def recorded(self) -> Iterator[None]:
        """However the block ends, it is told; a trial that was pruned ends well."""
        began = time.time()
        if self.tells:
            (self.folder / STATE).unlink(missing_ok=True)
        try:
            yield
        except Pruned as error:
            self._end(End("pruned", reason=str(error)), began)
        except Stopped as stop:
            self._end(End("stopped", reason=str(stop)), began)
            raise
        except KeyboardInterrupt:  # Ctrl-C where nothing was trained yet
            self._end(End("stopped", reason="stopped by SIGINT"), began)
            raise
        except BaseException as error:
            self._end(End("failed", reason=sentence(error).splitlines()[0][:500]), began)
            raise
        else:
            if self.tells:
                self._end(self._scored(), began)

    def poor(self, epoch: int, value: float) -> bool:
        """Tell the objective after an epoch; whether the trial should end here."""
        return self.study.report(self.about["number"], epoch, value) and self.about["pruner"] is not None

    def _scored(self) -> End:
        metrics, objective = json.loads((self.folder / "metrics.json").read_text()), self.about["objective"]
        if objective not in metrics:
            known = ", ".join(name for name in metrics if name.startswith("val/"))
            return End("failed", reason=f"sweep.objective={objective} is the name of no score; there are {known}")
        if math.isnan(metrics[objective]):
            return End("failed", reason=f"its {objective} is {metrics[objective]}")
        return End("finished", metrics[objective])

    def _end(self, end: End, began: float) -> None:
        if not self.tells:
            return
        content = {**end._asdict(), "seconds": round(time.time() - began, 1), "when": time.time()}
        write_json(self.folder / STATE, content)
        if end.state != "stopped":  # it is to go on, and the journal has it running still
            self.study.tell(self.about["number"], end.state, end.value, end.reason)


class Prune(Callback):
    """Tells the objective to the journal after each epoch; raises Pruned, on all ranks, where the trial should end."""

    def __init__(self, attempt: Attempt) -> None:
        self.attempt = attempt

    def on_train_epoch_end(self, trainer: Trainer, learner: LightningModule) -> None:
        objective = self.attempt.about["objective"]
        value, poor = trainer.callback_metrics.get(objective), False
        if value is None and objective.split("/")[1] not in CALIBRATED and trainer.callback_metrics:
            known = ", ".join(sorted(name for name in trainer.callback_metrics if name.startswith("val/")))
            raise ValueError(f"sweep.objective={objective} is the name of no score; there are {known}")
        if value is not None and trainer.is_global_zero:
            poor = self.attempt.poor(trainer.current_epoch, float(value))
        if trainer.strategy.broadcast(poor):
            raise Pruned(f"pruned after epoch {trainer.current_epoch + 1}: others were better by then")
