"""login: a key is found where wandb would look for one, and nowhere else."""

from __future__ import annotations

from pathlib import Path

import pytest

from starbolt.login import hosts, logged_in


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch) -> Path:
    """A home folder without a key, and no variable that names one."""
    for name in ("API_KEY", "IDENTITY_TOKEN_FILE", "BASE_URL", "CONFIG_DIR"):
        monkeypatch.delenv(f"WANDB_{name}", raising=False)
    monkeypatch.delenv("NETRC", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


def keep_key(file: Path, host: str) -> None:
    file.write_text(f"machine {host} login user password secret\n")
    file.chmod(0o600)


def test_nothing_but_a_key_makes_a_login(home, monkeypatch):
    assert not logged_in()
    keep_key(home / ".netrc", "example.org")
    assert not logged_in()
    (home / ".netrc").unlink()
    monkeypatch.setenv("WANDB_API_KEY", "x" * 40)
    assert logged_in()


@pytest.mark.parametrize("host", ["api.wandb.ai", "api.forge.coreweave.com"])
def test_a_key_of_either_name_of_the_server_counts(home, host):
    keep_key(home / ".netrc", host)
    assert logged_in()


def test_a_key_is_for_the_server_that_is_spoken_to(home, monkeypatch):
    keep_key(home / ".netrc", "api.wandb.ai")
    monkeypatch.setenv("WANDB_BASE_URL", "https://wandb.example.org")
    assert not logged_in()
    keep_key(home / ".netrc", "wandb.example.org")
    assert logged_in()


def test_the_server_is_read_where_wandb_login_wrote_it(home):
    settings = home / ".config" / "wandb" / "settings"
    settings.parent.mkdir(parents=True)
    settings.write_text("[default]\nbase_url = https://wandb.example.org:8080\n")
    assert hosts() == ("wandb.example.org:8080",)
    settings.write_text("no settings at all")
    assert "api.wandb.ai" in hosts()


def test_a_netrc_elsewhere_and_a_broken_one(home, monkeypatch):
    keep_key(home / "keys", "api.wandb.ai")
    monkeypatch.setenv("NETRC", "~/keys")
    assert logged_in()
    (home / "keys").write_text("machine")
    assert not logged_in()
