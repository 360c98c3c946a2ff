"""Learner: each encoder learns ten objects by heart, and no order, padding or file changes an answer."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from lightning.pytorch import Callback, Trainer, seed_everything

import starbolt
from starbolt.data.splits import Column
from starbolt.ensemble import Ensemble
from starbolt.learner import recipe_of, refuse_another
from starbolt.models import CNN, GRU, MLP, Fusion
from starbolt.predict import predict_rows, score
from starbolt.schedules import cosine, onecycle, plateau
from starbolt.tasks import Classification, Regression

PARTS = np.array(["train"] * 10 + ["val"] * 4 + ["test"] * 4)
NAMES = np.array([f"obj{i:02d}" for i in range(len(PARTS))])
SPLIT = Column(cal=0.0)


def table(**more):
    random = np.random.default_rng(0)
    columns = {"name": NAMES, "split": PARTS, **{c: random.normal(size=18) for c in "abc"}}
    columns["y"] = random.normal(size=18)
    options = {"target": "y", "id": "name", "split": SPLIT, "features": ["a", "b", "c"], "batch_size": 5}
    return starbolt.TableDataModule(columns, **{**options, **more})


def images(**more):
    random = np.random.default_rng(0)
    catalogue = {"name": NAMES, "split": PARTS, "row": np.arange(18), "kind": np.array(["a", "b", "c"] * 6)}
    stack = random.normal(size=(18, 2, 16, 16)).astype(np.float32)
    options = {"target": "kind", "id": "name", "file": "row", "split": SPLIT, "symmetries": False, "batch_size": 10}
    return starbolt.ImageDataModule(catalogue, stack=stack, **{**options, **more})


def series(**more):
    random = np.random.default_rng(0)
    points = {"name": [], "mjd": [], "mag": [], "err": [], "band": []}
    for number, name in enumerate(NAMES):
        count = 4 + 3 * number
        points["name"] += [name] * count
        points["mjd"] += list(np.sort(random.uniform(0, 100, count)))
        points["mag"] += list(random.normal(20, 1, count))
        points["err"] += list(random.uniform(0.01, 0.1, count))
        points["band"] += list(random.choice(["g", "r"], count))
    objects = {"name": NAMES, "split": PARTS, "kind": np.array(["a", "b", "c"] * 6), "z": random.normal(size=18)}
    options = {"target": "kind", "id": "name", "time": "mjd", "value": "mag", "error": "err", "band": "band"}
    made = {k: np.array(v) for k, v in points.items()}
    return starbolt.SeriesDataModule(made, objects=objects, split=SPLIT, batch_size=10, **{**options, **more})


CASES = {
    "mlp": (table, partial(MLP, width=32), partial(Regression, loss="mse"), 0.01),
    "cnn": (images, partial(CNN, width=8, stages=2), Classification, 0.05),
    "gru": (series, partial(GRU, width=16), Classification, 0.1),
}


def fit(data, encoder, task, *, epochs=2, callbacks=(), folder=None, **options):
    seed_everything(0, verbose=False)
    learner = starbolt.Learner.for_data(data, encoder, task, **options)
    trainer = Trainer(
        max_epochs=epochs,
        accelerator="cpu",
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        callbacks=list(callbacks),
        default_root_dir=folder,
        log_every_n_steps=1,
    )
    trainer.fit(learner, datamodule=data)
    return learner, trainer


@pytest.fixture(scope="module", params=CASES)
def fitted(request, tmp_path_factory):
    """Name, data, learner and trainer after two epochs."""
    make, encoder, task, _ = CASES[request.param]
    data = make()
    return request.param, data, *fit(data, encoder, task, folder=tmp_path_factory.mktemp("fit"))


@pytest.mark.parametrize("name", CASES)
def test_it_learns_ten_objects_by_heart(name, tmp_path):
    make, encoder, task, bound = CASES[name]
    data = make()
    fast = partial(torch.optim.Adam, lr=1e-2)
    learner, _ = fit(data, encoder, task, epochs=60, optim=fast, schedule=None, folder=tmp_path)
    assert score(learner, data, predict_rows(learner, data.loader(data.parts["train"])))["loss"] < bound


def test_an_object_alone_gets_the_answer_it_gets_among_others(fitted):
    _, data, learner, _ = fitted
    together = predict_rows(learner, data.predict_dataloader())
    for row in (0, 9, 17):
        alone = predict_rows(learner, data.loader(np.array([row])))
        for name, value in alone.items():
            torch.testing.assert_close(value[0], together[name][row], rtol=1e-4, atol=1e-5, equal_nan=True)


def test_the_order_of_the_rows_changes_no_prediction(fitted):
    _, data, learner, _ = fitted
    order = np.random.default_rng(1).permutation(18)
    straight = predict_rows(learner, data.predict_dataloader())
    mixed = predict_rows(learner, data.loader(order))
    for name, value in straight.items():
        torch.testing.assert_close(mixed[name], value, rtol=1e-4, atol=1e-5, equal_nan=True)


def test_a_saved_checkpoint_gives_the_same_loss_and_predictions(fitted, tmp_path):
    _, data, learner, trainer = fitted
    trainer.save_checkpoint(tmp_path / "mine.ckpt")
    again = starbolt.load(tmp_path / "mine.ckpt").learner
    before, after = (predict_rows(one, data.predict_dataloader()) for one in (learner, again))
    for name, value in before.items():
        torch.testing.assert_close(after[name], value, rtol=0, atol=1e-6, equal_nan=True)


def test_a_checkpoint_stays_plain_where_options_are_paths_and_numpy_numbers(tmp_path):
    data = images(root=Path("."), min_count=np.int64(1))
    _, trainer = fit(data, partial(CNN, width=np.int64(4), stages=2), Classification, epochs=1, folder=tmp_path)
    trainer.save_checkpoint(tmp_path / "mine.ckpt")
    assert starbolt.load(tmp_path / "mine.ckpt").learner.recipe["model"]["width"] == 4


@pytest.mark.parametrize("name", CASES)
def test_test_rows_change_neither_statistics_nor_what_is_learnt(name, tmp_path):
    make, encoder, task, _ = CASES[name]
    answers = []
    for shift in (0.0, 1e3):
        data = make()
        disturbed(data, shift)
        learner, _ = fit(data, encoder, task, folder=tmp_path)
        answers.append((learner.spec.inputs, learner.spec.target, predict_rows(learner, data.loader(np.arange(14)))))
    assert str(answers[0][:2]) == str(answers[1][:2])  # NaN is not equal to NaN
    for key, value in answers[0][2].items():
        assert torch.equal(answers[1][2][key], value), key


def disturbed(data, shift):
    """Add a number to the measurements of the test rows, behind the archive's back."""
    fetch = data.fetch

    def other():
        objects = fetch()
        source = next(iter(objects.sources.values())).modality.data
        rows = slice(14, 18) if not hasattr(source, "offsets") else slice(int(source.offsets[14]), None)
        source.x = np.array(source.x)
        source.x[rows] += shift
        return objects

    data.fetch = other


