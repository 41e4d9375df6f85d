"""Pilots that tell most: phases chosen for the accuracy of what is wanted of a calibration.

Minimised is log tr(Q (F + Λ)^{-1}), F the Fisher information of all slots with the gain as an
unknown, Λ the prior's precision, and Q what is wanted: by default the mean NMSE of the matrices.
The first pilots are chosen one by one from a pool of random and of focused ones.

Source: F. Pukelsheim, Optimal Design of Experiments (A-optimality); the pool and the gradient are
ours.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Self

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, Float

from .._types import AnyArray
from ..atoms import QuantisedAtoms, smooth
from ..errors import require
from ..precision import in_float64
from ..stack import Stack
from .bounds import link_grams
from .gauge import between_layers
from .illumination import Illumination
from .least_squares import Ending
from .links import Links, states
from .pilots import PilotPlan, random_plan
from .receivers import FieldReceivers, Receivers
from .sensitivity import LinkSlopes, link_slopes, links_at, pilots_of_links
from .unknowns import Expected, Unknowns

_RANDOM_IN_POOL, _FOCUSED_IN_POOL = 600, 300
_FOCUSING_ROUNDS = 3
_OPTIMISER = optax.adam(0.05)
# So many patterns of a pool are looked at together.
_AT_A_TIME = 100


@dataclass(frozen=True, eq=False)
class DesignedPlan:
    """Pilots designed for accuracy; `history` is the objective, tr(Q C), before and after steps."""

    plan: PilotPlan
    history: Float[np.ndarray, " steps"]
    ending: Ending


@in_float64
def design_plan(
    stack: Stack,
    slots: int,
    illumination: Illumination,
    *,
    expected: Expected,
    noise_variance: float,
    receivers: Receivers | None = None,
    wanted: Float[np.ndarray, "unknowns unknowns"] | None = None,
    bits: int | None = None,
    steps: int = 150,
    seed: int = 0,
    on_step: Callable[[int], None] | None = None,
) -> DesignedPlan:
    """Phases of `slots` pilots that make the wanted error least, one unknown gain overall.

    `receivers`: what they tell of a response, the field if not told. `wanted`: the quadratic form Q
    of the unknowns, in their units, whose expectation is minimised; by default the mean NMSE of the
    matrices between layers (of all matrices if there is one layer).
    `bits`: only 2^bits phases, if not told those of the stack's own atoms: the better of the result
    rounded and of what was chosen from a rounded pool.
    `on_step` is told how many steps are done. Ctrl-C keeps the best until then.

    Raises:
        InputError: no slot, a noise variance that is not positive, nothing unknown.
    """
    require(slots >= 1, f"`slots` must be at least 1, but is {slots}.")
    require(
        bool(np.isfinite(noise_variance) and noise_variance > 0),
        f"`noise_variance` must be positive, but is {noise_variance}.",
    )
    bits = _own_bits(stack.atoms) if bits is None else bits
    unknowns = Unknowns.of(stack, illumination, expected)
    form = wanted_by_default(unknowns) if wanted is None else wanted
    goal = _Goal.of(unknowns, noise_variance, form, receivers)
    first = _chosen(goal, pool_of_phases(stack, illumination, bits=bits, seed=seed), slots)
    phases, history, ending = _descended(goal, first, steps, on_step)
    if bits is not None:
        rounded = _nearest_step(phases, bits)
        phases = min(rounded, first, key=lambda each: float(_error(goal, each)))
    plan = PilotPlan(np.mod(np.asarray(phases), 2 * np.pi), illumination)
    last = float(_error(goal, jnp.asarray(phases)))
    return DesignedPlan(plan, np.append(history, last), ending)


@in_float64
def wanted_by_default(unknowns: Unknowns) -> Float[np.ndarray, "unknowns unknowns"]:
    """The mean NMSE of the matrices between layers; of all matrices, if there is one layer."""
    grams = np.asarray(link_grams(unknowns, jnp.zeros(unknowns.size)))
    return between_layers(grams).mean(axis=0)


@in_float64
def pool_of_phases(
    stack: Stack, illumination: Illumination, *, bits: int | None = None, seed: int = 0
) -> Float[np.ndarray, "patterns layers atoms"]:
    """Patterns to choose pilots from: random ones, and ones that focus users on antennas.

    Focused patterns receive more and are spread by random phases, so that they differ in what they
    tell.
    """
    random = random_plan(stack, _RANDOM_IN_POOL, illumination, seed=seed).phases_rad
    generator = np.random.default_rng([seed, 1])
    focused = _focused(Links.of_stack(stack, illumination), random[:_FOCUSED_IN_POOL], generator)
    spread = generator.uniform(0, 1.5, (_FOCUSED_IN_POOL, 1, 1))
    focused = focused + spread * generator.standard_normal(focused.shape)
    pool = np.concatenate([random, focused])
    return pool if bits is None else _nearest_step(pool, bits)


class _Goal(eqx.Module):
    """What does not change while phases do: links, their derivatives, what is wanted."""

    unknowns: Unknowns
    links: Links
    slopes: LinkSlopes
    precision: Float[AnyArray, " unknowns"]
    wanted: Float[AnyArray, "unknowns unknowns"]
    noise_variance: float
    receivers: Receivers

    @classmethod
    def of(
        cls,
        unknowns: Unknowns,
        noise_variance: float,
        wanted: Float[np.ndarray, "unknowns unknowns"],
        receivers: Receivers | None = None,
    ) -> Self:
        at_nominal = jnp.zeros(unknowns.size)
        links, slopes = links_at(unknowns, at_nominal), link_slopes(unknowns, at_nominal)
        # Beside the unknowns stands the gain, of which nothing is known or wanted.
        kind = receivers or FieldReceivers()
        precision = np.pad(unknowns.precision, (0, kind.gains))
        padded = np.pad(wanted, (0, kind.gains))
        return cls(unknowns, links, slopes, precision, padded, noise_variance, kind)


def _rows(
    goal: _Goal, phases_rad: Float[Array, "patterns layers atoms"]
) -> Float[Array, "patterns numbers unknowns"]:
    """Derivatives of every pattern's responses in units of the noise, the gain's beside."""
    transmission = smooth(goal.unknowns.stack.atoms)(phases_rad)
    y, J = pilots_of_links(goal.links, goal.slopes, transmission)
    return goal.receivers.rows(y, J, goal.noise_variance)


@eqx.filter_jit
def _error(goal: _Goal, phases_rad: Float[Array, "slots layers atoms"]) -> Float[Array, ""]:
    """tr(Q C), expected of what is wanted."""
    rows = _rows(goal, phases_rad)
    rows = rows.reshape(-1, rows.shape[-1])
    return jnp.trace(jnp.linalg.solve(rows.T @ rows + jnp.diag(goal.precision), goal.wanted))


@eqx.filter_jit
def _informations(
    goal: _Goal, phases_rad: Float[Array, "patterns layers atoms"]
) -> Float[Array, "patterns unknowns unknowns"]:
    rows = _rows(goal, phases_rad)
    return jnp.swapaxes(rows, 1, 2) @ rows


def _chosen(
    goal: _Goal, pool: Float[np.ndarray, "patterns layers atoms"], slots: int
) -> Float[np.ndarray, "slots layers atoms"]:
    """The patterns of a pool that lower the error most, one after the other."""
    parts = [pool[start : start + _AT_A_TIME] for start in range(0, len(pool), _AT_A_TIME)]
    each = np.concatenate([np.asarray(_informations(goal, jnp.asarray(part))) for part in parts])
    # So little is known of the gain, and of what has no prior, that it does not matter.
    known = np.maximum(goal.precision, 1e-6 * np.einsum("tpp->p", each) / len(each))
    total, chosen = np.diag(known), list[int]()
    for _ in range(slots):
        spread = np.linalg.inv(total)
        gain = np.einsum("pq,tqp->t", spread @ goal.wanted @ spread, each)
        gain = gain / (1 + np.einsum("pq,tqp->t", spread, each))
        # Equal slots would go the same way down together.
        gain[chosen[-(len(pool) - 1) :]] = -np.inf
        chosen.append(int(np.argmax(gain)))
        total = total + each[chosen[-1]]
    return pool[chosen]


def _descended(
    goal: _Goal,
    phases_rad: Float[np.ndarray, "slots layers atoms"],
    steps: int,
    on_step: Callable[[int], None] | None,
) -> tuple[Float[np.ndarray, "slots layers atoms"], list[float], Ending]:
    """The best phases on the way of Adam down the logarithm of the error."""
    phases = jnp.asarray(phases_rad)
    state, history = _OPTIMISER.init(phases), list[float]()
    best, least = phases, np.inf
    try:
        for done in range(steps):
            error, moved, state = _step(goal, phases, state)
            history.append(float(error))
            best, least = (phases, history[-1]) if history[-1] < least else (best, least)
            phases = moved
            if on_step is not None:
                on_step(done + 1)
    except KeyboardInterrupt:
        return np.asarray(best), history, Ending.INTERRUPTED
    return np.asarray(best), history, Ending.BUDGET_SPENT


@eqx.filter_jit
def _step(
    goal: _Goal, phases_rad: Float[Array, "slots layers atoms"], state: optax.OptState
) -> tuple[Float[Array, ""], Float[Array, "slots layers atoms"], optax.OptState]:
    """The error, the phases a step further down its logarithm, and what Adam remembers."""
    value, slope = jax.value_and_grad(lambda each: jnp.log(_error(goal, each)))(phases_rad)
    updates, state = _OPTIMISER.update(slope, state)
    return jnp.exp(value), phases_rad + jnp.asarray(updates), state


def _focused(
    links: Links,
    phases_rad: Float[np.ndarray, "patterns layers atoms"],
    generator: np.random.Generator,
) -> Float[np.ndarray, "patterns layers atoms"]:
    """Patterns that bring a user's wave to an antenna in phase, layer by layer, several rounds."""
    patterns, layers, _ = phases_rad.shape
    antennas, users = np.shape(links.last)[0], np.shape(links.first)[1]
    to, of = generator.integers(0, antennas, patterns), generator.integers(0, users, patterns)
    pattern = np.arange(patterns)
    phases = phases_rad.copy()
    for layer in list(range(layers)) * _FOCUSING_ROUNDS:
        passing = states(links, jnp.exp(1j * phases))
        arriving = np.asarray(passing.arriving[layer])[pattern, of]
        leaving = np.asarray(passing.leaving[layer])[pattern, to]
        phases[:, layer] = -np.angle(arriving * leaving)
    return phases


def _own_bits(atoms: Any) -> int | None:
    """Of atoms that round, whatever wraps them."""
    while hasattr(atoms, "base"):
        atoms = atoms.base
    return atoms.bits if isinstance(atoms, QuantisedAtoms) else None


def _nearest_step(phases_rad: Float[np.ndarray, "*shape"], bits: int) -> Any:
    step_rad = 2 * np.pi / 2**bits
    return step_rad * (np.round(phases_rad / step_rad) % 2**bits)
