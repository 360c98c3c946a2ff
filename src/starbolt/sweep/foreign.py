"""Trials through a launcher of Hydra's, such as hydra/launcher=joblib: they are handed over in batches."""

from __future__ import annotations

import os
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

BASIC = "hydra._internal.core_plugins.basic_launcher.BasicLauncher"


class Foreign:
    """Any launcher of Hydra's. What it returns is not trusted: each trial writes its own end."""

    ahead = True

    def __init__(self, launcher: Any) -> None:
        self.launcher = launcher
        self.parallel = max(1, int(launcher_size(launcher)))

    @staticmethod
    def meant(config: Any) -> bool:
        """Whether the user named a launcher of Hydra's."""
        return config.hydra.launcher.get("_target_") != BASIC

    def start(self, folders: Sequence[Path]) -> list[Batch]:
        """Hand the folders over; they are executed while the sweep looks on."""
        words = [[f"run={_quoted(folder)}", f"name={_quoted(folder.name)}"] for folder in folders]
        return [Batch(self.launcher, words)] * len(folders)

    def alive(self, folder: Path) -> str | None:
        """Nobody that its lease does not tell of."""
        return None


class Batch:
    """Trials that were handed over together."""

    def __init__(self, launcher: Any, words: list[list[str]]) -> None:
        self.reason = "its launcher returned"
        self._thread = threading.Thread(target=self._launch, args=(launcher, words), daemon=True)
        self._thread.start()

    def ended(self) -> str | None:
        """None until the launcher has returned."""
        return None if self._thread.is_alive() else self.reason

    def stop(self) -> None:
        """Nothing: Hydra's launchers take no word back."""

    end = stop

    def _launch(self, launcher: Any, words: list[list[str]]) -> None:
        try:
            launcher.launch(words, initial_job_idx=0)
        except BaseException as error:  # a launcher that raises must not take the sweep with it
            said = (str(error).splitlines() or [type(error).__name__])[0]
            self.reason = f"its launcher said {said[:300]}"


def _quoted(text: Any) -> str:
    """As Hydra reads it back, whatever is in it."""
    from hydra.core.override_parser.types import Quote, QuotedString

    return QuotedString(str(text), Quote.single).with_quotes()


def launcher_size(launcher: Any) -> int:
    """How many trials a launcher of Hydra's works on at a time, as far as it tells."""
    words = getattr(launcher, "joblib", None) or getattr(launcher, "params", None) or {}
    asked = int(words.get("n_jobs") or words.get("array_parallelism") or 1)
    return asked if asked > 0 else os.cpu_count() or 1
