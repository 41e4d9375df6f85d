"""How pilots change with poses and users: the Jacobian of what the antennas receive.

A link changes with the two planes that it joins, and no other. What arrives at it and what it can
give to the antennas are known, so its derivative meets both once:
∂y = leaving ∂A arriving, whatever the number of layers.

Source: ours; checked against central differences.
"""

from collections.abc import Callable
from typing import TypeVar

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Complex, Float, Int, Shaped

from ..geometry import Plane, Pose
from ..propagation import hop_matrix
from ..stack import Stack
from .links import Links, States, received, states, times
from .unknowns import DEGREES_OF_FREEDOM, Unknowns

_T = TypeVar("_T")


class LinkSlopes(eqx.Module):
    """Derivatives of every link, in units of the unknowns.

    The outer links are few numbers, and stand with every unknown. An inner link moves with its two
    planes only: `moves` are the degrees of freedom in use, of the plane before it and then of the
    one behind it, and `columns` tells which unknown each is, one beyond the last where it is none.
    """

    first: Complex[Array, "unknowns atoms users"]
    between: Complex[Array, "hops moves atoms atoms"]
    last: Complex[Array, "unknowns antennas atoms"]
    columns: Int[Array, "hops moves"]


@eqx.filter_jit
def links_at(unknowns: Unknowns, values: Float[Array, " unknowns"]) -> Links:
    """The links of the stack with these values of its unknowns.

    Not a number where planes would have passed through each other: for a mirrored gap, distances
    are the same, and pilots could not tell it from the true one.
    """
    links = Links.of_stack(*unknowns.applied(values))
    return jax.tree.map(lambda link: jnp.where(unknowns.in_order(values), link, jnp.nan), links)


@eqx.filter_jit
def pilots_at(
    unknowns: Unknowns,
    values: Float[Array, " unknowns"],
    transmission: Complex[Array, "slots layers atoms"],
) -> Complex[Array, "slots antennas users"]:
    """Noiseless pilots with these values of the unknowns."""
    return received(links_at(unknowns, values), transmission)


@eqx.filter_jit
def pilots_and_slopes(
    unknowns: Unknowns,
    values: Float[Array, " unknowns"],
    transmission: Complex[Array, "slots layers atoms"],
) -> tuple[Complex[Array, "slots antennas users"], Complex[Array, "slots antennas users unknowns"]]:
    """Noiseless pilots and their derivatives with respect to every unknown."""
    links, slopes = links_at(unknowns, values), link_slopes(unknowns, values)
    return pilots_of_links(links, slopes, transmission)


def pilots_of_links(
    links: Links, slopes: LinkSlopes, transmission: Complex[Array, "slots layers atoms"]
) -> tuple[Complex[Array, "slots antennas users"], Complex[Array, "slots antennas users unknowns"]]:
    """Noiseless pilots and their derivatives, from links and theirs."""
    passing = states(links, transmission)
    field = times(passing.arriving[-1] * transmission[:, -1, None, :], jnp.asarray(links.last))
    return jnp.swapaxes(field, -1, -2), slopes_of_pilots(slopes, transmission, passing)


def slopes_of_pilots(
    slopes: LinkSlopes, transmission: Complex[Array, "slots layers atoms"], passing: States
) -> Complex[Array, "slots antennas users unknowns"]:
    """Derivatives of the pilots, from what arrives at and leaves every layer."""
    shown = jnp.moveaxis(transmission, 1, 0)
    arriving = passing.arriving * shown[:, :, None, :]
    leaving = passing.leaving * shown[:, :, None, :]
    by_first = jnp.einsum("tmi,piu->tmup", leaving[0], slopes.first)
    by_last = jnp.einsum("pmj,tuj->tmup", slopes.last, arriving[-1])

    if not slopes.columns.size:
        return by_first + by_last

    def add(total: Array, link: tuple[Array, ...]) -> tuple[Array, None]:
        columns, *hop = link
        return total.at[..., columns].add(_through(*hop)), None

    # The last column gathers what no unknown moves.
    start = jnp.concatenate([by_first + by_last, jnp.zeros((*by_first.shape[:-1], 1))], axis=-1)
    hops = slopes.columns, slopes.between, arriving[:-1], leaving[1:]
    total, _ = jax.lax.scan(add, start, hops)
    return total[..., :-1]


