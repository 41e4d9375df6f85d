"""The poses behind links that are known up to the gauge: geometry from a fit of every coefficient.

Of all matrices that give the same pilots, those of a stack in some poses are few. Found are the
poses whose matrices the given ones are, but for a gauge and one overall gain: least squares on
logarithms of ratios, in which gauges are linear, complex, and projected out. A coefficient counts
with the share of its power in its matrix, as noise that is alike on all coefficients wants it.

Source: ours; variable projection as in `gains`.
"""

from collections.abc import Iterator
from itertools import pairwise
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Complex, Float, Int

from ..errors import require
from ..precision import in_float64
from ..stack import Stack
from .illumination import Illumination
from .links import Links
from .sensitivity import link_slopes, links_at
from .unknowns import Unknowns

# Steps this short, in units of the unknowns, are rounding.
_SETTLED = 1e-11
# Directions with less than this share of the information are not told at all.
_UNTOLD = 1e-13


@in_float64
def poses_on_gauge_orbit(
    links: Links, unknowns: Unknowns, *, iterations: int = 20
) -> Float[np.ndarray, " unknowns"]:
    """Values of the unknowns, in their units, with which the links are those of a stack.

    `links`: in any gauge, times any gain, but without coefficients that are off by their own size;
    of a fit that went on to its end, since one that stops at the noise is still drawn to where it
    began. What is known beforehand of an unknown counts as much as the variance of what is left of
    the logarithms lets it.

    Raises:
        InputError: links of other shapes than those of the unknowns' stack.
    """
    values = np.zeros(unknowns.size)
    for _ in range(iterations):
        equations = _equations(links, unknowns, values)
        weight = equations.variance / 2 * unknowns.precision
        step = _solved(equations.matrix + np.diag(weight), equations.right - weight * values)
        values = values + step
        if np.abs(step).max() < _SETTLED:
            break
    return values


@in_float64
def stack_on_gauge_orbit(links: Links, unknowns: Unknowns) -> tuple[Stack, Illumination]:
    """The stack and its users in the poses of `poses_on_gauge_orbit`."""
    found = unknowns.applied(jnp.asarray(poses_on_gauge_orbit(links, unknowns)))
    return jax.tree.map(lambda leaf: np.asarray(leaf) if isinstance(leaf, Array) else leaf, found)


def swept_gauge(links: Links, reference: Links) -> Links:
    """The links in the gauge, and with the overall gain, in which they resemble a reference.

    One layer after the other, every atom takes the gain with which what leads to it is nearest to
    the reference. Not the nearest gauge of all, but near it from however far.

    Raises:
        InputError: links of other shapes than the reference's.
    """
    pairs = [(np.asarray(A), np.asarray(B)) for A, B in zip(links, reference, strict=False)]
    found, expected = ([np.shape(link) for link in each] for each in (links, reference))
    require(
        found == expected,
        f"`links` must have the shapes of the reference, {expected}, but have {found}.",
    )
    gains, result = np.ones(np.shape(links.first)[1], complex), []
    for matrix, wanted in pairs[:-1]:
        factor = _nearest_factor(matrix * gains, wanted, 1)
        result.append(matrix * gains / factor)
        gains = factor[:, 0]
    matrix, wanted = pairs[-1]
    last = matrix * gains / _nearest_factor(matrix * gains, wanted, (0, 1))
    between = np.array(result[1:], complex).reshape(np.shape(links.between))
    return Links(result[0], between, last)


def _nearest_factor(
    found: Complex[np.ndarray, "to from"],
    wanted: Complex[np.ndarray, "to from"],
    axis: int | tuple[int, int],
) -> Complex[np.ndarray, "_to _from"]:
    """What `found` is times `wanted` along some axis, by least squares; 1 where they are dark."""
    overlap = np.sum(wanted.conj() * found, axis, keepdims=True)
    power = np.sum(np.abs(wanted) ** 2, axis, keepdims=True)
    return np.where(overlap == 0, 1, overlap / np.where(power == 0, 1, power))


class _Equations(NamedTuple):
    """Gauss-Newton's equations, gauges projected out, and the variance of what poses leave."""

    matrix: Float[np.ndarray, "unknowns unknowns"]
    right: Float[np.ndarray, " unknowns"]
    variance: float


