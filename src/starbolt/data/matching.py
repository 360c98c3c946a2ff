"""Fit new data to a checkpoint: put its channels in order, convert what is safe, refuse the rest in one sentence."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from starbolt.archives.magnitudes import SOFTENED
from starbolt.contract import InputSpec
from starbolt.store.store import Modality

if TYPE_CHECKING:  # half a second, and only units that differ need it
    from astropy import units

SCALES_DIFFER = 0.02  # of the pixel scale: a galaxy is then as much larger or smaller, less than seeing varies


class Match(NamedTuple):
    """How a modality becomes what a checkpoint was trained on.

    order: stored channel of each wanted one. factors: of x and errors, per wanted channel; empty: all 1.
    axis_factor: of the times or places of a series. notes: what was converted, or could not be compared.
    """

    order: tuple[int, ...]
    factors: tuple[float, ...]
    axis_factor: float
    notes: tuple[str, ...]


def match(name: str, modality: Modality, spec: InputSpec) -> Match:
    """The Match of the modality called `name`; ValueError where there is none."""
    order = _order(name, modality, spec)
    _refuse_other_images(modality, spec)
    _refuse_other_axis(modality, spec)
    if spec.err_mean and modality.data.err is None:
        way = "data.errors={FEATURE: COLUMN}" if spec.kind == "table" else "data.error=COLUMN"
        raise ValueError(f"the checkpoint needs the errors of {name!r}; name their column with {way}")
    first = 1 if spec.kind == "series" else 0
    notes = _unknown_here(name, modality, spec)
    axis_factor = _axis_factor(modality, spec, notes) if first else 1.0
    by_zero_point = _zero_point_factor(name, modality, spec, notes)
    if by_zero_point is not None:
        factors = [by_zero_point] * len(order)
    else:
        pairs = zip(spec.channels[first:], order, spec.units[first:] or ("",) * len(order), strict=True)
        factors = [_factor(f"channel {channel!r}", modality.units[i], unit, notes) for channel, i, unit in pairs]
    plain = all(factor == 1 for factor in factors)
    return Match(order, () if plain else tuple(factors), axis_factor, _joined(notes))


def _order(name: str, modality: Modality, spec: InputSpec) -> tuple[int, ...]:
    have, wanted = modality.channels, spec.channels[1:] if spec.kind == "series" else spec.channels
    if modality.kind != spec.kind:
        raise ValueError(
            f"the checkpoint was trained on a {spec.kind} named {name!r}, these data hold a {modality.kind}"
        )
    lacking = [channel for channel in wanted if channel not in have]
    if lacking:
        absent = "; a band in which nothing was observed is named all the same with data.bands=[...]"
        raise ValueError(
            f"the checkpoint needs channel {lacking[0]!r} of {name!r}; these data have {', '.join(have)}"
            f"{absent if spec.kind == 'series' else ''}"
        )
    return tuple(have.index(channel) for channel in wanted)


def _refuse_other_images(modality: Modality, spec: InputSpec) -> None:
    if spec.kind != "image":
        return
    if modality.shape[1:] != tuple(spec.shape[1:]):
        size, here = ("x".join(map(str, s[1:])) for s in (spec.shape, modality.shape))
        raise ValueError(
            f"the checkpoint was trained on images of {size} pixels, these have {here}; say data.size={spec.shape[1]}"
        )
    old, new = spec.pixel_scale, modality.pixel_scale
    if old and new and abs(new / old - 1) > SCALES_DIFFER:
        raise ValueError(
            f"the checkpoint was trained on images of {old:.4g} arcsec a pixel, these have {new:.4g}; resample them, "
            f"or say data.pixel_scale={old:.4g} if the headers are wrong"
        )


def _unknown_here(name: str, modality: Modality, spec: InputSpec) -> list[str]:
    """Notes on what the training images told and these do not, and on a zero point that converts nothing."""
    pairs = {
        "pixel scale": (spec.pixel_scale, modality.pixel_scale, "arcsec"),
        "zero point": (spec.zero_point, modality.zero_point, "mag"),
    }
    notes = [
        f"{name!r} has no {what} here and had {old:.4g} {unit} in training; taken to be the same"
        for what, (old, new, unit) in pairs.items()
        if old is not None and new is None
    ]
    if spec.zero_point is None and modality.zero_point is not None:
        notes.append(
            f"{name!r} has the zero point {modality.zero_point:.4g} mag here and had none in training; nothing is "
            "converted by it"
        )
    return notes


def _refuse_other_axis(modality: Modality, spec: InputSpec) -> None:
    if spec.kind == "series" and modality.axis != spec.axis:
        raise ValueError(
            f"the checkpoint was trained on series over {spec.axis}, these run over {modality.axis}; "
            "read them with the same data= and, where they were folded, data.period="
        )


def _axis_factor(modality: Modality, spec: InputSpec, notes: list[str]) -> float:
    unit = spec.units[0] if spec.units else ""
    return _factor(f"the {spec.axis}", modality.axis_unit, unit, notes)


def _zero_point_factor(name: str, modality: Modality, spec: InputSpec, notes: list[str]) -> float | None:
    """Flux of one unit of the new data in units of the training data, where both zero points are known."""
    old, new = spec.zero_point, modality.zero_point
    if old is None or new is None:
        return None
    if old == new:
        return 1.0
    factor = 10 ** (0.4 * (old - new))
    notes.append(f"{name!r} converted from zero point {new:g} mag to {old:g} (times {factor:.4g})")
    return float(factor)


def _factor(what: str, have: str, want: str, notes: list[str]) -> float:
    """What numbers in the unit `have` are multiplied by to be in `want`; ValueError where no factor does it."""
    if have == want:
        return 1.0
    if have.startswith(SOFTENED) and want.startswith(SOFTENED):
        raise ValueError(
            f"{what} is in {have} here and was in {want} in training; give data.asinh_magnitudes= the same softening "
            "in the unit of these data"
        )
    if not have or not want:
        lacks = (
            f"has no unit here and was in {want} in training" if want else f"is in {have} and had no unit in training"
        )
        notes.append(f"{what} {lacks}; taken to be the same")
        return 1.0
    from astropy import units

    old, new = _unit(want), _unit(have)
    if old is None or new is None:
        notes.append(f"{what} is in {have!r} and was trained in {want!r}, taken to be the same")
        return 1.0
    try:
        factor = float(new.to(old)) if not _magnitudes(old, new) else 1.0
    except (units.UnitConversionError, units.UnitTypeError):
        raise ValueError(
            f"{what} is in {have} here and was in {want} in training, which no factor converts; give it in {want}"
        ) from None
    if factor != 1:
        notes.append(f"{what} converted from {have} to {want} (times {factor:.4g})")
    return factor


def _magnitudes(old: units.UnitBase, new: units.UnitBase) -> bool:
    """Whether both are magnitudes of the same system, or one does not say of which."""
    from astropy import units

    systems = [getattr(unit, "physical_unit", None) for unit in (old, new)]
    kinds = {getattr(unit, "function_unit", unit) for unit in (old, new)}
    return kinds == {units.mag} and (None in systems or systems[0] == systems[1])


def _unit(word: str) -> units.UnitBase | None:
    from astropy import units

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", units.UnitsWarning)
        found = units.Unit(word, parse_strict="silent")
    return None if isinstance(found, units.UnrecognizedUnit) else found


def _joined(notes: Sequence[str]) -> tuple[str, ...]:
    """At most four notes: what fifty columns have in common is not said fifty times."""
    return (*notes[:3], f"and so for {len(notes) - 3} more channels") if len(notes) > 4 else tuple(notes)
