"""Tables as text: CSV and its relatives, whitespace ASCII with a `#` header, ECSV, and what astropy guesses.

The first lines say what the file is (delimiter, header, number of columns); Arrow then reads the rest at full speed.
The header is the first line where it holds names above numbers, else the last comment line with a name per column.
"""

from __future__ import annotations

import gzip
import re
from collections import Counter
from collections.abc import Sequence
from io import BytesIO
from itertools import islice
from pathlib import Path

import pyarrow as pa
import pyarrow.csv

from starbolt.archives.reading.arrow import from_astropy
from starbolt.archives.reading.columns import TableError

NULLS = ["", "-", "--", "...", "nan", "NaN", "NAN", "-nan", "NA", "N/A", "n/a", "#N/A", "null", "NULL", "None", "none"]
NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?|[+-]?inf|true|false", re.IGNORECASE)
SAMPLE = 50  # lines that decide on delimiter, header and width


def read_text(path: Path, names: Sequence[str] = ()) -> pa.Table:
    """The table in a text file (gzip allowed, any line ending); `names` replace its header.

    Raises TableError where the file is empty, is no text, or has another number of names than of columns.
    """
    data = _content(path)
    if data.startswith(b"# %ECSV"):
        return _ecsv(data)
    if data.startswith((b"\\", b"|")) or b"Byte-by-byte" in data[:10_000]:
        return _guessed(data)
    comments, body = _split_comments(data)
    delimiter, lines = _delimiter(body)
    if not lines:
        raise TableError(f"{path} holds no rows")
    body = _tight(body, delimiter) if delimiter else _single_spaced(body)
    first, *rows = [_cells(line, delimiter) for line in lines]
    headed = _is_header(first, rows, names)
    width = Counter(map(len, rows or [first])).most_common(1)[0][0]
    if headed:
        body = body.partition(b"\n")[2]
    if not body.strip():
        raise TableError(f"{path} has a header but no rows")
    found = first if headed else _commented(comments, delimiter, width)
    return _parse(body, delimiter or " ", _names(names, found, width, path), path)


def _content(path: Path) -> bytes:
    """The file as UTF-8 with \\n at line ends."""
    data = path.read_bytes()
    if data.startswith(b"\x1f\x8b"):
        data = gzip.decompress(data)
    if b"\0" in data:
        raise TableError(f"{path} is not text and none of the other formats: FITS, VOTable, Parquet, HDF5")
    data = data.removeprefix(b"\xef\xbb\xbf")
    try:
        data.decode()
    except UnicodeDecodeError:
        data = data.decode("latin-1").encode()
    if b"\r" in data:
        data = data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    return data.lstrip(b"\n")


def _ecsv(data: bytes) -> pa.Table:
    from astropy.io.misc.ecsv import read_ecsv

    return from_astropy(read_ecsv(BytesIO(data), engine="pyarrow", null_values=["", "null"]))


def _guessed(data: bytes) -> pa.Table:
    from astropy.io import ascii

    return from_astropy(ascii.read(data.decode()))


def _split_comments(data: bytes) -> tuple[list[str], bytes]:
    """The leading `#` lines without their `#`, and the rest without any."""
    comments, at = [], 0
    while data[at : at + 1] in (b"#", b"\n", b" ", b"\t"):
        end = data.find(b"\n", at) % (len(data) + 1)
        line = data[at:end].strip()
        if line and not line.startswith(b"#"):
            break
        comments.append(line.lstrip(b"# ").decode())
        at = end + 1
    body = data[at:]
    if b"\n#" in body:
        body = b"\n".join(line for line in body.split(b"\n") if not line.startswith(b"#"))
    return [line for line in comments if line], body


def _delimiter(body: bytes) -> tuple[str | None, list[str]]:
    """What stands between cells (None: whitespace), and the first lines."""
    lines = [line.decode().rstrip("\n") for line in islice(BytesIO(body), SAMPLE + 1) if line.strip()]
    for delimiter in (",", "\t", ";", "|"):
        widths = {len(_cells(line, delimiter)) for line in lines[1:] or lines}
        if min(widths, default=1) > 1 and (delimiter == "," or len(widths) == 1):
            return delimiter, lines
    return None, lines


