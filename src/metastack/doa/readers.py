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

    Doubles count as equal where they agree but for the few bits that hold an index, 1e-12 for 4096
    measurements.

    Energies are not negative, so that their bits order as whole numbers do, which processors
    compare several times faster than floats. Value and place share a word, and one pass finds
    both: before a second pass the compiler would do again all that the energies come from, and may
    round it differently, so that no energy would be found equal to the largest.
    """
    if jax.dtypes.canonicalize_dtype(jnp.int64) != jnp.int64:
        return jnp.argmax(energies, axis=1)
    count = energies.shape[1]
    if energies.dtype == jnp.float32:
        places = 32
        values = jax.lax.bitcast_convert_type(energies, jnp.int32).astype(jnp.int64) << places
    else:
        places = count.bit_length()
        values = jax.lax.bitcast_convert_type(energies, jnp.int64) >> places << places
    before_last = jnp.arange(count - 1, -1, -1, dtype=jnp.int64)
    best = jnp.max(values | before_last, axis=1)
    return (count - 1 - (best & ((1 << places) - 1))).astype(jnp.int32)
