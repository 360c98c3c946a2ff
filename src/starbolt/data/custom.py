"""Data of any other kind: an archive of one's own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from starbolt.archives import Archive
from starbolt.data.module import ObjectDataModule, scaling_of
from starbolt.data.objects import Objects, packed


class ArchiveDataModule(ObjectDataModule):
    """Any Archive, such as one of your own.

    per_object: as for images. augment: {modality: Augment}. common: words of all data, see ObjectDataModule.
    """

    def __init__(
        self,
        archive: Archive,
        *,
        per_object: bool | str = False,
        augment: Mapping[str, Any] | None = None,
        batch_size: int = 64,
        **common: Any,
    ) -> None:
        super().__init__(batch_size=batch_size, **common)
        self.scaling, self.augment = scaling_of(per_object), dict(augment or {})
        self.archive = archive

    def fetch(self) -> Objects:
        return packed(self.archive, self.progress, self.cache)
