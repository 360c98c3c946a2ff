"""`starbolt VERB [overrides]`: thin doors to the verbs; nothing heavy is imported until one runs."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence

from starbolt import helptext
from starbolt.compose import UserError, begun, compose, own_conf, write_config
from starbolt.like import compose_like
from starbolt.messages import guarded
from starbolt.resume import continued, named_run


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
    if named := [word for word in words if word.startswith("sweep.best=")]:
        from starbolt.sweep import best_words

        words = [word for word in words if word not in named]
        run = named_run(words)
        if not (run and begun(run)):  # else it has them
            words = [*best_words(named[-1].partition("=")[2]), *words]
    if flags & {"-m", "--multirun"}:
        from starbolt.sweep import sweep

        refuse_words_of_one_run(words)
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


def refuse_words_of_one_run(words: Sequence[str]) -> None:
    """UserError where a sweep is given like= or run=."""
    for word in words:
        if word.startswith("like="):
            raise UserError(f"{word} is for one run, and -m makes many; leave out the one or the other")
        if word.startswith("run="):
            raise UserError(
                f"{word} is the folder of one run, and -m makes one for each trial; say sweep.name= for that of all"
            )


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
    "doctor": _late("doctor"),
    "pack": _late("pack"),
    "simulate": _late("simulate"),
    "fetch": _late("fetch"),
    "new": _late("new"),
    "runs": _late("runs"),
    "compare": _late("compare"),
    "export": _late("export"),
    "reproduce": _late("reproduce"),
    "sync": _late("sync"),
}