def _cells(line: str, delimiter: str | None) -> list[str]:
    if delimiter is None:
        return [quoted or word for quoted, word in re.findall(r'"([^"]*)"|(\S+)', line)]
    pieces = line.split('"')  # every other piece stood in quotes
    pieces[::2] = [piece.replace(delimiter, "\0") for piece in pieces[::2]]
    return [cell.strip() for cell in "".join(pieces).split("\0")]


def _tight(body: bytes, delimiter: str) -> bytes:
    """Without blanks around the delimiter, which would make text of " nan"; quoted cells keep theirs."""
    sign = delimiter.encode()
    if b'"' in body or (b" " + sign not in body and sign + b" " not in body):
        return body
    return re.sub(rb" *([%s\n]) *" % sign, rb"\1", body)


def _single_spaced(body: bytes) -> bytes:
    if b'"' in body:
        rows = [b" ".join(re.findall(rb'"[^"]*"|\S+', line)) for line in body.split(b"\n")]
    else:
        rows = [b" ".join(line.split()) for line in body.split(b"\n")]
    return b"\n".join(row for row in rows if row)


def _is_header(first: list[str], rows: list[list[str]], names: Sequence[str]) -> bool:
    """Whether the first line names columns: all words, above numbers or lists or where nobody else names them."""
    if any(_is_value(cell) for cell in first) or any(cell in NULLS for cell in first[1:]):
        return False
    return not names or bool(set(first) & set(names)) or any(_is_value(cell) for row in rows for cell in row)


def _is_value(cell: str) -> bool:
    return cell.startswith("[") or NUMBER.fullmatch(cell) is not None


def _commented(comments: list[str], delimiter: str | None, width: int) -> list[str] | None:
    """Names in the comments: SExtractor's numbered lines, or the last with one different name per column."""
    lines = [_cells(line, delimiter) for line in comments]
    fitting = [cells for cells in lines if len(cells) == width == len(set(cells))]
    listed = [cells[1] for cells in lines if len(cells) > 1 and cells[0].isdigit()]
    if len(listed) == width:
        return listed
    return fitting[-1] if fitting else lines[-1] if lines else None


def _names(given: Sequence[str], found: list[str] | None, width: int, path: Path) -> list[str]:
    """One name per column: those given, else those found, else col1, col2, ... as astropy calls them."""
    if given and len(given) != width:
        raise TableError(f"data.names has {len(given)} names, but the rows of {path} have {width} columns")
    if not given and found and len(found) != width:
        raise TableError(
            f"the header of {path} has {len(found)} names, but its rows have {width} columns; "
            f"give all {width} with data.names=[...]"
        )
    names = list(given) or found or [f"col{i + 1}" for i in range(width)]
    return [name or f"Unnamed: {i}" for i, name in enumerate(names)]


def _parse(body: bytes, delimiter: str, names: list[str], path: Path) -> pa.Table:
    """Arrow's reader; dates and sexagesimal angles stay text."""
    table = _read(body, delimiter, names, {}, path)
    dated = {field.name: pa.string() for field in table.schema if pa.types.is_temporal(field.type)}
    return _read(body, delimiter, names, dated, path) if dated else table


def _read(body: bytes, delimiter: str, names: list[str], types: dict[str, pa.DataType], path: Path) -> pa.Table:
    options = pa.csv.ConvertOptions(null_values=NULLS, strings_can_be_null=True, column_types=types)
    try:
        return pa.csv.read_csv(
            pa.BufferReader(body),
            pa.csv.ReadOptions(column_names=names, block_size=1 << 24),
            pa.csv.ParseOptions(delimiter=delimiter, newlines_in_values=b'"' in body),
            options,
        )
    except pa.ArrowInvalid as error:
        reason = str(error).removeprefix("CSV parse error: ").split("\n")[0][:150]
        raise TableError(f"{path} cannot be read as a table: {reason}") from error
