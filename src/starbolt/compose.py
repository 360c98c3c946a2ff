"""Compose a run: Hydra's groups and overrides become one config.yaml. Nothing heavy is imported here."""

from __future__ import annotations

import datetime
import difflib
import re
import shlex
import shutil
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from starbolt.aside import aside, write_text

HERE = Path(__file__).resolve().parent
NUMERIC = (
    "model",
    "task",
    "optim",
    "schedule",
    "split",
    "trainer",
)  # groups whose numbers are numbers and nothing else
FOREIGN = ("optim", "trainer")  # groups whose classes are not ours and take more than their yaml lists
SWITCHES = ("test", "report", "compile")  # words that are true or false
BESIDE = ("run", "name", "report", "test", "logger", "card", "slices", "threads", "compile")  # words that teach nothing
TOLD = ("command.txt", "config.yaml")  # what a run was told; the one that counts is written last
BEFORE = ".before."  # begins the names of copies of these, see `write_config`


class UserError(Exception):
    """A mistake of the user's, told in one sentence."""


def conf_folder() -> Path:
    """The packaged configuration: beside the package in a wheel, at the top of the checkout otherwise."""
    packed = HERE / "conf"
    return packed if packed.is_dir() else HERE.parents[1] / "conf"


def own_conf() -> Path | None:
    """The user's own conf folder in the current directory, if there is one."""
    folder = Path.cwd() / "conf"
    return folder if folder.is_dir() and folder.resolve() != conf_folder().resolve() else None


def options(group: str) -> list[str]:
    """Names that `group=` takes, the user's own among them."""
    folders = [folder / group for folder in (own_conf(), conf_folder()) if folder]
    return sorted({file.stem for folder in folders if folder.is_dir() for file in folder.glob("*.yaml")})


def compose(overrides: Sequence[str]) -> Any:
    """The composed configuration of a training run with `name` and `run` filled in; UserError where it is wrong."""
    return _composed(overrides, complete)


def compose_data(overrides: Sequence[str]) -> Any:
    """The same where only the data are looked at: model and task need not be chosen, there is no run."""
    return _composed(overrides, lambda cfg, choices: _need(cfg, "data"))


def _composed(overrides: Sequence[str], finish: Callable[[Any, dict[str, Any]], None]) -> Any:
    from hydra import compose as hydra_compose
    from hydra import initialize_config_dir
    from hydra.errors import HydraException
    from omegaconf import OmegaConf
    from omegaconf.errors import OmegaConfBaseException

    for word in overrides:
        group, _, option = word.partition("=")
        if option == "null" and (there := options(group)):  # Hydra's own complaint does not name it
            raise UserError(f"{word} chooses nothing; {group} is one of {', '.join(there)}")
    try:
        with initialize_config_dir(str(conf_folder()), version_base="1.3"):
            cfg = hydra_compose("train", list(overrides), return_hydra_config=True)
        choices = dict(cfg.hydra.runtime.choices)
        OmegaConf.set_struct(cfg, False)
        del cfg["hydra"]
        finish(cfg, choices)
        OmegaConf.resolve(cfg)
    except (HydraException, OmegaConfBaseException) as error:
        raise UserError(explain(error, overrides)) from error
    return cfg


def complete(cfg: Any, choices: dict[str, Any]) -> None:
    """Name and folder of a run, where they are not given; UserError where data, model or task are not chosen."""
    for group in ("data", "model", "task"):
        _need(cfg, group)
    _refuse_words_for_values(cfg, choices)
    if not isinstance(cfg.seed, int):
        raise UserError(f"seed={cfg.seed} is no whole number")
    if str(cfg.monitor).startswith("test/"):
        raise UserError(
            f"monitor={cfg.monitor} would choose by the test rows; choose by validation, as in monitor=val/loss"
        )
    for word in ("sweep", "launcher"):  # of many runs, not of this one
        cfg.pop(word, None)
    cfg.name = cfg.name or choices.get("experiment") or f"{choices['data']}-{choices['model']}"
    if not cfg.run:
        cfg.run = unused(Path("runs") / str(cfg.name))
    cfg.run = str(Path(cfg.run).absolute())


