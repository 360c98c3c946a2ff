"""What the names of columns suggest that the user did not say: a position, a feature that belongs to the target."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

RA = re.compile(r"(coord_|target_|plug_|mean_?)?ra(_?j2000|_icrs|_?deg|_?mean)?|alpha_?j2000", re.IGNORECASE)
DEC = re.compile(r"(coord_|target_|plug_|mean_?)?(de|dec)(_?j2000|_icrs|_?deg|_?mean)?|delta_?j2000|dec", re.IGNORECASE)
ERRORS = (
    "{}_err",
    "{}err",
    "{}_error",
    "err_{}",
    "e_{}",
    "sigma_{}",
    "{}_sigma",
    "{}_std",
    "{}_var",
    "{}_flag",
    "{}_q",
)


def hints(columns: Sequence[str], features: Iterable[str], targets: Sequence[str], ra: str | None) -> list[str]:
    """Notes on columns that look like the position where ra is not named, and on features named after a target."""
    features = set(features)
    notes = [] if ra else _position(columns, features)
    for target in targets:
        belongs = {form.format(target).lower() for form in ERRORS} if len(target) > 2 else set()  # z is a band too
        notes += [
            f"the feature {name!r} is named after the target {target!r}; if it comes from the same measurement, leave "
            f"it out with data.exclude=[{name}]"
            for name in sorted(features)
            if name.lower() in belongs
        ]
    return notes


def _position(columns: Sequence[str], features: set[str]) -> list[str]:
    ra, dec = (next((name for name in columns if kind.fullmatch(name)), None) for kind in (RA, DEC))
    if not ra or not dec:
        return []
    learnt = f"; now {'they are features' if {ra, dec} <= features else 'it is not looked at'}"
    return [
        f"{ra!r} and {dec!r} look like a position: data.ra={ra} data.dec={dec} lets the audit find objects that stand "
        f"on two sides of the split{learnt}"
    ]
