"""Which page of the docs explains an error: the one of the part of starbolt that noticed it."""

from __future__ import annotations

from types import TracebackType

SITE = "https://github.com/starbolt/starbolt/blob/main/docs"
PAGES = {  # module, or package, below starbolt -> page; the longest name that fits counts
    "": "howto.md",
    "adopting": "howto.md#i-want-to-begin-with-a-network-that-was-trained-before",
    "archives": "formats.md",
    "archives.images": "data.md#dataimages",
    "archives.stamps": "data.md#dataimages",
    "archives.points": "data.md#dataseries",
    "archives.series": "data.md#dataseries",
    "build": "howto.md#i-have-a-gpu-or-several",
    "calibrate": "answers.md#calibration",
    "calibration": "answers.md#calibration",
    "catalogue": "predict.md",
    "checkpoints": "predict.md",
    "cli": "words.md",
    "compiling": "speed.md",
    "compose": "words.md",
    "data": "data.md",
    "data.audit": "splits.md#the-audit",
    "data.residency": "speed.md",
    "data.series": "data.md#dataseries",
    "data.spectra": "data.md#dataspectra",
    "data.splits": "splits.md",
    "data.table": "data.md#datatable",
    "doctor": "howto.md#is-this-machine-fit",
    "dropout": "answers.md#what-the-network-does-not-know",
    "endurance": "cluster.md#when-the-machines-are-taken-away",
    "ensemble": "answers.md#what-the-network-does-not-know",
    "export": "export.md",
    "fetch": "public.md",
    "helptext": "words.md",
    "instrument": "predict.md#from-python",
    "launch": "cluster.md#sweeps-on-a-cluster",
    "learner": "howto.md#my-loss-is-nan",
    "like": "tracking.md#like",
    "loading": "predict.md",
    "models": "extend.md#a-network",
    "native": "speed.md",
    "new": "new.md",
    "predict": "predict.md",
    "report": "report.md",
    "report.compare": "compare.md",
    "report.sweep": "sweeps.md",
    "resume": "tracking.md#run",
    "simulate": "sky.md",
    "store": "data.md#the-store",
    "sweep": "sweeps.md",
    "tasks": "answers.md",
    "threads": "speed.md",
    "trials": "sweeps.md",
    "verbs": "words.md",
    "verbs.applying": "predict.md",
    "verbs.compare": "compare.md",
    "verbs.export": "export.md",
    "verbs.fetch": "public.md",
    "verbs.new": "new.md",
    "verbs.predict": "predict.md",
    "verbs.reproduce": "tracking.md#reproduce",
    "verbs.runs": "tracking.md",
    "verbs.simulate": "sky.md",
    "verbs.sync": "tracking.md#uploading-later",
    "verbs.until": "metrics.md#light-curves-as-of-day-t",
}


def page_of(error: BaseException) -> str:
    """The address of the page that explains an error, by the innermost of starbolt's modules that it went through."""
    names = [name for name in _modules(error.__traceback__) if name.split(".")[0] == "starbolt"]
    return f"{SITE}/{PAGES[_nearest(names[-1].removeprefix('starbolt').removeprefix('.') if names else '')]}"


def _modules(trace: TracebackType | None) -> list[str]:
    names = []
    while trace:
        names.append(str(trace.tb_frame.f_globals.get("__name__")))
        trace = trace.tb_next
    return names


def _nearest(name: str) -> str:
    while name and name not in PAGES:
        name = name.rpartition(".")[0]
    return name
