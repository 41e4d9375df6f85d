"""Closed-form coordinate descent: one atom at a time, each set to its exact best.

With everything else fixed, the response is linear in the transmission c_m of one atom,
G = sum_m c_m u_m, and the error is |beta|^2 c^H Q c - 2 Re(c^H conj(beta) p) + const with
Q = u^H u and p = u^H f. The best c_m points along the pull
z_m = conj(beta) p_m - |beta|^2 sum_{m' != m} Q_mm' c_m'.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
from jaxtyping import Array, Complex, Float, Int

from ..atoms import IdealAtoms
from ..propagation import Hop, outgoing_weights
from .method import State
from .problem import Problem, loss


@dataclass(frozen=True)
class CoordinateDescent:
    """Sweeps over all atoms, layer by layer in the order in which the wave meets them.

    Ideal atoms take the closed-form phase. All other atoms take the best of the settings that
    they list, so that rounding, loss that depends on phase, and stuck atoms are all exact.
    """

    iterations: int = 40
    monotone: ClassVar[bool] = True
    needs_smooth_atoms: ClassVar[bool] = False
    starts_together: ClassVar[int] = 1

    def begin(self, problem: Problem, phases_rad: Float[Array, "layers atoms"]) -> State:
        """The state at the given phases."""
        return State(phases_rad, loss(problem, phases_rad))

    def step(self, problem: Problem, state: State) -> State:
        """One sweep over every atom."""
        sweep = _ideal_sweep if isinstance(problem.atoms, IdealAtoms) else _settings_sweep
        phases_rad = sweep(problem, state.phases_rad)
        return State(phases_rad, loss(problem, phases_rad))


def _ideal_sweep(
    problem: Problem, phases_rad: Float[Array, "layers atoms"]
) -> Float[Array, "layers atoms"]:
    transmission = problem.atoms(phases_rad)

    def update(incoming: Array, layer: tuple[Array, Array]) -> tuple[Array, Array]:
        outgoing, present = layer
        best = _best_phases(*_quadratic(problem, incoming, outgoing, present), present)
        return best, jnp.angle(best)

    return _sweep(problem, transmission, (transmission,), update)


def _settings_sweep(
    problem: Problem, phases_rad: Float[Array, "layers atoms"]
) -> Float[Array, "layers atoms"]:
    settings_rad = jnp.asarray(problem.atoms.settings_rad)
    # Atoms of one kind may still differ (some are stuck): ask each what each setting gives.
    asked = jnp.broadcast_to(settings_rad[:, None, None], (settings_rad.size, *phases_rad.shape))
    choices = jnp.swapaxes(problem.atoms(asked), 0, 1)
    transmission = problem.atoms(phases_rad)

    def update(incoming: Array, layer: tuple[Array, Array, Array, Array]) -> tuple[Array, Array]:
        outgoing, present, choices, phases_rad = layer
        quadratic = _quadratic(problem, incoming, outgoing, present)
        chosen, best = _best_choices(*quadratic, present, choices)
        return best, jnp.where(chosen < 0, phases_rad, settings_rad[chosen])

    return _sweep(problem, transmission, (transmission, choices, phases_rad), update)


def _sweep(
    problem: Problem,
    transmission: Complex[Array, "layers atoms"],
    layers: tuple[Array, ...],
    update: Callable[[Array, Any], tuple[Array, Array]],
) -> Float[Array, "layers atoms"]:
    """Update layer after layer: each sees what the new settings before it let through."""
    outgoing = outgoing_weights(problem.hops, transmission, problem.target.shape[0])
    layers = (outgoing, *layers)
    incoming = problem.hops.first_field(transmission.dtype)
    new: list[Array] = []
    for hop, left in problem.hops.inner:

        def cross(incoming: Array, layer: Any, hop: Hop = hop) -> tuple[Array, Array]:
            best, phases_rad = update(incoming, layer)
            return hop(incoming * best), phases_rad

        incoming, phases_rad = jax.lax.scan(cross, incoming, tuple(part[left] for part in layers))
        new.append(phases_rad)
    _, last = update(incoming, tuple(part[-1] for part in layers))
    return jnp.concatenate([*new, last[None]])


def _quadratic(
    problem: Problem,
    incoming: Complex[Array, "inputs atoms"],
    outgoing: Complex[Array, "receivers atoms"],
    transmission: Complex[Array, " atoms"],
) -> tuple[Complex[Array, "atoms atoms"], Complex[Array, " atoms"]]:
    """|beta|^2 Q and conj(beta) p of one layer, at the scale of the current transmissions."""
    Q = (jnp.conj(outgoing.T) @ outgoing) * (jnp.conj(incoming.T) @ incoming)
    p = jnp.sum(jnp.conj(outgoing) * (problem.target @ jnp.conj(incoming)), axis=0)
    energy = jnp.vdot(transmission, Q @ transmission).real
    beta = problem.scale(jnp.vdot(transmission, p), energy)
    return jnp.abs(beta) ** 2 * Q, jnp.conj(beta) * p


def _best_phases(
    curvature: Complex[Array, "atoms atoms"],
    attraction: Complex[Array, " atoms"],
    transmission: Complex[Array, " atoms"],
) -> Complex[Array, " atoms"]:
    coupling = curvature - jnp.diag(jnp.diag(curvature))

    def update(
        atom: Int[Array, ""], transmission: Complex[Array, " atoms"]
    ) -> Complex[Array, " atoms"]:
        pull = attraction[atom] - coupling[atom] @ transmission
        # An atom that nothing pulls (zero) stays where it is.
        best = jnp.where(pull == 0, transmission[atom], pull / jnp.abs(pull))
        return transmission.at[atom].set(best)

    return jax.lax.fori_loop(0, transmission.size, update, transmission)


def _best_choices(
    curvature: Complex[Array, "atoms atoms"],
    attraction: Complex[Array, " atoms"],
    transmission: Complex[Array, " atoms"],
    choices: Complex[Array, "settings atoms"],
) -> tuple[Int[Array, " atoms"], Complex[Array, " atoms"]]:
    """Index of the best setting of each atom (-1: the present one is better)."""
    own = jnp.diag(curvature).real
    coupling = curvature - jnp.diag(jnp.diag(curvature))

    def update(atom: Int[Array, ""], state: tuple[Array, Array]) -> tuple[Array, Array]:
        chosen, transmission = state
        pull = attraction[atom] - coupling[atom] @ transmission
        candidates = jnp.append(choices[:, atom], transmission[atom])
        costs = own[atom] * jnp.abs(candidates) ** 2 - 2 * jnp.real(jnp.conj(candidates) * pull)
        best = jnp.argmin(costs[:-1])
        # As good is good enough: so phases that were only near a setting come to stand on it.
        better = costs[best] <= costs[-1] + 1e-12 * jnp.abs(costs[-1])
        transmission = transmission.at[atom].set(
            jnp.where(better, candidates[best], transmission[atom])
        )
        return chosen.at[atom].set(jnp.where(better, best, -1)), transmission

    nothing = jnp.full(transmission.size, -1)
    return jax.lax.fori_loop(0, transmission.size, update, (nothing, transmission))
