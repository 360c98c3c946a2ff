"""Thrift's compact protocol, in which the footer of a Parquet file is written: to plain values and back.

https://github.com/apache/thrift/blob/master/doc/specs/thrift-compact-protocol.md
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

TRUE, FALSE, BYTE, I16, I32, I64, DOUBLE, BINARY, LIST, SET, _, STRUCT = range(1, 13)

Struct = dict[int, "Field"]  # number of a field -> what it holds


class Field(NamedTuple):
    """kind: one of the numbers above. value: a bool, an int, bytes, a `Several` or a Struct; 8 bytes of a double."""

    kind: int
    value: Any


class Several(NamedTuple):
    """A list. values: as in a Field; a Struct may stand here as the bytes that `written` made of it."""

    kind: int
    values: list[Any]


def read(data: bytes) -> Struct:
    """The struct that the bytes begin with; ValueError where they hold what Parquet has no use for."""
    return _Reader(data).struct()


class _Reader:
    def __init__(self, data: bytes) -> None:
        self.data, self.place = data, 0

    def struct(self) -> Struct:
        found, number = Struct(), 0
        while head := self._taken(1)[0]:
            number = number + (head >> 4) if head >> 4 else self._whole()
            kind = head & 15
            found[number] = Field(kind, kind == TRUE if kind in (TRUE, FALSE) else self._value(kind))
        return found

    def _value(self, kind: int) -> Any:
        if kind in (I16, I32, I64):
            return self._whole()
        if kind == STRUCT:
            return self.struct()
        if kind in (LIST, SET):
            head = self._taken(1)[0]
            count = head >> 4 if head >> 4 < 15 else self._natural()
            return Several(head & 15, [self._value(head & 15) for _ in range(count)])
        if kind in (TRUE, FALSE, BYTE):  # a flag within a list is a byte
            return self._taken(1)[0]
        if kind in (BINARY, DOUBLE):
            return self._taken(8 if kind == DOUBLE else self._natural())
        raise ValueError(f"values of the kind {kind} are not known here")

    def _taken(self, size: int) -> bytes:
        self.place += size
        if self.place > len(self.data):
            raise ValueError("the bytes end too early")
        return self.data[self.place - size : self.place]

    def _natural(self) -> int:
        value = shift = 0
        while (byte := self._taken(1)[0]) > 127:
            value, shift = value | (byte & 127) << shift, shift + 7
        return value | byte << shift

    def _whole(self) -> int:
        value = self._natural()
        return value >> 1 ^ -(value & 1)


def written(struct: Struct) -> bytes:
    """The bytes of a struct."""
    return b"".join(_struct(struct))


def _struct(struct: Struct) -> Iterator[bytes]:
    before = 0
    for number, (kind, value) in struct.items():
        step, before = number - before, number
        kind = (TRUE if value else FALSE) if kind in (TRUE, FALSE) else kind
        yield bytes([step << 4 | kind]) if 0 < step < 16 else bytes([kind]) + _whole(number)
        if kind not in (TRUE, FALSE):
            yield from _value(kind, value)
    yield b"\0"


def _value(kind: int, value: Any) -> Iterator[bytes]:
    if kind in (I16, I32, I64):
        yield _whole(value)
    elif kind == STRUCT:
        yield from [value] if isinstance(value, bytes) else _struct(value)
    elif kind in (LIST, SET):
        count = len(value.values)
        yield bytes([count << 4 | value.kind]) if count < 15 else bytes([15 << 4 | value.kind]) + _natural(count)
        for each in value.values:
            yield from _value(value.kind, each)
    elif kind in (TRUE, FALSE, BYTE):
        yield bytes([value])
    else:
        yield value if kind == DOUBLE else _natural(len(value)) + value


def _natural(value: int) -> bytes:
    told = bytearray()
    while value > 127:
        told.append(value & 127 | 128)
        value >>= 7
    return bytes([*told, value])


def _whole(value: int) -> bytes:
    return _natural(value << 1 if value >= 0 else (-value << 1) - 1)
