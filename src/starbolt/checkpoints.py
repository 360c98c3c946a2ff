"""Checkpoint files: found by a run's name, read without running code, written aside and renamed."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import torch
from lightning.fabric.plugins import TorchCheckpointIO


class AsideCheckpointIO(TorchCheckpointIO):
    """Lightning's own writes to the system's temporary folder first; moving from there to another disk copies."""

    def save_checkpoint(self, checkpoint: dict[str, Any], path: Any, storage_options: Any = None) -> None:
        """Save beside `path` and rename; OSError where the disk is full."""
        final = Path(path)
        final.parent.mkdir(parents=True, exist_ok=True)
        aside = final.with_name(f".{final.name}.{os.getpid()}.part")
        try:
            with aside.open("wb") as file:
                torch.save(checkpoint, file)
            aside.replace(final)
        except RuntimeError as error:  # torch hides the disk's own error behind its own
            if not isinstance(error.__context__, OSError):
                raise
            raise OSError(error.__context__.errno, error.__context__.strerror, str(final)) from None
        finally:
            aside.unlink(missing_ok=True)


def read_checkpoint(path: Path) -> dict[str, Any]:
    """A checkpoint's plain values and tensors; ValueError where it is damaged, foreign or would run code."""
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:
        raise ValueError(f"{path} is not a checkpoint that can be read safely ({first_line(error)})") from None
    ours = state.get("starbolt") if isinstance(state, dict) else None
    if not isinstance(ours, dict) or not {"spec", "recipe", "symmetries"} <= ours.keys():
        raise ValueError(f"{path} is not a checkpoint of starbolt: it carries no spec")
    return state


def find_checkpoint(named: str | Path) -> Path:
    """The file that a checkpoint's or a run folder's name means."""
    path = Path(named)
    if path.is_file():
        return path
    for name in ("checkpoints/best.ckpt", "checkpoints/last.ckpt"):
        if (path / name).is_file():
            return path / name
    raise FileNotFoundError(f"{path} is neither a checkpoint nor a run folder with checkpoints/best.ckpt")


def first_line(error: Exception, line: int = 0) -> str:
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return lines[min(line, len(lines) - 1)].strip()[:200]
