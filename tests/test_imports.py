"""Imports point down: whoever reads a file needs to know only what stands below it."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import starbolt

ROOT = Path(starbolt.__file__).parent
LAYERS = [  # a module imports from the layers above its own in this list, and from its own package
    {"aside", "cache", "contract", "pages", "schedules", "stretch", "direction", "__init__"},
    {"simulate", "compose", "native"},
    {"messages"},
    {"endurance"},
    {"archives", "models", "tasks", "standardise"},
    {"optimisers", "login", "helptext", "callbacks", "progress", "checkpoints", "dropout", "recipe", "new"},
    {"fetch"},
    {"store", "tracking", "trials"},
    {"data", "calibration", "looks"},
    {"recording"},
    {"stepping", "pieces"},
    {"learner", "report"},
    {"adopting", "ensemble", "threads", "compiling"},
    {"predict"},
    {"build", "calibrate", "catalogue", "explain", "export", "provenance"},
    {"loading"},
    {"scoring"},
    {"run", "instrument", "like", "fitting"},
    {"launch", "resume"},
    {"sweep"},
    {"doctor"},
    {"verbs"},
    {"cli"},
    {"__main__"},
]
DEPTH = {name: depth for depth, layer in enumerate(LAYERS) for name in layer}
FILES = [pytest.param(path, id=str(path.relative_to(ROOT))) for path in sorted(ROOT.rglob("*.py"))]


def part_of(path: Path) -> str:
    return path.relative_to(ROOT).parts[0].removesuffix(".py")


def imported(path: Path) -> Iterator[str]:
    """Full names of what a file imports, inside functions too."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def packages(path: Path) -> set[str]:
    return {name.split(".")[0] for name in imported(path)}


@pytest.mark.parametrize("path", FILES)
def test_imports_point_down(path):
    own = part_of(path)
    below = {name for name, depth in DEPTH.items() if depth < DEPTH[own]}
    ours = {name.split(".")[1] for name in imported(path) if name.startswith("starbolt.")}
    assert ours - {own, "__version__"} <= below


@pytest.mark.parametrize("path", FILES)
def test_heavy_packages_stay_where_they_belong(path):
    own, names = part_of(path), set(imported(path))
    if own in ("archives", "store", "simulate", "compose", "messages", "helptext", "cli", "new", "fetch"):
        assert not packages(path) & {"torch", "lightning", "torchvision", "torchmetrics"}
    if own == "models":
        assert not packages(path) & {"lightning", "hydra", "omegaconf"}
    if own == "tasks":
        assert not packages(path) & {"lightning", "hydra", "omegaconf"}
    if own != "report":
        assert "matplotlib" not in packages(path)
    if own != "build":
        assert not names & {"hydra.utils.instantiate", "hydra.utils.call"}


def test_every_module_has_its_layer():
    assert {part_of(path.values[0]) for path in FILES} <= set(DEPTH)


INSIDE = [  # the same, within a package: each imports from those before it
    ("archives", [{"base", "fits"}, {"reading"}, {"points", "stamps"}, {"channels", "magnitudes"}]),
    (
        "data",
        [{"splits", "labels"}, {"sources", "transforms", "ranges", "matching"}, {"measure"}, {"module"}, {"audit"}],
    ),
]


@pytest.mark.parametrize(("package", "layers"), INSIDE)
def test_packages_inside_point_down_too(package, layers):
    depth = {name: i for i, layer in enumerate(layers) for name in layer}
    for path in (ROOT / package).rglob("*.py"):
        own = path.relative_to(ROOT / package).parts[0].removesuffix(".py")
        begins = f"starbolt.{package}."
        used = {name.removeprefix(begins).split(".")[0] for name in imported(path) if name.startswith(begins)}
        above = {name for name in used if own in depth and depth.get(name, -1) > depth[own]}
        assert not above, f"{path} imports {above}"
