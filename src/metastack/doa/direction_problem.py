"""What a design for directions minimises: the mean squared error that energies allow.

For every set of sources of a sample over the field of view: the Cramér-Rao bound of their angles
from energies alone, at the noise of a stated physical SNR, everything else unknown; plus what
confusion with far directions adds, which the bound does not see. No DFT is asked for.

Source: ours (see DESIGN, 'Nor is the DFT needed').
"""

from typing import Protocol, TypeAlias

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Complex, Float

from .._types import AnyArray
from ..atoms import Atoms, smooth
from ..propagation import Chain, propagate
from .ambiguity import outlier_mse
from .joint_fit import joint_covariances
from .model import DirectionModel
from .unknowns import KnownNoise

# Sharpness of the smooth maximum over log-errors: within 1 dB of the worst of a thousand.
_SHARPNESS = 30.0


class Summary(Protocol):
    """How the log-errors of a sample become one number."""

    def __call__(self, log_mse: Float[Array, " sample"]) -> Float[Array, ""]:
        """The number to make small."""
        ...

    def axis(self, limit: float, count: int) -> Float[np.ndarray, "{count}"]:
        """Where on either axis of the field of view, ± `limit`, a sample of it should look."""
        ...


class Mean(eqx.Module):
    """The mean log-error: every direction of the field of view counts alike."""

    def __call__(self, log_mse: Float[Array, " sample"]) -> Float[Array, ""]:
        """The mean."""
        return jnp.mean(log_mse)

    def axis(self, limit: float, count: int) -> Float[np.ndarray, "{count}"]:
        """In the middle of equal cells."""
        return limit * (2 * np.arange(count) + 1 - count) / count


class Worst(eqx.Module):
    """The worst log-error of the field of view, smoothly."""

    def __call__(self, log_mse: Float[Array, " sample"]) -> Float[Array, ""]:
        """A smooth maximum, just above the largest value."""
        return jax.nn.logsumexp(_SHARPNESS * log_mse) / _SHARPNESS

    def axis(self, limit: float, count: int) -> Float[np.ndarray, "{count}"]:
        """From edge to edge: the worst is often in a corner."""
        return np.linspace(-limit, limit, count)


class SwitchedPatterns(eqx.Module):
    """The input layer shows the patterns of the protocol; only the layers are designed."""

    input_phases_rad: Float[AnyArray, "snapshots elements"]

    def packed(self, phases_rad: Float[Array, "layers atoms"]) -> Float[Array, "1 unknowns"]:
        """All unknown phases in one row."""
        return jnp.asarray(phases_rad).reshape(1, -1)

    def unpacked(
        self, unknowns_rad: Float[Array, "1 unknowns"], layers: int
    ) -> tuple[Float[Array, "layers atoms"], Float[Array, "snapshots elements"]]:
        """Phases of the layers and patterns of the input layer."""
        return unknowns_rad.reshape(layers, -1), jnp.asarray(self.input_phases_rad)


class FreePatterns(eqx.Module):
    """The patterns of the input layer are designed as well, from those of the protocol on."""

    input_phases_rad: Float[AnyArray, "snapshots elements"]

    def packed(self, phases_rad: Float[Array, "layers atoms"]) -> Float[Array, "1 unknowns"]:
        """All unknown phases in one row."""
        parts = jnp.asarray(phases_rad).ravel(), jnp.asarray(self.input_phases_rad).ravel()
        return jnp.concatenate(parts)[None]

    def unpacked(
        self, unknowns_rad: Float[Array, "1 unknowns"], layers: int
    ) -> tuple[Float[Array, "layers atoms"], Float[Array, "snapshots elements"]]:
        """Phases of the layers and patterns of the input layer."""
        shape = np.shape(self.input_phases_rad)
        split = unknowns_rad.size - shape[0] * shape[1]
        return unknowns_rad[0, :split].reshape(layers, -1), unknowns_rad[0, split:].reshape(shape)


Patterns: TypeAlias = SwitchedPatterns | FreePatterns


class SourceSets(eqx.Module):
    """A sample of what stands in the field of view: directions and amplitudes of each set."""

    psi_rad: Float[Array, "sample sources 2"]
    amplitudes: Complex[Array, "sample sources"]


class DirectionProblem(eqx.Module):
    """Hops and atoms of a stack, patterns of its input layer, the sample, the noise."""

    hops: Chain
    atoms: Atoms
    patterns: Patterns
    sample: SourceSets
    noise_variance: Float[Array, ""]
    summary: Summary
    layers: int = eqx.field(static=True)
    columns: int = eqx.field(static=True)
    rows: int = eqx.field(static=True)

    def model(self, unknowns_rad: Float[Array, "1 unknowns"]) -> DirectionModel:
        """What the detectors see. Phases that are rounded pass their gradient on unrounded."""
        phases_rad, input_phases_rad = self.patterns.unpacked(unknowns_rad, self.layers)
        soft, hard = smooth(self.atoms)(phases_rad), self.atoms(phases_rad)
        response = propagate(self.hops, soft + jax.lax.stop_gradient(hard - soft))
        weights = response * jnp.exp(1j * input_phases_rad)[:, None, :]
        return DirectionModel(weights, self.columns, self.rows)

    def error(self, unknowns_rad: Float[Array, "1 unknowns"]) -> Float[Array, ""]:
        """What the summary makes of the mean squared errors of ψ/π over the sample."""
        log_mse = jnp.log(expected_mse(self.model(unknowns_rad), self.sample, self.noise_variance))
        return jnp.exp(self.summary(log_mse)) / np.pi**2


def expected_mse(
    model: DirectionModel, sample: SourceSets, noise_variance: Float[Array, ""]
) -> Float[Array, " sample"]:
    """Mean squared error of one angle, rad², for each set: the bound, and outliers beside it."""
    outliers = jax.vmap(lambda psi: jnp.mean(outlier_mse(model, psi, noise_variance)))
    return local_mse(model, sample, noise_variance) + outliers(sample.psi_rad)


def local_mse(
    model: DirectionModel, sample: SourceSets, noise_variance: Float[Array, ""]
) -> Float[Array, " sample"]:
    """The Cramér-Rao part of `expected_mse`: powers, phases unknown, noise known."""
    noise = KnownNoise(noise_variance)

    def one(psi_rad: Array, amplitudes: Array) -> Array:
        covariances = joint_covariances(model, psi_rad, amplitudes, noise_variance, noise)
        return jnp.mean(jnp.trace(covariances, axis1=1, axis2=2)) / 2

    return jax.vmap(one)(sample.psi_rad, sample.amplitudes)
