"""The walk from a catalogue to batches, within Lightning and without."""

import itertools
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.csv as pacsv
import pytest
import torch
from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import ModelCheckpoint

from starbolt.contract import Spec
from starbolt.data import TableDataModule
from starbolt.data.splits import KFold, Sky, Stratified, Time

QUIET = {"logger": False, "enable_progress_bar": False, "enable_model_summary": False, "accelerator": "cpu"}
pytestmark = pytest.mark.filterwarnings(
    "ignore:.*does not have many workers", "ignore:GPU available", "ignore:Checkpoint directory"
)


def catalogue(n=150):
    random = np.random.default_rng(0)
    x = random.normal(size=(n, 2))
    kind = np.where(x[:, 0] > 0, "star", "galaxy").astype(object)
    kind[::10] = None
    return {"name": [f"o{i}" for i in range(n)], "a": x[:, 0], "b": x[:, 1], "z": np.exp(x.sum(1)), "kind": kind}


def module(tmp_path, source=None, **options):
    words = {"id": "name", "target": "z", "features": ["a", "b"], "batch_size": 8, "cache": str(tmp_path / "cache")}
    return TableDataModule(source or catalogue(), **words | options)


class Diary(LightningModule):
    """Writes down which rows it was given."""

    def __init__(self):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(1))
        self.train_rows, self.val_rows = [], []

    def training_step(self, batch, index):
        self.train_rows.append(batch.row.tolist())
        return self.weight.sum()

    def validation_step(self, batch, index):
        if not self.trainer.sanity_checking:
            self.val_rows += batch.row.tolist()

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), 0.1)


def fit(tmp_path, folder, epochs, *, resume=None, at_end=True, **options):
    data, diary = module(tmp_path), Diary()
    data.open("quantity")
    saved = ModelCheckpoint(tmp_path / folder, save_last=True, save_on_train_epoch_end=at_end)
    trainer = Trainer(max_epochs=epochs, callbacks=saved, **QUIET, **options)
    trainer.fit(diary, datamodule=data, ckpt_path=resume, weights_only=True)
    return diary, data


@pytest.mark.parametrize("at_end", [True, False])
def test_training_goes_on_where_it_stopped(tmp_path, at_end):
    """Each epoch in its own order, the same whether interrupted or not; validation sees every row each time."""
    whole, data = fit(tmp_path, "whole", 3)
    count = len(data.train_dataloader())
    orders = [whole.train_rows[i * count : (i + 1) * count] for i in range(3)]
    assert orders[0] != orders[1] != orders[2]
    assert all(sorted(itertools.chain(*order)) == data.parts["train"].tolist() for order in orders)
    assert sorted(whole.val_rows) == sorted(3 * data.parts["val"].tolist())
    first, _ = fit(tmp_path, "parts", 1, at_end=at_end)
    rest, _ = fit(tmp_path, "parts", 3, resume=tmp_path / "parts" / "last.ckpt", at_end=at_end)
    assert first.train_rows + rest.train_rows == whole.train_rows


def test_overfitting_is_on_the_same_few(tmp_path):
    diary, _ = fit(tmp_path, "o", 3, overfit_batches=2)
    assert diary.train_rows[:2] == diary.train_rows[2:4] == diary.train_rows[4:]


def test_statistics_do_not_see_the_other_parts(tmp_path):
    quiet = module(tmp_path)
    before = quiet.open("quantity")
    source = catalogue()
    for column in ("a", "b", "z"):
        source[column][quiet.parts["test"]] = 1e6
        source[column][quiet.parts["val"]] = 1e-6
        source[column][quiet.parts["cal"]] = 1e5
    loud = module(tmp_path, source)
    after = loud.open("quantity")
    assert after.inputs == before.inputs
    assert after.target == before.target
    assert after.data != before.data


def test_rows_without_a_label_are_in_no_part_but_are_predicted(tmp_path):
    data = module(tmp_path, target="kind")
    data.open("class")
    labelled = np.concatenate(list(data.parts.values()))
    assert not set(range(0, 150, 10)) & set(labelled.tolist())
    assert len(labelled) == 135
    predicted = torch.cat([batch.row for batch in data.predict_dataloader()])
    assert predicted.tolist() == list(range(150))
    assert (data.y[::10] == -1).all()


def test_a_new_catalogue_is_read_in_the_checkpoint_s_terms(tmp_path):
    """Other column order, one class alone and a class never seen: codes and statistics stay those of the training."""
    spec = Spec.from_dict(module(tmp_path, target="kind").open("class").to_dict())
    new = pa.table({"name": ["p", "q"], "b": [1.0, 2.0], "a": [3.0, 4.0], "kind": ["star", "quasar"]})
    data = module(tmp_path, new, target="kind")
    data.open_like(spec)
    assert data.y.tolist() == [1, -1]
    assert next(iter(data.predict_dataloader())).inputs["table"].x.tolist() == [[3, 1], [4, 2]]


def test_the_target_may_be_absent_where_it_is_predicted(tmp_path):
    spec = module(tmp_path).open("quantity")
    data = module(tmp_path, {"name": ["p"], "a": [1.0], "b": [2.0]})
    data.open_like(spec)
    assert np.isnan(data.y).all()
    assert all(len(rows) == 0 for rows in data.parts.values())


