"""A condition taken apart at its outer `&`, so that each part can be asked of the table that knows its columns."""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple

from starbolt.archives.reading.where import TOKENS, WORDS


class Term(NamedTuple):
    """One part of a condition, as text, and the columns it names."""

    text: str
    names: tuple[str, ...]


def terms(expression: str | None) -> list[Term]:
    """The parts that must all hold: "a < 1 & (b | c)" gives "a < 1" and "(b | c)"; none for no condition.

    A condition with an outer `|`, or one that cannot be read, stays whole.
    """
    if not expression or not expression.strip():
        return []
    signs, at = _signs(expression)
    if at < len(expression.rstrip()) or any(sign == "|" for sign, _, _ in signs):
        return [_term(expression)]
    cuts = [(0, 0), *((start, end) for _, start, end in signs), (len(expression), 0)]
    return [_term(expression[end:start]) for (_, end), (start, _) in pairwise(cuts)]


def _signs(expression: str) -> tuple[list[tuple[str, int, int]], int]:
    """The outer & and | with their places, and how far the text could be read."""
    signs, depth, at = [], 0, 0
    while found := TOKENS.match(expression, at):
        kind, at = str(found.lastgroup), found.end()
        sign = WORDS.get(found[kind].lower(), found[kind]) if kind in ("sign", "name") else ""
        depth += (sign == "(") - (sign == ")")
        if depth == 0 and sign in ("&", "|"):
            signs.append((sign, found.start(kind), at))
    return signs, at


def _term(text: str) -> Term:
    names, at = [], 0
    while found := TOKENS.match(text, at):
        at = found.end()
        if found["odd"] or (found["name"] and found["name"].lower() not in WORDS):
            names.append(found["odd"] or found["name"])
    return Term(text.strip(), tuple(names))
