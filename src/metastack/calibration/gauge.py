"""What pilots cannot tell of matrices whose every coefficient is free: their gauge.

A stack of L programmable layers carries a wave by L + 1 matrices: A_0 from the users to the first
layer, A_l from layer to layer, A_L to the antennas. Whatever phases the layers show, the antennas
receive the same if the field on every layer is counted in other units, one for each atom:
A_l → D_{l+1} A_l D_l^{-1} with invertible diagonals D_1 … D_L. Pilots therefore determine the
matrices up to L N complex numbers and no further, and a fit of single coefficients, even without
noise, comes no nearer to the true ones than the gauge that it ends in.

Source: DESIGN.md, the gauge theorem; ours.
"""

from collections.abc import Callable, Sequence
from itertools import accumulate, pairwise
from typing import TypeAlias

import jax.numpy as jnp
import numpy as np
import scipy.linalg
from jaxtyping import Array, Complex, Float

from .._types import AnyArray
from ..errors import require
from ..precision import in_float64

Matrices: TypeAlias = Sequence[Complex[AnyArray, "_to _from"]]

# Logarithms are taken to the nearest turn; where gauges are large, a second look may differ.
_MOST_ROUNDS = 10
_SETTLED = 1e-14


@in_float64
def through_layers(
    matrices: Matrices, transmission: Complex[AnyArray, "*batch layers atoms"]
) -> Complex[Array, "*batch antennas users"]:
    """What the antennas receive from unit users: A_L T_L A_{L-1} … T_1 A_0.

    Raises:
        InputError: matrices that do not follow each other, or another number of layers.
    """
    _check(matrices)
    layers = len(matrices) - 1
    require(
        np.shape(transmission)[-2] == layers,
        f"`transmission` must be of {layers} layers, one fewer than the matrices, but is of "
        f"{np.shape(transmission)[-2]}.",
    )
    shown = jnp.asarray(transmission)
    field = jnp.asarray(matrices[0])
    for layer in range(layers):
        field = jnp.asarray(matrices[layer + 1]) @ (shown[..., layer, :, None] * field)
    return field


def regauged(matrices: Matrices, gains: Sequence[Complex[np.ndarray, "_"]]) -> list[np.ndarray]:
    """The matrices in another gauge: `gains[l]` is the diagonal of D_{l+1}, one for each layer.

    Raises:
        InputError: gains that do not fit the layers, or of which one is zero or not finite.
    """
    _check(matrices)
    sizes = [np.shape(matrix)[0] for matrix in matrices[:-1]]
    require(
        [len(gain) for gain in gains] == sizes,
        f"`gains` must have sizes {sizes}, one gain for each atom of each layer, but have "
        f"{[len(gain) for gain in gains]}.",
    )
    require(
        all(np.isfinite(gain).all() and np.all(gain) for gain in gains),
        "`gains` must be finite and not zero, but one is not.",
    )
    before = [np.ones(np.shape(matrices[0])[1]), *gains]
    behind = [*gains, np.ones(np.shape(matrices[-1])[0])]
    return [
        after[:, None] * np.asarray(matrix) / ahead
        for matrix, ahead, after in zip(matrices, before, behind, strict=True)
    ]


def nearest_gauge(matrices: Matrices, reference: Matrices) -> list[Complex[np.ndarray, "_"]]:
    """The gains that bring matrices nearest to a reference, by the logarithms of their entries.

    Least squares, every entry weighted by the share of its power in the reference matrix; the
    normal equations are the Laplacian of the graph whose nodes are the atoms. Entries that are
    zero in either say nothing. Phases are compared modulo a turn, so that gauges beyond half a
    turn between neighbours may end in a neighbouring minimum.

    Raises:
        InputError: matrices of other shapes than the reference's.
    """
    _check(matrices)
    shapes, expected = ([np.shape(matrix) for matrix in each] for each in (matrices, reference))
    require(
        shapes == expected,
        f"`matrices` must have the shapes of the reference, {expected}, but have {shapes}.",
    )
    ends = list(accumulate((shape[0] for shape in shapes[:-1]), initial=0))
    layers = [slice(*pair) for pair in pairwise(ends)]
    weights = [_weights(*pair) for pair in zip(matrices, reference, strict=True)]
    solve = _solver(_laplacian(weights, layers))
    log_gains = np.zeros(ends[-1], complex)
    for _ in range(_MOST_ROUNDS):
        gains = [np.exp(log_gains[layer]) for layer in layers]
        missing = [
            _logarithm(target, found, weight)
            for target, found, weight in zip(
                reference, regauged(matrices, gains), weights, strict=True
            )
        ]
        step = solve(_divergence(missing, weights, layers))
        log_gains += step
        if np.abs(step).max() < _SETTLED:
            break
    return [np.exp(log_gains[layer]) for layer in layers]


def in_nearest_gauge(matrices: Matrices, reference: Matrices) -> list[np.ndarray]:
    """The matrices in the gauge that is nearest to a reference: see `nearest_gauge`."""
    return regauged(matrices, nearest_gauge(matrices, reference))


