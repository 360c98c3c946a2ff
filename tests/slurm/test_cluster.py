"""The cluster that the other tests stand on is one: several nodes, shared work, jobs that come back."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow
SCRIPT = Path(__file__).resolve().parents[2] / "scripts" / "slurm" / "local_cluster.sh"


def test_two_nodes_share_the_tasks(slurm):
    print_node = ["bash", "-c", "echo $SLURMD_NODENAME $SLURM_PROCID"]
    done = subprocess.run(
        ["srun", "-N2", "--ntasks-per-node=2", *print_node], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    nodes = dict(reversed(line.split()) for line in done.stdout.splitlines())
    assert sorted(nodes) == ["0", "1", "2", "3"]
    assert nodes["0"] == nodes["1"] != nodes["2"] == nodes["3"]


def test_a_job_comes_back_after_a_requeue_and_says_how_it_ended(slurm, tmp_path):
    script = 'if [ -z "$SLURM_RESTART_COUNT" ]; then scontrol requeue $SLURM_JOB_ID; sleep 60; fi; exit 3'
    job = slurm.sbatch("--requeue", "--wrap", script, cwd=tmp_path)
    assert slurm.wait_for(job, {"FAILED", "COMPLETED"}, 180) == "FAILED"
    assert slurm.show(job)["Restarts"] == "1"
    assert slurm.show(job)["ExitCode"] == "3:0"


def test_a_cluster_is_started_once_and_stopped_whole(slurm, tmp_path):
    if os.getuid() != 0:
        pytest.skip("only root can start one")

    def call(verb: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run([SCRIPT, verb, tmp_path / "own"], capture_output=True, text=True, timeout=120)

    first = call("start")
    assert first.returncode == 0, first.stderr
    try:
        daemons = {file.name: file.read_text() for file in (tmp_path / "own").glob("*.pid")}
        assert sorted(daemons) == ["munged.pid", "n1.pid", "n2.pid", "slurmctld.pid"]
        assert call("start").stdout == first.stdout == f"export SLURM_CONF={tmp_path}/own/slurm.conf\n"
        assert {file.name: file.read_text() for file in (tmp_path / "own").glob("*.pid")} == daemons
        assert call("status").returncode == 0
    finally:
        assert call("stop").returncode == 0
    assert not list((tmp_path / "own").glob("*.pid"))
    refused = call("status")
    assert refused.returncode == 1
    assert "does not run" in refused.stderr
    assert subprocess.run(["sinfo"], capture_output=True).returncode == 0  # the other one lives
