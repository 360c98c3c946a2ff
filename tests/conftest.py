"""Every test packs into a folder of its own session, on one thread; a small sky and three trained runs are shared."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from hypothesis import settings

settings.register_profile("same", derandomize=True, deadline=None, database=None)  # every run draws the same cases
settings.load_profile("same")

SMALL = {  # networks that train in a moment
    "mlp": ["model.width=32", "data.batch_size=64"],
    "cnn": ["model.width=4", "model.stages=2", "data.batch_size=32", "data.symmetries=true"],
    "gru": ["model.width=8", "data.batch_size=32"],
}


@pytest.fixture(scope="session", autouse=True)
def _own_cache(tmp_path_factory):
    import torch

    torch.set_num_threads(1)
    patch = pytest.MonkeyPatch()
    patch.setenv("STARBOLT_CACHE", str(tmp_path_factory.mktemp("cache")))
    yield
    patch.undo()


@pytest.fixture(scope="session")
def sky(tmp_path_factory) -> dict[str, Path]:
    """Paths of a small simulated sky: 200 galaxies, 60 stamps, 60 stars."""
    from starbolt.simulate import simulate

    return simulate(tmp_path_factory.mktemp("sky") / "sky", galaxies=200, stamps=60, stars=60)


@pytest.fixture(scope="session")
def words(sky) -> Callable[[str], list[str]]:
    """Overrides that train a small "mlp", "cnn" or "gru" on the sky for two epochs."""
    from starbolt.verbs.simulate import commands

    return lambda model: [*commands(sky)[model], *SMALL[model], "trainer=cpu", "trainer.max_epochs=2"]


@pytest.fixture(scope="session")
def execute() -> Callable[[Path, Sequence[str]], Path]:
    """(folder, overrides) -> the folder, in which a run was composed and executed in this process."""

    def run(folder: Path, overrides: Sequence[str]) -> Path:
        from starbolt.compose import compose, write_config
        from starbolt.run import execute

        execute(write_config(compose([*overrides, f"run={folder}"])))
        return folder

    return run


@pytest.fixture
def unreported(monkeypatch) -> None:
    """Runs without report.html and its figures, which take a second each."""
    monkeypatch.setattr("starbolt.run.write_report", lambda folder: folder / "report.html")


@pytest.fixture(scope="session")
def trained(tmp_path_factory, words, execute) -> Callable[[str], Path]:
    """Name of a model -> the folder of a run with it, trained once for all tests: copy it before changing it."""
    from starbolt.report import write

    folders: dict[str, Path] = {}

    def run(model: str) -> Path:
        if model not in folders:
            with pytest.MonkeyPatch.context() as patch:  # whoever asks first may be `unreported`
                patch.setattr("starbolt.run.write_report", write)
                folders[model] = execute(tmp_path_factory.mktemp("runs") / model, words(model))
        return folders[model]

    return run
