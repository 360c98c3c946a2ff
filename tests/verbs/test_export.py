"""export: one file, compared with its checkpoint on the spot; nothing half-written, every mistake in a sentence."""

from __future__ import annotations

import json

import pytest

from starbolt.compose import UserError
from starbolt.verbs import export
from starbolt.verbs.export import main


@pytest.mark.parametrize(("model", "ending"), [("mlp", "onnx"), ("gru", "pt2")])
def test_a_run_becomes_a_file(trained, tmp_path, capsys, model, ending):
    main([f"checkpoint={trained(model)}", f"output={tmp_path / 'out' / f'm.{ending}'}"])
    printed = capsys.readouterr()
    assert printed.out.splitlines()[-1] == str(tmp_path / "out" / f"m.{ending}")
    assert "compared with the checkpoint on objects of the validation part" in printed.out
    assert printed.err == ""
    assert [path.name for path in (tmp_path / "out").iterdir()] == [f"m.{ending}"]


def test_the_file_carries_its_origin(trained, tmp_path):
    import onnx

    main([f"checkpoint={trained('mlp')}", f"output={tmp_path / 'm.onnx'}"])
    told = {prop.key: prop.value for prop in onnx.load(tmp_path / "m.onnx").metadata_props}
    plain = json.loads(told["starbolt"])
    assert plain["quantities"] == ["redshift"]
    assert len(plain["checkpoint"]) == 16


def test_a_file_that_answers_otherwise_is_not_kept(trained, tmp_path, monkeypatch):
    def refuse(*_):
        raise ValueError("mean differs")

    monkeypatch.setattr(export, "check", refuse)
    with pytest.raises(ValueError, match="mean differs"):
        main([f"checkpoint={trained('mlp')}", f"output={tmp_path / 'm.onnx'}"])
    assert list(tmp_path.iterdir()) == []


def test_without_the_training_data_objects_are_made(trained, tmp_path, monkeypatch, capsys):
    def gone(*_):
        raise FileNotFoundError("sky.fits")

    monkeypatch.setattr(export, "opened", gone)
    main([f"checkpoint={trained('mlp')}", f"output={tmp_path / 'm.pt2'}"])
    assert "on objects made at random" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["output=m.pb"], r"say output=FILE ending in \.onnx or \.pt2, not 'm\.pb'"),
        ([], "say output=FILE"),
        (["output=m.onnx"], "say checkpoint=RUN"),
        (["output=m.onnx", "checkpoint=x", "data.path=y"], r"data\.path=y: export takes"),
    ],
)
def test_mistakes_are_told(words, sentence):
    with pytest.raises(UserError, match=sentence):
        main(words)


def test_a_missing_package_is_named(monkeypatch):
    monkeypatch.setattr(export, "NEEDED", ("onnx", "onyx_that_is_not_there"))
    with pytest.raises(ModuleNotFoundError, match=r"onyx_that_is_not_there: pip install 'starbolt\[onnx\]'"):
        main(["checkpoint=x", "output=m.onnx"])
