"""A whole study: every tolerance, many drawn systems at each, and the curves that come of it."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from hashlib import sha256

import numpy as np
import xarray as xr

from ...errors import InputError, require
from ..runs import Refused
from ..runs.executors import Outcome
from ..units import Unit
from .bench import Bench
from .point import WAYS, cost_point, told
from .used_system import UsedSystem
from .won_back import Interval, mean_interval, won_back


@dataclass(frozen=True)
class CostStudy:
    """A system at so many `draws` for each tolerance, in shares of the wavelength."""

    system: UsedSystem
    bench: Bench
    tolerances_wavelengths: Sequence[float]
    draws: int
    seed: int

    def __post_init__(self) -> None:
        """Refuse what cannot be drawn.

        Raises:
            InputError: no tolerance, one that is negative or not finite, fewer than two draws.
        """
        given = self.tolerances_wavelengths
        require(
            len(given) > 0 and all(np.isfinite(each) and each >= 0 for each in given),
            f"Tolerances must be finite and not negative, but are {list(given)}.",
        )
        require(self.draws >= 2, f"`draws` must be at least 2, but is {self.draws}.")

    def units(self) -> list[Unit]:
        """One unit a tolerance and draw."""
        system, bench = told(self.system), asdict(self.bench)
        return [
            Unit(
                cost_point,
                {
                    "system": system,
                    "bench": bench,
                    "tolerance_wavelengths": float(tolerance),
                    "draw": draw,
                    "seed": self.seed,
                },
            )
            for tolerance in self.tolerances_wavelengths
            for draw in range(self.draws)
        ]

    def fingerprint(self, units: Sequence[Unit]) -> str:
        """A digest of everything that is computed."""
        return sha256(" ".join(unit.key for unit in units).encode()).hexdigest()[:16]

    def gathered(self, outcomes: Sequence[Outcome]) -> xr.Dataset:
        """The figure of merit of every draw at every tolerance, in each of `WAYS`.

        Raises:
            InputError: a point was refused.
        """
        results = [_needed(outcome) for outcome in outcomes]
        shape = (len(self.tolerances_wavelengths), self.draws)
        merit = self.system.merit
        return xr.Dataset(
            {
                way: (
                    ("tolerance", "draw"),
                    np.reshape([result[way] for result in results], shape),
                    {"units": merit.unit, "long_name": merit.name},
                )
                for way in WAYS
            },
            coords={
                "tolerance": (
                    "tolerance",
                    np.array(self.tolerances_wavelengths, float),
                    {"units": "wavelength"},
                )
            },
            attrs={
                "merit": merit.name,
                "unit": merit.unit,
                "larger_is_better": int(merit.larger_is_better),
            },
        )


def _needed(outcome: Outcome) -> dict[str, np.ndarray]:
    if isinstance(outcome, Refused):
        raise InputError(outcome.reason)
    return dict(outcome)


def means(data: xr.Dataset, way: str) -> list[Interval]:
    """The mean of one of `WAYS` at every tolerance."""
    return [mean_interval(values) for values in data[way].values]


def shares(data: xr.Dataset, way: str) -> list[Interval | None]:
    """The share of the loss that `way` wins back, at every tolerance."""
    sign = 1 if data.attrs["larger_is_better"] else -1
    rows = zip(data.perfect.values, data.built.values, data[way].values, strict=True)
    return [won_back(*(sign * values for values in row)) for row in rows]
