"""The best trial: its settings, its scores, what they are worth, and how to train it again."""

from __future__ import annotations

import shlex
from html import escape

from starbolt.report.markup import paragraph
from starbolt.report.sweep.links import linked, target
from starbolt.report.sweep.reading import Sweep, Trial
from starbolt.report.sweep.words import both, number

OPTIMISTIC = (
    "Chosen as the best of {n} by {objective}, this trial looks better there than it is, and the more so the more were "
    "tried. Its test scores are the honest number: {where}"
)
SEEN = "they took no part in the choice. Whoever now chooses another trial by its test scores loses that."
UNSEEN = "no trial has them, and the command under “{title}” trains the best and takes them, once."
LUCKIEST = "Nothing was chosen: the trials differ in {over} alone, and the best of them is the luckiest."
AGAIN = "Best configuration"


def told(sweep: Sweep) -> str:
    """HTML of the best trial; empty where none is named."""
    best = sweep.best
    if best is None:
        return ""
    link = target(sweep.folder, best)
    words = "its report" if link.endswith(".html") else "its folder"
    where = f"<p>{linked(link, f'Trial {best.number}: {words}')}</p>" if link else ""
    facts = f'<div class="beside">{_settings(sweep, best)}{_scores(sweep, best)}</div>'
    return caution(sweep) + facts + paragraph(at_the_edge(sweep), "note") + where


def caution(sweep: Sweep) -> str:
    """HTML of the warning that the best of many is not as good as it looks; empty where there is only one."""
    if len(sweep.scored) < 2 or sweep.best is None:
        return ""
    if not sweep.chooses:
        return paragraph(LUCKIEST.format(over=both(sweep.repeats) or "nothing"))
    tested = any(name.startswith("test/") for name in sweep.best.metrics)
    where = SEEN if tested else UNSEEN.format(title=AGAIN)
    words = OPTIMISTIC.format(n=len(sweep.scored), objective=sweep.objective, where=where)
    return f'<aside class="notice caution"><p>{escape(words)}</p></aside>'


def at_the_edge(sweep: Sweep) -> str:
    """A sentence where the best lies at the end of an interval, beyond which nobody has looked; else ""."""
    if sweep.best is None or len(sweep.scored) < 2:
        return ""
    ends = [(axis.name, axis.at_its_end(sweep.best.params.get(axis.name))) for axis in sweep.axes]
    found = [f"{name} at the {end} end of its interval" for name, end in ends if end]
    return f"The best trial has {both(found)}: a still better one may lie beyond." if found else ""


def again(sweep: Sweep) -> str:
    """HTML: the command that trains the best, and its yaml to be copied."""
    if sweep.best is None or not (sweep.chooses or sweep.yaml):
        return ""
    command = f"starbolt train {shlex.quote(f'sweep.best={sweep.name}')}"
    made = paragraph("This command trains the best configuration and scores it on the test objects:") + copied(command)
    if sweep.yaml:
        made += f'<p>The same as an experiment, <a href="best.yaml">best.yaml</a>:</p>{copied(sweep.yaml)}'
    return made


def copied(text: str) -> str:
    """HTML of a text with a button that copies it."""
    return f'<div class="copied"><button type="button" class="copy">copy</button><pre>{escape(text)}</pre></div>'


def _settings(sweep: Sweep, best: Trial) -> str:
    items = "".join(f"<dt>{escape(name)}</dt><dd>{escape(value)}</dd>" for name, value in best.params.items())
    return f"<div><h3>Settings</h3><dl>{items}</dl></div>" if items else ""


def _scores(sweep: Sweep, best: Trial) -> str:
    """HTML: a line per score, a column per part; the objective, first, is what the trial was chosen by."""
    scores = ({sweep.objective: best.value} if best.value is not None else {}) | best.metrics
    parts = [part for part in ("train", "val", "cal", "test") if any(name.startswith(f"{part}/") for name in scores)]
    names = dict.fromkeys(name.partition("/")[2] for name in scores)
    rows = [[escape(name), *(_score(sweep, scores, f"{part}/{name}") for part in parts)] for name in names]
    body = "".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in rows)
    head = "".join(f"<th>{name}</th>" for name in ("score", *parts))
    table = f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
    return f'<div><h3>Scores</h3><div class="scroll">{table}</div></div>'


def _score(sweep: Sweep, scores: dict[str, float], name: str) -> str:
    value = number(scores.get(name))
    return f"<b>{value}</b><small>the objective</small>" if name == sweep.objective else value
