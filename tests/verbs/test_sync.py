"""`starbolt sync` uploads each offline segment once, in order of start, and after a failure goes on with other runs."""

from __future__ import annotations

import gzip
import json
import re
import shlex
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from starbolt import tracking
from starbolt.compose import UserError
from starbolt.endurance import lease
from starbolt.verbs import sync

STUB = """#!{python}
import sys
from pathlib import Path
if "--help" in sys.argv:
    print("{help}")
    sys.exit()
(folder,) = (Path(word) for word in sys.argv[2:] if not word.startswith("-"))
with open({calls!r}, "a") as file:
    print(Path.cwd().name, *sys.argv[1:], file=file)
(log,) = folder.glob("*.wandb")
if "{bad}" and "{bad}" in log.name:
    print("wandb: ERROR Failed to upload: the server said no", file=sys.stderr)
    sys.exit(0)  # as wandb does
log.with_name(log.name + ".synced").touch()
"""


@pytest.fixture
def wandb(tmp_path, monkeypatch):
    """(bad, help) -> a `wandb` on the path that fails on ids with `bad` in them; reads back what it was called with."""
    calls, program = tmp_path / "calls", tmp_path / "bin" / "wandb"
    program.parent.mkdir()
    monkeypatch.setenv("PATH", str(program.parent))
    monkeypatch.setenv("WANDB_API_KEY", "x" * 40)
    monkeypatch.setattr(sync, "reachable", lambda: True)
    monkeypatch.chdir(tmp_path)

    def install(bad: str = "", help: str = "Options: --id TEXT"):
        program.write_text(STUB.format(python=sys.executable, calls=str(calls), bad=bad, help=help))
        program.chmod(0o755)
        return lambda: [shlex.split(line) for line in calls.read_text().splitlines()] if calls.exists() else []

    return install


