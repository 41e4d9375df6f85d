"""From the phase that is asked of an atom to the transmission that it gives.

Each kind of atom is a type with one call: phases in, complex transmissions out. Kinds compose:
`StuckAtoms(base=QuantisedAtoms(2), …)`.

Source: DOA paper, section II-B (ideal) and conclusions (discrete phases, realistic response).
"""

from dataclasses import replace
from typing import Protocol, Self

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Complex, Float, Int

from ._types import AnyArray
from .errors import require

# Fine enough that the best setting is within .03 dB of the best phase.
_EVEN_SETTINGS_RAD = 2 * np.pi * np.arange(64) / 64


class Atoms(Protocol):
    """What every kind of atom answers. The last two axes are layers and atoms of a layer."""

    def __call__(
        self, phase_rad: Float[Array, "*batch layers atoms"]
    ) -> Complex[Array, "*batch layers atoms"]:
        """Transmission of each atom."""
        ...

    @property
    def settings_rad(self) -> Float[np.ndarray, " settings"]:
        """Phases that a search over settings should try."""
        ...

    @property
    def is_smooth(self) -> bool:
        """Whether the transmission follows the phase without jumps."""
        ...


class IdealAtoms(eqx.Module):
    """Any phase, without loss: e^{j phase}."""

    def __call__(
        self, phase_rad: Float[Array, "*batch layers atoms"]
    ) -> Complex[Array, "*batch layers atoms"]:
        """Transmission of each atom."""
        return jnp.exp(1j * phase_rad)

    @property
    def settings_rad(self) -> Float[np.ndarray, " settings"]:
        """Phases that a search over settings should try."""
        return _EVEN_SETTINGS_RAD

    @property
    def is_smooth(self) -> bool:
        """Always."""
        return True


class QuantisedAtoms(eqx.Module):
    """2^bits equally spaced phases, without loss; the nearest one is set.

    The gradient with respect to the phase is zero: use `design.CoordinateDescent`.
    """

    bits: int = eqx.field(static=True)

    @property
    def step_rad(self) -> float:
        """Phase between neighbouring codes."""
        return 2 * np.pi / 2**self.bits

    def codes(self, phase_rad: Float[AnyArray, "*shape"]) -> Int[Array, "*shape"]:
        """Integer code 0 … 2^bits - 1 of the state nearest to each phase."""
        return jnp.round(jnp.asarray(phase_rad) / self.step_rad).astype(int) % 2**self.bits

    def __call__(
        self, phase_rad: Float[Array, "*batch layers atoms"]
    ) -> Complex[Array, "*batch layers atoms"]:
        """Transmission of each atom."""
        return jnp.exp(1j * self.step_rad * self.codes(phase_rad))

    @property
    def settings_rad(self) -> Float[np.ndarray, " settings"]:
        """The phases of all codes."""
        return self.step_rad * np.arange(2**self.bits)

    @property
    def is_smooth(self) -> bool:
        """Never: the phase is rounded."""
        return False


