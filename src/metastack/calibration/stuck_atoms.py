"""Atoms that no longer follow: found one after the other by a generalised likelihood ratio.

An atom that sticks gives a constant where the model expects e^{jφ}: for every atom, what would be
left of the pilots if it were constant is known in closed form. The one that explains most is taken
out, everything is fitted again, and so on until the best explains no more than chance; one that a
later fit would rather have moving is put back.

Source: S. Kay, Fundamentals of Statistical Signal Processing II, section 6.4, for the ratio; the
greedy order is that of orthogonal matching pursuit.
"""

from collections.abc import Callable
from typing import NamedTuple

import equinox as eqx
import jax.numpy as jnp
import numpy as np
import scipy.stats
from jaxtyping import Array, Bool, Complex, Float

from .._types import AnyArray
from ..precision import in_float64
from .geometric import Calibration
from .least_squares import Ending, Fit, fit
from .links import states
from .pilot_model import PoseAndAtomModel, PoseModel
from .sensitivity import links_at
from .unequal_atoms import FIRST_DEVIATION, with_atom_variance

_FALSE_ALARM = 1e-3
_SEARCH_ITERATIONS = 6


@in_float64
def with_stuck_atoms(
    calibration: Calibration,
    *,
    most: int | None = None,
    on_found: Callable[[int], None] | None = None,
) -> Calibration:
    """Go on from a calibration, find atoms that stick, and give the others gains of their own.

    `most`: no more than so many are looked for, by default a quarter of all. `on_found` is told how
    many are found so far. A stuck atom is one that a constant explains better than a phase, at a
    chance of .001 that some atom of a sound stack is taken for one. Ctrl-C ends it.
    """
    shape = calibration.nominal.phases_shape
    follows = PoseModel.of(calibration.unknowns, calibration.pilots.plan).transmission
    is_stuck = np.zeros(shape, bool)
    fitted = _fitted(calibration, is_stuck, _start(calibration))
    for _ in range(max(1, is_stuck.size // 4) if most is None else most):
        evidence, constant = _evidence(calibration, fitted, jnp.ones_like(follows))
        place = np.unravel_index(np.argmax(np.where(is_stuck, -np.inf, evidence)), shape)
        if evidence[place] < _threshold(is_stuck.size) or _is_interrupted(fitted):
            break
        is_stuck = _with(is_stuck, place, value=True)
        start = _with_error(fitted, place, constant[place] - 1)
        fitted = _fitted(calibration, is_stuck, start)
        if on_found is not None:
            on_found(int(is_stuck.sum()))
    for place in map(tuple, np.argwhere(is_stuck)):
        evidence, gain = _evidence(calibration, fitted, follows)
        if evidence[place] > abs(gain[place] - 1) ** 2 / FIRST_DEVIATION**2:
            is_stuck = _with(is_stuck, place, value=False)
            fitted = _fitted(calibration, is_stuck, _with_error(fitted, place, 0))
    return with_atom_variance(calibration, fitted.model, fitted.fit.values)


class _Fitted(NamedTuple):
    model: PoseAndAtomModel
    fit: Fit


def _start(calibration: Calibration) -> Float[np.ndarray, " unknowns"]:
    layers, atoms = calibration.nominal.phases_shape
    return np.concatenate([calibration.values, np.zeros(2 * layers * atoms)])


def _threshold(atoms: int) -> float:
    """Of the evidence of one of so many atoms: a constant has two real numbers to fit noise."""
    return float(scipy.stats.chi2.isf(_FALSE_ALARM / atoms, 2)) / 2


def _is_interrupted(fitted: _Fitted) -> bool:
    return fitted.fit.ending is Ending.INTERRUPTED


def _with(
    is_stuck: Bool[np.ndarray, "layers atoms"], place: tuple[np.intp, ...], *, value: bool
) -> Bool[np.ndarray, "layers atoms"]:
    changed = is_stuck.copy()
    changed[place] = value
    return changed


def _with_error(
    fitted: _Fitted, place: tuple[np.intp, ...], error: complex
) -> Float[np.ndarray, " unknowns"]:
    """The values of a fit with another error of one atom."""
    values = fitted.fit.values.copy()
    shape = fitted.model.is_stuck.shape
    parts = values[-2 * fitted.model.is_stuck.size :].reshape(2, *shape)
    parts[(slice(None), *place)] = error.real, error.imag
    return values


def _fitted(
    calibration: Calibration,
    is_stuck: Bool[np.ndarray, "layers atoms"],
    start: Float[np.ndarray, " unknowns"],
) -> _Fitted:
    """A quick fit with these atoms stuck; stuck ones not yet found pass for noise."""
    model = PoseAndAtomModel.of(calibration.unknowns, calibration.pilots.plan, is_stuck)
    found = fit(
        model,
        calibration.pilots.received,
        calibration.gains,
        model.precision(FIRST_DEVIATION**2 / 2),
        noise_variance=None,
        start=start,
        iterations=_SEARCH_ITERATIONS,
    )
    return _Fitted(model, found)


def _evidence(
    calibration: Calibration, fitted: _Fitted, pattern: Complex[Array, "slots layers atoms"]
) -> tuple[Float[np.ndarray, "layers atoms"], Complex[np.ndarray, "layers atoms"]]:
    """How much likelier the pilots were if one atom showed the best multiple of a pattern.

    In logarithms, for every atom, what its gain costs now given back; and that multiple.
    """
    model, found = fitted
    gain = jnp.broadcast_to(found.gain, found.residual.shape)
    drop, multiple = _explained_by(model, found.values, found.residual, gain, pattern)
    _, errors = model.split(jnp.asarray(found.values))
    cost = np.abs(np.asarray(errors)) ** 2 / np.where(model.is_stuck, np.inf, FIRST_DEVIATION**2)
    return np.asarray(drop) / found.noise_variance + cost, np.asarray(multiple)


@eqx.filter_jit
def _explained_by(
    model: PoseAndAtomModel,
    values: Float[AnyArray, " unknowns"],
    residual: Complex[AnyArray, "slots antennas users"],
    gain: Complex[Array, "slots antennas users"],
    pattern: Complex[Array, "slots layers atoms"],
) -> tuple[Float[Array, "layers atoms"], Complex[Array, "layers atoms"]]:
    """Energy by which the residual falls if one atom shows the best multiple of `pattern`."""
    poses, errors = model.split(jnp.asarray(values))
    shown = model.poses.transmission * (1 + errors)
    passing = states(links_at(model.poses.unknowns, poses), shown)
    through = jnp.einsum("tmu,ltmn,ltun->tmuln", gain, passing.leaving, passing.arriving)
    power = jnp.sum(jnp.abs(through) ** 2, axis=(1, 2))
    met = jnp.einsum("tmuln,tmu->tln", jnp.conj(through), residual)
    # Without the atom, the residual is r + through shown; it is then fitted by through pattern.
    taken_out = jnp.sum(2 * (jnp.conj(shown) * met).real + power * jnp.abs(shown) ** 2, axis=0)
    overlap = jnp.sum(jnp.conj(pattern) * (met + power * shown), axis=0)
    energy = jnp.sum(power * jnp.abs(pattern) ** 2, axis=0)
    return jnp.abs(overlap) ** 2 / energy - taken_out, overlap / energy
