"""build: a checkpoint is data, never a program; an earlier encoder is taken and frozen; own classes need no edit."""

from __future__ import annotations

import os
import pickle
import shutil
import subprocess
import sys
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from omegaconf import OmegaConf

import starbolt
from starbolt import build, loading
from starbolt.checkpoints import find_checkpoint, read_checkpoint
from starbolt.compose import compose, write_config

PLANTED = "planted"
OWN_MODEL = '''
import torch
from torch import nn


class Sums(nn.Module):
    """Sums and means."""

    def __init__(self, shape, width=8):
        super().__init__()
        self.linear = nn.Linear(shape[0], width)
        self.out_dim = width

    def forward(self, block):
        return torch.tanh(self.linear(block.x))


def sums(shape, width=8):
    return Sums(shape, width)


from os import system
'''
OWN_ARCHIVE = '''
import numpy as np
import pyarrow as pa

from starbolt.archives import Archive


class Blobs(Archive):
    """Random blobs, brighter in class b."""

    channels = ("g", "r")
    id = "name"

    def __init__(self, count):
        self.count = count

    def read(self):
        names = [f"blob{i}" for i in range(self.count)]
        return pa.table({"name": names, "kind": ["a", "b"] * (self.count // 2)})

    def load(self, row):
        random = np.random.default_rng(int(row["name"][4:]))
        return random.normal(3.0 * (row["kind"] == "b"), 1, (2, 16, 16)).astype(np.float32)
'''


@pytest.fixture(scope="module")
def checkpoint(trained) -> Path:
    return trained("mlp") / "checkpoints" / "best.ckpt"


def changed(checkpoint: Path, folder: Path, part: str, recipe: object) -> Path:
    """A checkpoint whose recipe says something else."""
    state = torch.load(checkpoint, weights_only=True)
    state["starbolt"]["recipe"][part] = recipe
    torch.save(state, folder / "bad.ckpt")
    return folder / "bad.ckpt"


@pytest.fixture
def refused(checkpoint, tmp_path, monkeypatch):
    """(part, recipe, trust) -> the sentence with which a checkpoint with that recipe is refused; nothing was run."""
    monkeypatch.chdir(tmp_path)

    def refuse(part, recipe, trust=()):
        with pytest.raises(ValueError, match=r".+") as caught:
            starbolt.load(changed(checkpoint, tmp_path, part, recipe), trust=trust)
        assert not (tmp_path / PLANTED).exists()
        assert "\n" not in str(caught.value)
        return str(caught.value)

    return refuse


@pytest.mark.parametrize("part", ["model", "task", "data", "split"])
@pytest.mark.parametrize(
    "recipe",
    [
        {"_target_": "os.system", "_args_": [f"touch {PLANTED}"]},
        {"_target_": "posix.system", "_args_": [f"touch {PLANTED}"]},
        {"_target_": "subprocess.Popen", "args": ["touch", PLANTED]},
        {"_target_": "builtins.eval", "_args_": [f"open('{PLANTED}', 'w')"]},
        {"_target_": "torch.hub.load", "repo_or_dir": ".", "model": "x", "source": "local"},
        {"_target_": "torch.os.system", "_args_": [f"touch {PLANTED}"]},
        {"_target_": "torch.load", "f": "x", "weights_only": False},
        {"_target_": "starbolt.compose.unused", "home": "."},
        {"_target_": "starbolt.verbs.simulate.main", "words": [f"output={PLANTED}"]},
        {"_target_": "starbolt.messages.os.system", "_args_": [f"touch {PLANTED}"]},
        {"_target_": "starbolt.instrument.Instrument"},
        {"_target_": "pathlib.Path", "_args_": ["x"]},
        {"_target_": "sklearn.neural_network.MLPClassifier"},
    ],
    ids=lambda recipe: recipe["_target_"],
)
def test_a_recipe_that_names_something_else_is_refused(refused, part, recipe):
    assert recipe["_target_"] in refused(part, recipe)


def test_a_recipe_deep_inside_is_refused_too(refused):
    nested = {"_target_": "starbolt.models.Fusion", "encoders": {"table": {"_target_": "os.system"}}}
    assert "os.system" in refused("model", nested)
    assert "os.system" in refused("model", {**nested, "encoders": [[{"_target_": "os.system"}]]})


