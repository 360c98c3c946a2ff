"""run: a folder holds all that a run was; it can be interrupted, continued and repeated."""

from __future__ import annotations

import csv
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch
from astropy.table import Table
from lightning.pytorch import Callback
from omegaconf import OmegaConf

from starbolt import build, loading
from starbolt.checkpoints import read_checkpoint
from starbolt.compose import compose, write_config
from starbolt.data.audit import AuditError
from starbolt.endurance import lease, signals
from starbolt.endurance.signals import Stopped
from starbolt.predict import predict_rows, score
from starbolt.run import execute as execute_folder
from starbolt.run import main
from starbolt.verbs.evaluate import main as evaluate

FILES = (
    "config.yaml", "checkpoints/best.ckpt", "checkpoints/last.ckpt", "metrics.json", "history.csv",
    "predictions.parquet", "report.html", "provenance.json",
)  # fmt: skip


def history(folder: Path) -> list[dict[str, str]]:
    with (folder / "history.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def leftovers(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.name.endswith(".part") or ".part" in path.suffixes]


@pytest.mark.parametrize("model", ["mlp", "cnn", "gru"])
def test_a_run_folder_holds_what_a_run_was(trained, model):
    folder = trained(model)
    assert [name for name in FILES if not (folder / name).is_file()] == []
    assert list((folder / "figures").glob("*.png"))
    assert leftovers(folder) == []


@pytest.mark.parametrize("model", ["mlp", "cnn", "gru"])
def test_metrics_are_flat_numbers_of_validation_and_test(trained, model):
    metrics = json.loads((trained(model) / "metrics.json").read_text())
    assert {key.split("/")[0] for key in metrics} == {"val", "test"}
    assert all(isinstance(value, float) and np.isfinite(value) for value in metrics.values())


def test_provenance_tells_where_the_result_came_from(trained):
    told = json.loads((trained("mlp") / "provenance.json").read_text())
    assert {"git", "packages", "data", "split", "seed", "hardware"} <= told.keys()
    assert told["packages"]["torch"]
    assert len(told["split"]) == 16


@pytest.mark.parametrize(("model", "product", "target"), [
    ("mlp", "catalogue", "redshift"), ("cnn", "labels", "class"), ("gru", "stars", "class"),
])  # fmt: skip
def test_every_prediction_stands_beside_its_own_object(trained, sky, model, product, target):
    table = pq.read_table(sky[product]).to_pandas() if product == "stars" else Table.read(sky[product]).to_pandas()
    ids = [name.decode() if isinstance(name, bytes) else str(name) for name in table["objid"]]
    truth = dict(zip(ids, table[target], strict=True))
    found = pq.read_table(trained(model) / "predictions.parquet").to_pylist()
    assert len({row["id"] for row in found}) == len(found) > 10
    for row in found:
        wanted = truth[row["id"].strip()]
        if target == "redshift":
            assert row["target"] == pytest.approx(float(wanted), rel=1e-6)
        else:
            assert row["target"] == str(wanted).strip()
        assert ids[row["row"]].strip() == row["id"].strip()


def test_the_best_epoch_is_the_one_that_is_scored(trained):
    folder = trained("mlp")
    losses = [float(row["val/loss"]) for row in history(folder)]
    metrics = json.loads((folder / "metrics.json").read_text())
    assert metrics["val/loss"] == pytest.approx(min(losses), rel=1e-5)


def test_a_reloaded_run_gives_the_scores_it_had(trained):
    for model in ("mlp", "cnn", "gru"):
        cfg = OmegaConf.load(trained(model) / "config.yaml")
        learner = loading.load_learner(trained(model))
        data = build.data(cfg)
        data.open_like(learner.spec)
        metrics = json.loads((trained(model) / "metrics.json").read_text())
        for part in ("val", "test"):
            scores = score(learner, data, predict_rows(learner, data.loader(data.parts[part])))
            assert {k: metrics[f"{part}/{k}"] for k in scores} == pytest.approx(scores, abs=1e-6)


@pytest.mark.parametrize("word", ["slices=[mag_x]", "calibration.by=[mag_x]"])
def test_a_column_that_is_not_there_is_told_before_the_training(words, execute, tmp_path, word):
    with pytest.raises(ValueError, match="there is no column 'mag_x'"):
        execute(tmp_path / "run", [*words("mlp"), word])
    assert not (tmp_path / "run" / "history.csv").exists()


@pytest.mark.usefixtures("unreported")
def test_without_test_no_test_row_is_scored_or_predicted(words, execute, tmp_path):
    folder = execute(tmp_path / "run", [*words("mlp"), "test=false"])
    for name in ("metrics.json", "controls.json"):
        assert "test/" not in (folder / name).read_text()
    assert set(pq.read_table(folder / "predictions.parquet")["part"].to_pylist()) == {"val"}


@pytest.mark.usefixtures("unreported")
def test_the_same_seed_gives_the_same_run_and_another_seed_another(words, execute, tmp_path, trained):
    again = execute(tmp_path / "again", words("mlp"))
    other = execute(tmp_path / "other", [*words("mlp"), "seed=1"])
    first, second, third = (json.loads((f / "metrics.json").read_text()) for f in (trained("mlp"), again, other))
    assert first == second
    assert first != third


def test_the_last_line_is_the_folder(words, tmp_path, capsys):
    folder = write_config(compose([*words("mlp"), "trainer.max_epochs=1", f"run={tmp_path / 'run'}"]))
    main(str(folder))
    said = capsys.readouterr().out.splitlines()
    assert said[-1] == str(folder)
    assert said == (folder / "log.txt").read_text().splitlines()


def extended(folder: Path, **changes: object) -> Path:
    cfg = OmegaConf.load(folder / "config.yaml")
    for key, value in changes.items():
        OmegaConf.update(cfg, key.replace("__", "."), value)
    cfg.run = str(folder)
    return write_config(cfg)


@pytest.mark.parametrize("schedule", ["cosine", "onecycle", "plateau", "none"])
@pytest.mark.usefixtures("unreported")
def test_a_run_goes_on_where_it_ended(words, execute, tmp_path, schedule):
    folder = execute(tmp_path / "run", [*words("mlp"), f"schedule={schedule}"])
    before = history(folder)
    execute_folder(extended(folder, trainer__max_epochs=5))
    after = history(folder)
    assert [int(row["epoch"]) for row in after] == [0, 1, 2, 3, 4]
    assert after[:2] == before
    steps = [int(row["step"]) for row in after]
    assert len(set(np.diff([0, *steps]))) == 1
    seconds = [float(row["seconds"]) for row in after]
    assert seconds == sorted(seconds)


def test_a_finished_run_executed_again_keeps_its_scores(words, execute, tmp_path):
    folder = execute(tmp_path / "run", words("mlp"))
    metrics, rows = (folder / "metrics.json").read_text(), history(folder)
    execute_folder(extended(folder))
    assert json.loads((folder / "metrics.json").read_text()) == pytest.approx(json.loads(metrics))
    assert history(folder) == rows


@pytest.mark.parametrize("schedule", ["cosine", "onecycle"])
@pytest.mark.usefixtures("unreported")
def test_a_training_of_so_many_steps_ends_with_its_schedule_and_repeats_no_score(words, execute, tmp_path, schedule):
    more = ["trainer.max_epochs=-1", "+trainer.max_steps=5", "data.batch_size=64", f"schedule={schedule}"]
    rows = history(execute(tmp_path / "run", [*words("mlp"), *more]))
    assert [int(row["step"]) for row in rows] == [2, 4, 5]
    assert float(rows[-1]["lr"]) < 0.01 * max(float(row["lr"]) for row in rows)
    assert all(rows[0][name] and rows[1][name] for name in ("val/loss", "train/loss"))
    assert not any(value for name, value in rows[2].items() if "/" in name)


@pytest.mark.usefixtures("unreported")
def test_a_training_may_end_before_any_validation(words, execute, tmp_path):
    folder = execute(tmp_path / "run", [*words("mlp"), "data.batch_size=32", "+trainer.max_steps=1"])
    assert [row["step"] for row in history(folder)] == ["1"]
    assert "val/loss" not in history(folder)[0]
    assert np.isfinite(json.loads((folder / "metrics.json").read_text())["val/loss"])


class AskAt(Callback):
    """Sends this process a signal while a given step is at hand."""

    def __init__(self, step: int, number: int = signal.SIGINT) -> None:
        self.step, self.number = step, number

    def on_train_batch_start(self, trainer, *_):
        if trainer.global_step == self.step:
            self.step = -1
            signal.raise_signal(self.number)


def with_callback(monkeypatch, callback):
    made = build.trainer
    monkeypatch.setattr(build, "trainer", lambda cfg, folder, own, **o: made(cfg, folder, [callback, *own], **o))
    return lambda: monkeypatch.setattr(build, "trainer", made)


def same_weights(one: Path, other: Path, name: str = "last") -> bool:
    """Whether two runs hold the same numbers, to the last bit."""
    states = [read_checkpoint(folder / "checkpoints" / f"{name}.ckpt")["state_dict"] for folder in (one, other)]
    return states[0].keys() == states[1].keys() and all(
        torch.equal(states[0][key], states[1][key]) for key in states[0]
    )


def told(folder: Path) -> list[dict[str, str]]:
    """History without what the clock says."""
    return [{name: value for name, value in row.items() if name != "seconds"} for row in history(folder)]


RESTLESS = {  # all that draws random numbers in training
    "mlp": ["model.dropout=0.2", "data.batch_size=32"],
    "cnn": ["model.dropout=0.2", "data.batch_size=8", "data.shift=2"],
    "gru": ["model.dropout=0.2", "model.depth=2", "data.batch_size=8", "data.drop=0.2"],
}


@pytest.mark.parametrize("schedule", ["onecycle", "plateau"])
@pytest.mark.parametrize("step", [1, 5, 9])
@pytest.mark.parametrize("model", ["mlp", "cnn", "gru"])
@pytest.mark.usefixtures("unreported")
def test_a_stopped_run_goes_on_as_if_it_had_never_stopped(
    words, execute, tmp_path, monkeypatch, model, step, schedule, once
):
    overrides = [*words(model), *RESTLESS[model], "trainer.max_epochs=4", f"schedule={schedule}", "report=false"]
    whole = once((model, schedule), lambda folder: execute(folder, overrides))
    undo = with_callback(monkeypatch, AskAt(step))
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(Stopped):
        execute(tmp_path / "cut", overrides)
    assert signal.getsignal(signal.SIGINT) is before
    undo()
    assert not signals.asked()
    cut = tmp_path / "cut"
    assert not (cut / "metrics.json").exists()
    assert read_checkpoint(cut / "checkpoints" / "last.ckpt")["global_step"] == step + 1
    execute_folder(cut)
    assert same_weights(whole, cut)
    assert same_weights(whole, cut, "best")
    assert told(whole) == told(cut)
    assert json.loads((whole / "metrics.json").read_text()) == json.loads((cut / "metrics.json").read_text())


@pytest.fixture(scope="session")
def once(tmp_path_factory):
    """(key, make) -> a folder that `make` filled, made once for all tests."""
    made: dict[object, Path] = {}

    def get(key, make):
        if key not in made:
            made[key] = make(tmp_path_factory.mktemp("whole") / "run")
        return made[key]

    return get


@pytest.mark.parametrize("more", [["trainer.accumulate_grad_batches=3"], ["+trainer.val_check_interval=2"]])
@pytest.mark.parametrize("step", [1, 3, 4])
@pytest.mark.usefixtures("unreported")
def test_it_goes_on_exactly_amid_gathered_gradients_and_validations(words, execute, tmp_path, monkeypatch, more, step):
    overrides = [*words("mlp"), *RESTLESS["mlp"], *more, "trainer.max_epochs=3", "report=false"]
    whole = execute(tmp_path / "whole", overrides)
    undo = with_callback(monkeypatch, AskAt(step))
    with pytest.raises(Stopped):
        execute(tmp_path / "cut", overrides)
    undo()
    execute_folder(tmp_path / "cut")
    assert same_weights(whole, tmp_path / "cut")
    assert told(whole) == told(tmp_path / "cut")


@pytest.mark.usefixtures("unreported")
def test_a_run_that_stopped_early_stays_stopped_and_more_patience_lets_it_go_on(words, execute, tmp_path):
    wild = ["optim=sgd", "optim.lr=0.0", "schedule=none", "callbacks.patience.patience=2", "trainer.max_epochs=9"]
    folder = execute(tmp_path / "run", [*words("mlp"), *wild, "report=false"])
    assert len(history(folder)) == 3
    execute_folder(folder)
    assert len(history(folder)) == 3
    execute_folder(extended(folder, callbacks__patience__patience=4))
    assert len(history(folder)) == 5


@pytest.mark.usefixtures("unreported")
def test_a_moved_run_remembers_its_best_epoch(words, execute, tmp_path):
    rising = ["optim=sgd", "optim.lr=0.3", "schedule=none", "report=false"]
    folder = execute(tmp_path / "here", [*words("mlp"), *rising, "trainer.max_epochs=3"])
    best = read_checkpoint(folder / "checkpoints" / "best.ckpt")["callbacks"]
    shutil.move(folder, tmp_path / "there")
    execute_folder(extended(tmp_path / "there", trainer__max_epochs=4, optim__lr=0.0))
    after = read_checkpoint(tmp_path / "there" / "checkpoints" / "last.ckpt")["callbacks"]
    score = [
        next(v["best_model_score"] for k, v in state.items() if k.startswith("ModelCheckpoint"))
        for state in (best, after)
    ]
    assert score[1] <= score[0]


def test_a_folder_is_executed_by_one_process_at_a_time(trained, tmp_path):
    folder = shutil.copytree(trained("mlp"), tmp_path / "run")
    with lease.held(folder), pytest.raises(ValueError, match=f"process {os.getpid()} on .* wait for that process"):
        main(str(folder))
    assert lease.holder(folder) is None


@pytest.mark.parametrize("change", [
    "data.target=redshif", "data.features=[u,gg]", "data.path=/nowhere/cat.fits", "task.loss=hubber",
    "data.target=objid_no", "optim.lr=1e30",
])  # fmt: skip
def test_a_failed_run_leaves_nothing_half_written(words, execute, tmp_path, change):
    more = ["optim=sgd", "schedule=none", "trainer.gradient_clip_val=null", "trainer.max_epochs=5"]
    folder = tmp_path / "run"
    with pytest.raises((ValueError, OSError)) as caught:
        execute(folder, [*words("mlp"), *(more if "lr" in change else []), change])
    assert "\n" not in str(caught.value)
    assert leftovers(folder) == []
    assert not (folder / "metrics.json").exists()


@pytest.mark.usefixtures("unreported")
def test_debug_and_overfit_trainers_run(words, execute, tmp_path):
    plain = [word for word in words("mlp") if not word.startswith("trainer")]
    for name in ("debug", "overfit"):
        folder = execute(
            tmp_path / name, [*plain, f"trainer={name}", "trainer.accelerator=cpu", "trainer.max_epochs=2"]
        )
        assert len(history(folder)) == 2


@pytest.mark.slow
def test_two_processes_score_every_row_once(words, tmp_path):
    folder = write_config(compose([*words("mlp"), "trainer=ddp", "trainer.accelerator=cpu", "trainer.devices=2",
                                   f"run={tmp_path / 'run'}"]))  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-m", "starbolt.run", str(folder)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == str(folder)
    assert done.stdout.count(str(folder)) == 2  # the report's path and the folder, each said once
    sizes = json.loads((folder / "spec.json").read_text())["sizes"]
    parts = pq.read_table(folder / "predictions.parquet")["part"].to_pylist()
    assert {name: parts.count(name) for name in ("val", "test")} == {name: sizes[name] for name in ("val", "test")}


@pytest.mark.slow
def test_ctrl_c_in_the_terminal_leaves_a_run_that_goes_on(words, tmp_path):
    folder = write_config(
        compose([*words("mlp"), "trainer.max_epochs=100000", "~callbacks.patience", f"run={tmp_path / 'run'}"])
    )
    command = [sys.executable, "-m", "starbolt.run", str(folder)]
    child = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    guard = threading.Timer(90, child.kill)
    guard.start()
    while child.poll() is None and not (folder / "history.csv").exists():
        threading.Event().wait(0.2)
    child.send_signal(signal.SIGINT)
    out, err = child.communicate()
    guard.cancel()
    assert child.returncode == 130
    assert out.splitlines()[-1] == f"stopped; go on with: starbolt train run={folder}"
    assert "Traceback" not in err
    epochs = len(history(folder))
    execute_folder(extended(folder, trainer__max_epochs=epochs + 2))
    assert len(history(folder)) == epochs + 2


@pytest.fixture
def leaking(sky, tmp_path) -> list[str]:
    """Overrides of a run whose features hold a copy of the target."""
    table = Table.read(sky["catalogue"])
    table["guess"] = table["redshift"] * 2 + 1
    table.write(tmp_path / "leak.fits")
    words = ["data=table", f"data.path={tmp_path / 'leak.fits'}", "data.target=redshift", "data.id=objid"]
    return [*words, "data.exclude=[ra,dec]", "model=mlp", "model.width=8", "task=regression", "trainer=cpu"]


def test_a_leak_stops_the_run_before_it_trains(leaking, execute, tmp_path):
    with pytest.raises(AuditError, match=r"- target: .*guess.*\n.*\n.*audit\.waive=\[target\]"):
        execute(tmp_path / "run", [*leaking, "trainer.max_epochs=1"])
    (finding,) = json.loads((tmp_path / "run" / "audit.json").read_text())["findings"]
    assert (finding["name"], finding["waived"]) == ("target", False)
    assert not (tmp_path / "run" / "checkpoints").exists()


def test_a_waived_leak_trains_and_stands_in_the_report(leaking, execute, tmp_path, capsys):
    folder = execute(tmp_path / "run", [*leaking, "trainer.max_epochs=1", "audit.waive=[target]"])
    assert "waived by audit.waive=[target]: " in capsys.readouterr().out
    report = (folder / "report.html").read_text()
    assert "<b>target</b> (waived)" in report
    assert "faults that were waived (target)" in report


def test_a_run_keeps_its_split_and_a_grown_catalogue_can_follow_it(sky, words, execute, tmp_path, unreported):
    """stratified deals anew when the catalogue grows; split.like keeps the earlier objects where they were."""
    table = Table.read(sky["catalogue"])
    table[:150].write(tmp_path / "cat.fits")
    more = [*words("mlp"), f"data.path={tmp_path / 'cat.fits'}", "trainer.max_epochs=1"]
    first = execute(tmp_path / "first", more)
    table.write(tmp_path / "cat.fits", overwrite=True)
    grown = execute(tmp_path / "grown", [*more, f"split.like={first}"])
    before, after = (
        dict(zip(*(split[name].to_pylist() for name in ("id", "part")), strict=True))
        for split in (pq.read_table(folder / "split.parquet") for folder in (first, grown))
    )
    assert len(after) == 200
    assert before == {name: after[name] for name in before}
    shutil.rmtree(first)  # evaluate needs it no more: the run has a split of its own
    evaluate([f"checkpoint={grown}"])