def make_run(folder: Path, *stamps: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.yaml").write_text("name: x\n")
    for stamp in stamps:
        segment = folder / "wandb" / f"offline-run-{stamp}-{folder.name}"
        segment.mkdir(parents=True)
        (segment / f"run-{folder.name}.wandb").touch()
    return folder


def test_segments_go_up_in_order_of_start_and_once(wandb, tmp_path, capsys):
    called = wandb()
    make_run(tmp_path / "sweeps" / "s" / "b", "20261126_080000", "20261127_070000")
    make_run(tmp_path / "sweeps" / "s" / "a", "20261126_090000")
    make_run(tmp_path / "runs" / "x" / "untracked")
    sync.main([])
    wanted = ["b wandb/offline-run-20261126_080000-b", "b wandb/offline-run-20261127_070000-b",
              "a wandb/offline-run-20261126_090000-a"]  # fmt: skip
    assert [[run, "sync", path] for run, path in map(str.split, wanted)] == called()
    said = capsys.readouterr().out.splitlines()
    assert said == ["sweeps/s/b: uploaded 2 segments", "sweeps/s/a: uploaded 1 segment"]
    sync.main(["sweeps/s/a", "sweeps"])
    assert len(called()) == 3
    assert capsys.readouterr().out.splitlines() == ["sweeps/s/b: uploaded already", "sweeps/s/a: uploaded already"]


def test_a_segment_that_failed_is_told_and_the_other_runs_go_up(wandb, tmp_path, capsys):
    called = wandb(bad="bad")
    make_run(tmp_path / "runs" / "bad", "20261126_080000", "20261126_090000")
    make_run(tmp_path / "runs" / "good", "20261126_100000")
    with pytest.raises(SystemExit) as left:
        sync.main(["runs"])
    assert left.value.code == 1
    assert [call[0] for call in called()] == ["bad", "good"]  # what follows the failed segment would go up out of order
    said = capsys.readouterr().out.splitlines()
    assert said[0] == "runs/bad: failed at segment 1 of 2: wandb: ERROR Failed to upload: the server said no"
    assert said[1:] == ["runs/good: uploaded 1 segment", "1 of 2 runs failed; starbolt sync tries them again"]
    called = wandb()
    sync.main(["runs"])
    assert [call[0] for call in called()] == ["bad", "good", "bad", "bad"]


def test_an_older_wandb_is_told_to_append(wandb, tmp_path):
    called = wandb(help="Options: --append  Append run")
    make_run(tmp_path / "runs" / "a", "20261126_080000", "20261126_090000")
    sync.main([])
    assert [call[3:] for call in called()] == [[], ["--append"]]


def test_without_a_login_or_a_server_nothing_is_tried(wandb, tmp_path, monkeypatch):
    called = wandb()
    make_run(tmp_path / "runs" / "a", "20261126_080000")
    monkeypatch.setattr(sync, "reachable", lambda: False)
    with pytest.raises(UserError, match=r"cannot be reached from here; sync on a machine with internet"):
        sync.main([])
    monkeypatch.delenv("WANDB_API_KEY")
    monkeypatch.setenv("HOME", str(tmp_path))
    with pytest.raises(UserError, match="no login to wandb was found; log in with: wandb login"):
        sync.main([])
    assert called() == []


def test_a_run_in_training_is_left_for_later(wandb, tmp_path, capsys):
    called = wandb()
    folder = make_run(tmp_path / "runs" / "a", "20261126_080000")
    with lease.held(folder):
        sync.main([])
    assert called() == []
    assert "left for later" in capsys.readouterr().out
    sync.main([])
    assert len(called()) == 1


def test_nothing_tracked_and_a_place_that_is_none(wandb, tmp_path, capsys):
    wandb()
    make_run(tmp_path / "runs" / "a")
    sync.main([])
    assert "no run below runs, sweeps was tracked offline" in capsys.readouterr().out
    with pytest.raises(UserError, match="no folder nowhere"):
        sync.main(["nowhere"])


def test_without_the_command_on_the_path_this_pythons_wandb_is_taken(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert sync.program() == [sys.executable, "-m", "wandb"]


class Server(ThreadingHTTPServer):
    """Stands in for wandb's: answers what `wandb sync` 0.31 asks of it, and keeps the rows of history it is sent."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Asked)
        self.history: list[tuple[int, dict[str, Any]]] = []  # where a row was put, and the row
        self.ends: list[int] = []

    def answer(self, query: str, words: dict[str, Any]) -> dict[str, Any] | None:
        project = {"id": "m", "name": "starbolt", "entity": {"id": "e", "name": "us"}}
        bucket: dict[str, Any] = {"id": "b", "name": words.get("name"), "displayName": "x", "config": "{}"}
        tail = {"_step": len(self.history) - 1, "_runtime": 1}
        if "RunResumeStatus" in query:
            lines = {"historyLineCount": len(self.history), "eventsLineCount": 0, "logLineCount": 0}
            tails = {"historyTail": json.dumps([json.dumps(tail)]), "eventsTail": "[]", "summaryMetrics": "{}"}
            known = bucket | lines | tails | {"tags": [], "wandbConfig": '{"t": 1}'}
            return {"model": project | {"bucket": known if self.history else None}}
        if "UpsertBucket" in query:
            return {"upsertBucket": {"bucket": bucket | {"project": project}, "inserted": not self.history}}
        if "CreateRunFiles" in query:
            files = [{"name": n, "uploadUrl": f"http://127.0.0.1:{self.server_port}/{n}"} for n in words["files"]]
            return {"createRunFiles": {"runID": "b", "uploadHeaders": [], "files": files}}
        return None


class Asked(BaseHTTPRequestHandler):
    server: Server

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        told: Any = {}
        if re.search("graphql|file_stream", self.path):
            told = json.loads(gzip.decompress(body) if self.headers.get("Content-Encoding") == "gzip" else body)
        reply: dict[str, Any] = {}
        if "graphql" in self.path:
            data = self.server.answer(told["query"], told.get("variables") or {})
            reply = {"data": data} if data else {"data": None, "errors": [{"message": "not known here"}]}
        if rows := (told.get("files") or {}).get("wandb-history.jsonl"):
            self.server.history += [(rows["offset"] + i, json.loads(row)) for i, row in enumerate(rows["content"])]
        if told.get("complete"):
            self.server.ends.append(told["exitcode"])
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write(json.dumps(reply).encode())

    def do_PUT(self) -> None:
        self.do_POST()

    def log_message(self, *_: object) -> None:
        """Silence."""


@pytest.fixture
def server(tmp_path, monkeypatch) -> Iterator[Server]:
    """A server to upload to, with a key for it; the home folder and the current one are empty."""
    made = Server()
    threading.Thread(target=made.serve_forever, daemon=True).start()
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sync, "program", lambda: [sys.executable, "-m", "wandb"])
    yield made
    made.shutdown()
    made.server_close()


@pytest.mark.slow
def test_wandb_itself_puts_a_later_segment_behind_the_first(server, tmp_path, monkeypatch, capsys):
    folder = tmp_path / "run"
    for steps, state in (((1, 2), "stopped"), ((3, 4, 5), "finished")):
        monkeypatch.delenv("WANDB_API_KEY", raising=False)
        logger = tracking.wandb_logger(str(folder), name="a name")
        trainer: Any = SimpleNamespace(loggers=[logger], default_root_dir=str(folder))
        tracking.begin(trainer, {"seed": 3})
        for step in steps:
            logger.log_metrics({"val/loss": 1.0}, step=step)
        tracking.close(trainer, state)
        time.sleep(1.1)  # a segment's folder is named by the second
    (folder / "config.yaml").touch()
    assert len(sync.segments(folder)) == 2
    capsys.readouterr()
    monkeypatch.setenv("WANDB_API_KEY", "x" * 40)
    monkeypatch.setenv("WANDB_BASE_URL", f"http://127.0.0.1:{server.server_port}")
    sync.main(["run"])
    assert capsys.readouterr().out == "run: uploaded 2 segments\n"
    assert [row["trainer/global_step"] for _, row in server.history] == [1, 2, 3, 4, 5]
    assert [(place, row["_step"]) for place, row in server.history] == [(i, i) for i in range(5)]
    assert server.ends == [1, 0]
    assert [path.name for path in tmp_path.iterdir() if path.name != ".cache"] == ["run"]  # logs lie in the run, too
