"""tracking: every run is one wandb run, whole and finished whatever happens, and offline all of it is in its folder."""

from __future__ import annotations

import json
import os
import shutil
import socket
import struct
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

from starbolt import tracking

VARIABLES = ("API_KEY", "IDENTITY_TOKEN_FILE", "BASE_URL", "MODE", "DIR", "DATA_DIR", "CACHE_DIR", "CONFIG_DIR",
             "RUN_GROUP", "PROJECT", "ENTITY", "SILENT")  # fmt: skip
WANDB = ["logger=wandb", "name=mine"]


@pytest.fixture
def offline(tmp_path, monkeypatch):
    """No login, no network, no variable of wandb's; a home folder that can be looked at."""
    home = tmp_path / "home"
    home.mkdir()
    for name in VARIABLES:
        monkeypatch.setenv(f"WANDB_{name}", "")  # so that what the code sets is undone
        monkeypatch.delenv(f"WANDB_{name}")
    monkeypatch.delenv("NETRC", raising=False)
    monkeypatch.setenv("HOME", str(home))
    reached = []
    connect = socket.socket.connect

    def local_only(self, address):
        if self.family in (socket.AF_INET, socket.AF_INET6) and address[0] not in ("127.0.0.1", "::1", "localhost"):
            reached.append(address)
            raise OSError("no network here")
        return connect(self, address)

    monkeypatch.setattr(socket.socket, "connect", local_only)
    yield home
    assert reached == []


@pytest.fixture
def tracked(offline, tmp_path):
    """(folder, state) -> the folder, in which a run was begun, logged two steps and was closed."""

    def run(folder: Path, state: str = "finished") -> Path:
        logger = tracking.wandb_logger(str(folder), name="a name")
        trainer: Any = SimpleNamespace(loggers=[logger], global_step=2, default_root_dir=str(folder))
        tracking.begin(trainer, {"seed": 3})
        logger.log_metrics({"val/loss": 2.0}, step=1)
        logger.log_metrics({"val/loss": 1.0}, step=2)
        if state == "finished":
            tracking.finish(trainer, folder, {"val/loss": 1.5})
        tracking.close(trainer, state)
        return folder

    return run


class Log:
    """What the .wandb file of one segment of an offline run says."""

    def __init__(self, file: Path) -> None:
        from wandb.proto import wandb_internal_pb2

        self.records = [wandb_internal_pb2.Record.FromString(data) for data in pieces(file.read_bytes())]
        (self.run,) = self.of("run")
        self.codes = [ended.exit_code for ended in self.of("exit")]
        self.history = {name for row in self.of("history") for name in values(row.item)}
        self.summary: dict[str, Any] = {}
        for told in self.of("summary"):
            self.summary |= values(told.update)
        self.config: dict[str, Any] = {}
        for told in [self.run.config, *self.of("config")]:
            self.config |= values(told.update)
        logged = [r.request.log_artifact.artifact for r in self.records if r.request.HasField("log_artifact")]
        self.artifacts = {each.type: each for each in [*self.of("artifact"), *logged]}

    def of(self, kind: str) -> list[Any]:
        return [getattr(record, kind) for record in self.records if record.WhichOneof("record_type") == kind]


def values(items: Any) -> dict[str, Any]:
    """name -> value of the items of a record."""
    return {item.key or "/".join(item.nested_key): json.loads(item.value_json) for item in items}


def pieces(log: bytes) -> Iterator[bytes]:
    """The records of a LevelDB log: blocks of 32 KiB, each piece headed by checksum [4], length [2] and kind [1]."""
    at, whole = 7, b""
    while at + 7 <= len(log):
        if 32768 - at % 32768 < 7:
            at += 32768 - at % 32768
            continue
        _, length, kind = struct.unpack("<IHB", log[at : at + 7])
        whole += log[at + 7 : at + 7 + length]
        at += 7 + length
        if kind in (1, 4):  # a whole record, or the last piece of one
            yield whole
            whole = b""


def segments(folder: Path) -> list[Path]:
    """The .wandb files of a run folder, in order of start."""
    return sorted(folder.glob("wandb/offline-run-*/*.wandb"))


def log_of(folder: Path) -> Log:
    (file,) = segments(folder)
    return Log(file)


