"""Whether wandb would find a key, without asking for one: in the environment, or in the netrc file."""

from __future__ import annotations

import configparser
import netrc
import os
import socket
import urllib.request
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

HOSTED = ("api.wandb.ai", "api.forge.coreweave.com")  # wandb's own server, by both of its names
HOW = "log in with: wandb login (or set WANDB_API_KEY)"


def logged_in() -> bool:
    """Whether a key, or the file of an identity, is at hand for the server that wandb would speak to."""
    if os.environ.get("WANDB_API_KEY") or os.environ.get("WANDB_IDENTITY_TOKEN_FILE"):
        return True
    home = Path.home() / ".netrc"
    file = os.environ.get("NETRC") or (home if home.exists() else Path.home() / "_netrc")
    try:
        known = netrc.netrc(os.path.expanduser(file))
    except (OSError, netrc.NetrcParseError):
        return False
    return any(known.authenticators(host) for host in hosts())


def hosts() -> tuple[str, ...]:
    """The names under which the key of wandb's server may be kept: one's own server where one is set."""
    folder = os.environ.get("WANDB_CONFIG_DIR") or "~/.config/wandb"
    settings = configparser.ConfigParser(interpolation=None)
    try:
        settings.read(Path(folder).expanduser() / "settings")
    except (OSError, configparser.Error):
        settings.clear()
    kept = settings.get("default", "base_url", fallback="")
    own = urlsplit(os.environ.get("WANDB_BASE_URL") or kept).netloc
    return (own,) if own and own not in HOSTED else HOSTED


def reachable() -> bool:
    """Whether the server answers at all; taken for granted behind a proxy."""
    if urllib.request.getproxies():
        return True
    for host in hosts():
        name, _, port = host.partition(":")
        with suppress(OSError), socket.create_connection((name, int(port or 443)), timeout=10):
            return True
    return False
