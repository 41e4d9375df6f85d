"""The calibration paper's case study, and how near to the truth calibrations of it come.

28 GHz, layers of atoms half a wavelength apart at gaps of .01/3 m, a user 30 m away at azimuth 30°
and elevation 20° whose wave meets the first layer; antennas half a wavelength apart.
"""

from dataclasses import dataclass
from functools import cached_property

import jax
import numpy as np
import pilots_in_numpy

import metastack as ms
from metastack import Imperfections, Pose, Stack
from metastack.calibration import (
    Calibration,
    Expected,
    Illumination,
    OntoFirstLayer,
    PilotPlan,
    Pilots,
    SphericalWaves,
    calibrate,
    matrix_nmse,
    random_plan,
    simulate_pilots,
)

WAVELENGTH_M = 299_792_458 / 28e9
GAP_M = 0.01 / 3
PUBLISHED = ms.published_imperfections(WAVELENGTH_M)
EXPECTED = Expected.within(PUBLISHED)
ONE_USER = OntoFirstLayer(
    SphericalWaves.from_directions(*map(np.array, ([np.radians(30)], [np.radians(20)], [30.0])))
)
THREE_USERS = OntoFirstLayer(
    SphericalWaves.from_directions(
        np.radians([30.0, -40.0, 10.0]), np.radians([20.0, 5.0, -35.0]), np.array([30.0, 2.0, 9.0])
    )
)


def case_study(antennas_per_side: int = 2, atoms_per_side: int = 6, layers: int = 4) -> Stack:
    """The paper's stack, or a smaller one of the same kind."""
    half_m = WAVELENGTH_M / 2
    antennas = ms.PlanarArray(antennas_per_side, antennas_per_side, half_m, half_m)
    return ms.make_stack(
        input_array=antennas,
        layer_array=ms.PlanarArray(atoms_per_side, atoms_per_side, half_m, half_m),
        receiver_array=antennas,
        gaps_m=[GAP_M] * (layers + 1),
        frequency_hz=28e9,
    )


def everywhere(
    shift_m: float, turn_rad: float, stack: Stack, *, planes: tuple[int, ...] | None = None
) -> Pose:
    """The same deviation of all six degrees of freedom, of every plane or of these."""
    size = np.zeros(stack.layers + 2)
    size[list(planes) if planes is not None else slice(None)] = 1
    return Pose(*[shift_m * size] * 3, *[turn_rad * size] * 3)


def gaussian(imperfections: Imperfections) -> Imperfections:
    """The same standard deviations, but Gaussian, as the prior of a calibration has them."""
    deviation = Expected.within(imperfections).deviation
    return Imperfections(deviation, ms.GaussianErrors())


def in_order(stack: Stack) -> bool:
    """Whether every plane is behind the one before it: others cannot be built."""
    return bool((np.asarray(stack.gaps_m) + np.diff(stack.poses.dz_m) > 0).all())


def built_stacks(stack: Stack, imperfections: Imperfections, count: int, seed: int = 0):
    """So many stacks that can be."""
    number = 0
    while count:
        made = ms.built(stack, imperfections, jax.random.fold_in(jax.random.key(seed), number))
        number += 1
        if in_order(made):
            count -= 1
            yield made


def noisy(plan: PilotPlan, clean: np.ndarray, variance: float, rng: np.random.Generator) -> Pilots:
    """Pilots with noise of a known variance."""
    noise = np.sqrt(variance / 2) * (rng.normal(size=(2, *clean.shape)))
    return Pilots.measured(plan, clean + noise[0] + 1j * noise[1], variance)


def layers_nmse(found: Stack, truth: Stack) -> float:
    """Mean NMSE of the matrices between layers, which are computed in NumPy."""
    inner = range(1, truth.layers)
    one, other = ([pilots_in_numpy.hop(each, plane) for plane in inner] for each in (found, truth))
    return float(matrix_nmse(one, other).mean())


@dataclass(frozen=True)
class Study:
    """Mean NMSE of the matrices between layers of every stack, before and after calibration."""

    before: np.ndarray
    after: np.ndarray
    calibrations: list[Calibration]
    built: list[Stack]

    @cached_property
    def improvement_db(self) -> float:
        """As the paper counts it: of mean NMSEs."""
        return 10 * float(np.log10(self.before.mean() / self.after.mean()))

    @property
    def after_error_db(self) -> float:
        """Standard error of the mean NMSE after calibration."""
        share = self.after.std(ddof=1) / np.sqrt(len(self.after)) / self.after.mean()
        return 10 * float(np.log10(1 + share))


def study(
    stack: Stack,
    runs: int,
    *,
    slots: int,
    snr_db: float,
    illumination: Illumination = ONE_USER,
    imperfections: Imperfections = PUBLISHED,
    gain: complex | np.ndarray = 0.3 + 0.2j,
    **how,
) -> Study:
    """Build stacks, send pilots through them, calibrate and compare with what was built."""
    plan = random_plan(stack, slots, illumination, seed=0)
    made_stacks = list(built_stacks(stack, imperfections, runs))
    before, after, calibrations = [], [], []
    for number, made in enumerate(made_stacks):
        pilots = simulate_pilots(
            made, plan, snr_db=snr_db, key=jax.random.key(1000 + number), gain=gain
        )
        calibration = calibrate(
            stack, pilots, **{"expected": Expected.within(imperfections), **how}
        )
        before.append(layers_nmse(stack, made))
        after.append(layers_nmse(calibration.stack, made))
        calibrations.append(calibration)
    return Study(np.array(before), np.array(after), calibrations, made_stacks)