def _need(cfg: Any, group: str) -> None:
    if "_target_" not in (cfg.get(group) or {}):
        raise UserError(f"no {group} is chosen; say {group}= one of {', '.join(options(group))}\n{example()}")


def unused(home: Path) -> str:
    """A new folder named by the time of day in `home`."""
    stamp = datetime.datetime.now().strftime("%Y-%m-%d_%H-%M-%S")
    names: Iterator[str] = (stamp if n == 1 else f"{stamp}_{n}" for n in range(1, 10_000))
    return str(next(home / name for name in names if not (home / name).exists()))


def example() -> str:
    """A command that works, once the words are replaced by one's own."""
    return (
        "for example: starbolt train data=table data.path=cat.fits data.target=z model=mlp task=regression\n"
        "all options: starbolt train --help"
    )


def explain(error: Exception, overrides: Sequence[str]) -> str:
    """Hydra's or OmegaConf's complaint as one sentence with the nearest word."""
    text = str(error).strip()
    if isinstance(unread := getattr(error, "override", None), str):
        quoted = "'word=\"value\"'"
        return f"{unread!r} cannot be read; say word=value, and put a value with blanks or signs in quotes: {quoted}"
    if found := re.search(r"Ambiguous value for argument '([^']+)'", text):
        return f"{found.group(1)} names several values; add -m to run each of them, or give a list as [a,b]"
    if found := re.search(r"Key '([^']+)' is not in struct[\s\S]*?full_key: (\S+)", _whole(error)):
        return _misspelt(found.group(2))
    if found := re.search(r"Could not override '([^']+)'", text):
        return _misspelt(found.group(1))
    if found := re.search(r"(?:Could not find|In '[^']*': Could not find) '([^']+)'", text):
        group, _, name = found.group(1).rpartition("/")
        near = difflib.get_close_matches(name, options(group), 1)
        hint = f"; did you mean {near[0]}?" if near else ""
        return f"{group}={name} is not one of {', '.join(options(group))}{hint}"
    if found := re.search(r"Environment variable '([^']+)' not found", _whole(error)):
        return f"the environment variable {found.group(1)} is not set; set it to the folder of the data"
    return re.sub(r"\s*\n\s*", "; ", text)


def _whole(error: BaseException | None) -> str:
    texts = []
    while error is not None:
        texts.append(str(error))
        error = error.__cause__ or error.__context__
    return "\n".join(texts)


def _misspelt(key: str) -> str:
    words = known_words()
    top, _, rest = key.partition(".")
    if homes := [name for name in options(top) if rest and rest in _settings(top, name)]:
        return f"{key} is a setting of {top}={', '.join(homes)}, and not of the {top} that is chosen"
    near = difflib.get_close_matches(key, words, 1, cutoff=0.5)
    inside = [word for word in words if word.startswith(f"{top}.")]
    hint = (
        f"did you mean {near[0]}?"
        if near
        else f"known are {', '.join(inside[:12]) or 'those of starbolt train --help'}"
    )
    if rest and top in FOREIGN:
        hint += f" (an argument of its class that is not listed takes a +: '+{key}=...')"
    return f"there is no setting {key!r}; {hint}"


def _settings(group: str, option: str) -> dict[str, Any]:
    """The settings of an option with their packaged values, those it is laid over included; none of the user's own."""
    from omegaconf import OmegaConf

    file = conf_folder() / group / f"{option}.yaml"
    content: Any = OmegaConf.to_container(OmegaConf.load(file), resolve=False) if file.is_file() else {}
    below = [base for base in content.pop("defaults", []) if isinstance(base, str) and base != "_self_"]
    return {key: value for base in below for key, value in _settings(group, base).items()} | content


def _refuse_words_for_values(cfg: Any, choices: dict[str, Any]) -> None:
    """UserError where a word stands for a number, or for true or false: a text that is not empty would be true."""
    for group in NUMERIC:
        for key, value in _settings(group, str(choices.get(group))).items():
            given = cfg[group].get(key)
            if type(value) in (int, float) and isinstance(given, str | bool) and key != "devices":  # may be "auto"
                raise UserError(f"{group}.{key}={given} is no number; it is {value} unless you say otherwise")
            if isinstance(value, bool) and isinstance(given, str):
                raise UserError(f"{group}.{key}={given} is neither true nor false")
    for key in SWITCHES:
        if isinstance(cfg.get(key), str):
            raise UserError(f"{key}={cfg[key]} is neither true nor false")


