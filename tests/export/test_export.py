"""An exported file answers as its checkpoint: every head, every calibration, any number of objects and points."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from starbolt import loading
from starbolt.calibration import Calibrated, Groups
from starbolt.contract import InputSpec, Spec, TargetSpec
from starbolt.ensemble import Ensemble
from starbolt.export import Exported, about, check, random_batches, runner, told, write
from starbolt.export.checking import ALLOWED
from starbolt.export.formulas import erfc, ndtri, searchsorted
from starbolt.learner import Learner
from starbolt.models import GRU, MLP
from starbolt.tasks import Classification, Regression
from starbolt.tasks.calibration import ClassCalibration, QuantityCalibration

EXAMPLE = Path(__file__).parents[2] / "examples" / "onnx" / "predict.py"
N = 3
TABLE = InputSpec("table", ("a", "b", "c"), ("",) * N, (N,), ("linear", "log", "asinh"), (1.0,) * N, (0.5, 0.1, 1.0),
                  (1.0, 2.0, 0.5), (0.1, 0.0, 0.0))  # fmt: skip
SERIES = InputSpec("series", ("time", "g", "r"), ("d", "mag", "mag"), (N, 30), ("linear",) * N, (1.0,) * N,
                   (10.0, 20.0, 19.0), (9.0, 1.0, 1.0), (0.0, 0.3, 0.2), (0.0, -1.0, -1.0), (1.0, 0.3, 0.3),
                   "object")  # fmt: skip
TWO = TargetSpec(("z", "mass"), ("", "Msun"), mean=(0.5, 10.0), spread=(0.2, 2.0), log_mean=(-0.3, 1.0),
                 log_spread=(0.1, 0.2), low=(0.1, 4.0), high=(1.0, 16.0))  # fmt: skip
KINDS = TargetSpec(("type",), ("",), ("E", "S0", "S"), (100, 25, 4))
WARP = ((0.1, 1.2, 0.15, 0.9), (-0.2, 0.8, 0.0, 1.0))
STRAIGHT = ((0.1, 1.2, 0.0, 1.0), (0.0, 1.0, 0.0, 1.0))
ENDS = ((-1.5, -1.7),), ((1.6, 1.8),)


def learner(target, task, fit, encoder=MLP, inputs=None, seed=0):
    torch.manual_seed(seed)
    made = Learner(Spec(inputs or {"table": TABLE}, target, sizes={"train": 100}), encoder, task).eval()
    made.calibration = fit and Calibrated(fit, Groups({}, {}))
    return made


def written(network, path):
    batches = random_batches(network.spec)
    write(Exported(network), batches[0], path, about(network))
    return check(path, network, batches)


def quantity(loss, log=False, warp=WARP):
    fit = QuantityCalibration(() if loss == "huber" else warp, *ENDS, (50, 50), 0.9)
    return learner(TWO, lambda n, spec: Regression(n, spec, loss=loss, log=log, bins=40, components=3), fit)


SLOW = pytest.mark.slow


@pytest.mark.parametrize(
    "loss", [pytest.param(w, marks=SLOW) for w in ("gaussian", "quantiles", "binned", "huber")] + ["mixture"]
)
@pytest.mark.parametrize("log", [False, pytest.param(True, marks=SLOW)])
def test_every_density_and_its_calibration(loss, log, tmp_path):
    assert written(quantity(loss, log), tmp_path / "m.onnx") <= ALLOWED


@pytest.mark.slow
@pytest.mark.parametrize("warp", [STRAIGHT, ((0.0, 1.0, 0.0, 1.0),) * 2])
def test_warps_that_do_little(warp, tmp_path):
    assert written(quantity("mixture", warp=warp), tmp_path / "m.onnx") <= ALLOWED


@pytest.mark.parametrize("ending", ["onnx", "pt2"])
@pytest.mark.parametrize("calibrated", [True, False])
def test_classes(ending, calibrated, tmp_path):
    fit = ClassCalibration(1.4, 0.8, ((0.2, -math.inf, 0.1),), (30, 20, 5), 0.9) if calibrated else None
    network = learner(KINDS, Classification, fit)
    assert written(network, tmp_path / f"m.{ending}") <= ALLOWED
    run = runner(tmp_path / f"m.{ending}")
    nothing = {"table": torch.full((4, 3), torch.nan)}
    assert torch.allclose(run(nothing)["prob"], told(network, nothing)["prob"], atol=ALLOWED)


@pytest.mark.parametrize("ending", [pytest.param("onnx", marks=SLOW), "pt2"])
def test_series_of_any_length_and_padding(ending, tmp_path):
    network = learner(KINDS, Classification, None, lambda shape: GRU(shape, 8, bidirectional=True), {"series": SERIES})
    assert written(network, tmp_path / f"m.{ending}") <= ALLOWED
    run = runner(tmp_path / f"m.{ending}")
    one = random_batches(network.spec)[0]
    for points in (7, 61):
        padded = {k: torch.nn.functional.pad(v, (0, points), value=torch.nan) for k, v in one.items()}
        assert torch.allclose(run(padded)["prob"], told(network, one)["prob"], atol=ALLOWED)


@pytest.mark.slow
@pytest.mark.parametrize("loss", ["gaussian", "mixture", "quantiles", "binned", "huber"])
def test_an_ensemble_is_one_file(loss, tmp_path):
    members = [quantity(loss) for _ in range(2)]
    for seed, member in enumerate(members):
        torch.manual_seed(seed)
        torch.nn.init.normal_(member.task.head[1].weight, std=0.3)
    whole = Ensemble(members).eval()
    whole.calibration = members[0].calibration
    assert written(whole, tmp_path / "m.onnx") <= ALLOWED
    assert "epistemic" in runner(tmp_path / "m.onnx")(random_batches(whole.spec)[0])


@pytest.mark.slow
def test_an_ensemble_of_classifiers_too(tmp_path):
    fit = ClassCalibration(1.4, 0.8, ((0.2, -math.inf, 0.1),), (30, 20, 5), 0.9)
    members = [learner(KINDS, Classification, fit, seed=seed) for seed in range(2)]
    whole = Ensemble(members).eval()
    whole.calibration = members[0].calibration
    assert written(whole, tmp_path / "m.onnx") <= ALLOWED


@pytest.mark.slow
@pytest.mark.parametrize("model", ["mlp", "cnn", "gru"])
def test_what_was_trained_on_the_sky(trained, model, tmp_path):
    assert written(loading.load_learner(trained(model)), tmp_path / "m.onnx") <= ALLOWED


def test_a_file_that_answers_otherwise_is_told(tmp_path):
    one, other = quantity("gaussian"), quantity("gaussian")
    torch.nn.init.normal_(other.task.head[1].weight)
    write(Exported(one), random_batches(one.spec)[0], tmp_path / "m.onnx", about(one))
    with pytest.raises(ValueError, match=r"m\.onnx would answer otherwise than the checkpoint: \w+ differs by"):
        check(tmp_path / "m.onnx", other, random_batches(one.spec))


def test_dropout_at_random_is_refused():
    network = learner(TWO, lambda n, spec: Regression(n, spec, dropout=0.2), None)
    network.mc_dropout = 20
    with pytest.raises(ValueError, match="the mean of 20 passes with random dropout"):
        Exported(network)


def test_the_example_runs_without_torch_and_starbolt(tmp_path):
    network = quantity("gaussian")
    written(network, tmp_path / "m.onnx")
    objects = random_batches(network.spec)[1]
    np.savez(tmp_path / "objects.npz", **{name: value.numpy() for name, value in objects.items()})
    block = "import sys; sys.modules['torch'] = sys.modules['starbolt'] = None; "
    run = f"{block}sys.argv = ['predict.py', 'm.onnx', 'objects.npz']; exec(open({str(EXAMPLE)!r}).read())"
    done = subprocess.run([sys.executable, "-c", run], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert "predicts ['z', 'mass'] from {'table': ['a', 'b', 'c']}" in done.stdout
    with np.load(tmp_path / "answers.npz") as answers:
        assert np.allclose(answers["mean"], told(network, objects)["mean"], atol=1e-4)
        assert {"sigma", "low", "high"} <= set(answers)


def test_a_file_tells_what_it_is():
    plain = about(learner(KINDS, Classification, ClassCalibration(1.0, 0.0, ((0.1,) * 3,), (9, 9, 9), 0.8)))
    assert json.loads(json.dumps(plain))["level"] == 0.8
    assert plain["classes"] == ["E", "S0", "S"]
    assert plain["level"] == 0.8
    assert plain["inputs"]["table"]["channels"] == ("a", "b", "c")


def test_formulas_that_stand_for_torch_s():
    x = torch.linspace(-8, 26, 2001, dtype=torch.float64)
    assert torch.allclose(erfc(x), torch.erfc(x), rtol=1e-9, atol=1e-300)
    p = torch.logspace(-300, -0.302, 500, dtype=torch.float64)
    p = torch.cat([p, 1 - p[p > 1e-14]])
    assert torch.allclose(ndtri(p), torch.special.ndtri(p), atol=1e-9)
    edges, t = torch.tensor([[0.0, 1.0, 1.0, 3.0]]), torch.tensor([[-1.0, 0.0, 1.0, 2.0, 5.0]])
    assert torch.equal(searchsorted(edges, t, right=True), torch.searchsorted(edges, t, right=True))
