"""A recording: what the probes received, snapshot by snapshot."""

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from jaxtyping import Complex, Float, Shaped

from .._types import AnyArray
from ..errors import require

Known: TypeAlias = int | float | None

LAYOUT = ("columns", "rows", "snapshots_x", "snapshots_y")
TRUTH = ("psi_x_rad", "psi_y_rad")


@dataclass(frozen=True, eq=False)
class Recording:
    """Energies of T snapshots at N probes, and the complex field where it is known.

    Snapshots count t = t_y T_x + t_x, probes n = n_y N_x + n_x. `psi_x_rad`, `psi_y_rad` are the
    true electrical angles, where known. Read one with `read_recording`, or make one with
    `from_field` or `from_energies`: they check.
    """

    energies: Float[np.ndarray, "snapshots probes"]
    received: Complex[np.ndarray, "snapshots probes"] | None = None
    columns: int | None = None
    rows: int | None = None
    snapshots_x: int | None = None
    snapshots_y: int | None = None
    psi_x_rad: float | None = None
    psi_y_rad: float | None = None

    @classmethod
    def from_field(cls, received: Shaped[AnyArray, "..."], **about: Known) -> "Recording":
        """A recording of complex fields; `about` are the fields after `received`.

        Raises:
            InputError: values that are not finite, or a layout that does not fit.
        """
        received = np.asarray(received, np.complex128)
        with np.errstate(over="ignore"):
            energies = np.real(received) ** 2 + np.imag(received) ** 2
        return cls._checked(energies, received, about)

    @classmethod
    def from_energies(cls, energies: Shaped[AnyArray, "..."], **about: Known) -> "Recording":
        """A recording of energies |r|^2; `about` are the fields after `received`.

        Raises:
            InputError: values that are negative or not finite, or a layout that does not fit.
        """
        return cls._checked(np.asarray(energies, np.float64), None, about)

    @classmethod
    def _checked(
        cls,
        energies: Float[np.ndarray, "..."],
        received: Complex[np.ndarray, "..."] | None,
        about: dict[str, Known],
    ) -> "Recording":
        if unknown := about.keys() - {*LAYOUT, *TRUTH}:
            raise TypeError(f"A recording has no {sorted(unknown)}.")
        _check_energies(energies)
        columns, rows, snapshots_x, snapshots_y = (_count(name, about.get(name)) for name in LAYOUT)
        psi_x_rad, psi_y_rad = (_angle(name, about.get(name)) for name in TRUTH)
        _check_product("probes", energies.shape[1], columns, rows)
        _check_product("snapshots", energies.shape[0], snapshots_x, snapshots_y)
        return cls(
            energies, received, columns, rows, snapshots_x, snapshots_y, psi_x_rad, psi_y_rad
        )

    def about(self) -> dict[str, int | float]:
        """Layout and truth, as far as they are known."""
        values = {name: getattr(self, name) for name in (*LAYOUT, *TRUTH)}
        return {name: value for name, value in values.items() if value is not None}


def check_recording(recording: Recording, *, probes: int, snapshots: int | None = None) -> None:
    """Refuse a recording that was not made with this many probes and snapshots.

    Raises:
        InputError: another number of probes or snapshots.
    """
    for name, expected, found in zip(
        ("probes", "snapshots"), (probes, snapshots), recording.energies.shape[::-1], strict=True
    ):
        require(
            expected is None or found == expected,
            f"The recording must have {expected} {name}, but has {found}.",
        )


def _check_energies(energies: Float[np.ndarray, "..."]) -> None:
    require(
        energies.ndim == 2 and energies.size > 0,
        f"A recording must be a matrix of snapshots x probes, but has shape {energies.shape}.",
    )
    require(bool(np.isfinite(energies).all()), "A recording must be finite, but is not.")
    least = float(energies.min())
    require(least >= 0, f"`energies` must not be negative, but one is {least:g}.")


def _count(name: str, value: Known) -> int | None:
    if value is None:
        return None
    whole = np.isfinite(value) and value >= 1 and value == int(value)
    require(bool(whole), f"`{name}` must be a whole number of at least 1, but is {value}.")
    return int(value)


def _angle(name: str, value: Known) -> float | None:
    if value is None:
        return None
    require(bool(np.isfinite(value)), f"`{name}` must be finite, but is {value}.")
    return float(value)


def _check_product(name: str, found: int, along_x: int | None, along_y: int | None) -> None:
    if along_x is not None and along_y is not None:
        require(
            along_x * along_y == found,
            f"The recording must have {along_x} x {along_y} {name}, but has {found}.",
        )
