"""How accurately pilots can tell poses and matrices: bounds, before anything is measured.

The Fisher information of poses, the unknown gain projected out, bounds every unbiased estimate
(Cramér-Rao); with the prior's added, every estimate on average over what may be built (Bayesian
Cramér-Rao, Van Trees). The error of a matrix follows by its derivatives (delta method).

Source: H. Van Trees, Detection, Estimation and Modulation Theory I, sections 2.4 and 2.7.
"""

from dataclasses import dataclass

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Complex, Float

from ..errors import require
from ..precision import in_float64
from ..stack import Stack
from .gains import Gains, LinearGains, OneGain
from .gauge import between_layers
from .least_squares import covariance
from .pilot_model import PilotModel, PoseModel
from .pilots import PilotPlan, check_plan
from .sensitivity import link_slopes, links_at
from .unknowns import Expected, Unknowns

# Beyond, a matrix does no longer change in proportion to what moves it.
LARGEST_LINEAR_NMSE = 0.25


@dataclass(frozen=True, eq=False)
class Bounds:
    """What no estimate from these pilots can beat.

    `information`: of the pilots alone, in units of the unknowns; `covariance`: infinite where
    nothing tells. `link_nmse`: of each matrix, users to layer 1 first; `prior_nmse`: the same
    before any pilot, which without a prior is infinite.
    """

    unknowns: Unknowns
    information: Float[np.ndarray, "unknowns unknowns"]
    covariance: Float[np.ndarray, "unknowns unknowns"]
    link_nmse: Float[np.ndarray, " links"]
    prior_nmse: Float[np.ndarray, " links"]

    @property
    def deviation(self) -> Float[np.ndarray, " unknowns"]:
        """Least standard deviation of every unknown, in its unit."""
        return np.sqrt(np.diag(self.covariance))

    @property
    def improvement_db(self) -> float:
        """Mean NMSE of the layers' matrices before, over that after calibration.

        NaN where tolerances are too large for matrices to change in proportion.
        """
        before, after = map(between_layers, (self.prior_nmse, self.link_nmse))
        if not np.all(before < LARGEST_LINEAR_NMSE):
            return float("nan")
        return 10 * float(np.log10(before.mean() / after.mean()))


@in_float64
def cramer_rao(
    stack: Stack,
    plan: PilotPlan,
    expected: Expected,
    *,
    noise_variance: float,
    gains: Gains | None = None,
) -> Bounds:
    """Cramér-Rao bounds of unbiased estimates, at the stack as it stands.

    Raises:
        InputError: a plan of another stack; nothing unknown; a noise variance that is not positive.
    """
    unknowns, information = _information(stack, plan, expected, noise_variance, gains)
    return bounds_from(unknowns, information, np.zeros(unknowns.size))


@in_float64
def bayesian_cramer_rao(
    stack: Stack,
    plan: PilotPlan,
    expected: Expected,
    *,
    noise_variance: float,
    gains: Gains | None = None,
) -> Bounds:
    """Bayesian Cramér-Rao bounds, the information of pilots taken at the stack as it stands.

    Raises:
        InputError: as `cramer_rao`.
    """
    unknowns, information = _information(stack, plan, expected, noise_variance, gains)
    return bounds_from(unknowns, information, unknowns.precision)


def bounds_from(
    unknowns: Unknowns,
    information: Float[np.ndarray, "unknowns unknowns"],
    precision: Float[np.ndarray, " unknowns"],
) -> Bounds:
    """Bounds from the Fisher information of pilots and a prior's precision."""
    spread = covariance(information, precision, 2.0)
    nominal = np.zeros(unknowns.size)
    after = delta_nmse(unknowns, nominal, spread)
    return Bounds(unknowns, information, spread, after, prior_nmse(unknowns))


@in_float64
def prior_nmse(unknowns: Unknowns) -> Float[np.ndarray, " links"]:
    """Expected NMSE of every matrix before any pilot; infinite where nothing is known."""
    before = np.diag(np.where(unknowns.has_prior, 1.0, np.inf))
    return delta_nmse(unknowns, np.zeros(unknowns.size), before)


