"""The command line: what a mistake gets is one sentence with the file, the value and the way out, and no traceback."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from astropy.io import fits
from astropy.table import Table
from omegaconf import OmegaConf

import starbolt
from starbolt import cli, helptext, run


@pytest.fixture
def said(monkeypatch, capsys, tmp_path):
    """(verb and words) -> the sentence of a command that must fail, which names its page; nothing is half-written."""
    monkeypatch.setattr(os, "execv", lambda program, words: run.main(words[-1]))  # stay in this process
    monkeypatch.chdir(tmp_path)

    def command(*words: object) -> str:
        with pytest.raises(SystemExit) as left:
            cli.main([str(word) for word in words])
        assert left.value.code == 1
        lines = capsys.readouterr().err.strip().splitlines()
        assert len(lines) == 2, lines
        assert lines[0].startswith("starbolt: ")
        assert lines[1].startswith("more: https://")
        assert not list(tmp_path.rglob("metrics.json"))
        assert not [path for path in tmp_path.rglob("*.part*") if path.is_file()]
        return lines[0]

    return command


@pytest.fixture
def catalogue(sky, tmp_path):
    """(change, name) -> a changed copy of the sky's catalogue."""

    def write(change, name="cat.fits"):
        table = Table.read(sky["catalogue"])
        done = change(table)
        (table if done is None else done).write(tmp_path / name, overwrite=True)
        return tmp_path / name

    return write


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ("data.path=/nowhere/cat.fits", "no folder /nowhere.*cat.fits"),
        ("data.target=redshfit", "redshfit.*redshift"),
        ("data.features=[u,g,rr]", "rr.*'r'"),
        ("data.id=objjid", "objjid.*objid"),
        ("data.log=[e_uu]", "e_uu.*e_u"),
        ("data.colours=[[u,gg]]", "gg.*'g'"),
        ("data.weight=wheight", "wheight"),
        ("data.group=feild", "feild"),
        ("data.where=redshfit < 1", "."),
        ("data.where='redshfit < 1'", "redshfit.*redshift"),
        ("data.pth=x.fits", "did you mean data.path"),
        ("modle=mlp", "did you mean model"),
        ("model=mpl", "did you mean mlp"),
        ("optim.lrr=3", "did you mean optim.lr"),
        ("task.loss=hubber", "hubber.*huber"),
        ("optim=sgd,adam", "-m"),
        ("data.path=a b(", "cannot be read"),
        ("monitor=val/los", "val/los.*val/loss"),
        ("monitor=test/loss", "test rows"),
        ("split.fractions=[0.5,0.5]", "three numbers"),
        ("split.fractions=[0.98,0.0,0.02]", "the val part of the split is empty"),
        ("split=column", "no column 'split'.*split.column= names"),
        ("model=cnn", "CNN takes images"),
        ("model=gru", "GRU takes series"),
        ("task=classification", "task.redshift is a setting of task=regression"),
        ("data.target=objid", "objid"),
        ("data.per_object=true", "."),
        ("trainer=gpu", "gpu"),
        ("trainer.accelerator=cqu", "cqu"),
        ("trainer.precision=15", "15"),
        ("data.batch_size=0", "data.batch_size"),
        ("trainer.max_epochs=many", "many is no number"),
        ("task.redshift=no", "task.redshift=no is neither true nor false"),
        ("report=no", "report=no is neither true nor false"),
        ("+trainer.bogus=1", "bogus"),
        ("optim.lr=fast", "fast"),
        ("seed=tomorrow", "tomorrow"),
        ("model.width=wide", "wide"),
        ("model.init=/nowhere", "/nowhere"),
    ],
)
def test_a_mistake_in_a_command(said, words, change, sentence):
    line = said("train", *words("mlp"), *([] if "colours" in change else ["data.colours=[]"]),
                *([] if "log" in change else ["data.log=[]"]), change)  # fmt: skip
    assert re.search(sentence, line), line


def test_nothing_chosen_prints_options_and_an_example(capsys):
    with pytest.raises(SystemExit):
        cli.main(["train"])
    line = capsys.readouterr().err
    assert "data= one of images, series, spectra, table" in line
    assert "for example: starbolt train" in line


def test_a_truncated_fits_table(said, words, sky, tmp_path):
    for name, part in (("half.fits", 0.5), ("header.fits", 0.05), ("empty.fits", 0)):
        whole = sky["catalogue"].read_bytes()
        (tmp_path / name).write_bytes(whole[: int(len(whole) * part)])
        assert name in said("train", *words("mlp"), f"data.path={tmp_path / name}")
    (tmp_path / "text.fits").write_text("not a FITS file at all\n" * 100)
    assert "text.fits" in said("train", *words("mlp"), f"data.path={tmp_path / 'text.fits'}")


