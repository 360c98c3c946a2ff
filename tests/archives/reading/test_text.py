"""The first lines of a text table decide what it is: header, delimiter, width; names mend a short header."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from starbolt.archives.reading.text import read_text


def read(folder: Path, text: str | bytes, names: tuple[str, ...] = ()) -> dict[str, list]:
    path = folder / "table.txt"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return read_text(path, names).to_pydict()


ROWS = {"id": ["M31", "M33"], "ra": [10.5, -2.0], "n": [1, None]}
WRITINGS = {
    "csv": "id,ra,n\nM31,10.5,1\nM33,-2.0,\n",
    "csv with blanks": "id, ra, n\nM31, 10.5, 1\nM33, -2.0, --\n",
    "semicolons": "id;ra;n\nM31;10.5;1\nM33;-2.0;nan\n",
    "tabs": "id\tra\tn\nM31\t10.5\t1\nM33\t-2.0\t\n",
    "windows": "id,ra,n\r\nM31,10.5,1\r\nM33,-2.0,NULL\r\n",
    "old mac": "id,ra,n\rM31,10.5,1\rM33,-2.0,NA",
    "byte order mark": "\ufeffid,ra,n\nM31,10.5,1\nM33,-2.0,\n",
    "hash": "# id ra n\n  M31   10.5  1\n  M33   -2.0  nan\n",
    "hash, no blank": "#id ra n\nM31 +10.5 1\nM33 -2.0 nan\n",
    "hash csv": "#id,ra,n\nM31,10.5,1\nM33,-2.0,\n",
    "prose, names, units": "# from the archive at home\n#\n# id ra n\n# - deg -\n\nM31 10.5 1\n\n# closed\nM33 -2 null",
    "prose, then a header": "# two objects, made by hand\nid ra n\nM31 10.5 1\nM33 -2.0 null\n",
    "sextractor": "#  1 id  name\n#  2 ra  right ascension [deg]\n#  3 n  count\nM31 10.5 1\nM33 -2.0 nan\n",
    "quotes": '# id ra n\n"M31" 10.5 1\n"M33" -2.0 ""\n',
}


@pytest.mark.parametrize("writing", WRITINGS)
def test_one_table_in_many_writings(tmp_path: Path, writing: str) -> None:
    assert read(tmp_path, WRITINGS[writing]) == ROWS


@pytest.mark.parametrize("writing", sorted(WRITINGS))
def test_names_replace_the_header(tmp_path: Path, writing: str) -> None:
    assert read(tmp_path, WRITINGS[writing], ("a", "b", "c")) == dict(zip("abc", ROWS.values(), strict=True))


def test_without_header(tmp_path: Path) -> None:
    assert read(tmp_path, "1.5 2\n3.5 4\n") == {"col1": [1.5, 3.5], "col2": [2, 4]}
    assert read(tmp_path, "M31,2\nM33,4\n", ("id", "n")) == {"id": ["M31", "M33"], "n": [2, 4]}
    assert read(tmp_path, "a.fits,S\nb.fits,E\n", ("file", "class")) == {"file": ["a.fits", "b.fits"], "class": [*"SE"]}
    assert read(tmp_path, "file,class\nb.fits,E\n", ("file", "class")) == {"file": ["b.fits"], "class": ["E"]}
    assert read(tmp_path, "1.5,2\n") == {"col1": [1.5], "col2": [2]}


@pytest.mark.parametrize("header", ["# a b\n", "a b\n"])
def test_a_short_header_is_refused_and_mended(tmp_path: Path, header: str) -> None:
    text = header + "1 2 3\n4 5 6\n"
    with pytest.raises(ValueError, match=r"header of .*txt has 2 names, but its rows have 3 columns; give all 3 with"):
        read(tmp_path, text)
    assert read(tmp_path, text, ("a", "x", "b")) == {"a": [1, 4], "x": [2, 5], "b": [3, 6]}
    with pytest.raises(ValueError, match=r"data.names has 4 names, but the rows of .*txt have 3 columns"):
        read(tmp_path, text, ("a", "b", "c", "d"))


def test_lists_in_cells_and_a_short_header(tmp_path: Path) -> None:
    cell = "[" + ", ".join(map(str, np.arange(50_000.0))) + "]"
    text = f'time,mag\nx1,"{cell}","[1.0, 2.0]"\nx2,"[]","[3.0]"\n'
    with pytest.raises(ValueError, match="has 2 names, but its rows have 3"):
        read(tmp_path, text)
    table = read(tmp_path, text, ("id", "time", "mag"))
    assert table == {"id": ["x1", "x2"], "time": [cell, "[]"], "mag": ["[1.0, 2.0]", "[3.0]"]}


def test_dates_angles_and_long_numbers_survive(tmp_path: Path) -> None:
    table = read(tmp_path, "id,ra,date\n1237645879551066262,12:30:45,2020-01-31\n1237645879551066263,01:02:03,\n")
    assert table["id"] == [1237645879551066262, 1237645879551066263]
    assert table["ra"] == ["12:30:45", "01:02:03"]
    assert table["date"] == ["2020-01-31", None]


def test_a_type_may_change_far_down(tmp_path: Path) -> None:
    rows = ["x,remark", *[f"1,{'a' * 200}"] * 100_000, "2.5,b"]  # more than Arrow reads in one block
    values = read(tmp_path, "\n".join(rows))["x"]
    assert values[-2:] == [1.0, 2.5]


def test_accents_in_any_encoding(tmp_path: Path) -> None:
    text = "name,n\nBäcker,1\nLaß,2\n"
    assert read(tmp_path, text) == read(tmp_path, text.encode("latin-1")) == {"name": ["Bäcker", "Laß"], "n": [1, 2]}


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("# only a comment\n", "holds no rows"),
        ("a,b,c\n", "has a header but no rows"),
        ("a,b,c\n1,2,3\n4,5\n", "cannot be read as a table: .*3 columns, got 2"),
        ("a b c\n1 2 3\n4 5 6\n7\n", "cannot be read as a table: .*3 columns, got 1"),
        ("\x00\x01\x02", "is not text"),
    ],
)
def test_bad_text_gets_a_sentence(tmp_path: Path, text: str, sentence: str) -> None:
    with pytest.raises(ValueError, match=f"table.txt {sentence}"):
        read(tmp_path, text)
