"""`starbolt simulate`: write a small sky, and say how to train on each of its three parts."""

from __future__ import annotations

import difflib
import shlex
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from starbolt.compose import UserError
from starbolt.messages import say

WORDS: dict[str, Callable[[str], str | int | float]] = {
    "output": str, "galaxies": int, "stamps": int, "stars": int, "supernovae": int, "difficulty": float, "seed": int,
}  # fmt: skip


def main(words: list[str]) -> None:
    """Write the sky and print its paths and three commands; the last line is the folder."""
    from starbolt.simulate import simulate

    settings = parsed(words)
    if "output" not in settings:
        raise UserError("say output=FOLDER, a new folder for the sky, such as output=sky")
    paths = simulate(**settings)  # type: ignore[arg-type]
    for name, path in paths.items():
        say(f"{name:11} {path}")
    say("\ntrain on it with")
    for command in commands(paths).values():
        say(f"  {shlex.join(['starbolt', 'train', *command])}")
    say(f"\n{settings['output']}")


def parsed(words: Sequence[str]) -> dict[str, str | int | float]:
    """word=value pairs as values; UserError for a word that is not known or a value that is no number."""
    settings = {}
    for pair in words:
        word, _, value = pair.partition("=")
        if word not in WORDS:
            near = difflib.get_close_matches(word, WORDS, 1)
            hint = f"did you mean {near[0]}?" if near else f"known are {', '.join(WORDS)}"
            raise UserError(f"there is no setting {word!r}; {hint}")
        try:
            settings[word] = WORDS[word](value)
        except ValueError:
            raise UserError(f"{word}={value} is no {'whole ' * (WORDS[word] is int)}number") from None
    return settings


POSITION = ("data.ra=ra", "data.dec=dec")


def commands(paths: Mapping[str, Path]) -> dict[str, list[str]]:
    """What to type after `starbolt train` for the MLP, the CNN and the GRU, given the sky's paths."""
    return {
        "mlp": [
            "data=table",
            f"data.path={paths['catalogue']}",
            "data.id=objid",
            "data.target=redshift",
            *POSITION,
            "data.log=[e_u,e_g,e_r,e_i,e_z]",
            "data.colours=[[u,g],[g,r],[r,i],[i,z]]",
            "model=mlp",
            "task=regression",
            "task.redshift=true",
        ],
        "cnn": [
            "data=images",
            f"data.catalogue={paths['labels']}",
            f"data.root={paths['cutouts']}",
            "data.file=file",
            "data.id=objid",
            "data.target=class",
            *POSITION,
            "model=cnn",
            "task=classification",
        ],
        "gru": [
            "data=series",
            f"data.observations={paths['photometry']}",
            f"data.objects={paths['stars']}",
            "data.id=objid",
            "data.time=mjd",
            "data.value=mag",
            "data.error=mag_err",
            "data.band=band",
            "data.target=class",
            "data.nightly=true",
            *POSITION,
            "model=gru",
            "task=classification",
        ],
    }