@in_float64
def delta_nmse(
    unknowns: Unknowns,
    values: Float[np.ndarray, " unknowns"],
    spread: Float[np.ndarray, "unknowns unknowns"],
) -> Float[np.ndarray, " links"]:
    """Expected NMSE of every matrix where the unknowns have this covariance, in their units."""
    return _delta(spread, np.asarray(link_grams(unknowns, jnp.asarray(values, float))))


@eqx.filter_jit
def information_matrix(
    model: PilotModel, gains: LinearGains, values: Float[Array, " unknowns"]
) -> Float[Array, "unknowns unknowns"]:
    """Re JᴴJ of unit-gain pilots, unknown gains projected out; times 2/σ² the information."""
    y, slopes = model.linearise(values)
    J = gains.projected(y, slopes).reshape(y.size, -1)
    parts = jnp.concatenate([J.real, J.imag])
    return parts.T @ parts


@eqx.filter_jit
def link_grams(
    unknowns: Unknowns, values: Float[Array, " unknowns"]
) -> Float[Array, "links unknowns unknowns"]:
    """Re tr(∂_p Aᴴ ∂_q A) / ||A||² of every matrix A: the NMSE of a small change of unknowns."""
    links, slopes = links_at(unknowns, values), link_slopes(unknowns, values)

    def inner(hop: tuple[Array, ...]) -> Float[Array, "unknowns unknowns"]:
        columns, of_moves, link = hop
        # One more row and column for what no unknown moves.
        table = jnp.zeros((unknowns.size + 1, unknowns.size + 1))
        return table.at[columns[:, None], columns].add(_gram(of_moves, link))[:-1, :-1]

    between = jax.lax.map(inner, (slopes.columns, slopes.between, links.between))
    first = _gram(slopes.first, jnp.asarray(links.first))
    last = _gram(slopes.last, jnp.asarray(links.last))
    return jnp.concatenate([first[None], between, last[None]])


def _gram(
    slopes: Complex[Array, "moves to from"], link: Complex[Array, "to from"]
) -> Float[Array, "moves moves"]:
    flat = slopes.reshape(len(slopes), -1)
    parts = jnp.concatenate([flat.real, flat.imag], axis=1)
    return parts @ parts.T / jnp.sum(jnp.abs(link) ** 2)


def _delta(
    spread: Float[np.ndarray, "unknowns unknowns"],
    grams: Float[np.ndarray, "links unknowns unknowns"],
) -> Float[np.ndarray, " links"]:
    """tr(C Q), where an infinite variance counts only for matrices that it moves."""
    open_ended = np.isinf(np.diag(spread))
    known = np.where(open_ended[:, None] | open_ended, 0, spread)
    moved = np.diagonal(grams, axis1=1, axis2=2)[:, open_ended] > 0
    return np.where(moved.any(axis=1), np.inf, np.einsum("pq,lpq->l", known, grams))


@in_float64
def information_of(
    model: PilotModel,
    unknowns: Unknowns,
    *,
    noise_variance: float,
    gains: LinearGains | None = None,
) -> Float[np.ndarray, "unknowns unknowns"]:
    """Fisher information of a model's pilots at nominal, one gain unknown if not told.

    Raises:
        InputError: a noise variance that is not positive.
    """
    require(
        np.isfinite(noise_variance) and noise_variance > 0,
        f"`noise_variance` must be positive, but is {noise_variance}.",
    )
    matrix = information_matrix(model, gains or OneGain(), jnp.zeros(unknowns.size))
    return 2 / noise_variance * np.asarray(matrix)


def _information(
    stack: Stack,
    plan: PilotPlan,
    expected: Expected,
    noise_variance: float,
    gains: Gains | None,
) -> tuple[Unknowns, Float[np.ndarray, "unknowns unknowns"]]:
    check_plan(plan, stack)
    unknowns = Unknowns.of(stack, plan.illumination, expected)
    model = PoseModel.of(unknowns, plan)
    return unknowns, information_of(model, unknowns, noise_variance=noise_variance, gains=gains)
