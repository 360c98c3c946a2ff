"""keeping: last.ckpt is written where a run can go on from it, as often as it is asked for, and whole."""

from __future__ import annotations

import signal

import pytest
import torch
from lightning.pytorch import Callback, LightningModule, Trainer

from starbolt.endurance import keeping, signals
from starbolt.endurance.keeping import Last
from starbolt.endurance.signals import Stopped

BATCHES = 8


class Line(LightningModule):
    """One weight, trained with noise: what it comes to depends on every draw."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = torch.nn.Linear(1, 1)

    def training_step(self, batch, index):
        return ((self.layer(batch[0]) + torch.randn(1) - batch[0]) ** 2).mean()

    def validation_step(self, batch, index):
        self.log("val/loss", self.layer(batch[0]).mean())

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=0.01)


class Numbers:
    """0 to 7, one in a batch; it can go on amid them, as our own loaders do."""

    def __init__(self) -> None:
        self.at = 0

    def __len__(self) -> int:
        return BATCHES

    def __iter__(self):
        self.at %= BATCHES
        while self.at < BATCHES:
            self.at += 1
            yield [torch.tensor([[self.at - 1.0]])]

    def state_dict(self):
        return {"at": self.at}

    def load_state_dict(self, state):
        self.at = state["at"]


class Ask(Callback):
    """Sends this process a signal after a step, as a scheduler would."""

    def __init__(self, step: int, number: int = signal.SIGTERM) -> None:
        self.step, self.number = step, number

    def on_train_batch_end(self, trainer, *_):
        if trainer.global_step == self.step:
            signal.raise_signal(self.number)


@pytest.fixture
def kept(monkeypatch) -> list[int]:
    """The steps after which a checkpoint was written."""
    steps: list[int] = []
    keep = Last._keep

    def noted(self, trainer):
        keep(self, trainer)
        steps.append(trainer.global_step)

    monkeypatch.setattr(Last, "_keep", noted)
    return steps


@pytest.fixture
def fit(tmp_path):
    """(last, more callbacks, **words of the Trainer) -> the learner, trained on as if in a run folder."""

    def run(last: Last, *more: Callback, fresh: bool = False, **words) -> Line:
        last.dirpath = str(tmp_path)
        torch.manual_seed(0)
        learner = Line()
        plain = {"logger": False, "enable_progress_bar": False, "enable_model_summary": False, "max_epochs": 2}
        trainer = Trainer(accelerator="cpu", callbacks=[*more, last], **plain | words)
        file = tmp_path / "last.ckpt"
        with signals.training():
            trainer.fit(
                learner,
                Numbers(),
                Numbers(),
                ckpt_path=file if file.exists() and not fresh else None,
                weights_only=True,
            )
        return learner

    return run


def test_by_itself_it_keeps_the_end_of_every_epoch(fit, kept, tmp_path, monkeypatch):
    monkeypatch.setattr(keeping, "OFTEN", 0)
    fit(Last())
    assert kept == [BATCHES, 2 * BATCHES]
    assert [path.name for path in tmp_path.iterdir()] == ["last.ckpt"]


def test_of_short_epochs_it_keeps_some_and_the_last(fit, kept, monkeypatch):
    now = [0.0]
    monkeypatch.setattr(keeping.time, "monotonic", lambda: now[0])

    class Clock(Callback):
        def on_train_epoch_start(self, *_):
            now[0] += 0.7

    fit(Last(), Clock(), max_epochs=8)
    assert kept == [3 * BATCHES, 6 * BATCHES, 8 * BATCHES]


def test_every_so_many_steps_but_not_where_the_epochs_end_follows(fit, kept):
    fit(Last(steps=3))
    assert kept == [3, 6, 8, 11, 14, 16]
    kept.clear()
    fit(Last(steps=4), fresh=True)
    assert kept == [4, 8, 12, 16]
    kept.clear()
    fit(Last(steps=1), fresh=True)
    assert kept == list(range(1, 17))


def test_every_so_many_minutes(fit, kept, monkeypatch):
    now = [0.0]
    monkeypatch.setattr(keeping.time, "monotonic", lambda: now[0])

    class Clock(Callback):
        def on_train_batch_end(self, *_):
            now[0] += 60.0

    fit(Last(minutes=2.5), Clock(), max_epochs=1)
    assert kept == [3, 6, 8]
    kept.clear()
    fit(Last(minutes=2.5, steps=100), Clock(), max_epochs=1, fresh=True)
    assert kept == [8]  # steps are instead of a time


def test_never_where_validation_follows(fit, kept):
    """A run that goes on from there would skip it."""
    fit(Last(steps=1), max_epochs=1, val_check_interval=4)
    assert kept == [1, 2, 3, 5, 6, 7, 8]
    kept.clear()
    fit(Last(steps=1), max_epochs=1, val_check_interval=0.25, fresh=True)
    assert kept == [1, 3, 5, 7, 8]


def test_never_amid_the_steps_whose_gradients_are_gathered(fit, kept, monkeypatch):
    batches: list[int] = []
    agreed = Last._agreed
    monkeypatch.setattr(Last, "_agreed", lambda self, trainer, *words, **more: (
        batches.append(trainer.fit_loop.batch_idx + 1), agreed(self, trainer, *words, **more)
    )[1])  # fmt: skip
    fit(Last(steps=1), max_epochs=1, accumulate_grad_batches=3)
    assert kept == [1, 2, 3]
    assert batches == [3, 6, 8]


@pytest.mark.parametrize("number", signals.CLUSTER)
def test_who_asks_to_stop_gets_a_checkpoint_of_that_step_first(fit, kept, number):
    with pytest.raises(Stopped, match=number.name):
        fit(Last(), Ask(5, number))
    assert kept == [5]


def test_a_stop_at_the_end_of_an_epoch_comes_after_its_validation(fit, kept):
    with pytest.raises(Stopped):
        fit(Last(), Ask(BATCHES))
    assert kept == [BATCHES]


def test_a_stop_amid_gathered_gradients_waits_for_the_step(fit, kept):
    class Late(Callback):
        def on_train_batch_end(self, trainer, learner, out, batch, index):
            if index == 3:
                signal.raise_signal(signal.SIGTERM)

    with pytest.raises(Stopped):
        fit(Last(), Late(), accumulate_grad_batches=3)
    assert kept == [2]  # of batches 4 to 6


@pytest.mark.parametrize("step", [3, BATCHES, 11])
def test_a_run_that_was_stopped_goes_on_with_the_draws_it_would_have_made(fit, tmp_path, step):
    whole = fit(Last()).layer.weight.item()
    (tmp_path / "last.ckpt").unlink()
    with pytest.raises(Stopped):
        fit(Last(), Ask(step))
    torch.manual_seed(99)
    assert fit(Last()).layer.weight.item() == whole


def test_what_a_killed_process_left_half_written_is_taken_away_and_nothing_else(fit, tmp_path):
    for name in (".last.ckpt.123.part", ".best.ckpt.9.part", "best.ckpt", ".other.part"):
        (tmp_path / name).write_text("")
    fit(Last(), max_epochs=1)
    assert sorted(path.name for path in tmp_path.iterdir()) == [".other.part", "best.ckpt", "last.ckpt"]


def test_a_moved_run_remembers_its_best_score_at_its_new_place(tmp_path):
    last = Last()
    last.dirpath = "/new/checkpoints"
    state = {
        "dirpath": "/old/checkpoints", "best_model_path": "/old/checkpoints/best.ckpt", "kth_best_model_path": "",
        "last_model_path": None, "best_k_models": {"/old/checkpoints/best.ckpt": torch.tensor(0.5)},
    }  # fmt: skip
    other = {"dirpath": "/old/checkpoints"}
    last.on_load_checkpoint(None, None, {"callbacks": {"ModelCheckpoint{...}": state, "Other": other}})
    assert state["dirpath"] == "/new/checkpoints"
    assert state["best_model_path"] == "/new/checkpoints/best.ckpt"
    assert list(state["best_k_models"]) == ["/new/checkpoints/best.ckpt"]
    assert (state["kth_best_model_path"], state["last_model_path"]) == ("", "")
    assert other == {"dirpath": "/old/checkpoints"}
    last.on_load_checkpoint(None, None, {})


class FakeTrainer:
    """As much of a Trainer as an agreement of ranks reads."""

    def __init__(self, world: int, device: str, step: int = 0) -> None:
        self.world_size, self.global_step = world, step
        self.strategy = type("", (), {"root_device": torch.device(device)})


@pytest.mark.parametrize(("mine", "others", "agreed"), [
    ((0, False), (0, False), (0, False)),
    ((0, False), (15, False), (15, False)),
    ((10, True), (0, False), (10, True)),
    ((10, False), (12, True), (12, True)),
])  # fmt: skip
def test_ranks_stop_and_keep_together(monkeypatch, mine, others, agreed):
    def largest(told, op):
        told.copy_(torch.maximum(told, torch.tensor([others[0], int(others[1])])))

    monkeypatch.setattr(torch.distributed, "all_reduce", largest)
    assert Last()._agreed(FakeTrainer(2, "cpu"), *mine) == agreed


def test_one_process_agrees_with_itself(monkeypatch):
    monkeypatch.setattr(torch.distributed, "all_reduce", None)
    assert Last()._agreed(FakeTrainer(1, "cpu"), 15, True) == (15, True)


def test_ranks_on_a_gpu_agree_every_few_steps_and_at_the_end_of_an_epoch(monkeypatch):
    asked = []
    monkeypatch.setattr(torch.distributed, "all_reduce", lambda told, op: asked.append(True))
    monkeypatch.setattr(torch, "tensor", lambda values, device: values)
    for step in range(1, 21):
        Last()._agreed(FakeTrainer(2, "cuda", step), 0, False)
    assert len(asked) == 2
    Last()._agreed(FakeTrainer(2, "cuda", 3), 0, False, epoch=True)
    assert len(asked) == 3
