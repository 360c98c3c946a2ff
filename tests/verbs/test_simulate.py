"""`starbolt simulate` writes the sky its words describe, and the commands it prints name what it wrote."""

import re
import shlex
from pathlib import Path

import pytest

from starbolt.compose import UserError, compose
from starbolt.verbs import simulate

SMALL = ["galaxies=40", "stamps=8", "stars=8"]


def printed_commands(text: str) -> list[list[str]]:
    return [shlex.split(line) for line in re.findall(r"^  (starbolt train .*)$", text, re.MULTILINE)]


def test_the_last_line_is_the_folder_and_the_products_are_there(tmp_path: Path, capsys):
    folder = tmp_path / "sky"
    simulate.main([f"output={folder}", *SMALL])
    lines = capsys.readouterr().out.splitlines()
    assert lines[-1] == str(folder)
    assert len(list((folder / "cutouts").glob("*.fits"))) == 8
    assert all(Path(line.split()[1]).exists() for line in lines[:5])


def test_its_three_commands_compose_and_name_files_that_exist(tmp_path: Path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    simulate.main(["output=my sky", *SMALL])
    commands = printed_commands(capsys.readouterr().out)
    configs = [compose(words) for _, _, *words in commands]
    assert [cfg.model._target_.split(".")[-1] for cfg in configs] == ["MLP", "CNN", "GRU"]
    files = [word.split("=", 1)[1] for command in commands for word in command if "my sky" in word]
    assert len(files) == 5
    assert all(Path(file).exists() for file in files)


def test_the_seed_and_difficulty_reach_the_sky(tmp_path: Path):
    for name, words in {"a": [], "b": ["seed=1"], "c": ["difficulty=3"], "d": []}.items():
        simulate.main([f"output={tmp_path / name}", *SMALL, *words])
    a, b, c, d = ((tmp_path / name / "catalogue.fits").read_bytes() for name in "abcd")
    assert a == d
    assert len({a, b, c}) == 3


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["output=x", "galxies=3"], "'galxies'; did you mean galaxies"),
        (["output=x", "stars=many"], "stars=many is no whole number"),
        (["output=x", "difficulty=hard"], "difficulty=hard is no number"),
        (["stars=3"], "output=FOLDER"),
    ],
)
def test_a_mistake_is_told_in_a_sentence_and_writes_nothing(tmp_path: Path, monkeypatch, words, sentence):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match=sentence):
        simulate.main(words)
    assert not list(tmp_path.iterdir())