@pytest.mark.parametrize(
    "secret",
    [
        "${oc.create:{_target_:os.system,_args_:['touch planted']}}",
        "${oc.create:${oc.decode:\"{_target_: os.system, _args_: ['touch planted']}\"}}",
        "${oc.env:HOME}",
    ],
)
def test_a_recipe_cannot_compute(refused, secret):
    mlp = {"_target_": "starbolt.models.MLP", "width": secret}
    assert "$" in refused("model", mlp)
    assert "$" in refused("model", {"_target_": secret})
    assert "$" in refused("model", {"_target_": "starbolt.models.MLP", secret: 3})


def test_a_pickle_is_refused_and_not_run(tmp_path, checkpoint, monkeypatch):
    monkeypatch.chdir(tmp_path)

    class Payload:
        def __reduce__(self):
            return os.system, (f"touch {PLANTED}",)

    state = torch.load(checkpoint, weights_only=True)
    torch.save({**state, "extra": Payload()}, tmp_path / "zip.ckpt")
    (tmp_path / "plain.ckpt").write_bytes(pickle.dumps({**state, "extra": Payload()}))
    for name in ("zip.ckpt", "plain.ckpt"):
        with pytest.raises(ValueError, match=f"{name} is not a checkpoint that can be read safely"):
            starbolt.load(tmp_path / name)
    assert not (tmp_path / PLANTED).exists()


@pytest.mark.parametrize(
    "state", [{"state_dict": {}}, [1, 2], {"starbolt": {}, "state_dict": {}}, {"starbolt": 3, "state_dict": {}}]
)
def test_a_foreign_checkpoint_is_refused(tmp_path, state):
    torch.save(state, tmp_path / "foreign.ckpt")
    with pytest.raises(ValueError, match=r"foreign\.ckpt is not a checkpoint of starbolt"):
        starbolt.load(tmp_path / "foreign.ckpt")


def test_a_damaged_or_missing_checkpoint_is_told(tmp_path, checkpoint):
    (tmp_path / "half.ckpt").write_bytes(checkpoint.read_bytes()[:2000])
    with pytest.raises(ValueError, match=r"half\.ckpt"):
        starbolt.load(tmp_path / "half.ckpt")
    with pytest.raises(FileNotFoundError, match="nowhere"):
        starbolt.load(tmp_path / "nowhere")


def test_weights_that_do_not_fit_their_recipe_are_told(tmp_path, checkpoint):
    bad = changed(checkpoint, tmp_path, "model", {"_target_": "starbolt.models.MLP", "width": 7})
    with pytest.raises(ValueError, match=r"bad\.ckpt"):
        starbolt.load(bad)


@pytest.fixture
def own_package(tmp_path, monkeypatch):
    """A user's file ownnets.py, on the path."""
    (tmp_path / "ownnets.py").write_text(OWN_MODEL)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "ownnets", raising=False)
    yield "ownnets"
    sys.modules.pop("ownnets", None)


@pytest.mark.usefixtures("unreported")
def test_a_class_of_ones_own_is_built_only_when_trusted(own_package, words, execute, tmp_path):
    overrides = [word for word in words("mlp") if not word.startswith("model")]
    cfg = compose([*overrides, "model=mlp", f"run={tmp_path / 'run'}"])
    cfg.model = {"_target_": f"{own_package}.Sums", "width": 4}
    from starbolt.run import execute as execute_folder

    folder = write_config(cfg)
    execute_folder(folder)
    with pytest.raises(ValueError, match=rf"trust=\[{own_package}\]"):
        starbolt.load(folder)
    made = starbolt.load(folder, trust=[own_package])
    assert type(made.learner.encoder.encoders["table"]).__name__ == "Sums"


def test_trust_ends_where_the_package_ends(own_package, refused):
    sentence = refused("model", {"_target_": f"{own_package}.system", "_args_": ["x"]}, trust=[own_package])
    assert f"{own_package}.system" in sentence


def encoder_of(run: Path) -> dict[str, torch.Tensor]:
    state = read_checkpoint(find_checkpoint(run))["state_dict"]
    return {key: value for key, value in state.items() if key.startswith("encoder.")}