class _Columns(NamedTuple):
    """Of one link: derivatives of its logarithm, then what is missing of it; of which unknowns."""

    fields: Complex[np.ndarray, "columns to from"]
    places: Int[np.ndarray, " columns"]
    weight: Float[np.ndarray, "to from"]


def _equations(
    links: Links, unknowns: Unknowns, values: Float[np.ndarray, " unknowns"]
) -> _Equations:
    """Normal equations of all links, what is missing as the last column, less what gauges explain.

    Gauges live on the nodes of a graph, the atoms, and every coefficient is an edge.
    """
    nodes = _nodes(links)
    many, unknown_gains = unknowns.size + 1, nodes[0].shape[1]
    normal, at_nodes = np.zeros((many, many)), np.zeros((unknown_gains, many), complex)
    laplacian, edges = np.zeros((unknown_gains, unknown_gains)), 0
    columns = _columns(links, unknowns, values)
    for (fields, places, weight), (start, end) in zip(columns, pairwise(nodes), strict=True):
        weighted = weight * fields
        normal[np.ix_(places, places)] += np.einsum("pij,qij->pq", fields.conj(), weighted).real
        at_nodes[:, places] += (weighted.sum(axis=2) @ end - weighted.sum(axis=1) @ start).T
        laplacian += end.T @ (weight.sum(axis=1)[:, None] * end - weight @ start)
        laplacian += start.T @ (weight.sum(axis=0)[:, None] * start - weight.T @ end)
        edges += np.count_nonzero(weight)
    # A dark atom is tied to nothing; its gain stays as it is.
    tied = laplacian + np.diag(np.diag(laplacian) == 0)
    normal -= (at_nodes.conj().T @ np.linalg.solve(tied, at_nodes)).real
    freedom = max(edges - unknown_gains - unknowns.size / 2, 1)
    return _Equations(normal[:-1, :-1], normal[:-1, -1], max(normal[-1, -1], 0) / freedom)


def _nodes(links: Links) -> list[Float[np.ndarray, "elements gains"]]:
    """Whose gain is unknown, plane by plane: no user's, each atom's, one of all antennas."""
    layers, (atoms, users) = len(links) - 1, np.shape(links.first)
    each = np.eye(layers * atoms + 1)
    of_layers = [each[layer * atoms : (layer + 1) * atoms] for layer in range(layers)]
    antennas = np.repeat(each[-1:], np.shape(links.last)[0], axis=0)
    return [np.zeros((users, len(each))), *of_layers, antennas]


def _columns(
    links: Links, unknowns: Unknowns, values: Float[np.ndarray, " unknowns"]
) -> Iterator[_Columns]:
    """What every link says, in the order in which the wave takes them."""
    at = jnp.asarray(values)
    model = jax.tree.map(np.asarray, links_at(unknowns, at))
    swept = swept_gauge(links, model)
    for found, nominal, (slopes, places) in zip(swept, model, _slopes(unknowns, at), strict=True):
        power = np.where(found != 0, np.abs(nominal) ** 2, 0)
        some = power > 0
        divisor = np.where(some, nominal, 1)
        missing = np.log(np.where(some, found, 1) / divisor)
        used = places < unknowns.size
        yield _Columns(
            np.concatenate([slopes[used] / divisor, missing[None]]),
            np.append(places[used], unknowns.size),
            power / power.sum(),
        )


def _slopes(
    unknowns: Unknowns, at: Float[Array, " unknowns"]
) -> Iterator[tuple[Complex[np.ndarray, "moves to from"], Int[np.ndarray, " moves"]]]:
    """Derivatives of every link, and of which unknown each is; beyond the last where of none."""
    slopes, everything = link_slopes(unknowns, at), np.arange(unknowns.size)
    yield np.asarray(slopes.first), everything
    for between, columns in zip(slopes.between, slopes.columns, strict=True):
        yield np.asarray(between), np.asarray(columns)
    yield np.asarray(slopes.last), everything


def _solved(
    matrix: Float[np.ndarray, "n n"], right: Float[np.ndarray, " n"]
) -> Float[np.ndarray, " n"]:
    """The shortest solution, along what the links and the prior tell."""
    return np.linalg.lstsq(matrix, right, rcond=_UNTOLD)[0]