@eqx.filter_jit
def link_slopes(unknowns: Unknowns, values: Float[Array, " unknowns"]) -> LinkSlopes:
    """Derivatives of every link with respect to the unknowns."""

    def outer(moved: Float[Array, " unknowns"]) -> tuple[Array, Array]:
        stack, illumination = unknowns.applied(moved)
        last = hop_matrix(*stack.planes[-2:], stack.model, stack.wavelength_m)
        return illumination.first_link(stack), last

    first, last = _derivatives(outer, jnp.asarray(values, float))
    # One link after the other: differentiating all at once would take as many times the memory.
    hops = jnp.arange(unknowns.stack.layers - 1)
    between = jax.lax.map(lambda hop: _inner_slopes(unknowns, values, hop), hops)
    return LinkSlopes(first, between, last, _columns_of_moves(unknowns))


def _inner_slopes(
    unknowns: Unknowns, values: Float[Array, " unknowns"], hop: Int[Array, ""]
) -> Complex[Array, "moves atoms atoms"]:
    """Derivatives of the link that leaves layer `hop` + 1."""
    stack, _ = unknowns.applied(values)
    freedoms, units = _freedoms(unknowns), _units(unknowns)
    poses = jnp.stack([jnp.asarray(getattr(stack.poses, name)) for name in DEGREES_OF_FREEDOM])
    gap_m = jnp.asarray(stack.gaps_m)[hop + 1]
    start, end = jnp.take(poses, hop + 1, axis=1), jnp.take(poses, hop + 2, axis=1)

    def link(moved: Float[Array, " moves"]) -> Complex[Array, "atoms atoms"]:
        before, behind = jnp.split(moved, 2)
        return _link(stack, gap_m, start.at[freedoms].add(before), end.at[freedoms].add(behind))

    unit = jnp.concatenate([units[hop + 1], units[hop + 2]])
    return _derivatives(link, jnp.zeros(2 * len(freedoms))) * unit[:, None, None]


def _link(
    stack: Stack, gap_m: Float[Array, ""], start: Float[Array, "6"], end: Float[Array, "6"]
) -> Complex[Array, "atoms atoms"]:
    before = Plane(stack.layer_array, 0.0, Pose(*start))
    behind = Plane(stack.layer_array, gap_m, Pose(*end))
    return hop_matrix(before, behind, stack.model, stack.wavelength_m)


def _through(
    slopes: Complex[Array, "moves to from"],
    before: Complex[Array, "slots users from"],
    behind: Complex[Array, "slots antennas to"],
) -> Complex[Array, "slots antennas users moves"]:
    moves, to, _ = slopes.shape
    carried = times(before, slopes.reshape(moves * to, -1))
    carried = carried.reshape(*before.shape[:2], moves, to)
    return jnp.einsum("tmi,tuki->tmuk", behind, carried)


def _derivatives(function: Callable[[Array], _T], at: Float[Array, " n"]) -> _T:
    """Derivatives by forward differentiation, one unknown after the other on the first axis."""
    basis = jnp.eye(len(at))
    return jax.vmap(lambda along: jax.jvp(function, (at,), (along,))[1])(basis)


def _freedoms(unknowns: Unknowns) -> Int[np.ndarray, " freedoms"]:
    return np.unique(np.array(unknowns.freedoms, int))


def _columns_of_moves(unknowns: Unknowns) -> Int[Array, "hops moves"]:
    """Which unknown each move of each inner link is; one beyond the last where it is none."""
    hops = np.arange(unknowns.stack.layers - 1)
    table = _on_planes(unknowns, jnp.arange(len(unknowns.planes)), unknowns.size)
    return jnp.concatenate([table[hops + 1], table[hops + 2]], axis=1)


def _units(unknowns: Unknowns) -> Float[Array, "planes freedoms"]:
    return _on_planes(unknowns, jnp.asarray(unknowns.unit)[: len(unknowns.planes)], 0.0)


def _on_planes(
    unknowns: Unknowns, values: Shaped[Array, " poses"], default: float
) -> Shaped[Array, "planes freedoms"]:
    """A value for every degree of freedom in use of every plane."""
    used = _freedoms(unknowns)
    table = jnp.full((unknowns.stack.layers + 2, len(used)), default, values.dtype)
    places = np.array(unknowns.planes, int), np.searchsorted(used, unknowns.freedoms)
    return table.at[places].set(values)
