"""The calibration paper's case study: its stack, its user, its errors.

28 GHz, four layers of 6x6 atoms half a wavelength apart, .01 m thick, a user 30 m away. The paper
does not say how thick each gap is (.01/3 m from layer to layer here), how many antennas receive,
where the user stands (azimuth 30°, elevation 20° here), nor the signal-to-noise ratio.

Source: calibration paper, section IV.
"""

from collections.abc import Iterator

import numpy as np

from ....calibration import OntoFirstLayer, SphericalWaves
from ....geometry import PlanarArray, Pose
from ....imperfections import Imperfections, published_imperfections
from ....stack import Stack, make_stack
from ...strategy_comparison import built_stacks

FREQUENCY_HZ = 28e9
WAVELENGTH_M = 299_792_458 / FREQUENCY_HZ
GAP_M = 0.01 / 3
PUBLISHED = published_imperfections(WAVELENGTH_M)


def user() -> OntoFirstLayer:
    """The user 30 m away, whose wave meets the first layer."""
    azimuth_rad, elevation_rad, distance_m = (
        np.radians([30.0]),
        np.radians([20.0]),
        np.array([30.0]),
    )
    return OntoFirstLayer(SphericalWaves.from_directions(azimuth_rad, elevation_rad, distance_m))


def e_v_only(wavelengths: float) -> Imperfections:
    """No error but vertical shifts, uniform up to so many wavelengths."""
    return Imperfections(Pose(dy_m=wavelengths * WAVELENGTH_M))


def case_study(
    antennas_per_side: int = 2, atoms_per_side: int = 6, layers: int = 4, gap_m: float = GAP_M
) -> Stack:
    """The paper's stack, or a smaller one of the same kind; antennas half a wavelength apart."""
    half_m = WAVELENGTH_M / 2
    antennas = PlanarArray(antennas_per_side, antennas_per_side, half_m, half_m)
    return make_stack(
        input_array=antennas,
        layer_array=PlanarArray(atoms_per_side, atoms_per_side, half_m, half_m),
        receiver_array=antennas,
        gaps_m=[gap_m] * (layers + 1),
        frequency_hz=FREQUENCY_HZ,
    )


def stacks_built(
    stack: Stack, imperfections: Imperfections, *, first: int, count: int, seed: int
) -> Iterator[tuple[int, Stack]]:
    """Stacks `first` to `first` + `count` of an endless series, each with its number."""
    series = built_stacks(stack, imperfections, first + count, seed)
    for number, made in enumerate(series):
        if number >= first:
            yield number, made
