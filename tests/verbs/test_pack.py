"""`starbolt pack` packs once, verifies what it finds, and says where it lies."""

from pathlib import Path

import pytest

from starbolt.compose import UserError
from starbolt.store import Store
from starbolt.verbs import pack


@pytest.fixture
def words(tmp_path: Path) -> list[str]:
    rows = "\n".join(f"{i},{i % 7},{i / 10}" for i in range(30))
    (tmp_path / "cat.csv").write_text(f"objid,u,g\n{rows}\n")
    return ["data=table", f"data.path={tmp_path / 'cat.csv'}", "data.id=objid", f"data.cache={tmp_path / 'cache'}"]


def test_neither_target_nor_model_is_needed_and_the_last_line_is_the_store(words, capsys):
    pack.main(words)
    out = capsys.readouterr().out
    store = Store.open(out.splitlines()[-1])
    assert len(store) == 30
    assert "30 objects" in out
    assert "u, g" in out
    assert " MB, packed in" in out


def test_a_second_call_finds_the_store_again(words, capsys):
    pack.main(words)
    folder = Path(capsys.readouterr().out.splitlines()[-1])
    before = (folder / "table.arrow").stat().st_mtime_ns
    pack.main(words)
    out = capsys.readouterr().out
    assert "found again and verified in" in out
    assert out.splitlines()[-1] == str(folder)
    assert (folder / "table.arrow").stat().st_mtime_ns == before


def test_a_flipped_byte_is_noticed_and_mended(words, capsys):
    pack.main(words)
    file = Path(capsys.readouterr().out.splitlines()[-1]) / "table.arrow"
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)
    pack.main(words)
    said = capsys.readouterr().out
    assert "is damaged; packing again" in said
    content[len(content) // 2] ^= 1
    assert (Path(said.splitlines()[-1]) / "table.arrow").read_bytes() == bytes(content)


def test_without_data_the_options_are_named():
    with pytest.raises(UserError, match="no data is chosen; say data= one of images, series,"):
        pack.main([])
