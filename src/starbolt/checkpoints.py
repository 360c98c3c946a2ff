"""Checkpoints written aside and renamed: a full disk or a killed process leaves no half a file by the real name."""

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
