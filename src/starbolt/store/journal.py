"""The journal of a packing: which chunks are finished, so that a killed packing is taken up again where it stopped."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any

SYNC = 5.0  # [s] chunks are written down in groups, each after its data have reached the disk


class Journal:
    """Lines of JSON in a folder: the first says what is packed and how, each other one what a finished chunk holds."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.path = folder, folder / "journal"
        self.waiting: list[dict[str, Any]] = []
        self.written = time.monotonic()

    def read(self) -> list[dict[str, Any]]:
        """The lines; a last one that is torn is left out."""
        lines: list[dict[str, Any]] = []
        if self.path.exists():
            for line in self.path.read_text().splitlines():
                try:
                    lines.append(json.loads(line))
                except ValueError:
                    break
        return lines

    def rewrite(self, lines: list[dict[str, Any]]) -> None:
        """Begin with these lines."""
        self.path.write_text("".join(json.dumps(line) + "\n" for line in lines))

    def add(self, line: dict[str, Any]) -> None:
        """A finished chunk, written down within SYNC seconds if others follow."""
        self.waiting.append(line)
        if time.monotonic() - self.written >= SYNC:
            self.flush()

    def flush(self) -> None:
        """Bring the data to the disk, then write down the chunks that wait."""
        for path in self.folder.glob("**/*.*"):
            with path.open("rb") as file:
                os.fsync(file.fileno())
        with self.path.open("a") as file:
            file.writelines(json.dumps(line) + "\n" for line in self.waiting)
            file.flush()
            os.fsync(file.fileno())
        self.waiting, self.written = [], time.monotonic()
