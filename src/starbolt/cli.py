"""`starbolt VERB [overrides]`: thin doors to the verbs; nothing heavy is imported until one runs."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence

from starbolt import helptext
from starbolt.compose import UserError, compose, own_conf, write_config
from starbolt.like import compose_like, loosen
from starbolt.messages import guarded


def main(arguments: Sequence[str] | None = None) -> None:
    """The console script."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    with guarded():
        if not words or words[0] in ("-h", "--help", "help"):
            print(helptext.map_of_verbs())
            return
        verb, *rest = words
        if verb in ("--version", "-V"):
            from starbolt import __version__

            print(__version__)
            return
        if verb not in VERBS:
            raise UserError(f"there is no verb {verb!r}; the verbs are {', '.join(VERBS)}")
        if {"-h", "--help"} & set(rest):
            print(helptext.help_of(verb))
            return
        sys.path.insert(0, os.getcwd())
        if verb in helptext.COMPOSED and (folder := own_conf()):
            print(f"using your own {folder}", file=sys.stderr)
        VERBS[verb](rest)


FLAGS = ("-m", "--multirun", "--compose")


def train(words: list[str]) -> None:
    """Compose, write config.yaml into the run's folder and execute it; -m runs a sweep, --compose stops short of it."""
    flags, words = {word for word in words if word in FLAGS}, [word for word in words if word not in FLAGS]
    if any(word.startswith("sweep.best=") for word in words):
        from starbolt.sweep import best_words

        named = [word for word in words if word.startswith("sweep.best=")]
        words = [*best_words(named[-1].partition("=")[2]), *(word for word in words if word not in named)]
    if flags & {"-m", "--multirun"}:
        from starbolt.sweep import sweep

        sweep(words)
        return
    if lost := [word for word in words if word.startswith(("sweep=", "sweep.", "launcher=", "launcher."))]:
        raise UserError(f"{lost[0]} is of a sweep: add -m; one run on a cluster: sbatch scripts/slurm/train.sbatch")
    cfg = compose_like(words) or continued(words) or compose(words)
    folder = write_config(cfg, words)
    if "--compose" in flags:
        print(folder)
        return
    sys.stdout.flush()
    os.execv(sys.executable, [sys.executable, "-m", "starbolt.run", str(folder)])


def continued(words: Sequence[str]) -> object | None:
    """The saved configuration of a run that `run=FOLDER` continues, with the other words laid over it; else None.

    A whole command over a folder in which nothing was trained yet (its data were refused) begins anew.
    """
    from pathlib import Path

    named = [word.removeprefix("run=") for word in words if word.startswith("run=")]
    if not named or not (Path(named[0]) / "config.yaml").is_file():
        return None
    whole = any(word.startswith(("data=", "experiment=")) for word in words)
    if whole and not (Path(named[0]) / "checkpoints" / "last.ckpt").exists():
        return None
    from omegaconf import OmegaConf

    from starbolt.compose import override

    cfg = OmegaConf.load(Path(named[0]) / "config.yaml")
    loosen(cfg)
    override(cfg, [word for word in words if not word.startswith("run=")])
    cfg.run = str(Path(named[0]).absolute())
    OmegaConf.resolve(cfg)
    return cfg


def _late(module: str) -> Callable[[list[str]], None]:
    def verb(words: list[str]) -> None:
        import importlib

        importlib.import_module(f"starbolt.verbs.{module}").main(words)

    return verb


VERBS: dict[str, Callable[[list[str]], None]] = {
    "train": train,
    "evaluate": _late("evaluate"),
    "predict": _late("predict"),
    "inspect": _late("inspect"),
    "pack": _late("pack"),
    "simulate": _late("simulate"),
    "runs": _late("runs"),
    "compare": _late("compare"),
    "export": _late("export"),
    "reproduce": _late("reproduce"),
    "sync": _late("sync"),
}