@pytest.fixture
def stamps(sky, tmp_path):
    """A copy of the sky's stamps, and the words that train on it."""
    root = shutil.copytree(sky["cutouts"], tmp_path / "stamps")
    return root, sorted(path for path in root.iterdir() if path.is_file())


def test_a_truncated_stamp(said, words, stamps):
    root, files = stamps
    files[7].write_bytes(files[7].read_bytes()[:3000])
    assert files[7].name in said("train", *words("cnn"), f"data.root={root}")


def test_a_missing_stamp(said, words, stamps):
    root, files = stamps
    files[7].unlink()
    assert files[7].name in said("train", *words("cnn"), f"data.root={root}")


def test_stamps_of_different_shapes(said, words, stamps):
    root, files = stamps
    fits.writeto(files[7], np.zeros((3, 9, 8), np.float32), overwrite=True)
    assert "data.size" in said("train", *words("cnn"), f"data.root={root}")


def test_a_stamp_that_is_no_image(said, words, stamps):
    root, files = stamps
    files[7].write_text("hello")
    assert files[7].name in said("train", *words("cnn"), f"data.root={root}")


def test_a_channel_without_a_number(said, words, catalogue):
    def empty(table):
        table["g"] = np.nan

    assert "'g'" in said("train", *words("mlp"), f"data.path={catalogue(empty)}")


def test_a_class_without_a_training_row(said, words, catalogue):
    def rare(table):
        table["kind"] = np.where(np.arange(len(table)) == 3, "rare", np.where(np.arange(len(table)) % 2, "a", "b"))
        table["split"] = np.where(np.arange(len(table)) % 10 == 3, "test", "train")

    plain = [word for word in words("mlp") if not word.startswith("task")]
    line = said("train", *plain, f"data.path={catalogue(rare)}", "data.target=kind", "task=classification",
                "split=column", "data.exclude=[ra,dec,redshift]")  # fmt: skip
    assert re.search("'rare' has no training row.*data.min_count", line)


def test_words_where_numbers_are_needed(said, words, catalogue):
    def wordy(table):
        table["kind"] = np.where(np.arange(len(table)) % 2, "spiral", "elliptical")

    line = said("train", *words("mlp"), f"data.path={catalogue(wordy)}", "data.target=kind")
    assert re.search("'kind'.*(spiral|elliptical)", line)
    assert "task=classification" in line


def test_two_objects_of_one_name(said, words, catalogue):
    def twice(table):
        table["objid"][7] = table["objid"][3]
        return table

    name = Table.read(catalogue(twice))["objid"][3]
    assert re.search(f"{name}.*", said("train", *words("mlp"), f"data.path={catalogue(twice)}"))


def test_a_julian_date_among_the_features(said, words, catalogue):
    def dated(table):
        table["jd"] = 2459000.5 + np.random.default_rng(0).uniform(0, 0.3, len(table))

    assert "data.zero" in said("train", *words("mlp"), f"data.path={catalogue(dated)}")


def test_times_that_are_not_numbers(said, words, sky, tmp_path):
    table = pq.read_table(sky["photometry"])
    times = pa.array(["monday"] * len(table))
    table = table.set_column(table.column_names.index("mjd"), "mjd", times)
    pq.write_table(table, tmp_path / "phot.parquet")
    line = said("train", *words("gru"), f"data.observations={tmp_path / 'phot.parquet'}")
    assert re.search("mjd.*monday", line)


def test_a_header_one_name_short(said, words, tmp_path):
    random = np.random.default_rng(0)
    rows = "\n".join(" ".join(f"{v:.4f}" for v in random.normal(size=4)) for _ in range(50))
    (tmp_path / "short.dat").write_text(f"# u g r\n{rows}\n")
    line = said(
        "train", "data=table", f"data.path={tmp_path / 'short.dat'}", "data.target=u", "model=mlp", "task=regression"
    )
    assert "data.names" in line


def test_an_empty_catalogue(said, words, catalogue):
    assert "no rows left" in said("train", *words("mlp"), f"data.path={catalogue(lambda t: t[:0])}")


def test_nothing_left_by_a_condition(said, words):
    assert "data.where" in said("train", *words("mlp"), "data.where='u < -1000'")


