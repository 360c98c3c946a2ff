"""From checkpoint files to networks that predict, and back: what a file names is built only where it is trusted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from hydra.utils import get_object

from starbolt.archives import Archive
from starbolt.build import factory
from starbolt.calibration import Calibrated
from starbolt.checkpoints import AsideCheckpointIO, find_checkpoint, first_line, read_checkpoint
from starbolt.contract import Spec
from starbolt.data import ObjectDataModule
from starbolt.ensemble import Ensemble
from starbolt.learner import Learner

TRUSTED = ("starbolt", "torch", "torchvision")
BUILT = (torch.nn.Module, ObjectDataModule, Archive)


def load_learner(checkpoint: str | Path, trust: Sequence[str] = ()) -> Learner | Ensemble:
    """The learner (or ensemble) of a checkpoint file or run folder, ready to predict; the file cannot run code.

    Raises ValueError where the file is none of ours, or names classes of packages that are not trusted.
    """
    path = find_checkpoint(checkpoint)
    state = read_checkpoint(path)
    ours = state["starbolt"]
    if "members" not in ours:
        return _learner(ours, state["state_dict"], trust, path)
    learners = [_learner(*pair, trust, path) for pair in zip(ours["members"], state["state_dict"], strict=True)]
    made = Ensemble(learners)
    made.calibration = Calibrated.from_dict(ours["calibration"])
    return made.eval()


def load_ensemble(checkpoints: Sequence[Path], trust: Sequence[str] = ()) -> Ensemble:
    """Several trained networks as one, not calibrated yet; ValueError where they do not belong together."""
    learners = [load_learner(path, trust) for path in checkpoints]
    for learner, path in zip(learners, checkpoints, strict=True):
        if isinstance(learner, Ensemble):
            raise ValueError(f"{path} is an ensemble already; name its members, the run folders")
        if learner.spec.split != learners[0].spec.split:
            raise ValueError(
                f"{path} was trained on another split than {checkpoints[0]}; the members of an ensemble share their "
                "test rows: vary seed=, and not split.seed= or split.fold="
            )
    return Ensemble(learners).eval()  # type: ignore[arg-type]


def save(learner: Learner, path: str | Path) -> None:
    """Write a learner into a file for `starbolt.load` and `starbolt predict`: weights, statistics, calibration.

    A file of this name is replaced. To go on with the training, `learner.trainer.save_checkpoint` keeps more.
    """
    AsideCheckpointIO().save_checkpoint({"starbolt": learner.about(), "state_dict": learner.state_dict()}, Path(path))


def save_ensemble(made: Ensemble, path: Path, of: Sequence[str] = ()) -> None:
    """All members in one file, with the calibration of their common answer; of: digests of the members' files."""
    abouts, states = [m.about() for m in made.members], [m.state_dict() for m in made.members]  # type: ignore[operator]
    kept = made.calibration.to_dict() if made.calibration else None
    ours = {**abouts[0], "members": abouts, "calibration": kept, "of": list(of)}
    AsideCheckpointIO().save_checkpoint({"starbolt": ours, "state_dict": states}, path)


def keep_calibration(path: Path, calibrated: Calibrated | None) -> None:
    """Write the calibration into a checkpoint that is there already."""
    state = read_checkpoint(path)
    state["starbolt"]["calibration"] = calibrated.to_dict() if calibrated else None
    AsideCheckpointIO().save_checkpoint(state, path)


def check_trust(config: Any, trust: Sequence[str], where: Any) -> None:
    """ValueError where plain values name anything but networks, tasks, data, archives and splits of trusted packages.

    trust: further packages, of which everything may be built. "${" is refused: Hydra would compute with it.
    """
    if isinstance(config, Mapping):
        if "_target_" in config:
            _check_target(str(config["_target_"]), trust, where)
        for key, value in config.items():
            check_trust(key, trust, where)
            check_trust(value, trust, where)
    elif isinstance(config, str) and "${" in config:
        raise ValueError(f"{where} holds {config!r}; a checkpoint holds plain values, and nothing is computed from it")
    elif isinstance(config, Sequence) and not isinstance(config, str):
        for value in config:
            check_trust(value, trust, where)


def _learner(ours: Mapping[str, Any], weights: Mapping[str, Any], trust: Sequence[str], path: Path) -> Learner:
    check_trust(ours["recipe"], trust, path)
    made = Learner(
        Spec.from_dict(ours["spec"]),
        factory(_unweighted(ours["recipe"]["model"])),
        factory(ours["recipe"]["task"]),
        symmetries=ours["symmetries"],
        mc_dropout=ours.get("mc_dropout", 0),
        recipe=ours["recipe"],
    )
    try:
        made.load_state_dict(weights)
    except RuntimeError as error:
        raise ValueError(
            f"the weights in {path} do not fit the network that it names ({first_line(error, 1)})"
        ) from None
    made.calibration = Calibrated.from_dict(ours.get("calibration"))
    return made.eval()


def _unweighted(config: Any) -> Any:
    """Without names of weight files: the checkpoint has weights of its own."""
    if not isinstance(config, Mapping):
        return config
    return {key: None if key == "weights" else _unweighted(value) for key, value in config.items()}


def _check_target(target: str, trust: Sequence[str], where: Any) -> None:
    package = target.split(".")[0]
    if package not in (*TRUSTED, *trust):
        raise ValueError(f"{where} names {target!r}, which is not built unless you say 'trust=[{package}]'")
    made = _found(target, where)
    home = str(getattr(made, "__module__", ""))
    ours = isinstance(made, type) and (issubclass(made, BUILT) or home.startswith("starbolt.data.splits."))
    if not ours and home.split(".")[0] not in trust:
        raise ValueError(f"{where} names {target!r}, which is no network, task, data module or split, and is not built")


def _found(target: str, where: Any) -> Any:
    try:
        return get_object(target)
    except (ImportError, AttributeError, ValueError):
        raise ValueError(f"{where} names {target!r}, which is not found here; start where it can be imported") from None
