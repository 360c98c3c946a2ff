"""`starbolt train -m`: Hydra's multirun, each trial a run folder of its own in a process of its own."""

from __future__ import annotations

import datetime
import json
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from starbolt.compose import UserError, complete, conf_folder, explain, write_config

REPEATS = {"seed", "split.fold"}  # where nothing else varies nothing is chosen, and each run may score its test rows
STOPPED = 130  # status of a run that Ctrl-C ended
LONGEST = 200  # letters of a folder's name


def sweep(words: Sequence[str]) -> None:
    """Run every combination; print a table of scores, draw one figure; the last line is the sweep's folder.

    Exits with status 1 if a trial failed; the others run all the same.
    """
    import hydra
    from hydra.errors import HydraException
    from omegaconf.errors import OmegaConfBaseException

    named = [word.removeprefix("name=") for word in words if word.startswith("name=")]
    stamp = datetime.datetime.now().strftime("%Y-%m-%d_%H-%M-%S")
    folder = Path("sweeps").absolute() / (named[0] if named else stamp)
    varied = varying(words)
    chosen = any(word.startswith("test=") for word in words) or varied <= REPEATS
    settings = [] if chosen else ["test=false"]
    settings += [
        f"hydra.sweep.dir={folder}",
        "hydra.sweep.subdir=.",
        "hydra.output_subdir=null",
        "hydra/job_logging=none",
        "hydra/hydra_logging=none",
    ]
    trials: dict[str, Path] = {}

    def trial(cfg: Any) -> float | None:
        return run_trial(cfg, folder, varied, trials)

    os.environ["HYDRA_FULL_ERROR"] = "1"
    sys.argv = ["starbolt", *words, *settings, "-m"]
    try:
        hydra.main(version_base="1.3", config_path=str(conf_folder()), config_name="train")(trial)()
    except (HydraException, OmegaConfBaseException) as error:
        raise UserError(explain(error, words)) from error
    finish(folder, trials)


def run_trial(cfg: Any, folder: Path, varied: set[str], trials: dict[str, Path]) -> float | None:
    """Write the trial's run folder, execute it in a process of its own; its monitored score, None where it failed."""
    from hydra.core.hydra_config import HydraConfig
    from omegaconf import OmegaConf

    info = HydraConfig.get()
    words = [*info.overrides.task]
    label = ",".join(word for word in words if word.split("=")[0] in varied) or f"trial{info.job.num}"
    cfg = OmegaConf.create(OmegaConf.to_container(cfg))
    cfg.run = str(folder / (label.replace("/", "-") if len(label) < LONGEST else f"trial{info.job.num}"))
    cfg.name = label
    complete(cfg, dict(info.runtime.choices))
    OmegaConf.resolve(cfg)
    run = write_config(cfg, words)
    print(f"trial {info.job.num}: {label}", flush=True)
    status = run_to_its_end([sys.executable, "-m", "starbolt.run", str(run)])
    if status:
        print(f"trial {info.job.num} failed with status {status}; see {run / 'log.txt'}", file=sys.stderr)
    trials[label] = run
    return monitored(run, cfg.monitor)


def run_to_its_end(command: Sequence[str]) -> int:
    """The status of a child process, which answers Ctrl-C itself: it writes its checkpoint, then the sweep stops."""
    child = subprocess.Popen(command)
    before = signal.signal(signal.SIGINT, lambda *_: None)  # after the start: a child would inherit it
    try:
        status = child.wait()
    finally:
        signal.signal(signal.SIGINT, before)
    if status == STOPPED:
        raise KeyboardInterrupt
    return status


def varying(words: Sequence[str]) -> set[str]:
    """The settings that take several values; UserError where a word cannot be read."""
    from hydra.core.override_parser.overrides_parser import OverridesParser
    from hydra.errors import HydraException

    try:
        items = OverridesParser.create().parse_overrides(list(words))
    except HydraException as error:
        raise UserError(explain(error, words)) from error
    return {item.get_key_element() for item in items if item.is_sweep_override()}


def monitored(run: Path, monitor: str) -> float | None:
    """The score that chose the best epoch, from metrics.json."""
    if not (run / "metrics.json").is_file():
        return None
    return json.loads((run / "metrics.json").read_text()).get(monitor)


def finish(folder: Path, trials: dict[str, Path]) -> None:
    """The table of trials, the figure of their histories, and the folder."""
    from rich.console import Console
    from rich.table import Table

    done = {label: run for label, run in trials.items() if (run / "metrics.json").is_file()}
    table = Table("trial", *(scores := _columns(done)))
    for label, run in done.items():
        metrics = json.loads((run / "metrics.json").read_text())
        table.add_row(label, *(f"{metrics[score]:.4g}" for score in scores))
    Console(width=None if sys.stdout.isatty() else 160).print(table)
    if done:
        from starbolt.report.histories import draw_histories

        print(f"figure: {draw_histories(done, folder / 'comparison.png')}")
    print(folder)
    if len(done) < len(trials):
        print(f"starbolt: {len(trials) - len(done)} of {len(trials)} trials failed", file=sys.stderr)
        sys.exit(1)


def _columns(done: dict[str, Path]) -> list[str]:
    wanted = ("loss", "balanced_accuracy", "f1", "rms", "nmad")
    sets = [set(json.loads((run / "metrics.json").read_text())) for run in done.values()]
    common = set.intersection(*sets) if sets else set()
    return [f"{part}/{name}" for part in ("val", "test") for name in wanted if f"{part}/{name}" in common]
