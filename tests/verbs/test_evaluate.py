"""evaluate: a trained network gets the scores that training gave it, and never scores rows under a wrong name."""

from __future__ import annotations

import json
import re
import shutil
from functools import partial

import numpy as np
import pyarrow.parquet as pq
import pytest
from astropy.table import Table

import starbolt
from starbolt import looks
from starbolt.cli import main as cli
from starbolt.compose import UserError
from starbolt.models import MLP
from starbolt.tasks import Regression
from starbolt.verbs.evaluate import main


def metrics(folder):
    return json.loads((folder / "metrics.json").read_text())


@pytest.fixture
def catalogue(sky, tmp_path):
    """(change) -> path of a changed copy of the sky's catalogue."""

    def write(change):
        table = Table.read(sky["catalogue"])
        table = change(table) or table
        table.write(tmp_path / "new.fits", overwrite=True)
        return tmp_path / "new.fits"

    return write


@pytest.mark.parametrize("model", ["mlp", "cnn", "gru"])
@pytest.mark.parametrize("part", ["test", "val"])
def test_it_gives_the_scores_of_training(trained, tmp_path, model, part, capsys):
    run = trained(model)
    main([f"checkpoint={run}", f"part={part}", f"output={tmp_path}"])
    wanted = {k: v for k, v in metrics(run).items() if k.startswith(f"{part}/")}
    assert metrics(tmp_path) == pytest.approx(wanted, abs=1e-6)
    assert capsys.readouterr().out.splitlines()[-1] == str(tmp_path)


@pytest.fixture(scope="module")
def members(tmp_path_factory, words, execute):
    """A folder of two runs that differ in their seed."""
    home = tmp_path_factory.mktemp("sweep")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("starbolt.run.write_report", lambda folder: folder / "report.html")
        for seed in (0, 1):
            execute(home / f"run{seed}", [*words("mlp"), f"seed={seed}"])
    return home


def test_a_folder_of_runs_is_an_ensemble(members, tmp_path, capsys):
    main([f"checkpoint={members}", f"output={tmp_path / 'whole'}"])
    assert "an ensemble of 2 networks, calibrated" in capsys.readouterr().out
    whole = pq.read_table(tmp_path / "whole" / "predictions.parquet").to_pandas().set_index("id")
    each = [pq.read_table(run / "predictions.parquet").to_pandas() for run in sorted(members.glob("run*"))]
    each = [table[table.part == "test"].set_index("id").loc[whole.index] for table in each]
    assert (whole.redshift_epistemic > 0).all()
    apart = (each[0].redshift - each[1].redshift).abs()
    assert np.corrcoef(whole.redshift_epistemic, apart)[0, 1] > 0.9
    assert metrics(tmp_path / "whole")["test/rms"] <= max(metrics(run)["test/rms"] for run in members.glob("run*"))


def test_an_ensemble_is_calibrated_once_and_each_member_remembers_the_look(members, tmp_path, capsys):
    named = f"checkpoint=[{members / 'run0'},{members / 'run1'}]"
    for out in ("one", "two"):
        before = [len(looks.of_run(run)) for run in sorted(members.glob("run*"))]
        main([f"checkpoint={members}", f"output={tmp_path / out}"])
        assert [len(looks.of_run(run)) for run in sorted(members.glob("run*"))] == [n + 1 for n in before]
    assert "an ensemble of 2 networks" not in capsys.readouterr().out.split("objects of the test part")[1]
    assert metrics(tmp_path / "one") == metrics(tmp_path / "two")
    main([named, f"output={tmp_path / 'listed'}"])
    assert metrics(tmp_path / "listed") == pytest.approx(metrics(tmp_path / "one"), abs=1e-6)