def test_a_checkpoint_whose_channels_do_not_match(said, trained, sky, catalogue, tmp_path):
    line = said("predict", f"checkpoint={trained('mlp')}", f"output={tmp_path / 'o.fits'}",
                f"data.path={catalogue(lambda t: t[['objid', 'u', 'g']])}")  # fmt: skip
    assert re.search("'(r|i|z|e_.)'", line)
    table = Table.read(sky["labels"])
    root = tmp_path / "small"
    root.mkdir()
    for row in table:
        fits.writeto(root / row["file"], np.zeros((3, 16, 16), np.float32))
    line = said("predict", f"checkpoint={trained('cnn')}", f"data.root={root}", f"output={tmp_path / 'o.fits'}")
    assert "data.size" in line


def test_a_folder_that_cannot_be_written(said, words, tmp_path):
    (tmp_path / "file").write_text("")
    assert "file" in said("train", *words("mlp"), f"run={tmp_path / 'file' / 'run'}")


def test_a_run_folder_that_holds_a_run_is_not_begun_anew(said, trained, words, tmp_path):
    folder = tmp_path / "run"
    folder.mkdir()
    shutil.copy(trained("mlp") / "config.yaml", folder)
    (folder / "checkpoints").mkdir()
    shutil.copy(trained("mlp") / "checkpoints" / "last.ckpt", folder / "checkpoints")
    before = (folder / "config.yaml").read_text()
    assert "data=table" in said("train", *words("mlp"), f"run={folder}")
    assert (folder / "config.yaml").read_text() == before


def test_a_command_put_right_begins_anew_in_the_folder_of_one_that_failed(said, words, tmp_path):
    folder = tmp_path / "run"
    assert "redshfit" in said("train", *words("mlp"), "data.target=redshfit", f"run={folder}")
    cli.train([*words("mlp"), f"run={folder}"])
    assert (folder / "metrics.json").is_file()


def test_a_verb_that_is_none(said):
    assert "trian" in said("trian", "data=table")


@pytest.mark.slow
def test_a_full_disk_is_told_in_a_sentence(words, tmp_path):
    """Files of this child cannot grow beyond a few kilobytes: what a full disk does, with another number."""
    for limit in (200_000, 20_000, 2_000):
        code = "\n".join([
            "import resource, signal, sys",
            "import starbolt.run, starbolt.report, matplotlib.pyplot",
            "from starbolt.compose import compose, write_config",
            "from starbolt.messages import guarded",
            f"folder = write_config(compose({[*words('mlp'), f'run={tmp_path / str(limit)}', 'model.width=128']!r}))",
            f"resource.setrlimit(resource.RLIMIT_FSIZE, ({limit}, {limit}))",
            "with guarded():",
            "    starbolt.run.main(str(folder))",
        ])  # fmt: skip
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
        assert done.returncode == 1, done.stderr
        assert "Traceback" not in done.stderr, done.stderr
        assert re.search("[Ff]ile too large", done.stderr.splitlines()[-2]), done.stderr
        assert not (tmp_path / str(limit) / "metrics.json").exists() or limit == 200_000


def test_help_version_and_map(capsys):
    cli.main([])
    said = capsys.readouterr().out
    assert all(verb in said for verb in cli.VERBS)
    cli.main(["--version"])
    assert capsys.readouterr().out.strip() == starbolt.__version__
    for verb in cli.VERBS:
        cli.main([verb, "--help"])
        assert f"starbolt {verb}" in capsys.readouterr().out
    assert set(helptext.VERBS) == set(cli.VERBS)


def test_the_cli_imports_nothing_heavy():
    code = (
        "import sys, starbolt.cli; print([m for m in ('torch', 'lightning', 'pyarrow', 'astropy') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_words_of_one_run_are_no_words_of_a_sweep(said, words):
    assert "like=a is for one run" in said("train", "-m", "like=a", "seed=1,2")
    assert "run=a is the folder of one run" in said("train", "-m", *words("mlp"), "run=a", "seed=1,2")


def test_the_command_that_trains_the_best_of_a_sweep_goes_on_with_that(monkeypatch, trained, tmp_path):
    folder, executed = shutil.copytree(trained("mlp"), tmp_path / "won"), []
    monkeypatch.setattr(os, "execv", lambda program, words: executed.append(words[-1]))
    monkeypatch.setattr("starbolt.sweep.best_words", lambda named: ["data=table", "model.width=3"])
    width = OmegaConf.load(folder / "config.yaml").model.width
    cli.main(["train", "sweep.best=mine", f"run={folder}", "trainer.max_epochs=3"])
    cfg = OmegaConf.load(folder / "config.yaml")
    assert (cfg.model.width, cfg.trainer.max_epochs, executed) == (width, 3, [str(folder)])
