"""`starbolt new NAME`: a project of one's own that trains and passes its tests at once."""

from __future__ import annotations

import shlex
from pathlib import Path

from starbolt.compose import UserError
from starbolt.messages import say
from starbolt.new import write_project


def main(words: list[str]) -> None:
    """Write the project and print its files and two commands; the last line is its folder."""
    name, output = parsed(words)
    for path in write_project(name, output):
        say(f"  {path}")
    say("\ninstall it and run its tests, then train on its example, with")
    for command in commands(name, output):
        say(f"  {command}")
    say(f"\n{output}")


def commands(name: str, output: Path) -> tuple[str, str]:
    """What to type next."""
    return (
        f"cd {shlex.quote(str(output))} && pip install -e '.[test]' && pytest",
        f"python -m {name}.example && starbolt train experiment={name}",
    )


def parsed(words: list[str]) -> tuple[str, Path]:
    """Name and folder of the project; UserError where there is not one name, or another setting than output=."""
    names = [word for word in words if "=" not in word]
    settings = dict(word.split("=", 1) for word in words if "=" in word)
    if len(names) != 1:
        raise UserError(f"say one name, as in starbolt new my_survey, and not {shlex.join(names) or 'none'}")
    if strange := next((word for word in settings if word != "output"), None):
        raise UserError(f"there is no setting {strange!r}; known is output=FOLDER, in place of ./{names[0]}")
    if settings.get("output") == "":
        raise UserError(f"output= names no folder; say output=FOLDER, or leave it out for ./{names[0]}")
    return names[0], Path(settings.get("output", names[0]))
