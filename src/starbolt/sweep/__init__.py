"""`starbolt train -m`: a study of many trials, each a run folder of its own, that goes on where it was left.

`sweep` is the door of the command; Hydra composes, and hands over to `Sweep` by way of the plugin
`hydra_plugins.starbolt_sweeper`.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from starbolt.compose import UserError, conf_folder, explain
from starbolt.sweep.conduct import Sweep
from starbolt.sweep.files import best_words
from starbolt.sweep.plan import Grid, Search
from starbolt.sweep.space import parse

__all__ = ["Grid", "Search", "Sweep", "best_words", "sweep"]

QUIET = ["hydra.output_subdir=null", "hydra/job_logging=none", "hydra/hydra_logging=none", "hydra.sweep.subdir=."]


def sweep(words: Sequence[str]) -> None:
    """Run every trial; print a table, write sweep.html; the last line is the sweep's folder.

    Exits with status 1 if a trial failed; the others run all the same.
    """
    import hydra
    from hydra.errors import HydraException
    from omegaconf.errors import OmegaConfBaseException

    parse(words)
    ours = [] if any(word.startswith("hydra/sweeper=") for word in words) else ["hydra/sweeper=starbolt"]
    os.environ["HYDRA_FULL_ERROR"] = "1"
    sys.argv = ["starbolt", *words, *ours, *QUIET, "-m"]
    try:
        hydra.main(version_base="1.3", config_path=str(conf_folder()), config_name="train")(execute)()
    except (HydraException, OmegaConfBaseException) as error:
        raise UserError(explain(error, words)) from error


def execute(cfg: Any) -> float | None:
    """Hydra's task function, where trials are launched by a launcher of Hydra's: the folder is written already."""
    import subprocess

    from starbolt.trials.trial import ended

    subprocess.run([sys.executable, "-m", "starbolt.run", str(cfg.run)], check=False)
    end = ended(Path(cfg.run))
    return end.value if end else None
