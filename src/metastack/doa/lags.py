"""What energies say without any search: they are linear in the lags of the incident field.

|h·a|² = Σ_d C_d c_d with c_d = Σ_n a_{n+d} a_n* the field's autocorrelation at lag d = (d_x, d_y)
and C_d that of the detector's weights. For one source c_d is e^{j d·ψ} times a positive number,
so that the phases of the lags (1, 0) and (0, 1) *are* the electrical angles. For a DFT this is
the phase of the first Fourier coefficient of the energies' marginals.

Source: ours (see DESIGN, the grid floor).
"""

from typing import Self

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Complex, Float, Int

from .._types import AnyArray
from ..errors import require
from ..precision import in_float64
from .model import DirectionModel
from .snapshots import checked_energies

# A lag is determined if its row of the resolution matrix is that of the identity to this.
_RESOLVED = 1e-6


def lag_matrix(
    model: DirectionModel,
) -> tuple[Float[np.ndarray, "measurements unknowns"], Int[np.ndarray, "lags 2"]]:
    """The energies as a linear map of the lags, and the lags (d_x, d_y) in its order.

    Unknowns: c_0, then the real parts, then the imaginary parts of the other lags of one half
    plane (the other half is their conjugates).
    """
    weights = np.asarray(model.weights).reshape(-1, model.rows, model.columns)
    spectrum = np.fft.fft2(weights, s=(2 * model.rows, 2 * model.columns))
    autocorrelation = np.fft.ifft2(np.abs(spectrum) ** 2)
    lags = half_plane(model.columns, model.rows)
    at_lags = autocorrelation[:, lags[:, 1], lags[:, 0]]
    matrix = [autocorrelation[:, 0, 0].real[:, None], 2 * at_lags.real, -2 * at_lags.imag]
    return np.concatenate(matrix, axis=1), lags


def half_plane(columns: int, rows: int) -> Int[np.ndarray, "lags 2"]:
    """One of each pair of lags ±(d_x, d_y) of a `columns` x `rows` array, without 0."""
    return np.array(
        [(x, y) for y in range(rows) for x in range(1 - columns, columns) if y > 0 or x > 0],
        dtype=int,
    ).reshape(-1, 2)


@in_float64
def lag_estimate(
    energies: Float[AnyArray, "*batch snapshots probes"], model: DirectionModel
) -> Float[np.ndarray, "*batch 2"]:
    """Electrical angles (ψ_x, ψ_y) in [-π, π] of each run, in closed form.

    Raises:
        InputError: an array of one column or row, or energies that leave the lags (1, 0) or
            (0, 1) undetermined.
    """
    measured = checked_energies(energies, model.snapshots, model.probes)
    return np.asarray(LagStart.of(model)(jnp.asarray(measured)))


class LagStart(eqx.Module):
    """The closed-form estimate, to be compiled with others; see also `lag_estimate`.

    Two weighted sums of the energies, and their phases.
    """

    weights: Complex[Array, "2 measurements"]

    @classmethod
    def of(cls, model: DirectionModel) -> Self:
        """Weights for a model, from the pseudo-inverse of its lag matrix.

        Raises:
            InputError: an array of one column or row, or energies that leave the lags (1, 0) or
                (0, 1) undetermined.
        """
        check_two_dimensional(model)
        inverse, resolved, lags = resolve_lags(model)
        of_lag = [np.flatnonzero((lags == lag).all(axis=1))[0] for lag in ((1, 0), (0, 1))]
        real = 1 + np.array(of_lag)
        imaginary = real + len(lags)
        require(bool(resolved[[*real, *imaginary]].all()), too_few_snapshots(model))
        return cls(jnp.asarray(inverse[real] + 1j * inverse[imaginary]))

    def __call__(
        self, energies: Float[Array, "*batch snapshots probes"]
    ) -> Float[Array, "*batch 2"]:
        """Electrical angles (ψ_x, ψ_y) in [-π, π]."""
        flat = energies.reshape(*energies.shape[:-2], -1)
        parts = jnp.concatenate([self.weights.real, self.weights.imag]).astype(flat.dtype)
        sums = flat @ parts.T
        return jnp.arctan2(sums[..., 2:], sums[..., :2])


def resolve_lags(
    model: DirectionModel,
) -> tuple[
    Float[np.ndarray, "unknowns measurements"],
    Bool[np.ndarray, " unknowns"],
    Int[np.ndarray, "lags 2"],
]:
    """Rows that turn energies into the unknowns of `lag_matrix`, which these are, and the lags.

    The second array says which unknowns the energies determine.

    A constant floor under the energies is not an unknown: a DFT sees it as part of lag 0, and
    elsewhere telling it apart costs more, from -5 dB up, than the bias that it leaves.
    """
    matrix, lags = lag_matrix(model)
    inverse = np.linalg.pinv(matrix, rcond=1e-8)
    off = np.abs(inverse @ matrix - np.eye(matrix.shape[1])).max(axis=1)
    return inverse, off < _RESOLVED, lags


def check_two_dimensional(model: DirectionModel) -> None:
    """Refuse an array that sees one of the two angles only.

    Raises:
        InputError: one column or one row.
    """
    require(
        model.columns > 1 and model.rows > 1,
        "A direction in two angles must be read with at least 2 columns and 2 rows of elements, "
        f"but there are {model.columns} x {model.rows}.",
    )


def too_few_snapshots(model: DirectionModel) -> str:
    """What to say where energies do not determine the direction."""
    return (
        f"The energies of {model.snapshots} snapshots do not tell ψ from -ψ and its aliases: "
        "patterns of the input layer must sample the angular spectrum at 2N - 1 points or more "
        "along each axis; with DFT probes that takes `snapshots_x` and `snapshots_y` of at least 2."
    )
