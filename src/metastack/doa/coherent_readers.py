"""Readers of complex fields: what phase-sensitive receivers make of the same runs.

They set the marks for energy-only reading in `monte_carlo`: maximum likelihood, which sits on the
coherent Cramér-Rao bound, and the digital beamformer that the paper compares with in its Fig. 9.

Source: the estimators' own file, `beamforming`.
"""

from typing import Self

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Complex, Float

from .beamforming import MatchedSteering, require_bins
from .model import DirectionModel
from .protocol import bin_angle_rad
from .readers import Reader, first_largest


class _SteeringReader(Reader):
    """A reader that steers to the highest peak of the matched power."""

    steering: MatchedSteering

    def __call__(
        self, received: Complex[Array, "batch snapshots probes"]
    ) -> Float[Array, "batch 2"]:
        """Electrical angles (ψ_x, ψ_y) in [-π, π), radians."""
        return self.steering(received)


class MatchedReader(_SteeringReader):
    """Maximum likelihood for one steady complex amplitude: `matched_steering` within a run.

    Receivers and source must stay coherent from the first snapshot to the last.
    """

    @classmethod
    def of(cls, model: DirectionModel) -> Self:
        """Read the fields of this model.

        Raises:
            InputError: a model whose detectors cannot tell directions apart.
        """
        return cls(MatchedSteering.steady(model))


class FadingMatchedReader(_SteeringReader):
    """The same for an amplitude of its own in every snapshot: `matched_steering_fading`.

    Only the phases between the probes of one snapshot count.
    """

    @classmethod
    def of(cls, model: DirectionModel) -> Self:
        """Read the fields of this model.

        Raises:
            InputError: a model whose detectors cannot tell directions apart within a snapshot.
        """
        return cls(MatchedSteering.fading(model))


class DigitalReader(Reader):
    """Strongest bin of an array's zero-padded 2D DFT: `digital_beamforming` within a run.

    For models of `DirectionModel.of_array`, one reading an element. Fig. 9 compares a stack of N
    elements and T snapshots with an array of N elements and T snapshots on the stack's grid of
    N T bins, and with an array of N T elements in one snapshot, which has that grid for its DFT.

    At the same noise σ² per reading, a peak of power N² stands in a noise of σ² per bin of an
    ideal stack, each bin measured once; in N σ² / T for the small array, which pools all snapshots
    in every bin, and whose bins share their noise; in σ² / (N T) of the same peak for the large
    one. So array and stack agree closely where T is about N, and the array leads by up to T / N
    where T is larger. Were the noise added behind the array's DFT, one snapshot for each bin, the
    two would be the same: the effective SNR counts noise there, and hides the gain N of the DFT.
    """

    columns: int = eqx.field(static=True)
    rows: int = eqx.field(static=True)
    bins_x: int = eqx.field(static=True)
    bins_y: int = eqx.field(static=True)

    @classmethod
    def of(cls, columns: int, rows: int, *, bins_x: int, bins_y: int) -> Self:
        """Read an array of `columns` x `rows` elements on a grid of `bins_x` x `bins_y` bins.

        Raises:
            InputError: fewer bins than elements on a side.
        """
        require_bins(columns, rows, bins_x=bins_x, bins_y=bins_y)
        return cls(columns, rows, bins_x, bins_y)

    def __call__(
        self, received: Complex[Array, "batch snapshots elements"]
    ) -> Float[Array, "batch 2"]:
        """The angles of the strongest bin in [-π, π), radians; of equal ones the first."""
        powers = self._powers(received)
        return self._angles(powers.dtype)[first_largest(powers)]

    def _powers(
        self, received: Complex[Array, "batch snapshots elements"]
    ) -> Float[Array, "batch bins"]:
        """Power in every bin, k_y before k_x, added over the snapshots."""
        grid = received.reshape(*received.shape[:2], self.rows, self.columns)
        real = jnp.finfo(received.dtype).dtype
        none = jnp.zeros((len(received), self.bins_y, self.bins_x), real)

        def add(total: Array, snapshot: Array) -> tuple[Array, None]:
            spectrum = jnp.fft.fft2(snapshot, (self.bins_y, self.bins_x))
            return total + spectrum.real**2 + spectrum.imag**2, None

        # One snapshot at a time: the padded spectra of all of them need not fit into memory.
        total, _ = jax.lax.scan(add, none, jnp.moveaxis(grid, 1, 0))
        return total.reshape(len(received), -1)

    def _angles(self, dtype: jnp.dtype) -> Float[Array, "bins 2"]:
        """Where the bins look."""
        k_y, k_x = np.divmod(np.arange(self.bins_x * self.bins_y), self.bins_x)
        pair = bin_angle_rad(k_x, self.bins_x), bin_angle_rad(k_y, self.bins_y)
        return jnp.asarray(np.stack(pair, axis=-1), dtype)
