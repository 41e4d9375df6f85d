"""How stacks are built and measured: one tolerance for every way a layer can move, and pilots.

The published case study has other tolerances for each degree of freedom (1 %λ vertical, .1 %λ
axial, .01° in plane, nothing else). Here one number says how well layers are placed: each shifts
by up to so much along x, y and z, and turns about each axis by as much as shifts an edge atom so
far, a corner atom in plane.

Source: ours; calibration paper, section II-C, for errors uniform within a tolerance.
"""

from dataclasses import dataclass

import jax
import numpy as np
from jaxtyping import Array, Key

from ...calibration import Expected, calibrate, random_plan, simulate_pilots
from ...calibration.estimate import in_numpy
from ...calibration.illumination import Illumination
from ...doa.noise import MOST_DB
from ...errors import require
from ...geometry import Pose
from ...imperfections import Imperfections, built
from ...stack import Stack


@dataclass(frozen=True)
class Bench:
    """Random pilots: how many slots, and the SNR of one antenna in one slot, dB (`inf` is none)."""

    slots: int = 50
    snr_db: float = 30.0

    def __post_init__(self) -> None:
        """Refuse an SNR that cannot be.

        Raises:
            InputError: it is not finite, or beyond what double precision holds.
        """
        require(
            self.snr_db == np.inf or abs(self.snr_db) <= MOST_DB,
            f"The SNR of pilots must be within ±{MOST_DB:g} dB, or inf for no noise, but is "
            f"{self.snr_db}.",
        )

    def calibrated(
        self,
        nominal: Stack,
        true: Stack,
        expected: Imperfections,
        illumination: Illumination,
        *,
        pattern_seed: int,
        noise_key: Key[Array, ""],
    ) -> Stack:
        """The built stack as its pilots show it to be."""
        plan = random_plan(nominal, self.slots, illumination, seed=pattern_seed)
        pilots = simulate_pilots(true, plan, snr_db=self.snr_db, key=noise_key)
        return calibrate(nominal, pilots, expected=Expected.within(expected)).stack


def common_tolerance(stack: Stack, wavelengths: float) -> Imperfections:
    """Every layer within so many wavelengths of its place, however it moves, uniform.

    Raises:
        InputError: a tolerance that is negative or not finite.
    """
    shift_m = wavelengths * float(stack.wavelength_m)
    array = stack.layer_array
    half_width_m = array.columns * array.spacing_x_m / 2
    half_height_m = array.rows * array.spacing_y_m / 2
    return Imperfections(
        Pose(
            dx_m=shift_m,
            dy_m=shift_m,
            dz_m=shift_m,
            rx_rad=shift_m / half_height_m,
            ry_rad=shift_m / half_width_m,
            rz_rad=shift_m / np.hypot(half_width_m, half_height_m),
        )
    )


def built_stack(stack: Stack, imperfections: Imperfections, key: Key[Array, ""]) -> Stack:
    """One stack as fabrication makes it, its numbers known."""
    return jax.tree.map(in_numpy, built(stack, imperfections, key))