def test_runs_of_other_splits_are_no_ensemble(members, words, execute, tmp_path):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("starbolt.run.write_report", lambda folder: folder / "report.html")
        execute(tmp_path / "other", [*words("mlp"), "split.seed=3"])
    with pytest.raises(ValueError, match="was trained on another split"):
        main([f"checkpoint=[{members / 'run0'},{tmp_path / 'other'}]"])


def test_test_is_the_part_that_is_meant(trained, tmp_path):
    main([f"checkpoint={trained('mlp')}", f"output={tmp_path}"])
    assert set(pq.read_table(tmp_path / "predictions.parquet")["part"].to_pylist()) == {"test"}


def test_every_labelled_row_of_a_new_catalogue_is_scored(trained, catalogue, tmp_path):
    def some(table):
        table = table[:50]
        table["redshift"] = np.where(np.arange(50) < 40, table["redshift"], np.nan)
        return table

    main([f"checkpoint={trained('mlp')}", f"data.path={catalogue(some)}", f"output={tmp_path / 'out'}"])
    found = pq.read_table(tmp_path / "out" / "predictions.parquet")
    assert sorted(found["row"].to_pylist()) == list(range(40))
    assert {key.split("/")[0] for key in metrics(tmp_path / "out")} == {"new"}


def test_the_scores_of_a_new_catalogue_do_not_hang_on_its_order(trained, catalogue, tmp_path):
    for name, change in (("a", lambda t: t[:60]), ("b", lambda t: t[:60][::-1])):
        main([f"checkpoint={trained('mlp')}", f"data.path={catalogue(change)}", f"output={tmp_path / name}"])
    assert metrics(tmp_path / "a") == pytest.approx(metrics(tmp_path / "b"), rel=1e-4)


def test_one_labelled_object_is_enough(trained, catalogue, tmp_path):
    main([f"checkpoint={trained('mlp')}", f"data.path={catalogue(lambda t: t[:1])}", f"output={tmp_path / 'out'}"])
    assert np.isfinite(metrics(tmp_path / "out")["new/rms"])


@pytest.mark.usefixtures("unreported")
def test_changed_data_are_refused(words, execute, sky, tmp_path):
    table = Table.read(sky["catalogue"])
    table.write(tmp_path / "cat.fits")
    run = execute(tmp_path / "run", [*words("mlp"), f"data.path={tmp_path / 'cat.fits'}"])
    table[:-5].write(tmp_path / "cat.fits", overwrite=True)
    with pytest.raises(UserError, match="changed since training"):
        main([f"checkpoint={run}"])


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        ([], "checkpoint=RUN"),
        (["checkpoint=/nowhere"], "neither a checkpoint nor a run folder"),
        (["checkpoint={run}", "part=tset"], "part=tset is not one of"),
        (["checkpoint={run}", "data.pth=x.fits"], "data.path"),
        (["checkpoint={run}", "data.path=/nowhere.fits"], "/nowhere.fits"),
        (["checkpoint={run}", "data.path=a b(c"], "data.path=a b\\(c"),
        (["checkpoint={run}", "split=hash"], "split=hash"),
        (["checkpoint={run}", "data=table"], "data=table"),
        (["{run}"], "checkpoint=RUN"),
        (["checkpoint={run}", "trust=[os"], "trust=\\[os"),
    ],
)
def test_a_mistake_is_told_in_one_sentence(trained, typed, sentence, capsys):
    with pytest.raises(SystemExit) as left:
        cli(["evaluate", *(word.format(run=trained("mlp")) for word in typed)])
    assert left.value.code == 1
    said = capsys.readouterr().err.strip()
    assert [line.split(" ")[0] for line in said.splitlines()] == ["starbolt:", "more:"]
    assert said.startswith("starbolt: ")
    assert re.search(sentence, said), said


def test_no_label_at_all_is_told(trained, catalogue):
    def without(table):
        table.remove_column("redshift")

    with pytest.raises(UserError, match="no object to score"):
        main([f"checkpoint={trained('mlp')}", f"data.path={catalogue(without)}"])


