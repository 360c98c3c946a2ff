"""Words become one complete configuration, or one sentence that says what to type instead."""

from pathlib import Path

import pytest
from omegaconf import OmegaConf

from starbolt.compose import UserError, compose, compose_data, options, override, write_config

WORDS = ["data=table", "data.path=cat.fits", "data.target=z", "model=mlp", "task=regression"]


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_name_and_run_are_filled_in():
    cfg = compose(WORDS)
    assert cfg.name == "table-mlp"
    assert Path(cfg.run).is_absolute()
    assert Path(cfg.run).parent == Path.cwd() / "runs" / "table-mlp"
    assert compose([*WORDS, "name=mine"]).run.startswith(str(Path.cwd() / "runs" / "mine"))
    assert compose([*WORDS, "run=here"]).run == str(Path.cwd() / "here")


def test_two_runs_begun_in_one_second_get_two_folders():
    first = write_config(compose(WORDS))
    assert write_config(compose(WORDS)) != first


def test_what_is_written_is_what_was_composed():
    cfg = compose([*WORDS, "model.width=7"])
    folder = write_config(cfg)
    assert OmegaConf.load(folder / "config.yaml") == cfg
    assert [file.name for file in folder.iterdir()] == ["config.yaml"]


@pytest.mark.parametrize(
    ("word", "sentence"),
    [
        ("data.traget=z", "no setting 'data.traget'; did you mean data.target?"),
        ("model.widht=3", "no setting 'model.widht'; did you mean model.width?"),
        ("sead=1", "no setting 'sead'; did you mean seed?"),
        ("model=mpl", "model=mpl is not one of .*mlp.*; did you mean mlp?"),
        ("optim=adm", "optim=adm is not one of .*did you mean adam"),
        ("schedule=null", "schedule=null chooses nothing; schedule is one of cosine, none, onecycle, plateau"),
        ("optim.betas=[0.9,0.99]", r"no setting 'optim.betas'.*takes a \+: '\+optim\.betas=\.\.\.'"),
    ],
)
def test_a_misspelt_override_gives_the_nearest(word, sentence):
    with pytest.raises(UserError, match=sentence.replace("?", r"\?")):
        compose([*WORDS, word])


@pytest.mark.parametrize("group", ["data", "model", "task"])
def test_what_is_not_chosen_prints_the_options_and_an_example(group):
    words = [word for word in WORDS if not word.startswith(group)]
    with pytest.raises(UserError) as caught:
        compose(words)
    assert f"no {group} is chosen; say {group}= one of {', '.join(options(group))}" in str(caught.value)
    assert "for example: starbolt train data=" in str(caught.value)


def test_looking_at_data_needs_no_model_no_task_and_makes_no_run():
    cfg = compose_data(["data=table", "data.path=cat.fits"])
    assert cfg.data.path == "cat.fits"
    assert cfg.run is None
    with pytest.raises(UserError, match="no data is chosen"):
        compose_data([])


def test_ones_own_conf_folder_stands_in_front():
    for name, content in {"model/mlp": "width: 5", "model/mine": "depth: 9", "optim/adamw": "lr: 7.0"}.items():
        file = Path("conf", f"{name}.yaml")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"_target_: some.Where\n{content}\n")
    assert "mine" in options("model")
    cfg = compose(WORDS)
    assert cfg.model.width == 5
    assert cfg.optim.lr == 7.0
    assert compose([*WORDS, "model=mine"]).model.depth == 9
    assert cfg.task._target_ == "starbolt.tasks.Regression"


def test_an_environment_variable_that_is_not_set_is_named():
    with pytest.raises(UserError, match="environment variable NOWHERE_SET is not set"):
        compose([*WORDS, "data.path=${oc.env:NOWHERE_SET}/cat.fits"])


def test_overrides_are_laid_over_a_saved_configuration():
    cfg = OmegaConf.create({"data": {"path": "old.fits", "target": None}, "seed": 0})
    override(cfg, ["data.path=new.fits", "data.target=z", "+data.extra=1"])
    assert cfg.data == {"path": "new.fits", "target": "z", "extra": 1}
    with pytest.raises(UserError, match=r"no setting 'data\.pth'; did you mean data\.path\?"):
        override(cfg, ["data.pth=x"])