def test_weights_are_relative(tmp_path):
    data = module(tmp_path, catalogue() | {"w": np.arange(150.0)}, weight="w")
    data.open("quantity")
    assert data.weight.mean() == pytest.approx(1)
    assert data.weight[10] == pytest.approx(2 * data.weight[5])
    with pytest.raises(ValueError, match=r"data\.weight=w has values that are missing or negative"):
        module(tmp_path, catalogue() | {"w": -np.ones(150)}, weight="w").open("quantity")


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"target": None}, r"say data\.target=COLUMN"),
        ({"log": ["c"]}, r"data\.log names 'c'; the channels are a, b"),
        ({"per_object": "maybe"}, "unexpected keyword|per_object"),
    ],
)
def test_what_cannot_be_is_refused(tmp_path, options, sentence):
    with pytest.raises((ValueError, TypeError), match=sentence):
        module(tmp_path, **options).open("quantity")


def test_a_part_without_objects_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r"the val part of the split is empty \(150 labelled objects\)"):
        module(tmp_path, split=Stratified((0.8, 0.0, 0.2))).open("quantity")


def test_a_target_nobody_has_is_refused(tmp_path):
    source = catalogue() | {"z": np.full(150, np.nan)}
    with pytest.raises(ValueError, match="no object has a value in the target column 'z'"):
        module(tmp_path, source).open("quantity")


def test_groups_stay_together_and_objects_without_one_are_alone(tmp_path):
    group = [None if i < 75 else f"g{i % 10}" for i in range(150)]
    data = module(tmp_path, catalogue() | {"g": group}, group="g")
    data.open("quantity")
    assert {part for part, rows in data.parts.items() if (rows < 75).any()} == {"train", "val", "cal", "test"}
    for name in {g for g in group if g}:
        assert sum(any(group[row] == name for row in rows) for rows in data.parts.values()) == 1


def written(tmp_path, rows):
    table = pa.table(catalogue(300)).slice(0, rows)
    pacsv.write_csv(table, tmp_path / "cat.csv")
    return str(tmp_path / "cat.csv")


def named_parts(data):
    return {data.ids[row]: part for part, rows in data.parts.items() for row in rows}


def test_a_grown_catalogue_tells_who_moved_and_like_keeps_them(tmp_path):
    """Nothing is said of an unchanged catalogue, nor where the earlier split is kept; val keeps choosing the same."""
    first = module(tmp_path, written(tmp_path, 150))
    first.open("quantity")
    first.store_split(tmp_path / "run")
    again = module(tmp_path, written(tmp_path, 150))
    again.open("quantity")
    assert not any("another part" in note for note in again.notes)
    grown = module(tmp_path, written(tmp_path, 300))
    grown.open("quantity")
    (note,) = [note for note in grown.notes if "another part" in note]
    before, after = named_parts(first), named_parts(grown)
    moved = sum(after[name] != part for name, part in before.items())
    assert note.startswith(f"{moved} of 150 objects are in another part than at the split of ")
    kept = module(tmp_path, written(tmp_path, 300), split=Stratified(like=str(tmp_path / "run")))
    kept.open("quantity")
    assert not any("another part" in note for note in kept.notes)
    assert named_parts(first).items() <= named_parts(kept).items()
    assert len(kept.parts["test"]) == 45


def test_a_stored_split_gives_the_same_split_s_name(tmp_path):
    """What evaluate relies on: the run's own split, kept, is the split of the checkpoint."""
    for split in (Stratified(), KFold(k=3, fold=1)):
        data = module(tmp_path, split=split)
        spec = data.open("quantity")
        data.store_split(tmp_path / "run")
        other = module(tmp_path, split=replace(split, like=str(tmp_path / "run")))
        other.open_like(spec)
        assert other.split_name == spec.split


def test_splits_by_sky_and_time_read_their_columns(tmp_path):
    source = catalogue() | {
        "ra": np.linspace(0, 50, 150),
        "decl": np.linspace(-5, 5, 150),
        "night": [f"2020-01-{1 + i // 10:02d}" for i in range(150)],
    }
    data = module(tmp_path, source, split=Time("night", dates=["2020-01-11"]))
    data.open("quantity")
    assert data.parts["test"].tolist() == list(range(100, 150))
    data = module(tmp_path, source, ra="ra", dec="decl", split=Sky(cell=2))
    spec = data.open("quantity")
    in_a_row = [part for _, part in sorted((row, part) for part, rows in data.parts.items() for row in rows)]
    assert sum(a != b for a, b in itertools.pairwise(in_a_row)) < 40  # some five neighbours share a cell
    assert all(len(rows) for rows in data.parts.values())
    with pytest.raises(ValueError, match=r"split=sky needs positions; say data\.ra=COLUMN"):
        module(tmp_path, source, split=Sky()).open("quantity")
    with pytest.raises(ValueError, match=r"'galaxy' where a time is needed: .* ISO date; split\.column= names"):
        module(tmp_path, source, split=Time("kind")).open("quantity")
    with pytest.raises(ValueError, match=r"no column 'mjd'; .*split\.column= names the column of times"):
        module(tmp_path, source, split=Time()).open("quantity")
    lost = module(tmp_path, {"name": ["p"], "a": [1.0], "b": [2.0], "z": [0.5]}, split=Sky())
    lost.open_like(spec)
    assert all(len(rows) == 0 for rows in lost.parts.values())
    assert "these data are not split as at the training (split=sky needs positions" in lost.notes[-1]
