"""How the channels of a table are made of a catalogue's columns: in float64, and kept as float32."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from starbolt.archives.base import Dense
from starbolt.archives.magnitudes import asinh_error, asinh_magnitude
from starbolt.archives.reading.columns import TableError, column, numbers
from starbolt.archives.reading.limits import flags
from starbolt.archives.reading.precision import coarse, coarse_sentence

FINE = (pa.float32(), pa.float16(), pa.int8(), pa.int16(), pa.uint8(), pa.uint16(), pa.bool_())  # float32 holds them


@dataclass(frozen=True)
class Recipe:
    """The way from columns to channels.

    parts: per channel its column, or the two whose difference it is. errors, limits: column -> column of its one-sigma
    errors, of its limits (see `flags`). soft: column -> softening of its asinh magnitude, in its unit; zero_points: the
    magnitude of one such unit [mag]. zero: column -> number subtracted. place: what errors call the catalogue.
    """

    parts: tuple[tuple[str, ...], ...]
    errors: dict[str, str]
    limits: dict[str, str]
    soft: dict[str, float]
    zero_points: dict[str, float]
    zero: dict[str, float]
    place: str

    @property
    def used(self) -> list[str]:
        """The columns that are measurements, each once."""
        return list(dict.fromkeys(name for part in self.parts for name in part))

    def refuse_coarse(self, catalogue: pa.Table) -> None:
        """TableError where float32 would blur a channel; colours and magnitudes are made in float64."""
        for name in (part[0] for part in self.parts if len(part) == 1):
            if name not in self.soft and column(catalogue, name).type not in FINE:
                values = self._values(catalogue, name)
                if coarse(values):
                    raise TableError(coarse_sentence(values, name, self.place))

    def dense(self, catalogue: pa.Table) -> Dense:
        """x and err float32 [N, C], NaN where not finite; limit bool [N, C]."""
        shape = (len(self.parts), catalogue.num_rows)
        x = np.empty(shape, np.float32)  # filling x[:, i] is ten times slower
        err = np.empty(shape, np.float32) if self.errors else None
        limit = np.empty(shape, bool) if self.limits else None
        with np.errstate(over="ignore", invalid="ignore"):
            for i, part in enumerate(self.parts):
                self._fill(catalogue, part, x[i], *(None if p is None else p[i] for p in (err, limit)))
        planes = (None if plane is None else np.ascontiguousarray(plane.T) for plane in (err, limit))
        return Dense(np.ascontiguousarray(x.T), *planes)

    def _fill(
        self,
        catalogue: pa.Table,
        part: tuple[str, ...],
        x: np.ndarray,
        err: np.ndarray | None,
        limit: np.ndarray | None,
    ) -> None:
        values = [self._values(catalogue, name) for name in part]
        _keep(x, values[0] if len(part) == 1 else values[0] - values[1])
        if err is not None:
            _keep(err, np.sqrt(np.sum([self._error(catalogue, name) ** 2 for name in part], axis=0)))
            err[np.isnan(x)] = np.nan  # beside a sentinel it often holds the depth of the survey
        if limit is not None:
            limit[:] = np.any([self._flag(catalogue, name) for name in part], axis=0) & np.isfinite(x)

    def _linear(self, catalogue: pa.Table, name: str) -> np.ndarray:
        """float64 [N], less its zero."""
        values = numbers(catalogue, name, self.place)
        return values - self.zero[name] if name in self.zero else values

    def _values(self, catalogue: pa.Table, name: str) -> np.ndarray:
        """The same, as asinh magnitudes where so asked."""
        values = self._linear(catalogue, name)
        return asinh_magnitude(values, self.soft[name], self.zero_points[name]) if name in self.soft else values

    def _error(self, catalogue: pa.Table, name: str) -> np.ndarray:
        """float64 [N], NaN where unknown."""
        if name not in self.errors:
            return np.full(catalogue.num_rows, np.nan)
        err = numbers(catalogue, self.errors[name], self.place)
        err = np.where(err > 0, err, np.nan)
        return asinh_error(self._linear(catalogue, name), err, self.soft[name]) if name in self.soft else err

    def _flag(self, catalogue: pa.Table, name: str) -> np.ndarray:
        """bool [N]; a catalogue without any "<" or ">" in this column has no column for them."""
        flag = self.limits.get(name)
        if flag is None or flag not in catalogue.column_names:
            return np.zeros(catalogue.num_rows, bool)
        return flags(catalogue, flag, self.place)


def _keep(plane: np.ndarray, values: np.ndarray) -> None:
    plane[:] = values
    plane[~np.isfinite(plane)] = np.nan
