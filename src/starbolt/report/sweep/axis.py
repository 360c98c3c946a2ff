"""What a sweep varies: an interval of numbers, or values named one by one."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

MOST = 12  # labels along an axis
LETTERS = 14  # of a label
NEAR = 0.05  # share of an interval that counts as its end


class Axis(NamedTuple):
    """A parameter. values: of a choice or a range, in order; empty for an interval from low to high."""

    name: str
    values: tuple[str, ...] = ()
    low: float = 0.0
    high: float = 1.0
    log: bool = False

    @classmethod
    def of(cls, name: str, told: Mapping[str, Any]) -> Axis:
        """From its entry in sweep.json."""
        if told.get("kind") == "interval":
            return cls(name, (), float(told["low"]), float(told["high"]), bool(told.get("log")))
        return cls(name, tuple(map(str, told.get("values") or ())))

    def including(self, texts: Sequence[str]) -> Axis:
        """The axis widened to hold these values too: a sweep may be continued with others."""
        if self.values or not all(map(is_number, texts)):
            return self._replace(values=tuple(dict.fromkeys((*self.values, *texts))))
        numbers = [float(text) for text in texts]
        return self._replace(low=min([self.low, *numbers]), high=max([self.high, *numbers]))

    def place(self, text: str | None) -> float:
        """Where a value stands, 0 the bottom and 1 the top; NaN where it has no place."""
        if self.values:
            return self._step(self.values.index(text)) if text in self.values else math.nan
        if text is None or not is_number(text):
            return math.nan
        low, high, x = (self._scaled(v) for v in (self.low, self.high, float(text)))
        return 0.5 if high == low else (x - low) / (high - low)

    def ticks(self) -> list[tuple[float, str]]:
        """Places with their labels."""
        if self.values:
            every = -(-len(self.values) // MOST)
            return [(self._step(i), shortened(text)) for i, text in list(enumerate(self.values))[::every]]
        numbers = round_numbers(self.low, self.high, log=self.log and self.low > 0)
        return [(self.place(repr(x)), f"{x:.4g}") for x in numbers]

    def at_its_end(self, text: str | None) -> str:
        """ "lower" or "upper" where a number lies at an end of its interval, else ""."""
        place = math.nan if self.values else self.place(text)
        return "lower" if place <= NEAR else "upper" if place >= 1 - NEAR else ""

    def shown(self, text: str) -> str:
        """A value of the axis as a reader wants it: four digits of a number that was drawn."""
        return text if self.values or not is_number(text) else f"{float(text):.4g}"

    def range(self) -> str:
        """Its values, or its ends, in words."""
        if self.values:
            return ", ".join(self.values)
        return f"{self.low:g} to {self.high:g}" + (", drawn by its logarithm" if self.log else "")

    def _step(self, i: int) -> float:
        return i / (len(self.values) - 1) if len(self.values) > 1 else 0.5

    def _scaled(self, x: float) -> float:
        return math.log(x) if self.log and self.low > 0 else x


def round_numbers(low: float, high: float, *, log: bool) -> list[float]:
    """A handful of round numbers from low to high."""
    from matplotlib.ticker import LogLocator, MaxNLocator

    decades = math.log10(high / low) if log else 0.0
    locator = LogLocator(subs=(1,) if decades > 2 else (1, 2, 5), numticks=8) if decades >= 1 else MaxNLocator(6)
    slack = 1e-9 * (high - low)
    return [x for x in map(float, locator.tick_values(low, high)) if low - slack <= x <= high + slack]


def shortened(text: str, letters: int = LETTERS) -> str:
    """A text that is not too long for an axis."""
    return text if len(text) <= letters else f"{text[: letters - 1]}…"


def is_number(text: str) -> bool:
    """Whether a text can be read as a finite number."""
    try:
        return math.isfinite(float(text))
    except ValueError:
        return False