@pytest.mark.parametrize("model", ["mlp", "cnn", "gru"])
@pytest.mark.usefixtures("unreported")
def test_an_earlier_encoder_is_taken_and_stays_frozen(model, trained, words, execute, tmp_path):
    first = trained(model)
    new = execute(tmp_path / "new", [*words(model), f"model.init={first}", "model.freeze=true", "seed=5"])
    before, after = encoder_of(first), encoder_of(new)
    assert before.keys() == after.keys()
    for key, value in before.items():
        assert torch.equal(value, after[key]), key


def test_an_earlier_encoder_learns_on_at_its_own_rate(trained, words, tmp_path):
    cfg = compose([*words("mlp"), f"model.init={trained('mlp')}", "model.old_rate=0.1", f"run={tmp_path}"])
    data = build.data(cfg)
    learner = build.learner(cfg, data)
    state = learner.encoder.state_dict()
    for key, value in encoder_of(trained("mlp")).items():
        assert torch.equal(value, state[key.removeprefix("encoder.")])
    learner.schedule = None
    learner.trainer = build.trainer(cfg, tmp_path, [])
    learner.trainer.datamodule = data
    old, new = learner.configure_optimizers().param_groups
    assert old["lr"] == pytest.approx(0.1 * new["lr"])
    assert sum(p.numel() for p in old["params"]) == sum(p.numel() for p in learner.encoder.parameters())


def test_an_encoder_of_another_shape_is_told_in_a_sentence(trained, words, tmp_path):
    cfg = compose([*words("mlp"), f"model.init={trained('mlp')}", "model.width=7", f"run={tmp_path}"])
    with pytest.raises(ValueError, match="does not fit this model") as caught:
        build.learner(cfg, build.data(cfg))
    assert "\n" not in str(caught.value)
    cfg = compose([*words("gru"), f"model.init={trained('mlp')}", f"run={tmp_path}"])
    with pytest.raises(ValueError, match="does not fit this model"):
        build.learner(cfg, build.data(cfg))


def test_a_callback_monitors_in_the_direction_of_its_score(words, tmp_path):
    for monitor, mode in (("val/loss", "min"), ("val/accuracy", "max"), ("val/nmad", "min")):
        cfg = compose([*words("mlp"), f"monitor={monitor}", f"run={tmp_path}"])
        trainer = build.trainer(cfg, tmp_path, [], enable_progress_bar=False, enable_model_summary=False)
        assert {c.mode for c in trainer.callbacks if hasattr(c, "mode") and hasattr(c, "monitor")} == {mode}
        assert Path(trainer.checkpoint_callback.dirpath) == tmp_path / "checkpoints"


def test_data_like_reads_a_new_table_as_the_old_was_read(trained):
    learner = loading.load_learner(trained("mlp"))
    random = np.random.default_rng(0)
    columns = {name: random.uniform(18, 20, 5) for name in ("e_z", "z", "e_i", "i", "e_r", "r", "e_g", "g", "e_u", "u")}
    data = build.data_like(learner, {"objid": np.arange(5), **columns})
    data.open_like(learner.spec)
    batch = next(iter(data.predict_dataloader()))
    order = learner.spec.inputs["table"].channels
    for place, name in enumerate(order):
        a, _, b = name.partition("-")
        wanted = columns[a] - columns[b] if b else columns[a]
        np.testing.assert_allclose(batch.inputs["table"].x[:, place], wanted, atol=1e-5)


def starbolt_in(folder: Path, *words: str) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "starbolt", *words]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


@pytest.mark.slow
def test_a_new_model_from_an_empty_folder_is_two_files(tmp_path, sky):
    (tmp_path / "ownnets.py").write_text(OWN_MODEL)
    (tmp_path / "conf" / "model").mkdir(parents=True)
    (tmp_path / "conf" / "model" / "sums.yaml").write_text("_target_: ownnets.Sums\nwidth: 8\n")
    common = ["data=table", f"data.path={sky['catalogue']}", "data.id=objid", "data.target=redshift"]
    done = starbolt_in(tmp_path, "train", *common, "model=sums", "model.width=4", "task=regression",
                       "trainer=cpu", "trainer.max_epochs=1", "run=out")  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == str(tmp_path / "out")
    done = starbolt_in(tmp_path, "evaluate", "checkpoint=out", "trust=[ownnets]")
    assert done.returncode == 0, done.stderr
    done = starbolt_in(tmp_path, "evaluate", "checkpoint=out")
    assert done.returncode == 1
    assert "trust=[ownnets]" in done.stderr
    assert len(done.stderr.strip().splitlines()) <= 3  # "using your own conf", the sentence, its page