class MeasuredAtoms(eqx.Module):
    """A measured table: for each phase that was set, the amplitude and phase that came out.

    Between the rows, amplitude and unwrapped phase are interpolated linearly, and the table
    repeats after 2 pi. Rows must be sorted by `setting_rad` within one turn.
    """

    setting_rad: Float[AnyArray, " settings"]
    amplitude: Float[AnyArray, " settings"]
    phase_rad: Float[AnyArray, " settings"]

    @classmethod
    def from_table(
        cls,
        setting_rad: Float[AnyArray, " settings"],
        amplitude: Float[AnyArray, " moduli"],
        phase_rad: Float[AnyArray, " phases"],
    ) -> Self:
        """Check a measured table and unwrap its phase.

        Raises:
            InputError: fewer than two rows, a value that is not finite, settings that do not
                increase within one turn, or a negative amplitude.
        """
        setting, modulus, phase = (
            np.asarray(v, float) for v in (setting_rad, amplitude, phase_rad)
        )
        same_length = setting.shape == modulus.shape == phase.shape and setting.ndim == 1
        require(
            same_length and setting.size >= 2,
            "An atom table must have three columns of equal length of at least 2, but has "
            f"shapes {setting.shape}, {modulus.shape}, {phase.shape}.",
        )
        require(
            bool(np.isfinite([setting, modulus, phase]).all()),
            "An atom table must be finite, but has NaN or infinity.",
        )
        increasing = bool((np.diff(setting) > 0).all()) and np.ptp(setting) < 2 * np.pi
        require(
            increasing,
            "`setting_rad` of an atom table must increase within one turn (without its end, which "
            f"is its beginning), but goes from {setting[0]:.4g} to {setting[-1]:.4g}.",
        )
        require(
            modulus.min() >= 0,
            f"`amplitude` of an atom table must not be negative, but is {modulus.min()}.",
        )
        return cls(setting, modulus, np.unwrap(phase))

    def __call__(
        self, phase_rad: Float[Array, "*batch layers atoms"]
    ) -> Complex[Array, "*batch layers atoms"]:
        """Transmission of each atom."""
        first_rad = self.setting_rad[0]
        turns = jnp.round((self.phase_rad[-1] - self.phase_rad[0]) / (2 * jnp.pi))
        # The last interval leads to the first row, one turn of setting later.
        settings = jnp.append(self.setting_rad, first_rad + 2 * jnp.pi)
        moduli = jnp.append(self.amplitude, self.amplitude[0])
        phases = jnp.append(self.phase_rad, self.phase_rad[0] + 2 * jnp.pi * turns)
        asked = first_rad + jnp.mod(phase_rad - first_rad, 2 * jnp.pi)
        return jnp.interp(asked, settings, moduli) * jnp.exp(
            1j * jnp.interp(asked, settings, phases)
        )

    @property
    def settings_rad(self) -> Float[np.ndarray, " settings"]:
        """Phases that a search over settings should try."""
        return _EVEN_SETTINGS_RAD

    @property
    def is_smooth(self) -> bool:
        """Always: the table is interpolated."""
        return True


class StuckAtoms(eqx.Module):
    """Atoms of another kind, some of which always give the same transmission (0: dead)."""

    base: Atoms
    is_stuck: Bool[AnyArray, "layers atoms"]
    transmission: Complex[AnyArray, "layers atoms"]

    def __call__(
        self, phase_rad: Float[Array, "*batch layers atoms"]
    ) -> Complex[Array, "*batch layers atoms"]:
        """Transmission of each atom."""
        return jnp.where(self.is_stuck, self.transmission, self.base(phase_rad))

    @property
    def settings_rad(self) -> Float[np.ndarray, " settings"]:
        """Those of the atoms that still follow."""
        return self.base.settings_rad

    @property
    def is_smooth(self) -> bool:
        """As the atoms that still follow."""
        return self.base.is_smooth


class UnequalAtoms(eqx.Module):
    """Atoms of another kind, each with a complex gain of its own: what fabrication made of it."""

    base: Atoms
    gain: Complex[AnyArray, "layers atoms"]

    def __call__(
        self, phase_rad: Float[Array, "*batch layers atoms"]
    ) -> Complex[Array, "*batch layers atoms"]:
        """Transmission of each atom."""
        return jnp.asarray(self.gain) * self.base(phase_rad)

    @property
    def settings_rad(self) -> Float[np.ndarray, " settings"]:
        """Those of the equal atoms."""
        return self.base.settings_rad

    @property
    def is_smooth(self) -> bool:
        """As the equal atoms."""
        return self.base.is_smooth


def quantised(atoms: Atoms, bits: int) -> Atoms:
    """The same atoms with only 2^bits phases; stuck ones stay stuck, unequal ones unequal.

    Raises:
        InputError: measured atoms, whose settings are those of their table.
    """
    if isinstance(atoms, StuckAtoms | UnequalAtoms):
        return replace(atoms, base=quantised(atoms.base, bits))
    require(
        isinstance(atoms, IdealAtoms | QuantisedAtoms),
        f"`bits` must go with ideal or quantised atoms, but these are {type(atoms).__name__}.",
    )
    return QuantisedAtoms(bits)


def smooth(atoms: Atoms) -> Atoms:
    """The atoms whose rounding these are, for a search that needs gradients."""
    if isinstance(atoms, StuckAtoms | UnequalAtoms):
        return replace(atoms, base=smooth(atoms.base))
    return IdealAtoms() if isinstance(atoms, QuantisedAtoms) else atoms
