"""What is expected of a built network beside the designed one, and how strongly.

Layers out of place move the network along the derivatives of a model of its poses. What such a
model leaves out is a remainder, element by element: a share of what poses move, since no model is
exact, and a share of everything. Both shares are those under which pilots are most probable.

Source: ours; for strengths by marginal likelihood D. MacKay, Neural Comput. 4 (1992) 415.
"""

from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
import scipy.linalg
import scipy.optimize
from jaxtyping import Complex, Float

from .linear import LinearPilots, gram

_LEAST_SHARE, _MOST_SHARE = 1e-4, 10.0
_MOST_TRIALS = 50
# Known to a twentieth, or as well as pilots tell them, strengths are known well enough.
_SETTLED = {"xatol": 0.05, "fatol": 0.2}


class MovingNetwork(Protocol):
    """How a network follows its poses, or anything else of which little is known beforehand.

    Values are in units of their expected deviations.
    """

    @property
    def size(self) -> int:
        """Number of values."""
        ...

    def with_slopes(
        self, values: Float[np.ndarray, " values"]
    ) -> tuple[Complex[np.ndarray, "ports ports"], Complex[np.ndarray, "values ports ports"]]:
        """Scattering matrix with these values, and its derivatives there."""
        ...


@dataclass(frozen=True, eq=False)
class StillNetwork:
    """A network that has no poses: everything is remainder."""

    scattering: Complex[np.ndarray, "ports ports"]

    @property
    def size(self) -> int:
        """None."""
        return 0

    def with_slopes(
        self, values: Float[np.ndarray, " values"]
    ) -> tuple[Complex[np.ndarray, "ports ports"], Complex[np.ndarray, "values ports ports"]]:
        """Scattering matrix as it is; there are no derivatives."""
        return self.scattering, np.zeros((0, *self.scattering.shape), complex)


@dataclass(frozen=True, eq=False)
class Tangent:
    """A network near some values of what moves: its scattering there, and how it goes on."""

    values: Float[np.ndarray, " values"]
    scattering: Complex[np.ndarray, "ports ports"]
    slopes: Complex[np.ndarray, "values ports ports"]

    @classmethod
    def of(cls, moving: MovingNetwork, values: Float[np.ndarray, " values"]) -> "Tangent":
        """That of a moving network."""
        return cls(values, *moving.with_slopes(values))

    def at(self, values: Float[np.ndarray, " values"]) -> Complex[np.ndarray, "ports ports"]:
        """Scattering at other values, on the tangent."""
        return self.scattering + np.tensordot(values - self.values, self.slopes, axes=1)


@dataclass(frozen=True)
class Strengths:
    """How much is expected that no pose explains.

    `of_motion`: deviation of an element as a share of that which poses give it; `of_all`: share of
    the network's mean square that it has everywhere, in proportion to an element's magnitude;
    `noise_variance`: of a response.
    """

    of_motion: float
    of_all: float
    noise_variance: float

    def deviation(
        self,
        scattering: Complex[np.ndarray, "ports ports"],
        slopes: Complex[np.ndarray, "values ports ports"],
    ) -> Float[np.ndarray, "ports ports"]:
        """Of every element of the remainder."""
        parts = self.of_motion**2 * _moved(slopes) + self.of_all**2 * _everywhere(scattering)
        return np.sqrt(parts)


def _moved(slopes: Complex[np.ndarray, "values ports ports"]) -> Float[np.ndarray, "ports ports"]:
    """Variance that values of unit variance give to every element."""
    return np.sum(np.abs(slopes) ** 2, axis=0)


def _everywhere(
    scattering: Complex[np.ndarray, "ports ports"],
) -> Float[np.ndarray, "ports ports"]:
    """Variances as large as the mean square, in proportion to magnitudes."""
    magnitude = np.abs(scattering)
    return magnitude * np.mean(magnitude**2) / np.mean(magnitude)


def likeliest_strengths(
    linear: LinearPilots,
    beyond: Complex[np.ndarray, " numbers"],
    scattering: Complex[np.ndarray, "ports ports"],
    slopes: Complex[np.ndarray, "values ports ports"],
    start: Strengths,
) -> Strengths:
    """The shares under which pilots are most probable, to first order, the noise being known.

    `beyond`: what is received beyond the prior's mean. Its covariance is that of real values along
    the slopes, and of complex ones, circular, for all else.
    """
    variances = _moved(slopes), _everywhere(scattering)
    grams = [gram(linear.slopes(np.sqrt(each))) for each in variances]
    along = np.stack([linear.along(slope) for slope in slopes], axis=-1) if len(slopes) else None

    def improbability(logarithms: Float[np.ndarray, " shares"]) -> float:
        shares = np.exp(logarithms)
        K = shares[0] ** 2 * grams[0] + shares[1] ** 2 * grams[1]
        K[np.diag_indices(len(K))] += start.noise_variance
        return -_log_probability(K, along, beyond)

    found = scipy.optimize.minimize(
        improbability,
        np.log([start.of_motion, start.of_all]),
        method="Nelder-Mead",
        bounds=[(np.log(_LEAST_SHARE), np.log(_MOST_SHARE))] * 2,
        options={"maxfev": _MOST_TRIALS, **_SETTLED},
    )
    motion, everything = np.exp(found.x)
    return replace(start, of_motion=float(motion), of_all=float(everything))


def _log_probability(
    covariance: Complex[np.ndarray, "numbers numbers"],
    along: Complex[np.ndarray, "numbers values"] | None,
    beyond: Complex[np.ndarray, " numbers"],
) -> float:
    """Of a circular Gaussian with real numbers of unit variance along some directions on top."""
    root = scipy.linalg.cholesky(covariance, lower=True, check_finite=False)
    white = scipy.linalg.solve_triangular(root, beyond, lower=True)
    quadratic = np.vdot(white, white).real
    logarithm = 2 * np.sum(np.log(np.real(np.diag(root))))
    if along is None:
        return -quadratic - logarithm
    seen = scipy.linalg.solve_triangular(root, along, lower=True)
    # E|n|² is 1 of a whitened complex number, 1/2 of each of its parts.
    told, precision = np.real(seen.conj().T @ white), np.real(seen.conj().T @ seen)
    posterior = np.eye(len(told)) / 2 + precision
    quadratic -= told @ np.linalg.solve(posterior, told)
    return -quadratic - logarithm - np.linalg.slogdet(2 * posterior)[1] / 2
