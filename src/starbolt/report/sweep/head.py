"""What a reader learns in the first five lines: what was searched, how it ended, what failed."""

from __future__ import annotations

import statistics
from collections import Counter
from html import escape

from starbolt.report.markup import listed, paragraph
from starbolt.report.sweep import repeats
from starbolt.report.sweep.best import copied
from starbolt.report.sweep.reading import Sweep
from starbolt.report.sweep.words import BETTER, both, counts, duration, in_short, number, several, with_spread

SAMPLERS = {"grid": "every combination", "random": "drawn at random", "tpe": "by TPE, learning from trials before"}
NO_BEST = "No trial has finished: there is no best."
STILL = "The sweep is not at its end: {left}. This page tells what was known when it was written."


def line(sweep: Sweep) -> str:
    """The objective, the trials and their time, on one line."""
    spent = [trial.seconds for trial in sweep.trials if trial.seconds is not None]
    times = [f"{duration(sum(spent))} in all, {duration(statistics.median(spent))} the median trial"] if spent else []
    objective = f"objective {sweep.objective} ({BETTER[sweep.mode]})"
    return " · ".join([objective, f"{several(len(sweep.trials), 'trial')}: {counts(sweep)}", *times])


def headline(sweep: Sweep) -> str:
    """The result in a sentence."""
    best, n = sweep.best, len(sweep.scored)
    if best is None or best.value is None:
        return ""
    if not sweep.chooses and n > 1:
        mean, spread = repeats.moments(sweep.scored, sweep.objective)
        told, over = with_spread(mean, spread), both(sweep.repeats) or "nothing"
        return f"{sweep.objective} is {told}: mean and standard deviation of {n} trials that differ in {over} alone."
    which = f"The best of {n} finished trials" if n > 1 else "The one finished trial"
    words = f" ({told})" if (told := in_short(sweep, best)) else ""
    return f"{which}, number {best.number}{words}, reached {sweep.objective} {number(best.value)}."


def findings(sweep: Sweep) -> list[str]:
    """What else must be known, a sentence each."""
    reasons = Counter(trial.reason or "no reason known" for trial in sweep.trials if trial.state == "failed")
    made = [f"{several(n, 'trial')} failed: {reason}." for reason, n in reasons.most_common()]
    left = [f"{n} {state}" for state in ("running", "waiting") if (n := sweep.count(state))]
    if left:
        made.append(STILL.format(left=both(left)))
    ranked = repeats.settings(sweep)
    if sweep.chooses and len(ranked) > 1:
        mean, spread = repeats.moments(ranked[0].trials, sweep.objective)
        made.append(
            f"Over {both(sweep.repeats)}, {ranked[0].words} has the best mean {sweep.objective}: "
            f"{with_spread(mean, spread)}, which says more than the best single trial."
        )
    return made


def notice(sweep: Sweep) -> str:
    """HTML: what must not be overlooked."""
    failed = sweep.trials and sweep.best is None and not sweep.scored
    return f'<aside class="notice">{paragraph(NO_BEST)}</aside>' if failed else ""


def searched(sweep: Sweep) -> str:
    """HTML: how trials were drawn and pruned, from what, and what was the same in all."""
    facts = {
        "sampler": f"{sweep.sampler}: {SAMPLERS[sweep.sampler]}" if sweep.sampler in SAMPLERS else sweep.sampler,
        "pruner": sweep.pruner or "none",
        **{axis.name: axis.range() for axis in sweep.axes},
    }
    items = "".join(f"<dt>{escape(key)}</dt><dd>{escape(value)}</dd>" for key, value in facts.items() if value)
    fixed = f"<dt>in all trials</dt><dd><pre>{escape(chr(10).join(sweep.words))}</pre></dd>" if sweep.words else ""
    return f"<dl>{items}{fixed}</dl>"


def opening(sweep: Sweep) -> str:
    """HTML: what else must be known, and the command."""
    return listed(findings(sweep)) + (copied(sweep.command) if sweep.command else "")
