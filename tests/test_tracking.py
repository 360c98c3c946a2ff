"""tracking: an offline wandb run keeps every file in the run folder and is finished whatever happens."""

from __future__ import annotations

import json
import socket
import struct
from collections.abc import Iterator
from pathlib import Path

import pytest

from starbolt import tracking


@pytest.fixture
def offline(tmp_path, monkeypatch):
    """No login, no network, no variable of wandb's; a home folder that can be looked at."""
    home = tmp_path / "home"
    home.mkdir()
    for name in ("WANDB_API_KEY", "WANDB_MODE", "WANDB_DIR", "WANDB_DATA_DIR", "WANDB_CACHE_DIR", "WANDB_CONFIG_DIR"):
        monkeypatch.setenv(name, "")  # so that what the code sets is undone
        monkeypatch.delenv(name)
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


def records(folder: Path) -> list:
    """What the .wandb log of a run folder holds, once wandb's own process has ended, as it does with ours."""
    import wandb
    from wandb.proto import wandb_internal_pb2

    wandb.teardown()
    (log,) = folder.rglob("*.wandb")
    return [wandb_internal_pb2.Record.FromString(data) for data in pieces(log.read_bytes())]


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


def test_a_run_is_logged_whole_inside_its_folder(offline, words, execute, tmp_path, capsys):
    folder = execute(tmp_path / "runs" / "mine", [*words("mlp"), "logger=wandb", "name=trial"])
    log = records(folder)
    kinds = [record.WhichOneof("record_type") for record in log]
    assert "exit" in kinds
    assert next(r.exit.exit_code for r in log if r.WhichOneof("record_type") == "exit") == 0
    history = {("/".join(i.nested_key) or i.key) for r in log if r.history.item for i in r.history.item}
    assert {"train/loss", "val/loss", "test/rms"} <= history
    assert any(key.startswith("figures/") for key in history)
    (run,) = (r.run for r in log if r.WhichOneof("record_type") == "run")
    config = {item.key or item.nested_key[0]: item.value_json for r in log for item in r.config.update}
    config |= {item.key: item.value_json for item in run.config.update}
    assert {"data_fingerprint", "split_fingerprint", "git", "model", "seed"} <= config.keys()
    assert json.loads(config["seed"]) == 0
    artifacts = [
        r.artifact if r.WhichOneof("record_type") == "artifact" else r.request.log_artifact.artifact for r in log
    ]
    names = {entry.path for artifact in artifacts for entry in artifact.manifest.contents}
    assert "checkpoints/best.ckpt" in names
    assert list(offline.rglob("*")) == []
    said = capsys.readouterr().out
    assert "wandb sync" in said
    place = Path(said.split("wandb sync ")[1].splitlines()[0])
    assert place.is_dir()
    assert place.is_relative_to(folder)


def test_a_run_that_raises_is_finished_too(offline, words, execute, tmp_path):
    wild = ["optim=sgd", "optim.lr=1e30", "schedule=none", "trainer.gradient_clip_val=null", "trainer.max_epochs=5"]
    with pytest.raises(ValueError, match=r"optim\.lr"):
        execute(tmp_path / "run", [*words("mlp"), "logger=wandb", *wild])
    (exit_code,) = (r.exit.exit_code for r in records(tmp_path / "run") if r.WhichOneof("record_type") == "exit")
    assert exit_code == 1


def test_nothing_but_a_key_makes_a_login(offline, monkeypatch):
    assert not tracking.logged_in()
    (offline / ".netrc").write_text("machine api.wandb.ai login user password secret\n")
    (offline / ".netrc").chmod(0o600)
    assert tracking.logged_in()
    (offline / ".netrc").unlink()
    monkeypatch.setenv("WANDB_API_KEY", "x" * 40)
    assert tracking.logged_in()


def test_a_continued_run_is_the_same_wandb_run(offline, tmp_path):
    one, two = (tracking.wandb_logger(str(tmp_path / "runs" / "a")) for _ in range(2))
    assert one._id == two._id
    assert tracking.wandb_logger(str(tmp_path / "runs" / "b"))._id != one._id
    assert not set("/\\#?%:") & set(tracking.wandb_logger(str(tmp_path / "runs" / "a:b#c%d"))._id)


def test_tensorboard_writes_into_the_run_folder(words, execute, tmp_path):
    folder = execute(tmp_path / "run", [*words("mlp"), "logger=tensorboard"])
    assert list((folder / "tensorboard").rglob("events.out.*"))
