"""What the probes receive, snapshot by snapshot, and the energies that a bare detector keeps.

A device is its end-to-end response G (receivers, inputs), wherever that comes from: a simulated
stack, a published matrix, a measurement.

Source: DOA paper, eq. (15), (25), (28).
"""

import jax.numpy as jnp
import numpy as np
from jaxtyping import Complex, Float

from .._types import AnyArray, Number
from ..errors import require
from ..precision import in_float64
from ..targets import dft_2d
from .model import DirectionModel
from .noise import NoiseLevel
from .protocol import Protocol
from .source import Source, SteadySource, complex_normal
from .steering import steering_vector


def received_field(
    response: Complex[AnyArray, "receivers inputs"],
    protocol: Protocol,
    *,
    psi_x_rad: Float[Number, "*#batch"],
    psi_y_rad: Float[Number, "*#batch"],
) -> Complex[np.ndarray, "*batch snapshots probes"]:
    """G Υ_0 a for every snapshot: the field at the probes, without noise, from a unit source.

    Raises:
        InputError: `response` does not fit the protocol, or is not finite.
    """
    G = _checked_response(response, protocol)
    a = steering_vector(psi_x_rad, psi_y_rad, protocol.columns, protocol.rows)
    return (np.exp(1j * protocol.input_phases_rad) * a[..., None, :]) @ G.T


def simulate_snapshots(
    response: Complex[AnyArray, "receivers inputs"],
    protocol: Protocol,
    *,
    psi_x_rad: Float[Number, "*#batch"],
    psi_y_rad: Float[Number, "*#batch"],
    noise: NoiseLevel,
    seed: int,
    source: Source | None = None,
    target: Complex[AnyArray, "to from"] | None = None,
) -> Complex[np.ndarray, "*batch snapshots probes"]:
    """One noisy run of the protocol for every direction: r = G Υ_0 a s + u, eq. (15).

    `source`: without one, `SteadySource()`. `target`: what the response was fitted to, for the
    scale of `EffectiveSnr`; without one, the protocol's DFT. Noise and source samples are
    independent over the batch.

    Raises:
        InputError: `response` or `target` does not fit the protocol, or is not finite.
    """
    if target is None:
        target = dft_2d(protocol.columns, protocol.rows)
    G = _checked_response(response, protocol)
    F = _checked_response(target, protocol, "target")
    generator = np.random.default_rng(seed)
    field = received_field(
        noise.scale(G, F) * G, protocol, psi_x_rad=psi_x_rad, psi_y_rad=psi_y_rad
    )
    s = (source or SteadySource()).samples(generator, field.shape[:-1])
    u = np.sqrt(noise.variance) * complex_normal(generator, field.shape)
    return field * s[..., None] + u


@in_float64
def simulate_sources(
    model: DirectionModel,
    *,
    psi_rad: Float[AnyArray, "sources 2"],
    amplitudes: Complex[AnyArray, "sources snapshots"],
    noise_variance: float,
    seed: int,
) -> Complex[np.ndarray, "snapshots probes"]:
    """One noisy run with several sources, whose fields add.

    `model`: the device. `amplitudes`: complex, one a source and snapshot, of unit mean power
    where the source's power is that of the SNR.
    """
    fields = np.asarray(model.field(jnp.asarray(psi_rad, float)))
    u = np.sqrt(noise_variance) * complex_normal(np.random.default_rng(seed), fields.shape[1:])
    return np.einsum("st,stp->tp", np.asarray(amplitudes), fields) + u


def energies(received: Complex[AnyArray, "*shape"]) -> Float[np.ndarray, "*shape"]:
    """|r|²: all that an energy detector keeps of the field at its probe."""
    r = np.asarray(received)
    return np.real(r) ** 2 + np.imag(r) ** 2


def checked_energies(
    energies: Float[AnyArray, "*batch _snapshots _probes"], snapshots: int, probes: int
) -> Float[np.ndarray, "*batch _snapshots _probes"]:
    """Energies in double precision, once they are known to be a run of these sizes.

    Raises:
        InputError: their shape does not fit; one is negative or not finite; a run
            whose energies are all zero, from which nothing can be told.
    """
    values = np.asarray(energies, float)
    expected = (snapshots, probes)
    require(
        values.shape[-2:] == expected,
        f"`energies` must end in {expected} (snapshots, probes), but have shape {values.shape}.",
    )
    bad = ~(np.isfinite(values) & (values >= 0))
    require(
        not bad.any(),
        "`energies` must be finite and not negative, but "
        f"{np.count_nonzero(bad)} of {values.size} are not.",
    )
    require(
        bool(values.any(axis=(-2, -1)).all()),
        "`energies` must not all be zero, but are: check that the detectors were on.",
    )
    return values


def _checked_response(
    response: Complex[AnyArray, "receivers inputs"], protocol: Protocol, name: str = "response"
) -> Complex[np.ndarray, "receivers inputs"]:
    matrix = np.asarray(response, complex)
    expected = (protocol.elements, protocol.elements)
    require(
        matrix.shape == expected,
        f"`{name}` must have shape {expected} (probes, inputs) for a protocol of "
        f"{protocol.columns} x {protocol.rows} elements, but has {matrix.shape}.",
    )
    require(bool(np.isfinite(matrix).all()), f"`{name}` must be finite, but has NaN or infinity.")
    require(bool(matrix.any()), f"`{name}` must let something through, but is all zero.")
    return matrix
