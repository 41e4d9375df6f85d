"""From readings to the channel: every estimator is one matrix B, ĥ = B y.

So the mean squared error of each is known without a draw, also when the stack that B believes in
is not the one that is built.

Source: S. M. Kay, Estimation Theory (1993), chapters 8 and 12; Ö. Demir et al., 2022 (see
`prior`), for least squares in the subspace.
"""

import numpy as np
from jaxtyping import Complex

from ...errors import require
from .prior import ChannelPrior


def least_squares(
    sensing: Complex[np.ndarray, "readings atoms"],
) -> Complex[np.ndarray, "atoms readings"]:
    """(Aᴴ A)⁻¹ Aᴴ: knows neither covariance nor noise.

    Raises:
        InputError: fewer readings than atoms, or readings that repeat each other.
    """
    readings, atoms = sensing.shape
    require(
        readings >= atoms,
        f"Least squares needs as many readings as there are atoms, but has {readings} (slots x "
        f"antennas) for {atoms}; use more slots, or an estimator that knows the covariance.",
    )
    return _left_inverse(sensing)


def subspace_least_squares(
    sensing: Complex[np.ndarray, "readings atoms"], basis: Complex[np.ndarray, "atoms rank"]
) -> Complex[np.ndarray, "atoms readings"]:
    """U (A U)⁺: least squares for what lies in the subspace of the orthonormal columns U.

    Raises:
        InputError: fewer readings than dimensions, or readings that repeat each other.
    """
    readings, rank = len(sensing), basis.shape[1]
    require(
        readings >= rank,
        f"Least squares in {rank} dimensions needs as many readings, but has {readings} (slots x "
        "antennas); use more slots or fewer dimensions.",
    )
    return basis @ _left_inverse(sensing @ basis)


def best_subspace(
    sensing: Complex[np.ndarray, "readings atoms"], prior: ChannelPrior, noise_variance: float
) -> Complex[np.ndarray, "atoms rank"]:
    """The dominant subspace of the rank whose least squares are expected to err least.

    A small one loses some of the channel, a large one lets in noise.
    """
    whole = prior.subspace(sensing.shape[1])
    seen = sensing @ whole
    most = np.linalg.matrix_rank(seen[:, : len(sensing)])
    _, triangle = np.linalg.qr(seen)
    strength = np.linalg.norm(np.asarray(prior.root).conj().T @ whole, axis=0) ** 2

    def error(rank: int) -> float:
        # The inverse of the leading block leads the inverse: no rank needs readings of its own.
        inverse = np.linalg.inv(triangle[:rank, :rank])
        misled = np.abs(inverse @ triangle[:rank, rank:]) ** 2 @ strength[rank:]
        return noise_variance * np.sum(np.abs(inverse) ** 2) + misled.sum() + strength[rank:].sum()

    return whole[:, : min(range(1, int(most) + 1), key=error)]


def lmmse(
    sensing: Complex[np.ndarray, "readings atoms"], prior: ChannelPrior, noise_variance: float
) -> Complex[np.ndarray, "atoms readings"]:
    """R Aᴴ (A R Aᴴ + σ²)⁻¹, the mean of the channel given the readings; R may be singular."""
    root = np.asarray(prior.root)
    seen = sensing @ root
    inverted = noise_variance * np.eye(seen.shape[1]) + seen.conj().T @ seen
    return root @ np.linalg.solve(inverted, seen.conj().T)


def expected_error(
    estimator: Complex[np.ndarray, "atoms readings"],
    sensing: Complex[np.ndarray, "readings atoms"],
    prior: ChannelPrior,
    noise_variance: float,
) -> float:
    """E‖B (A h + u) - h‖² = ‖(B A - 1) S‖² + σ² ‖B‖².

    `sensing`: of the stack that is built, whatever the estimator was made for.
    """
    root = np.asarray(prior.root)
    astray = estimator @ (sensing @ root) - root
    of_noise = noise_variance * np.sum(np.abs(estimator) ** 2)
    return float(np.sum(np.abs(astray) ** 2) + of_noise)


def _left_inverse(
    sensing: Complex[np.ndarray, "readings unknowns"],
) -> Complex[np.ndarray, "unknowns readings"]:
    rank, unknowns = int(np.linalg.matrix_rank(sensing)), sensing.shape[1]
    require(
        rank == unknowns,
        f"Patterns must tell {unknowns} unknowns apart, but tell only {rank}: some repeat each "
        "other or let nothing through; use other patterns or more slots.",
    )
    return np.linalg.pinv(sensing)
