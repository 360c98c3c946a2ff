"""Checkpoints written aside and renamed: a full disk or a killed process never leaves half a file under the real name."""

from __future__ import annotations

import errno
import os
import shutil
from pathlib import Path
from typing import Any

import torch
from lightning.fabric.plugins import TorchCheckpointIO


class AsideCheckpointIO(TorchCheckpointIO):
    """Lightning's own writes to the system's temporary folder first, and moving from there to another disk is a copy."""

    def save_checkpoint(self, checkpoint: dict[str, Any], path: Any, storage_options: Any = None) -> None:
        """Save beside `path` and rename; OSError where the disk is full."""
        final = Path(path)
        final.parent.mkdir(parents=True, exist_ok=True)
        aside = final.with_name(f".{final.name}.{os.getpid()}.part")
        try:
            with aside.open("wb") as file:
                torch.save(checkpoint, file)
            aside.replace(final)
        except RuntimeError:
            if shutil.disk_usage(final.parent).free > 1 << 20:
                raise
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(final)) from None  # torch hides the disk's error
        finally:
            aside.unlink(missing_ok=True)
