"""Data of any other kind: an archive of one's own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from starbolt.archives import Archive
from starbolt.data.module import ObjectDataModule, Objects, packed
from starbolt.data.splits import Splitter


class ArchiveDataModule(ObjectDataModule):
    """Any Archive, such as one of your own. The words are those of TableDataModule; augment: {modality: Augment}."""

    def __init__(
        self,
        archive: Archive,
        *,
        target: str | Sequence[str] | None = None,
        log: Sequence[str] = (),
        asinh: Sequence[str] = (),
        per_object: bool | str = False,
        augment: Mapping[str, Any] | None = None,
        classes: Sequence[Any] = (),
        min_count: int = 0,
        weight: str | None = None,
        group: str | None = None,
        split: Splitter | None = None,
        batch_size: int = 64,
        seed: int = 0,
        cache: str | None = None,
    ) -> None:
        super().__init__(
            target=target,
            classes=classes,
            min_count=min_count,
            weight=weight,
            group=group,
            split=split,
            batch_size=batch_size,
            seed=seed,
            log=log,
            asinh=asinh,
            per_object=per_object,
            augment=dict(augment or {}),
            cache=cache,
        )
        self.archive = archive

    def fetch(self) -> Objects:
        return packed(self.archive, self.progress, self.cache)