def test_a_network_trained_in_python_is_evaluated_on_a_file(sky, tmp_path):
    from lightning.pytorch import Trainer

    data = starbolt.TableDataModule(
        Table.read(sky["catalogue"]), target="redshift", id="objid", exclude=["ra", "dec"], log=["e_u"], batch_size=64
    )
    learner = starbolt.Learner.for_data(data, partial(MLP, width=16), Regression)
    trainer = Trainer(max_epochs=1, accelerator="cpu", logger=False, enable_checkpointing=False,
                      enable_progress_bar=False, enable_model_summary=False, log_every_n_steps=1)  # fmt: skip
    trainer.fit(learner, datamodule=data)
    trainer.save_checkpoint(tmp_path / "mine.ckpt")
    main([f"checkpoint={tmp_path / 'mine.ckpt'}", f"data.path={sky['catalogue']}", f"output={tmp_path / 'out'}"])
    assert len(pq.read_table(tmp_path / "out" / "predictions.parquet")) == 200
    with pytest.raises((UserError, ValueError), match=r"data\.path"):
        main([f"checkpoint={tmp_path / 'mine.ckpt'}"])


@pytest.mark.usefixtures("unreported")
def test_another_group_column_is_not_needed_for_new_rows(words, execute, catalogue, tmp_path):
    def grouped(table):
        table["field"] = np.arange(len(table)) // 4

    old = catalogue(grouped).rename(tmp_path / "old.fits")
    run = execute(tmp_path / "run", [*words("mlp"), f"data.path={old}", "data.group=field"])
    main([f"checkpoint={run}", f"data.path={catalogue(lambda t: None)}", f"output={tmp_path / 'out'}"])
    assert len(pq.read_table(tmp_path / "out" / "predictions.parquet")) == 200


def test_a_catalogue_without_the_columns_of_the_groups_is_scored_all_the_same(words, execute, sky, catalogue, tmp_path):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("starbolt.run.write_report", lambda folder: folder / "report.html")
        run = execute(tmp_path / "run", [*words("mlp"), "calibration.by=[ra]", "calibration.bins=2"])
    assert len(json.loads((run / "calibration.json").read_text())["groups"]) == 2

    def without(table):
        table.remove_columns(["ra", "dec"])

    more = ["data.ra=null", "data.dec=null"]
    main([f"checkpoint={run}", f"data.path={catalogue(without)}", *more, f"output={tmp_path / 'out'}"])
    assert json.loads((tmp_path / "out" / "calibration.json").read_text())["groups"] == []


def test_the_report_tells_how_often_the_test_rows_were_scored(trained, tmp_path):
    shutil.copytree(trained("mlp"), tmp_path / "run")
    before = len(looks.of_run(tmp_path / "run"))
    main([f"checkpoint={tmp_path / 'run'}"])
    assert len(looks.of_run(tmp_path / "run")) == before + 1
    assert f"have been scored {before + 1} times" in (tmp_path / "run" / "report.html").read_text()
    main([f"checkpoint={tmp_path / 'run'}", "part=val"])  # which is no look at the test rows
    assert len(looks.of_run(tmp_path / "run")) == before + 1


def test_trials_that_did_not_end_well_are_no_members(trained, tmp_path):
    """A pruned trial has a checkpoint too."""
    from starbolt.aside import write_json
    from starbolt.trials.trial import STATE, End
    from starbolt.verbs import applying

    for name, state in (("a", "finished"), ("b", "pruned"), ("c", "failed")):
        run = shutil.copytree(trained("mlp"), tmp_path / name)
        write_json(run / STATE, End(state)._asdict())
    shutil.copytree(trained("mlp"), tmp_path / "d")
    (tmp_path / "d" / "metrics.json").unlink()
    found, home = applying.members(str(tmp_path))
    assert [file.parent.parent.name for file in found] == ["a"]
    assert home == tmp_path