def test_a_run_is_logged_whole_inside_its_folder(offline, words, execute, tmp_path, capsys):
    folder = execute(tmp_path / "runs" / "mine", [*words("mlp"), *WANDB])
    log, metrics = log_of(folder), json.loads((folder / "metrics.json").read_text())
    assert log.codes == [0]
    assert {"train/loss", "val/loss", "test/rms"} <= log.history
    assert metrics.items() <= log.summary.items()
    assert log.summary["state"] == "finished"
    assert log.run.display_name == "mine"
    wanted = yaml.safe_load((folder / "config.yaml").read_text())
    about = json.loads((folder / "provenance.json").read_text())
    assert wanted.items() <= log.config.items()
    assert (log.config["data_fingerprint"], log.config["split_fingerprint"]) == (about["data"], about["split"])
    assert log.config["git"] == about["git"]
    files = segments(folder)[0].parent / "files"
    figures = {path.stem for path in (folder / "figures").glob("*.png")}
    assert figures == {name.split("/")[1] for name in log.history if name.startswith("figures/") and "_type" in name}
    assert len(list(files.glob("media/images/figures/*.png"))) == len(figures) > 0
    assert [path.read_bytes() for path in files.glob("media/html/*.html")] == [(folder / "report.html").read_bytes()]
    model = {entry.path: entry for entry in log.artifacts["model"].manifest.contents}
    assert {"checkpoints/best.ckpt", "config.yaml", "report.html", "predictions.parquet"} <= model.keys()
    kept = Path(model["checkpoints/best.ckpt"].local_path)
    assert kept.read_bytes() == (folder / "checkpoints" / "best.ckpt").read_bytes()
    assert all(Path(entry.local_path).is_relative_to(folder) for entry in model.values())
    assert list(offline.rglob("*")) == []
    assert not [name for name in os.environ if name.startswith("WANDB_")]
    assert f"starbolt sync {folder}\n" in capsys.readouterr().out


def test_the_table_of_predictions_is_that_of_the_parquet(offline, words, execute, tmp_path, unreported):
    folder = execute(tmp_path / "run", [*words("gru"), *WANDB, "trainer.max_epochs=1"])
    (file,) = segments(folder)[0].parent.glob("files/media/table/*.json")
    shown, wanted = json.loads(file.read_text()), pq.read_table(folder / "predictions.parquet")
    assert shown["columns"] == wanted.column_names
    ids = shown["columns"].index("id")
    assert [row[ids] for row in shown["data"]] == wanted["id"].to_pylist()
    assert log_of(folder).summary["predictions_rows"] == f"all {len(wanted)} rows"


def test_many_predictions_are_thinned_evenly_and_told(tmp_path):
    table = pa.table({"id": [str(i) for i in range(25)], "set": [["a", "b"]] * 25, "z": [0.5, None, *range(23)]})
    pq.write_table(table, tmp_path / "p.parquet")
    columns, rows, told = tracking.thinned(tmp_path / "p.parquet", rows=10)
    assert columns == ["id", "set", "z"]
    assert [row[0] for row in rows] == [str(i) for i in range(0, 25, 3)]
    assert rows[0] == ["0", "['a', 'b']", 0.5]
    assert told == "one in 3 of 25 rows, from the first on"
    assert len(tracking.thinned(tmp_path / "p.parquet", rows=25)[1]) == 25


def test_a_run_that_raises_is_finished_too(offline, words, execute, tmp_path):
    wild = ["optim=sgd", "optim.lr=1e30", "schedule=none", "trainer.gradient_clip_val=null", "trainer.max_epochs=5"]
    with pytest.raises(ValueError, match=r"optim\.lr"):
        execute(tmp_path / "run", [*words("mlp"), *WANDB, *wild])
    log = log_of(tmp_path / "run")
    assert log.codes == [1]
    assert log.summary["state"] == "failed"


def test_what_is_refused_before_training_starts_no_wandb_run(offline, words, execute, tmp_path):
    with pytest.raises(ValueError, match="redshfit"):
        execute(tmp_path / "run", [*words("mlp"), *WANDB, "data.target=redshfit"])
    assert not segments(tmp_path / "run")


@pytest.mark.parametrize(("state", "code"), [("finished", 0), ("failed", 1), ("pruned", 0), ("stopped", 1)])
def test_every_end_is_told_and_final(tracked, tmp_path, state, code):
    log = log_of(tracked(tmp_path / "run", state))
    assert log.codes == [code]
    assert log.summary["state"] == state
    assert log.summary["val/loss"] == (1.5 if state == "finished" else 1.0)
    assert bool(log.of("preempting")) == (state == "stopped")


def test_a_run_that_goes_on_is_the_same_wandb_run(offline, words, execute, tmp_path, unreported):
    folder = execute(tmp_path / "run", [*words("mlp"), *WANDB])
    execute(folder, [*words("mlp"), *WANDB, "trainer.max_epochs=4"])
    first, second = map(Log, segments(folder))
    assert first.run.run_id == second.run.run_id
    assert (first.run.resume, second.run.resume) == (True, True)  # else the second upload would replace the first
    steps = [[values(row.item)["trainer/global_step"] for row in log.of("history")] for log in (first, second)]
    assert max(steps[0]) <= min(steps[1])
    assert (first.codes, second.codes) == ([0], [0])


def test_two_runs_in_one_process_have_two_ids_and_each_its_own_folder(tracked, tmp_path):
    for home in ("a", "b"):
        (tmp_path / home / "night").mkdir(parents=True)
        (tmp_path / home / "night" / "sweep.json").write_text("{}")
    one, two = (tracked(tmp_path / home / "night" / "optim=sgd,seed=0") for home in ("a", "b"))
    assert log_of(one).run.run_id != log_of(two).run.run_id
    assert log_of(one).run.run_group == log_of(two).run.run_group == "night"
    assert sorted(p.name for p in (one / "wandb").iterdir()) == sorted(
        p.name.replace(segments(two)[0].parent.name, segments(one)[0].parent.name) for p in (two / "wandb").iterdir()
    )
    for folder in (one, two):
        assert all(p.resolve().is_relative_to(folder) for p in folder.rglob("*"))
        places = [Path(e.local_path) for e in log_of(folder).artifacts["model"].manifest.contents]
        assert all(place.is_relative_to(folder) for place in places)


