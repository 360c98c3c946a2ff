"""like: a new run begins with the configuration of another, and shares nothing else with it."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import pytest
from omegaconf import OmegaConf

from starbolt import cli, like, login
from starbolt.compose import UserError, compose, write_config
from starbolt.like import compose_like, relocated, wandb_path

WORDS = ["data=table", "data.path=cat.fits", "data.target=z", "model=mlp", "model.width=7", "task=regression",
         "logger=wandb", "name=old", "run=runs/old/first"]  # fmt: skip


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def old() -> Path:
    return write_config(compose(WORDS), WORDS).relative_to(Path.cwd())


def plain(cfg) -> dict:
    return OmegaConf.to_container(cfg, resolve=False)


def test_without_like_nothing_is_done():
    assert compose_like(["data=table", "split.like=runs/a", "run=like"]) is None


def test_all_but_the_folder_is_kept(old):
    cfg, before = compose_like([f"like={old}"]), OmegaConf.load(old / "config.yaml")
    assert Path(cfg.run).parent == Path.cwd() / "runs" / "old"
    assert not Path(cfg.run).exists()
    assert cfg.logger.wandb.run == cfg.run != before.run
    cfg.run = cfg.logger.wandb.run = before.run
    assert plain(cfg) == plain(before)


def test_words_are_laid_over_and_said_everywhere(old):
    cfg = compose_like([f"like={old}", "model.width=9", "name=new", "run=there", "monitor=val/rms", "seed=4"])
    assert (cfg.model.width, cfg.seed, cfg.name) == (9, 4, "new")
    assert cfg.run == cfg.logger.wandb.run == str(Path("there").absolute())
    assert cfg.logger.wandb.name == "new"
    assert [part.monitor for part in cfg.callbacks.values() if "monitor" in part] == ["val/rms", "val/rms"]
    assert Path(compose_like([f"like={old}", "name=new"]).run).parent == Path.cwd() / "runs" / "new"
    assert str(old.absolute()) not in OmegaConf.to_yaml(cfg)


def test_groups_are_chosen_anew(old):
    wanted = ["optim=sgd", "optim.lr=0.5", "trainer=gpu", "logger=tensorboard", "schedule=none"]
    cfg, fresh = compose_like([f"like={old}", *wanted]), compose([*WORDS, *wanted])
    for group in ("optim", "trainer", "schedule", "callbacks", "data", "model"):
        assert cfg.get(group) == fresh.get(group), group
    assert cfg.logger.tensorboard.save_dir == cfg.run
    other = compose_like([f"like={old}", "model=cnn", "callbacks=default", "monitor=val/rms"])
    assert other.model == compose([*WORDS[:3], "model=cnn", "task=regression"]).model
    assert other.callbacks.best.monitor == "val/rms"


def test_what_composing_refuses_is_refused(old):
    for word, sentence in {
        "monitor=test/loss": "test rows",
        "seed=tomorrow": "no whole number",
        "model.widht=3": "did you mean model.width",
        "optim=sgdd": "did you mean sgd",
        "optim.lr=1,2": "several values",
        "~callbacks.patience": "changed, not removed",
        "experiment=eros1": "whole configuration",
        "like=again": "like= is given 2 times",
    }.items():
        with pytest.raises(UserError, match=sentence):
            compose_like([f"like={old}", word])


def test_a_run_that_has_begun_is_not_begun_anew(old):
    last = old / "checkpoints" / "last.ckpt"
    assert compose_like([f"like={old}", f"run={old}"]).run == str(old.absolute())  # nothing was trained in it
    last.parent.mkdir()
    last.touch()
    with pytest.raises(UserError, match=r"is a run already.*leave like= out"):
        compose_like([f"like={old}", f"run={old}"])


def test_a_moved_run_is_configured_for_where_it_lies_now(old):
    before, there = plain(OmegaConf.load(old / "config.yaml")), Path("there")
    old.rename(there)
    cfg = relocated(there)
    assert cfg.run == cfg.logger.wandb.run == str(there.absolute())
    assert plain(cfg) | {"run": 0, "logger": 0} == before | {"run": 0, "logger": 0}
    assert relocated(there, ["name=new"]).logger.wandb.name == "new"


def test_no_folder_and_no_run_in_a_folder():
    Path("empty").mkdir()
    with pytest.raises(UserError, match=r"like=empty is no run folder: it holds no config\.yaml"):
        compose_like(["like=empty"])
    for name in ("nowhere", "runs/nowhere/now", "./a/b", "empty/b/c"):
        with pytest.raises(UserError, match="neither a run folder nor a wandb run"):
            compose_like([f"like={name}"])


@pytest.mark.parametrize(
    "named",
    ["us/starbolt/abc-1", "us/starbolt/runs/abc-1", "https://wandb.ai/us/starbolt/runs/abc-1?nw=me",
     "https://forge.example.com/wandb/us/starbolt/runs/abc-1/"],
)  # fmt: skip
def test_a_wandb_run_is_named_by_path_or_address(named):
    assert wandb_path(named) == "us/starbolt/abc-1"
    assert wandb_path("https://wandb.ai/us/starbolt") is None


@pytest.fixture
def server(monkeypatch):
    """Answers for wandb's server: {path: config}."""
    import wandb

    held: dict[str, dict] = {}

    def run(path: str) -> SimpleNamespace:
        if path not in held:
            raise ValueError(f"Could not find run <Run {path} (not found)>")
        return SimpleNamespace(config=held[path])

    monkeypatch.setenv("WANDB_API_KEY", "x" * 40)
    monkeypatch.setattr(login, "reachable", lambda: True)
    monkeypatch.setattr(wandb, "Api", lambda: SimpleNamespace(run=run))
    return held


def test_a_wandb_run_is_as_good_as_its_folder(old, server):
    logged = json.loads(json.dumps(plain(OmegaConf.load(old / "config.yaml"))))
    server["us/p/id"] = {**logged, "git": "abc", "data_fingerprint": "d", "split_fingerprint": "s"}
    from_wandb, from_folder = (plain(compose_like([f"like={run}", "run=new"])) for run in ("us/p/id", old))
    assert from_wandb == from_folder


def test_what_wandb_cannot_give_is_told(server, monkeypatch):
    server["us/p/other"] = {"lr": 0.1}
    with pytest.raises(UserError, match=r"us/p/id cannot be read \(Could not find run"):
        compose_like(["like=us/p/id"])
    with pytest.raises(UserError, match="none of starbolt's"):
        compose_like(["like=us/p/other"])
    monkeypatch.setattr(login, "reachable", lambda: False)
    with pytest.raises(UserError, match="cannot be reached"):
        compose_like(["like=us/p/id"])
    monkeypatch.setattr(login, "logged_in", lambda: False)
    with pytest.raises(UserError, match="no login to wandb was found; log in with: wandb login"):
        compose_like(["like=us/p/id"])


def test_the_command_trains_it(old, monkeypatch):
    executed = []
    monkeypatch.setattr("os.execv", lambda program, words: executed.append(words[-1]))
    cli.train([f"like={old}", "run=new", "model.width=3"])
    (folder,) = executed
    assert OmegaConf.load(Path(folder) / "config.yaml").model.width == 3
    assert (Path(folder) / "command.txt").read_text() == f"starbolt train like={old} run=new model.width=3\n"
    assert like.LIKE in (Path(folder) / "command.txt").read_text()
