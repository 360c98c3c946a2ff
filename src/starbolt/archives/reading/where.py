"""Rows by a condition that people write by hand: `mag_r < 20 & flag == 0`. Parsed here, never evaluated as Python.

    condition := both ("|" both)*          & and | bind loosest, unlike in Python; | looser than &
    both      := single ("&" single)*
    single    := "~" single | "(" condition ")" | value comparison value | boolean column
    value     := number | 'text' | "text" | column name, `odd-name` in backquotes, a dot for nested columns

As in SQL a missing value passes no condition, nor its negation. `and`, `or` and `not` may be spelled out.
"""

from __future__ import annotations

import re
from typing import NamedTuple, NoReturn

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from starbolt.archives.reading.columns import TableError, column

TOKENS = re.compile(
    r"""\s*(?:(?P<number>(?<![\w.])[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?(?![\w.]))
    |(?P<text>'[^']*'|"[^"]*")|`(?P<odd>[^`]+)`|(?P<compare><=|>=|==|!=|<|>)|(?P<sign>&&?|\|\|?|[~()])
    |(?P<name>[^\W\d][\w.]*))""",
    re.VERBOSE,
)
COMPARE = {"<": pc.less, "<=": pc.less_equal, ">": pc.greater, ">=": pc.greater_equal,
           "==": pc.equal, "!=": pc.not_equal}  # fmt: skip
WORDS = {"and": "&", "or": "|", "not": "~", "&&": "&", "||": "|"}


class Token(NamedTuple):
    """A word of the expression; at: its first character, counted from 0."""

    kind: str
    value: str
    at: int


def where(table: pa.Table, expression: str, source: object = "the table") -> np.ndarray:
    """bool [N]: the rows of `table` that meet the condition.

    source: what a sentence calls the table. Raises TableError with the place in the expression, or the nearest names.
    """
    parser = _Parser(table, expression, source)
    passed = parser.condition()
    if parser.token.kind != "end":
        parser.refuse("expected & or | before")
    return np.asarray(pc.fill_null(passed, False)).astype(bool)


class _Parser:
    """Recursive descent; each method reads one line of the grammar and returns its rows as Arrow booleans [N]."""

    def __init__(self, table: pa.Table, expression: str, source: object) -> None:
        self.table, self.expression, self.source = table, expression, source
        self.tokens = self._tokens()
        self.next = 0

    def condition(self) -> pa.ChunkedArray:
        rows = self.both()
        while self.accept("|"):
            rows = pc.or_kleene(rows, self.both())
        return rows

    def both(self) -> pa.ChunkedArray:
        rows = self.single()
        while self.accept("&"):
            rows = pc.and_kleene(rows, self.single())
        return rows

    def single(self) -> pa.ChunkedArray:
        if self.accept("~"):
            return pc.invert(self.single())
        if self.accept("("):
            rows = self.condition()
            if not self.accept(")"):
                self.refuse("expected ) before")
            return rows
        start = self.token
        left = self.value()
        if self.token.kind != "compare":
            return self.flag(left, start)
        compare = COMPARE[self.take().value]
        return self.compared(compare, left, self.value(), start)

    def value(self) -> pa.ChunkedArray | pa.Scalar:
        if self.token.kind not in ("number", "text", "name"):
            self.refuse("expected a column, a number or a 'text' before")
        token = self.take()
        if token.kind == "number":
            whole = re.fullmatch(r"[+-]?\d+", token.value) and abs(int(token.value)) < 2**63
            return pa.scalar(int(token.value) if whole else float(token.value))
        if token.kind == "text":
            return pa.scalar(token.value[1:-1])
        values = column(self.table, token.value, self.source)
        return pc.if_else(pc.is_nan(values), None, values) if pa.types.is_floating(values.type) else values

    def flag(self, values: pa.ChunkedArray | pa.Scalar, token: Token) -> pa.ChunkedArray:
        if isinstance(values, pa.Scalar) or not pa.types.is_boolean(values.type):
            self.refuse("expected a comparison (or a column of true and false) at", token)
        return values

    def compared(self, compare: pc.Function, left: object, right: object, token: Token) -> pa.ChunkedArray:
        if isinstance(left, pa.Scalar) and isinstance(right, pa.Scalar):
            self.refuse("expected a column in the comparison at", token)
        try:
            return compare(*_same_kind(left, right))
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
            self.refuse(f"{left.type} cannot be compared with {right.type} at", token)  # type: ignore[attr-defined]

    @property
    def token(self) -> Token:
        return self.tokens[self.next]

    def take(self) -> Token:
        self.next += 1
        return self.tokens[self.next - 1]

    def accept(self, sign: str) -> bool:
        found = self.token.kind == "sign" and self.token.value == sign
        self.next += found
        return found

    def refuse(self, what: str, token: Token | None = None) -> NoReturn:
        token = token or self.token
        raise TableError(f"data.where='{self.expression}': {what} {token.value!r}, character {token.at + 1}")

    def _tokens(self) -> list[Token]:
        tokens, at = [], 0
        while self.expression[at:].strip():
            found = TOKENS.match(self.expression, at)
            if found is None:
                rest = self.expression[at:].lstrip()
                self.refuse("cannot read", Token("", rest[:10], len(self.expression) - len(rest)))
            tokens.append(_token(found))
            at = found.end()
        return [*tokens, Token("end", "the end", len(self.expression))]


def _token(found: re.Match[str]) -> Token:
    kind = str(found.lastgroup)
    value, at = found[kind], found.start(kind)
    if kind == "odd":
        return Token("name", value, at)
    if kind == "sign" or (kind == "name" and value.lower() in WORDS):
        return Token("sign", WORDS.get(value.lower(), value), at)
    return Token(kind, value, at)


def _same_kind(left: object, right: object) -> tuple[object, object]:
    """Numbers compare with booleans (flag == 1), and a float32 column with the number as the column would hold it."""
    if isinstance(left, pa.Scalar):
        right, left = _same_kind(right, left)
        return left, right
    assert isinstance(left, pa.ChunkedArray)
    if pa.types.is_boolean(left.type) and pa.types.is_integer(right.type):  # type: ignore[attr-defined]
        return left.cast(right.type), right  # type: ignore[attr-defined]
    if isinstance(right, pa.Scalar) and pa.types.is_floating(left.type) and not pa.types.is_string(right.type):
        return left, right.cast(left.type)
    return left, right
