"""Thin wires by the method of moments: currents of all segments, solved together.

Where induced EMF (`thin_wire.py`) takes every current for a sine, here its shape is found, also on
wires without ports, as those of screens. Galerkin's method with mixed potentials and the reduced
kernel: Z = -jηk ∫∫ (I·I' - ∂I ∂I'/k²) G, G = e^{jkR}/4πR. Static parts of inner integrals are in
closed form. Lengths are in wavelengths, impedances in ohm, time goes as e^{-jωt}.

Source: R. Harrington, Field Computation by Moment Methods, chapter 4.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
import scipy.linalg
import scipy.sparse
from jaxtyping import Array, Complex, Float, Int

from .._types import Number
from ..precision import in_float64
from .thin_wire import FREE_SPACE_OHM
from .wire_body import WireBody

WAVENUMBER = 2 * np.pi
_INNER_NODES = 6
_OUTER_NODES = 8


@dataclass(frozen=True, eq=False)
class WireSolution:
    """Currents on all bodies for a unit current into each port, no current into the others.

    `impedance_ohm`: between the ports, in the order of bodies. `currents`: of each body its free
    currents, a column a port. `factors`: the matrix of currents that do not flow through ports, as
    `scipy.linalg.lu_factor` leaves it, and which these are, counted over all bodies.
    """

    bodies: tuple[WireBody, ...]
    impedance_ohm: Complex[np.ndarray, "ports ports"]
    currents: tuple[Complex[np.ndarray, "_ ports"], ...]
    factors: tuple[np.ndarray, np.ndarray]
    passive: Int[np.ndarray, " passive"]


def solve_wires(bodies: Sequence[WireBody]) -> WireSolution:
    """The network between the ports of some bodies, and the currents behind it."""
    first = np.cumsum([0] + [body.free_currents for body in bodies])
    Z = np.empty((first[-1], first[-1]), complex)
    for to, body in enumerate(bodies):
        rows = slice(first[to], first[to + 1])
        for start in range(to, len(bodies)):
            columns = slice(first[start], first[start + 1])
            block = coupling(body, bodies[start])
            # The two integrals are taken differently, so that a body's own is not quite symmetric.
            Z[rows, columns] = (block + block.T) / 2 if start == to else block
            if start > to:
                Z[columns, rows] = block.T
    ports = np.concatenate(
        [at + body.port_currents for at, body in zip(first, bodies, strict=False)]
    )
    passive = np.setdiff1d(np.arange(len(Z)), ports)
    induced, own = Z[np.ix_(passive, ports)], Z[np.ix_(ports, ports)]
    # Symmetric, and as it is turned in the order in which it is factorised in place.
    within = Z[np.ix_(passive, passive)].T
    del Z
    factors = scipy.linalg.lu_factor(within, overwrite_a=True, check_finite=False)
    currents = np.zeros((first[-1], len(ports)), complex)
    currents[ports] = np.eye(len(ports))
    currents[passive] = -scipy.linalg.lu_solve(factors, induced, check_finite=False)
    impedance = own + induced.T @ currents[passive]
    return WireSolution(
        tuple(bodies), impedance, tuple(np.split(currents, first[1:-1])), factors, passive
    )


def coupling(to: WireBody, start: WireBody) -> Complex[np.ndarray, "to_currents start_currents"]:
    """Impedances between the free currents of two bodies, or of one with itself."""
    # Between bodies radii matter no more than their square to that of the distance.
    radius = start.radius
    moments = np.asarray(_moments(to.starts, to.vectors, start.starts, start.vectors, radius))
    along = _directions(to) @ _directions(start).T
    size = 2 * len(to.segments), 2 * len(start.segments)
    vector = (moments * along[..., None, None]).swapaxes(1, 2).reshape(size)
    scalar = moments.sum(axis=(2, 3))
    A, A2, Q, Q2 = to.currents, start.currents, _charges(to), _charges(start)
    magnetic = A.T @ (A2.T @ vector.T).T
    electric = Q.T @ (Q2.T @ scalar.T).T
    return -1j * FREE_SPACE_OHM * (WAVENUMBER * magnetic - electric / WAVENUMBER)


def _directions(body: WireBody) -> Float[np.ndarray, "segments 3"]:
    return body.vectors / np.linalg.norm(body.vectors, axis=1, keepdims=True)


def _charges(body: WireBody) -> scipy.sparse.csr_array:
    """Derivative of every free current along each segment."""
    length = np.linalg.norm(body.vectors, axis=1)
    ends = body.currents
    return scipy.sparse.csr_array(scipy.sparse.diags_array(1 / length) @ (ends[1::2] - ends[0::2]))


@in_float64
@jax.jit
def _moments(
    starts: Float[Array, "to 3"],
    vectors: Float[Array, "to 3"],
    from_starts: Float[Array, "start 3"],
    from_vectors: Float[Array, "start 3"],
    radius: Number,
) -> Complex[Array, "to start 2 2"]:
    """∫∫ φ_a(s) φ_b(t) G ds dt over pairs of segments, φ falling from 1 to 0 or rising from 0.

    1/R of the inner integral is in closed form; what is left of G is smooth.
    """
    inner, inner_weights = _unit_nodes(_INNER_NODES)
    u, weights = _unit_nodes(_OUTER_NODES)
    # Nodes crowd at both ends, where the potential of the next segment is steep.
    outer, outer_weights = u**2 * (3 - 2 * u), weights * 6 * u * (1 - u)
    length = jnp.linalg.norm(from_vectors, axis=1)
    towards = from_vectors / length[:, None]

    def of_point(place: Float[Array, "3"]) -> Complex[Array, "start 2"]:
        away = place - from_starts
        z = jnp.sum(away * towards, axis=1)
        rho2 = jnp.maximum(jnp.sum(away**2, axis=1) - z**2, 0) + radius**2
        rho, near, far = jnp.sqrt(rho2), jnp.sqrt(rho2 + z**2), jnp.sqrt(rho2 + (length - z) ** 2)
        static = jnp.arcsinh((length - z) / rho) + jnp.arcsinh(z / rho)
        rising = (far - near + z * static) / length
        t = inner[:, None] * length
        R = jnp.sqrt(rho2 + (t - z) ** 2)
        smooth = jnp.expm1(1j * WAVENUMBER * R) / R * (inner_weights[:, None] * length)
        whole = static + smooth.sum(axis=0)
        up = rising + (inner[:, None] * smooth).sum(axis=0)
        return jnp.stack([whole - up, up], axis=-1) / (4 * jnp.pi)

    def of_segment(to: tuple[Array, Array]) -> Complex[Array, "start 2 2"]:
        start, vector = to
        potentials = jax.vmap(of_point)(start + outer[:, None] * vector)
        tests = jnp.stack([1 - outer, outer]) * outer_weights * jnp.linalg.norm(vector)
        return jnp.einsum("ao,opb->pab", tests, potentials)

    return jax.lax.map(of_segment, (starts, vectors))


def _unit_nodes(many: int) -> tuple[Float[np.ndarray, " n"], Float[np.ndarray, " n"]]:
    """Gauss-Legendre nodes and weights on [0, 1]."""
    nodes, weights = np.polynomial.legendre.leggauss(many)
    return (nodes + 1) / 2, weights / 2
