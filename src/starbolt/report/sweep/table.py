"""Tables whose columns sort at a click: of all trials, and whatever else has many rows."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import NamedTuple

from starbolt.report.sweep.axis import is_number
from starbolt.report.sweep.links import linked, target
from starbolt.report.sweep.reading import Sweep, Trial
from starbolt.report.sweep.words import duration, number, shown_scores

LONG = 25  # rows beyond which a table scrolls by itself


class Cell(NamedTuple):
    """What is shown, as HTML, and what it is sorted by: "" comes last."""

    html: str
    key: str
    words: bool = False


def cell(text: str) -> Cell:
    """A cell of words."""
    return Cell(escape(text), text, True)


def numeric(value: float | None, shown: str = "") -> Cell:
    """A cell of a number, "-" where there is none."""
    return Cell(shown or number(value), "" if value is None else repr(value))


def sortable(header: Sequence[str], rows: Sequence[Sequence[Cell]], marked: int | None = None) -> str:
    """HTML of a table. marked: the row that stands out."""
    words = [any(cell.words for cell in column) for column in zip(*rows, strict=True)] or [False] * len(header)
    kinds = [' class="words"' if of_words else "" for of_words in words]
    head = "".join(
        f'<th scope="col"{kind}><button type="button">{escape(name)}</button></th>'
        for name, kind in zip(header, kinds, strict=True)
    )
    body = "".join(_row(row, kinds, i == marked) for i, row in enumerate(rows))
    long = " long" if len(rows) > LONG else ""
    return (
        f'<div class="scroll{long}" tabindex="0"><table class="sortable"><thead><tr>{head}</tr></thead>'
        f"<tbody>{body}</tbody></table></div>"
    )


def trials(sweep: Sweep) -> str:
    """HTML: every trial with its state, its parameters, its scores, and why it failed."""
    if not sweep.trials:
        return ""
    scores = shown_scores(sweep)
    params = list(dict.fromkeys(name for trial in sweep.trials for name in trial.params))
    header = ["trial", "state", sweep.objective, *params, *scores, "time"]
    best = sweep.trials.index(sweep.best) if sweep.best else None
    rows = [_cells(sweep, trial, params, scores) for trial in sweep.trials]
    note = f'<p class="note">A click on a heading sorts by it. {_about(sweep)}</p>'
    return sortable(header, rows, best) + note


def _about(sweep: Sweep) -> str:
    linked = any(target(sweep.folder, trial) for trial in sweep.trials)
    words = ["A trial's number leads to its report, or to its folder."] if linked else []
    if sweep.count("pruned"):
        words.append("The value of a pruned trial is the one it had when it was stopped.")
    return " ".join(words)


def _cells(sweep: Sweep, trial: Trial, params: Sequence[str], scores: Sequence[str]) -> list[Cell]:
    href = target(sweep.folder, trial)
    link = f'<span title="{escape(trial.label)}">{linked(href, str(trial.number))}</span>'
    took = numeric(trial.seconds, "" if trial.seconds is None else duration(trial.seconds))
    varied = [_param(sweep, name, trial.params.get(name, "")) for name in params]
    told = [numeric(trial.metrics.get(score)) for score in scores]
    return [Cell(link, str(trial.number)), _state(sweep, trial), numeric(trial.value), *varied, *told, took]


def _state(sweep: Sweep, trial: Trial) -> Cell:
    word = f"{trial.state}, best" if trial == sweep.best else trial.state
    reason = f"<small>{escape(trial.reason)}</small>" if trial.reason else ""
    return Cell(f'<span class="state {escape(trial.state)}">{escape(word)}</span>{reason}', word, True)


def _param(sweep: Sweep, name: str, text: str) -> Cell:
    shown = next((axis.shown(text) for axis in sweep.axes if axis.name == name), text)
    return Cell(escape(shown) or "-", text, bool(text) and not is_number(text))


def _row(row: Sequence[Cell], kinds: Sequence[str], marked: bool) -> str:
    keys = ["" if key == html else f' data-key="{escape(key)}"' for html, key, _ in row]
    cells = (f"<td{kind}{key}>{cell.html}</td>" for cell, kind, key in zip(row, kinds, keys, strict=True))
    mark = ' class="best"' if marked else ""
    return f"<tr{mark}>{''.join(cells)}</tr>"