@pytest.mark.slow
def test_a_new_archive_from_an_empty_folder_is_two_files(tmp_path):
    (tmp_path / "blobs.py").write_text(OWN_ARCHIVE)
    (tmp_path / "conf" / "data").mkdir(parents=True)
    (tmp_path / "conf" / "data" / "blobs.yaml").write_text(
        "_target_: starbolt.data.ArchiveDataModule\narchive:\n  _target_: blobs.Blobs\n  count: 60\ntarget: kind\n"
    )
    done = starbolt_in(tmp_path, "train", "data=blobs", "model=cnn", "model.width=4", "task=classification",
                       "trainer=cpu", "trainer.max_epochs=2", "run=out")  # fmt: skip
    assert done.returncode == 0, done.stderr
    done = starbolt_in(tmp_path, "predict", "checkpoint=out", "trust=[blobs]", "output=preds.csv")
    assert done.returncode == 0, done.stderr
    assert len((tmp_path / "preds.csv").read_text().splitlines()) == 61


@pytest.mark.usefixtures("unreported")
def test_several_data_modules_join_from_a_yaml(sky, tmp_path, execute):
    half = {"_target_": "starbolt.data.TableDataModule", "path": str(sky["catalogue"]), "id": "objid"}
    from starbolt.run import execute as execute_folder

    cfg = compose(["data=table", "data.target=redshift", "model=fusion", "task=regression", "trainer=cpu",
                   "trainer.max_epochs=1", f"run={tmp_path / 'run'}"])  # fmt: skip
    cfg.data = {
        "_target_": "starbolt.data.MultimodalDataModule",
        "target": "redshift",
        "modules": {"bright": {**half, "features": ["u", "g"]}, "errors": {**half, "features": ["e_u", "e_g"]}},
    }
    mlp = {"_target_": "starbolt.models.MLP", "_partial_": True, "width": 8}
    cfg.model.encoders = {"bright": mlp, "errors": mlp}
    folder = write_config(cfg)
    execute_folder(folder)
    assert set(starbolt.load(folder).spec.inputs) == {"bright", "errors"}
    assert OmegaConf.load(folder / "config.yaml").data.modules.bright.features == ["u", "g"]


def test_a_checkpoint_may_be_named_by_folder_or_file(trained, tmp_path):
    run = trained("mlp")
    shutil.copy(run / "checkpoints" / "best.ckpt", tmp_path / "alone.ckpt")
    made = [starbolt.load(name).learner.state_dict() for name in (run, tmp_path / "alone.ckpt", str(run))]
    for other in made[1:]:
        assert all(torch.equal(value, other[key]) for key, value in made[0].items())


def test_what_is_left_out_of_a_partial_is_said_by_the_class():
    assert build.factory({"_target_": "starbolt.models.MLP", "width": 4}).keywords == {"width": 4}
    assert isinstance(build.factory({"_target_": "starbolt.models.MLP"}), partial)


@pytest.mark.parametrize("beside", ["mask_hdu", "variance_hdu"])
def test_masks_are_never_paired_with_bands_in_another_order(beside):
    cfg = OmegaConf.create({"data": {"hdu": ["I", "G"], beside: ["G_MASK", "I_MASK"]}})
    with pytest.raises(ValueError, match=rf"data\.hdu=.* is given anew, but data\.{beside}="):
        build.refuse_half_chosen(cfg, ["data.hdu"])
    build.refuse_half_chosen(cfg, ["data.hdu", f"data.{beside}"])
    build.refuse_half_chosen(cfg, ["data.catalogue"])
    cfg.data[beside] = "MASK"  # one for all
    build.refuse_half_chosen(cfg, ["data.hdu"])