def known_words() -> list[str]:
    """Every setting that can be typed, from the packaged yaml files."""
    import yaml

    words = set()
    for file in conf_folder().rglob("*.yaml"):
        group = file.parent.relative_to(conf_folder()).as_posix()
        if group == "experiment":
            continue
        content = yaml.safe_load(file.read_text()) or {}
        prefix = "" if group == "." else f"{group}."
        words |= set(_keys(content, prefix))
    return sorted(words)


def _keys(content: Any, prefix: str) -> Iterator[str]:
    for key, value in content.items():
        if key not in ("defaults", "_target_", "hydra"):
            yield f"{prefix}{key}"
            if isinstance(value, dict):
                yield from _keys(value, f"{prefix}{key}.")


def begun(folder: Path) -> bool:
    """Whether something was trained in a run folder already."""
    return (folder / "checkpoints" / "last.ckpt").exists()


def write_config(cfg: Any, words: Sequence[str] = ()) -> Path:
    """config.yaml of a run, written aside and renamed, and a line in command.txt; the run's folder.

    What a run that has begun was told before is kept, until `forget_before` or `put_back`.
    """
    from omegaconf import OmegaConf

    folder = Path(cfg.run)
    folder.mkdir(parents=True, exist_ok=True)
    if begun(folder) and not (folder / f"{BEFORE}config.yaml").exists():
        _keep_before(folder)
    write_text(folder / "config.yaml", OmegaConf.to_yaml(cfg))
    if words:
        with (folder / "command.txt").open("a") as file:
            file.write(f"starbolt train {shlex.join(words)}\n")
    return folder


def put_back(folder: Path) -> bool:
    """What a run was told before is what it is told again; whether that was something else."""
    before, now = folder / f"{BEFORE}config.yaml", folder / "config.yaml"
    changed = before.exists() and before.read_bytes() != now.read_bytes()
    for name in TOLD:
        if (folder / f"{BEFORE}{name}").exists():
            (folder / f"{BEFORE}{name}").replace(folder / name)
    return changed


def forget_before(folder: Path) -> None:
    """The run has gone on with what it is told now."""
    for name in TOLD:
        (folder / f"{BEFORE}{name}").unlink(missing_ok=True)


def _keep_before(folder: Path) -> None:
    for name in TOLD:
        if (folder / name).exists():
            with aside(folder / f"{BEFORE}{name}") as beside:
                shutil.copy(folder / name, beside)


def override(cfg: Any, overrides: Sequence[str]) -> None:
    """Lay `key=value` overrides over a saved configuration, in place; UserError for a key it does not have."""
    from hydra.core.override_parser.overrides_parser import OverridesParser
    from hydra.errors import HydraException
    from omegaconf import DictConfig, OmegaConf

    try:
        items = OverridesParser.create().parse_overrides(list(overrides))
    except HydraException as error:
        raise UserError(explain(error, overrides)) from error
    for item in items:
        if item.is_delete():
            raise UserError(f"{item.input_line}: a saved run's settings can be changed, not removed")
        key = item.get_key_element().lstrip("+")
        if not item.is_add() and OmegaConf.select(cfg, key, default=KeyError) is KeyError and not _nullable(cfg, key):
            raise UserError(_misspelt(key))
        if item.is_sweep_override():
            raise UserError(f"{item.input_line} names several values; a saved run takes one, or a list as [a,b]")
        if "." not in key and isinstance(OmegaConf.select(cfg, key), DictConfig):
            raise UserError(
                f"{item.input_line}: {key} is settled in a saved run; change its settings one by one, as in "
                f"{key}.WORD=VALUE, or train a new run in another folder"
            )
        OmegaConf.update(cfg, key, item.value(), force_add=True, merge=False)


def _nullable(cfg: Any, key: str) -> bool:
    from omegaconf import OmegaConf

    parent, _, last = key.rpartition(".")
    holder = OmegaConf.select(cfg, parent) if parent else cfg
    return holder is not None and last in holder
