"""What a sweep varies, in Hydra's own notation: lists, choice(), range(), interval(), tag(log, interval()), int()."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

from starbolt.compose import UserError, explain, options
from starbolt.trials.study import Axis

LONGEST = 120  # bytes of a folder's name


def parse(words: Sequence[str]) -> list[Any]:
    """Hydra's reading of override words; UserError where one cannot be read."""
    from hydra.core.override_parser.overrides_parser import OverridesParser
    from hydra.errors import HydraException

    try:
        return OverridesParser.create().parse_overrides(list(words))
    except HydraException as error:
        raise UserError(explain(error, words)) from error


def axes_of(words: Sequence[str]) -> tuple[Axis, ...]:
    """The settings among these words that take several values."""
    return tuple({item.get_key_element(): _axis(item) for item in parse(words) if item.is_sweep_override()}.values())


def fixed(words: Sequence[str]) -> list[str]:
    """The words that take one value."""
    return [item.input_line for item in parse(words) if not item.is_sweep_override()]


def points(axes: Sequence[Axis]) -> list[dict[str, str]]:
    """Every combination, the last axis varying fastest; UserError where one of them has no end of values."""
    for axis in axes:
        if axis.kind == "interval":
            raise UserError(
                f"{axis.key} is a whole interval, and a grid takes single values; list some, as in {axis.key}="
                f"{axis.low:g},{axis.high:g}, or let a sampler choose: sweep=optuna"
            )
    return [
        dict(zip((axis.key for axis in axes), values, strict=True))
        for values in itertools.product(*(axis.values for axis in axes))
    ]


def label_of(settings: dict[str, str], sampled: bool) -> str:
    """A trial's name, by what differs: numbers that a sampler drew are told to three digits."""
    return ",".join(f"{key}={_short(text) if sampled else text}" for key, text in settings.items())


def folder_of(number: int, settings: dict[str, str], sampled: bool) -> str:
    """Name of a trial's folder: what differs where it was listed, is short and may name a folder, else its number."""
    label = ",".join(f"{key}={text}" for key, text in settings.items())
    odd = not label or len(label.encode()) > LONGEST or "/" in label or label.startswith(".")
    return f"trial_{number:04d}" if sampled or odd else label


def _axis(item: Any) -> Axis:
    from hydra.core.override_parser.types import ValueType

    key = item.get_key_element()
    if item.is_interval_sweep():
        swept = item.value()
        whole = isinstance(swept.start, int) and isinstance(swept.end, int)
        return Axis(key, "interval", (), swept.start, swept.end, log="log" in swept.tags, integer=whole)
    if item.value_type is ValueType.GLOB_CHOICE_SWEEP:
        names = tuple(item.value().filter(options(key)))
        if not names:
            raise UserError(f"{item.input_line} names nothing; {key} takes {', '.join(options(key)) or 'no options'}")
        return Axis(key, "choice", names)
    kind = "range" if item.is_range_sweep() and not item.value().shuffle else "choice"
    return Axis(key, kind, tuple(dict.fromkeys(item.sweep_string_iterator())))


def _short(text: str) -> str:
    try:
        number = float(text)
    except ValueError:
        return text
    return text if len(text) <= 8 else f"{number:.3g}"