def cross_ratios(matrix: Complex[AnyArray, "to from"]) -> Complex[np.ndarray, "_rows _columns"]:
    """W_ij W_00 / (W_i0 W_0j) for i, j > 0: what every gauge leaves as it is, and nothing else.

    Raises:
        InputError: an entry of the first row or column that is zero.
    """
    W = np.asarray(matrix)
    require(
        bool(W[0].all() and W[:, 0].all()),
        "The first row and column of `matrix` must not have a zero, but have.",
    )
    return W[1:, 1:] * W[0, 0] / (W[1:, :1] * W[:1, 1:])


def matrix_nmse(found: Matrices, truth: Matrices) -> Float[np.ndarray, " matrices"]:
    """||found - truth||_F² / ||truth||_F² of every matrix, raw: no scale, no gauge."""
    return np.array(
        [
            np.sum(np.abs(np.asarray(one) - other) ** 2) / np.sum(np.abs(other) ** 2)
            for one, other in zip(found, map(np.asarray, truth), strict=True)
        ]
    )


def between_layers(
    of_matrices: Float[np.ndarray, "matrices *more"],
) -> Float[np.ndarray, "fewer *more"]:
    """Those of the matrices between layers, which the paper counts; all, if there is one layer."""
    return of_matrices[1:-1] if len(of_matrices) > 2 else of_matrices


def gauge_floor(truth: Matrices, nominal: Matrices) -> Float[np.ndarray, " matrices"]:
    """Raw NMSE of a fit of every coefficient that has no error but its gauge, nearest to nominal.

    The true matrices in that gauge are what such a fit can hope for, with any number of pilots.
    """
    return matrix_nmse(in_nearest_gauge(truth, nominal), truth)


def _check(matrices: Matrices) -> None:
    require(
        len(matrices) >= 2,
        f"There must be two matrices or more, to and from each layer, but there are "
        f"{len(matrices)}.",
    )
    for number, (one, after) in enumerate(pairwise(matrices), start=1):
        require(
            np.shape(one)[0] == np.shape(after)[1],
            f"Matrix {number} must have as many columns as matrix {number - 1} has rows, "
            f"{np.shape(one)[0]}, but has {np.shape(after)[1]}.",
        )


def _weights(
    matrix: Complex[AnyArray, "to from"], reference: Complex[AnyArray, "to from"]
) -> Float[np.ndarray, "to from"]:
    power = np.abs(np.asarray(reference)) ** 2
    return np.where(np.asarray(matrix) != 0, power / power.sum(), 0)


def _logarithm(
    target: Complex[AnyArray, "to from"],
    found: Complex[np.ndarray, "to from"],
    weight: Float[np.ndarray, "to from"],
) -> Complex[np.ndarray, "to from"]:
    """log(target / found) where both are something."""
    some = weight > 0
    return np.log(np.where(some, np.asarray(target), 1) / np.where(some, found, 1))


def _laplacian(
    weights: Sequence[Float[np.ndarray, "_to _from"]], layers: Sequence[slice]
) -> Float[np.ndarray, "nodes nodes"]:
    """Of the graph of all atoms; users and antennas are held at gain 1."""
    size = layers[-1].stop
    table = np.zeros((size, size))
    index = np.arange(size)
    for weight, layer in zip(weights[:-1], layers, strict=True):
        table[index[layer], index[layer]] += weight.sum(axis=1)
    for weight, layer in zip(weights[1:], layers, strict=True):
        table[index[layer], index[layer]] += weight.sum(axis=0)
    for weight, (ahead, after) in zip(weights[1:-1], pairwise(layers), strict=True):
        table[after, ahead] -= weight
        table[ahead, after] -= weight.T
    return table


def _solver(
    laplacian: Float[np.ndarray, "nodes nodes"],
) -> Callable[[Complex[np.ndarray, " nodes"]], Complex[np.ndarray, " nodes"]]:
    """What solves with a Laplacian; atoms that nothing ties to users or antennas stay at gain 1."""
    try:
        factor = scipy.linalg.cho_factor(laplacian)
    except scipy.linalg.LinAlgError:
        inverse = np.linalg.pinv(laplacian, hermitian=True)
        return lambda right: inverse @ right
    return lambda right: scipy.linalg.cho_solve(factor, right)


def _divergence(
    missing: Sequence[Complex[np.ndarray, "_to _from"]],
    weights: Sequence[Float[np.ndarray, "_to _from"]],
    layers: Sequence[slice],
) -> Complex[np.ndarray, " nodes"]:
    """What is missing at every atom: of the matrix that leads to it, less the one that leaves."""
    flow = [weight * each for weight, each in zip(weights, missing, strict=True)]
    result = np.zeros(layers[-1].stop, complex)
    for into, out_of, layer in zip(flow[:-1], flow[1:], layers, strict=True):
        result[layer] = into.sum(axis=1) - out_of.sum(axis=0)
    return result
