"""Ways of reading a direction, in one shape: the fields on all detectors in, ψ_x and ψ_y out.

What reads energies only says so by its type: it never gets to see a phase.

Source: the estimators' own files.
"""

from typing import Self

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Complex, Float, Int

from .lags import LagStart
from .likelihood import MaximumLikelihood
from .protocol import Protocol


class Reader(eqx.Module):
    """Something that turns a batch of runs into directions."""

    def __call__(
        self, received: Complex[Array, "batch snapshots probes"]
    ) -> Float[Array, "batch 2"]:
        """Electrical angles (ψ_x, ψ_y), radians."""
        raise NotImplementedError


class EnergyReader(Reader):
    """A reader of bare energy detectors."""

    def __call__(
        self, received: Complex[Array, "batch snapshots probes"]
    ) -> Float[Array, "batch 2"]:
        """Electrical angles from |received|² alone."""
        return self.from_energies(received.real**2 + received.imag**2)

    def from_energies(
        self, energies: Float[Array, "batch snapshots probes"]
    ) -> Float[Array, "batch 2"]:
        """Electrical angles (ψ_x, ψ_y), radians."""
        raise NotImplementedError


class PeakReader(EnergyReader):
    """The paper's estimator: the bin of the strongest energy, eq. (28)-(30)."""

    bins_rad: Float[np.ndarray, "measurements 2"]

    @classmethod
    def of(cls, protocol: Protocol) -> Self:
        """Read the bins of this protocol."""
        return cls(np.stack(protocol.bins_rad, axis=-1).reshape(-1, 2))

    def from_energies(
        self, energies: Float[Array, "batch snapshots probes"]
    ) -> Float[Array, "batch 2"]:
        """The angles of the strongest bin."""
        strongest = first_largest(energies.reshape(len(energies), -1))
        return jnp.asarray(self.bins_rad, energies.dtype)[strongest]


class LagReader(EnergyReader):
    """The closed-form estimate from the lags of the field."""

    start: LagStart

    def from_energies(
        self, energies: Float[Array, "batch snapshots probes"]
    ) -> Float[Array, "batch 2"]:
        """The phases of the lags (1, 0) and (0, 1)."""
        return self.start(energies)


class LikelihoodReader(EnergyReader):
    """Maximum likelihood from energies."""

    likelihood: MaximumLikelihood

    def from_energies(
        self, energies: Float[Array, "batch snapshots probes"]
    ) -> Float[Array, "batch 2"]:
        """The most likely angles."""
        return jnp.asarray(self.likelihood(energies).psi_rad)


def first_largest(energies: Float[Array, "batch measurements"]) -> Int[Array, " batch"]:
    """Index of the largest energy of each run, the first one of equals.

    Energies are not negative, so that their bits order as whole numbers do, which processors
    compare several times faster than floats.
    """
    single = energies.dtype == jnp.float32
    bits = jax.lax.bitcast_convert_type(energies, jnp.int32 if single else jnp.int64)
    count = energies.shape[1]
    if single and jax.dtypes.canonicalize_dtype(jnp.int64) == jnp.int64:
        # Place and value in one word, one pass: before a second pass the compiler would do again
        # all that the energies come from.
        before_last = jnp.arange(count - 1, -1, -1, dtype=jnp.int64)
        words = (bits.astype(jnp.int64) << 32) | before_last
        return (count - 1 - (jnp.max(words, axis=1) & 0xFFFFFFFF)).astype(jnp.int32)
    largest = jnp.max(bits, axis=1, keepdims=True)
    index = jnp.arange(count, dtype=jnp.int32)
    return jnp.min(jnp.where(bits == largest, index, count), axis=1)
