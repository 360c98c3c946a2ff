"""The signature is the schema: a yaml file is the keyword arguments of one class, and every choice composes."""

import inspect
from itertools import product
from pathlib import Path

import pytest
from hydra.utils import get_method, get_object
from omegaconf import DictConfig, OmegaConf

from starbolt.compose import compose, compose_data, conf_folder, options
from starbolt.data import ObjectDataModule

CONF = conf_folder()
SUPPLIED = {  # what build.py and Lightning give, by the package of the class
    "starbolt.data": {"split", "seed"},
    "starbolt.models": {"shape"},
    "starbolt.tasks": {"in_dim", "spec"},
    "starbolt.schedules": {"optimizer", "steps"},
    "starbolt.callbacks": {"mode"},
}
WORDS = {"data": "table", "model": "mlp", "task": "regression"}
DEFAULTS = {
    key for item in OmegaConf.load(CONF / "train.yaml").defaults if isinstance(item, DictConfig) for key in item
}
GROUPS = sorted(p.name for p in CONF.iterdir() if p.is_dir())


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("STARBOLT_DATA", "/some/where")


def chosen(**words):
    return compose([f"{key}={value}" for key, value in (WORDS | words).items()])


def targets(content):
    """Every part of a configuration that names a class, nested ones too."""
    if isinstance(content, dict):
        if "_target_" in content:
            yield content
        for value in content.values():
            yield from targets(value)


def files():
    """(file, keyword arguments) of each yaml that names a class."""
    for path in sorted(CONF.rglob("*.yaml")):
        plain = OmegaConf.to_container(OmegaConf.load(path), resolve=False)
        for part in targets(plain):
            yield pytest.param(part, id=f"{path.relative_to(CONF)}-{part['_target_'].rpartition('.')[2]}")


def signature(path):
    found = dict(inspect.signature(get_object(path)).parameters)
    if found.pop("common", None):  # the words of all data modules, said once in their base class
        found |= {name: p for name, p in inspect.signature(ObjectDataModule).parameters.items() if name not in found}
    package = next((name for name in SUPPLIED if path.startswith(name)), "")
    supplied = set() if path.startswith("starbolt.data.splits") else SUPPLIED.get(package, set())
    return {name: parameter for name, parameter in found.items() if name not in supplied}


@pytest.mark.parametrize("part", [p for p in files() if p.values[0]["_target_"].startswith("starbolt.")])
def test_a_yaml_of_ours_lists_the_parameters_and_defaults_of_its_class(part):
    wanted = {
        name: list(p.default) if isinstance(p.default, tuple) else p.default
        for name, p in signature(part["_target_"]).items()
    }
    listed = {key: value for key, value in part.items() if key != "_target_"}
    assert list(listed) == list(wanted)
    for word, default in wanted.items():
        elsewhere = isinstance(listed[word], str) and "${" in listed[word]  # said once, in another part of the tree
        assert elsewhere or default is inspect.Parameter.empty or listed[word] == default, word


def known(part, words):
    parameters = signature(part["_target_"])
    return set(words) - {"_target_", "_partial_"} <= set(parameters)


@pytest.mark.parametrize("part", [p for p in files() if not p.values[0]["_target_"].startswith("starbolt.")])
def test_a_yaml_of_a_foreign_class_lists_words_it_knows(part):
    assert known(part, part)


@pytest.mark.parametrize("option", options("trainer"))
def test_trainers_know_all_their_words(option):
    trainer = OmegaConf.to_container(chosen(trainer=option).trainer)
    assert trainer["_target_"] == "lightning.pytorch.Trainer"
    assert known(trainer, trainer)


@pytest.mark.parametrize(("group", "option"), [(g, o) for g in GROUPS for o in options(g) if g != "experiment"])
def test_every_option_composes(group, option):
    key = group if group in DEFAULTS else f"+{group}"
    if group in ("sweep", "launcher"):  # of many runs: a run's own configuration leaves them out
        cfg = {group: compose_data(["data=table", f"{group}={option}"])[group]}
    else:
        cfg = chosen(**{key: option})
    plain = OmegaConf.to_container(OmegaConf.load(CONF / group / f"{option}.yaml"), resolve=False) or {}
    for word, value in plain.items():
        if word != "defaults" and not (isinstance(value, str) and "${" in value):
            assert word in cfg[group]


@pytest.mark.parametrize("option", options("experiment"))
def test_every_experiment_composes_for_a_data_set_anywhere(option):
    cfg = compose([f"experiment={option}"])
    assert cfg.name == option
    assert all("_target_" in cfg[group] for group in ("data", "model", "task", "split", "optim"))
    assert "/some/where/" in str(OmegaConf.to_container(cfg.data))
    words = set(cfg.data) - {"_target_"}
    assert words <= set(signature(cfg.data._target_))
    assert set(cfg.model) - {"_target_", "init", "freeze", "old_rate"} <= set(signature(cfg.model._target_))
    assert set(cfg.task) - {"_target_"} <= set(signature(cfg.task._target_))


@pytest.mark.parametrize("option", options("experiment"))
def test_an_experiment_opens_with_its_command(option):
    lines = (CONF / "experiment" / f"{option}.yaml").read_text().splitlines()
    assert f"# starbolt train experiment={option}" in lines[:3]


@pytest.mark.parametrize(("model", "task"), list(product(options("model"), options("task"))))
def test_every_model_goes_with_every_task(model, task):
    cfg = chosen(model=model, task=task)
    assert cfg.model._target_.startswith("starbolt.models.")
    assert cfg.task._target_.startswith("starbolt.tasks.")


@pytest.mark.parametrize("part", list(files()))
def test_every_class_named_can_be_found(part):
    assert callable(get_method(part["_target_"]))
