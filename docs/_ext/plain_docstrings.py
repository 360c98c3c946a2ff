"""Docstrings of plain sentences as the site shows them.

They hold `code` in single backticks, descriptions of arguments as "width: units of each layer. depth: layers.", and
references such as doi:10.1109/CVPR.2016.90. Nothing else in them is markup.
"""

import importlib
import inspect
import re

PACKAGES = ("starbolt", "starbolt.archives", "starbolt.contract", "starbolt.data", "starbolt.data.audit")
BREAK = r"\n\s*\n|(?<=\.)\n(?=\s*[A-Z`])|(?<=\.)\s+(?=(?:Raises )?[A-Z]\w+Error\b)"  # behind it no argument goes on
PAPERS = {"doi:": "https://doi.org/", "arXiv:": "https://arxiv.org/abs/"}


def setup(app):
    """Called by Sphinx."""
    app.connect("autodoc-process-docstring", process)
    return {"parallel_read_safe": True}


def process(app, what, name, documented, options, lines):
    """The lines of a docstring as reStructuredText, in place: sentences first, then a list of the arguments."""
    known, own = arguments(documented), name.rpartition(".")[2]
    texts, fields = [], {}
    for stretch in re.split(BREAK, "\n".join(lines)):
        text, found = parted(" ".join(stretch.split()), known)
        texts += [text] if text else []
        fields |= found
    lines[:] = [line for text in texts for line in (marked(text, own), "")]
    lines += [f":{known[key]}: {marked(text, own)}" for key, text in fields.items()]


def arguments(documented):
    """Name of each argument or attribute that a docstring may describe -> the field that describes it."""
    attributes = {}
    if inspect.isclass(documented):
        kinds = [kind for kind in documented.__mro__ if kind.__module__.startswith("starbolt")]
        attributes = {key: f"ivar {key}" for kind in kinds for key in inspect.get_annotations(kind)}
    try:
        taken = inspect.signature(documented).parameters.values()
    except (TypeError, ValueError):
        return attributes
    return attributes | {each.name: f"param {each.name}" for each in taken}


def parted(text, known):
    """A paragraph's sentences before the first argument, and name -> description of the arguments in it."""
    heads = [
        (head, names)
        for head in re.finditer(r"(?:^|(?<=[.;,] ))(\w+(?:, \w+)*): ", text)
        if set(names := head[1].split(", ")) <= set(known)
    ]
    ends = [*(head.start() for head, _ in heads[1:]), len(text)]
    fields = {}
    for (head, names), end in zip(heads, ends, strict=True) if heads else ():
        fields[names[0]] = text[head.end() : end].strip().rstrip(",;")
        fields |= dict.fromkeys(names[1:], f"see `{names[0]}`")
    return (text[: heads[0][0].start()].strip() if heads else text), fields


def marked(text, own=""):
    """Plain text as reStructuredText: `code` and references marked, public classes linked, all else escaped."""
    pieces = re.split(r"`([^`]+)`", text)
    done = "".join(apart(f"``{piece}``") if i % 2 else prose(piece, own) for i, piece in enumerate(pieces))
    done = re.sub(r"(^|(?<=[\s(\[{\"'/]))\\ (?=[`:])", "", done)  # where markup may begin, and end, by itself
    return re.sub(r"(?<=[`_])\\ (?=$|[\s.,;:!?)\]}\"'/])", "", done).strip()


def apart(markup):
    """Markup that may touch letters on both sides."""
    return f"\\ {markup}\\ "


def prose(text, own):
    """Text outside backticks; at its beginning a public name may be an ordinary word."""
    names = {name: home for name, home in public().items() if name != own}
    parts = re.split(rf"(?<=[a-z,] )({'|'.join(names)})\b|((?:doi:|arXiv:)\S*\w)", text)
    done = []
    for plain, name, paper in zip(parts[::3], [*parts[1::3], None], [*parts[2::3], None], strict=True):
        done.append(re.sub(r"[\\*|]|(?<=\w)_(?!\w)", r"\\\g<0>", plain))
        if name:
            done.append(apart(f":py:class:`~{names[name]}.{name}`"))
        if paper:
            scheme = paper[: paper.index(":") + 1]
            done.append(apart(f"`{paper} <{PAPERS[scheme]}{paper.removeprefix(scheme)}>`__"))
    return "".join(done)


def public():
    """Public class -> the package by which the site names it."""
    if not HOMES:
        for package in PACKAGES:
            module = importlib.import_module(package)
            for name in getattr(module, "__all__", vars(module)):
                value = getattr(module, name)
                if inspect.isclass(value) and value.__module__.startswith("starbolt"):
                    HOMES.setdefault(name, package)
    return HOMES


HOMES: dict[str, str] = {}