@pytest.mark.parametrize("schedule", [onecycle, plateau, None])
@pytest.mark.parametrize("gather", [1, 4])
def test_every_schedule_lasts_as_long_as_training(schedule, gather, tmp_path):
    data = table(batch_size=2)  # 5 batches: with 4 gathered, 2 steps an epoch
    learner = starbolt.Learner.for_data(data, partial(MLP, width=8), Regression, schedule=schedule)
    trainer = Trainer(
        max_epochs=3, accelerator="cpu", logger=False, enable_checkpointing=False, enable_progress_bar=False,
        enable_model_summary=False, accumulate_grad_batches=gather, default_root_dir=tmp_path, log_every_n_steps=1,
    )  # fmt: skip
    trainer.fit(learner, datamodule=data)
    assert trainer.global_step == 3 * -(-5 // gather)


def test_the_cosine_ends_at_zero_with_the_last_step(tmp_path):
    rates = []

    class Watch(Callback):
        def on_train_batch_start(self, trainer, *_):
            rates.append(trainer.optimizers[0].param_groups[0]["lr"])

    watched = {"epochs": 4, "callbacks": [Watch()], "schedule": cosine, "folder": tmp_path}
    fit(table(batch_size=2), partial(MLP, width=8), Regression, **watched)
    assert len(rates) == 20
    assert rates[1] == max(rates)
    assert 0 < rates[-1] < 0.02 * max(rates)


@pytest.mark.parametrize(("epochs", "steps", "wanted"), [(-1, 50, 50), (100, 7, 7), (3, 50, 15), (3, -1, 15)])
def test_a_schedule_ends_with_the_steps_or_the_epochs_whichever_is_first(epochs, steps, wanted, tmp_path):
    told = []
    learner = starbolt.Learner.for_data(
        table(batch_size=2), partial(MLP, width=8), Regression, schedule=lambda optimizer, n: told.append(n)
    )
    learner.trainer = Trainer(
        max_epochs=epochs, max_steps=steps, accelerator="cpu", logger=False, enable_model_summary=False,
        enable_checkpointing=False, default_root_dir=tmp_path,
    )  # fmt: skip
    learner.trainer.datamodule = SimpleNamespace(train_dataloader=lambda: range(5))
    learner.configure_optimizers()
    assert told == [wanted]


def test_only_the_same_data_and_network_go_on():
    def made(width=8, **more):
        return starbolt.Learner.for_data(table(**more), partial(MLP, width=width), Regression, waive=["target"])

    before = made()
    checkpoint = {"starbolt": before.about(), "state_dict": before.state_dict()}
    refuse_another(made(), checkpoint, "runs/a")
    for other, words in (
        (made(9), "another network"), (made(features=["a", "b"]), "other inputs"), (made(target="b"), "other targets"),
        (made(asinh=["a"]), "other values"), (made(split=Column(cal=0.5)), "other objects"),
    ):  # fmt: skip
        with pytest.raises(ValueError, match=words) as caught:
            refuse_another(other, checkpoint, "runs/a")
        assert "\n" not in str(caught.value)


def test_context_columns_are_fused_without_another_word(tmp_path):
    for make, encoder in ((images, partial(CNN, width=4, stages=2)), (series, partial(GRU, width=8))):
        data = make(context=["z"]) if make is series else with_context()
        learner, _ = fit(data, encoder, Classification, epochs=1, folder=tmp_path)
        encoders = learner.encoder.encoders
        (context,) = (encoders[name] for name in encoders if name.endswith("context"))
        (main,) = (encoders[name] for name in encoders if not name.endswith("context"))
        assert isinstance(context, MLP)
        assert learner.encoder.out_dim == main.out_dim + context.out_dim


def with_context():
    random = np.random.default_rng(0)
    catalogue = {"name": NAMES, "split": PARTS, "row": np.arange(18), "kind": np.array(["a", "b", "c"] * 6),
                 "mag": random.normal(size=18)}  # fmt: skip
    stack = random.normal(size=(18, 2, 16, 16)).astype(np.float32)
    return starbolt.ImageDataModule(
        catalogue, stack=stack, file="row", id="name", target="kind", context=["mag"], split=SPLIT
    )


def test_the_context_tells(tmp_path):
    data = with_context()
    learner, _ = fit(data, partial(CNN, width=4, stages=2), Classification, epochs=1, folder=tmp_path)
    batch = next(iter(data.loader(np.arange(10))))
    name = next(name for name in batch.inputs if name.endswith("context"))
    changed = batch._replace(inputs=batch.inputs | {name: batch.inputs[name]._replace(x=batch.inputs[name].x + 1)})
    learner.eval()
    before, after = (learner.predict_batch(b)[0]["prob"] for b in (batch, changed))
    assert not torch.allclose(before, after)


def joined(**more):
    pictures, columns = images(), table(target=None, features=["a", "b"])
    return starbolt.MultimodalDataModule(
        {"image": pictures, "table": columns}, target="kind", split=SPLIT, batch_size=10, **more
    )


def test_several_modules_meet_in_a_fusion(tmp_path):
    encoders = {"image": partial(CNN, width=4, stages=2), "table": partial(MLP, width=8)}
    data = joined()
    learner, trainer = fit(data, partial(Fusion, encoders=encoders), Classification, folder=tmp_path)
    trainer.save_checkpoint(tmp_path / "both.ckpt")
    again = starbolt.load(tmp_path / "both.ckpt").learner
    before, after = (predict_rows(one, data.predict_dataloader())["prob"] for one in (learner, again))
    torch.testing.assert_close(before, after, rtol=0, atol=1e-6)


def test_several_modules_without_a_fusion_are_refused():
    with pytest.raises(ValueError, match="model=fusion"):
        starbolt.Learner.for_data(joined(), CNN, Classification)


def test_an_object_that_lacks_a_modality_is_predicted(tmp_path):
    columns = {"name": NAMES[:12], "a": np.linspace(0, 1, 12), "b": np.linspace(1, 0, 12)}
    fewer = starbolt.TableDataModule(columns, id="name", features=["a", "b"])
    data = starbolt.MultimodalDataModule({"image": images(), "table": fewer}, target="kind", split=SPLIT)
    encoders = {"image": partial(CNN, width=4, stages=2), "table": partial(MLP, width=8)}
    learner, _ = fit(data, partial(Fusion, encoders=encoders), Classification, folder=tmp_path)
    found = predict_rows(learner, data.predict_dataloader())
    assert len(found["prob"]) == 18
    assert torch.isfinite(found["prob"]).all()


def test_a_recipe_is_plain_and_names_nested_classes():
    recipe = recipe_of(partial(Fusion, encoders={"image": CNN, "table": partial(MLP, width=8)}))
    assert recipe == {
        "_target_": "starbolt.models.Fusion",
        "encoders": {
            "image": {"_target_": "starbolt.models.CNN", "_partial_": True},
            "table": {"_target_": "starbolt.models.MLP", "width": 8, "_partial_": True},
        },
    }


def test_predictions_are_averaged_over_the_symmetries_that_training_drew_from(tmp_path):
    data = images(symmetries=True)
    learner, _ = fit(data, partial(CNN, width=4, stages=2), Classification, folder=tmp_path)
    assert learner.symmetries == 8
    batch = next(iter(data.loader(np.arange(4))))
    block = batch.inputs["image"]
    turned = batch._replace(inputs={"image": block._replace(x=block.x.rot90(1, (2, 3)))})
    learner.eval()
    straight, other = (learner.predict_batch(b)[0]["prob"] for b in (batch, turned))
    torch.testing.assert_close(straight, other, rtol=1e-4, atol=1e-5)


def test_a_loss_that_is_no_number_stops_with_a_sentence(tmp_path):
    wild = partial(torch.optim.SGD, lr=1e30)
    with pytest.raises(ValueError, match=r"optim\.lr"):
        fit(table(), MLP, partial(Regression, loss="mse"), epochs=5, optim=wild, schedule=None, folder=tmp_path)


def dropped(passes, dropout=0.3):
    data = table()
    return data, fit(data, partial(MLP, width=32, dropout=dropout), Regression, mc_dropout=passes)[0]


def test_passes_with_dropout_tell_what_the_network_does_not_know():
    data, learner = dropped(40)
    learner.eval()
    found = predict_rows(learner, data.predict_dataloader())
    assert (found["epistemic"] > 0).all()
    again = predict_rows(learner, data.predict_dataloader())
    assert all(torch.equal(found[name], again[name]) for name in found if name not in ("loss", "y"))
    learner.mc_dropout = 0
    alone = predict_rows(learner, data.predict_dataloader())
    assert "epistemic" not in alone
    assert torch.allclose(found["centre"].mean(), alone["centre"].mean(), atol=0.2)
    assert not any(layer.training for layer in learner.modules())
    learner.train()
    assert torch.equal(predict_rows(learner, data.predict_dataloader())["centre"], alone["centre"])
    assert all(layer.training for layer in learner.modules())


def test_dropout_leaves_the_random_numbers_of_others_alone():
    data, learner = dropped(3)
    torch.manual_seed(5)
    wanted = torch.rand(3)
    torch.manual_seed(5)
    predict_rows(learner, data.predict_dataloader())
    assert torch.equal(torch.rand(3), wanted)


@pytest.mark.parametrize("passes", [1, -3])
def test_numbers_of_passes_that_mean_nothing_are_refused(passes):
    with pytest.raises(ValueError, match=f"mc_dropout={passes} is no number of passes"):
        dropped(passes)


def test_passes_without_dropout_are_refused():
    with pytest.raises(ValueError, match=r"mc_dropout=20 needs a network with dropout: say model\.dropout"):
        dropped(20, dropout=0.0)


def ensemble(name, n=3):
    make, encoder, task, _ = CASES[name]
    data = make()
    members = []
    for seed in range(n):
        learner, _ = fit(data, encoder, task)
        torch.manual_seed(seed)
        with torch.no_grad():
            for p in learner.parameters():
                p += 0.05 * torch.randn_like(p)
        members.append(learner.eval())
    return data, Ensemble(members)


@pytest.mark.parametrize("name", CASES)
def test_an_ensemble_answers_with_the_mean_and_tells_the_disagreement(name):
    data, whole = ensemble(name)
    found = predict_rows(whole, data.predict_dataloader())
    each = [predict_rows(member, data.predict_dataloader()) for member in whole.members]
    key = "prob" if "prob" in found else "mean"
    assert torch.allclose(found[key], torch.stack([one[key] for one in each]).mean(0), atol=1e-6)
    assert found["epistemic"].shape[0] == len(PARTS)
    assert (found["epistemic"] > 0).any()
    assert torch.allclose(found["loss"], torch.stack([one["loss"] for one in each]).mean(0), atol=1e-6)


def test_equal_members_disagree_about_nothing():
    data, whole = ensemble("gru", 1)
    twice = Ensemble([whole.members[0], whole.members[0]])
    found, alone = (predict_rows(network, data.predict_dataloader()) for network in (twice, whole.members[0]))
    assert found["epistemic"].abs().max() < 1e-6
    assert torch.allclose(found["prob"], alone["prob"])


def test_networks_of_other_rows_make_no_ensemble():
    (data, one), other = (fit_pair(table()), fit_pair(table(where="a > -1")))
    with pytest.raises(ValueError, match="must be trained on the same rows"):
        Ensemble([one, other[1]])
    assert data.spec == one.spec


def fit_pair(data):
    return data, fit(data, partial(MLP, width=8), Regression)[0]
