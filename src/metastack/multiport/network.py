"""A linear network at one frequency, seen from its ports: impedances, admittances, scattering.

Time goes as e^{-jωt}, as everywhere here, so that reactances have the sign opposite to that in
engineering books and files; `in_our_time` turns those over.

Source: D. Pozar, Microwave Engineering, sections 4.2 and 4.3 (power waves of real references).
"""

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Complex, Float

from .._types import AnyArray, Number
from ..errors import require
from ..precision import in_float64


class PortNetwork(eqx.Module):
    """Scattering between ports that all have one real reference impedance.

    Make one with `PortNetwork.measured` or `PortNetwork.from_impedance`, which check.
    """

    scattering: Complex[AnyArray, "ports ports"]
    reference_ohm: Number
    frequency_hz: Number

    @classmethod
    def measured(
        cls, scattering: Complex[AnyArray, "ports ports"], reference_ohm: float, frequency_hz: float
    ) -> "PortNetwork":
        """A network from numbers that came from elsewhere, already in our time convention.

        Raises:
            InputError: a matrix that is not square or not finite; a reference or a frequency that
                is not positive.
        """
        S = np.asarray(scattering, complex)
        require(
            S.ndim == 2 and S.shape[0] == S.shape[1] and S.size > 0,
            f"`scattering` must be ports x ports, but has shape {S.shape}.",
        )
        bad = np.argwhere(~np.isfinite(S))
        require(
            not len(bad),
            f"`scattering` must be finite, but has {len(bad)} values that are not; the first is "
            f"[{', '.join(map(str, bad[0])) if len(bad) else ''}].",
        )
        for name, value in (("reference_ohm", reference_ohm), ("frequency_hz", frequency_hz)):
            require(
                bool(np.isfinite(value) and value > 0),
                f"`{name}` must be positive, but is {value}.",
            )
        return cls(S, float(reference_ohm), float(frequency_hz))

    @classmethod
    def from_impedance(
        cls,
        impedance_ohm: Complex[AnyArray, "ports ports"],
        reference_ohm: float,
        frequency_hz: float,
    ) -> "PortNetwork":
        """A network from its impedance matrix, in our time convention.

        Raises:
            InputError: as `measured`.
        """
        return cls.measured(
            np.asarray(scattering_from_impedance(impedance_ohm, reference_ohm)),
            reference_ohm,
            frequency_hz,
        )

    @property
    def ports(self) -> int:
        """Number of ports."""
        return self.scattering.shape[-1]

    @property
    def reciprocity_error(self) -> float:
        """‖S - Sᵀ‖ / ‖S‖: zero without ferrites, transistors and mistakes."""
        S = np.asarray(self.scattering)
        return float(np.linalg.norm(S - S.T) / max(np.linalg.norm(S), np.finfo(float).tiny))

    @property
    def largest_gain(self) -> float:
        """Largest power that comes out for unit power in: at most 1 if the network is passive."""
        return float(np.linalg.norm(np.asarray(self.scattering), 2) ** 2)


@in_float64
def scattering_from_impedance(
    impedance_ohm: Complex[AnyArray, "ports ports"], reference_ohm: Number
) -> Complex[Array, "ports ports"]:
    """S = (Z - R)(Z + R)⁻¹, the reference R being the same at all ports."""
    Z, R = jnp.asarray(impedance_ohm), reference_ohm * jnp.eye(len(impedance_ohm))
    # Both factors commute.
    return jnp.linalg.solve(Z + R, Z - R)


@in_float64
def impedance_from_scattering(
    scattering: Complex[AnyArray, "ports ports"], reference_ohm: Number
) -> Complex[Array, "ports ports"]:
    """Z = R (1 - S)⁻¹ (1 + S)."""
    S, unit = jnp.asarray(scattering), jnp.eye(len(scattering))
    return reference_ohm * jnp.linalg.solve(unit - S, unit + S)


@in_float64
def admittance_from_impedance(
    impedance_ohm: Complex[AnyArray, "ports ports"],
) -> Complex[Array, "ports ports"]:
    """Y = Z⁻¹."""
    return jnp.linalg.inv(jnp.asarray(impedance_ohm))


@in_float64
def renormalised(
    scattering: Complex[AnyArray, "ports ports"],
    references_ohm: Float[AnyArray, " ports"],
    reference_ohm: Number,
) -> Complex[Array, "ports ports"]:
    """Scattering measured with another real reference at every port, with one at all of them.

    Through the admittance that √R_i √R_j Y_ij makes of no unit, which exists where S has no
    eigenvalue of -1 (a perfect short).
    """
    S, unit = jnp.asarray(scattering), jnp.eye(len(scattering))
    root = jnp.sqrt(jnp.asarray(references_ohm))
    Y = jnp.linalg.solve(unit + S, unit - S) / root[:, None] / root
    return jnp.linalg.solve(unit + reference_ohm * Y, unit - reference_ohm * Y)


def in_our_time(values: Complex[np.ndarray, "*shape"]) -> Complex[np.ndarray, "*shape"]:
    """What network analysers, Touchstone and NEC give, time e^{+jωt}, in ours: conjugated."""
    return np.conj(values)