def test_a_copied_folder_is_another_run(tmp_path):
    folder = tmp_path / "run"
    first = tracking.identity(folder)
    assert tracking.identity(folder) == first
    shutil.copytree(folder, tmp_path / "copy")
    assert tracking.identity(tmp_path / "copy") != first
    assert tracking.identity(tmp_path / "copy") == tracking.identity(tmp_path / "copy")
    (tmp_path / "link").symlink_to(folder)
    assert tracking.identity(tmp_path / "link") == tracking.identity(folder.rename(tmp_path / "moved")) == first


def test_any_name_of_a_folder_makes_an_id_that_wandb_takes(tmp_path):
    import wandb

    for name in ("optim.lr=0.1,seed=2", "a:b#c%d?e'f", "é" * 60, "x" * 190):
        made = tracking.identity(tmp_path / name)
        assert wandb.Settings(run_id=made).run_id == made
        assert wandb.Artifact(f"run-{made}", type="model").name == f"run-{made}"
        assert len(made) <= 64


def test_trials_are_grouped_by_their_sweep(tmp_path, offline, monkeypatch):
    trial, alone = tmp_path / "sweeps" / "night" / "seed=0", tmp_path / "runs" / "mine" / "now"
    trial.mkdir(parents=True)
    (trial.parent / "sweep.json").write_text("{}")
    assert tracking.wandb_logger(str(trial))._wandb_init["group"] == "night"
    assert tracking.wandb_logger(str(alone))._wandb_init["group"] is None
    assert tracking.wandb_logger(str(trial), group="mine")._wandb_init["group"] == "mine"
    monkeypatch.setenv("WANDB_RUN_GROUP", "theirs")
    assert tracking.wandb_logger(str(trial))._wandb_init["group"] == "theirs"


@pytest.mark.slow
def test_a_sweep_is_a_group_of_one_run_per_trial_whatever_becomes_of_it(offline, words, tmp_path):
    wild = [
        "optim=sgd",
        "optim.lr=0.01,1e30",
        "schedule=none",
        "trainer.gradient_clip_val=null",
        "trainer.max_epochs=5",
    ]
    command = [sys.executable, "-m", "starbolt", "train", "-m", *words("mlp"), *wild, "logger=wandb", "name=night"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 1, done.stderr  # one trial failed
    trials = [path.parent for path in (tmp_path / "sweeps" / "night").glob("*/config.yaml")]
    logs = {trial.name: [Log(file) for file in segments(trial)] for trial in trials}
    good, bad = sorted(logs)
    assert (good, float(bad.removeprefix("optim.lr="))) == ("optim.lr=0.01", 1e30)
    ids = [{log.run.run_id for log in of_trial} for of_trial in logs.values()]
    assert [len(each) for each in ids] == [1, 1]
    assert ids[0] != ids[1]
    assert {log.run.run_group for of_trial in logs.values() for log in of_trial} == {"night"}
    assert all(log.run.display_name == name for name, of_trial in logs.items() for log in of_trial)
    assert [log.codes for log in logs[bad]] == [[1]]
    assert all(log.codes == [0] and "model" in log.artifacts for log in logs[good])
    assert not [path for path in offline.rglob("*") if "wandb" in path.name]


def test_the_users_own_places_have_the_last_word(tracked, offline, tmp_path, monkeypatch, capsys):
    for name in ("DIR", "CACHE_DIR"):
        monkeypatch.setenv(f"WANDB_{name}", str(tmp_path / name.lower()))
        (tmp_path / name.lower()).mkdir()
    folder = tracked(tmp_path / "run")
    (place,) = (tmp_path / "dir").glob("wandb/offline-run-*")
    assert f"wandb sync {place}" in capsys.readouterr().out
    assert not (folder / "wandb" / "cache").exists()
    assert os.environ["WANDB_DIR"] == str(tmp_path / "dir")
    assert "WANDB_DATA_DIR" not in os.environ


def test_without_a_way_to_the_server_a_run_is_tracked_offline(tracked, offline, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("WANDB_API_KEY", "x" * 40)
    monkeypatch.setenv("WANDB_BASE_URL", "http://127.0.0.1:9")  # nobody listens
    monkeypatch.setattr(tracking, "PATIENCE", 1.0)
    folder = tracked(tmp_path / "run")
    assert log_of(folder).codes == [0]
    assert "tracked offline" in capsys.readouterr().out


def test_wandb_can_be_switched_off(tracked, tmp_path, monkeypatch):
    monkeypatch.setenv("WANDB_MODE", "disabled")
    assert not segments(tracked(tmp_path / "run"))


def test_tensorboard_writes_into_the_run_folder(words, execute, tmp_path, unreported):
    folder = execute(tmp_path / "run", [*words("mlp"), "logger=tensorboard"])
    assert list((folder / "tensorboard").rglob("events.out.*"))
