"""Calibration by geometry: how near it comes to what was built, and to what can be done at all.

Stacks are built by `built`, and sent pilots by `simulate_pilots`, with an unknown gain. NMSEs are
means over stacks of the matrices between layers, as the calibration paper counts them.
"""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from calibration_case import (
    EXPECTED,
    ONE_USER,
    PUBLISHED,
    THREE_USERS,
    WAVELENGTH_M,
    built_stacks,
    case_study,
    everywhere,
    gaussian,
    layers_nmse,
    noisy,
    study,
)

import metastack as ms
from metastack import Imperfections, Pose
from metastack.calibration import (
    Ending,
    Expected,
    FromInputPorts,
    GainPerPort,
    GainPerSlot,
    Links,
    OneGain,
    OntoFirstLayer,
    PlaneWaves,
    bayesian_cramer_rao,
    calibrate,
    noiseless,
    random_plan,
    reference_power,
    simulate_pilots,
)
from metastack.calibration import least_squares
from metastack.calibration.least_squares import covariance

GAUSSIAN = gaussian(PUBLISHED)
LARGE = Imperfections(
    Pose(dz_m=0.2 * WAVELENGTH_M, dy_m=0.2 * WAVELENGTH_M, rz_rad=float(np.radians(10)))
)
HIGH = Imperfections(Pose(dy_m=0.5 * WAVELENGTH_M))
RNG = np.random.default_rng(0)


@pytest.fixture(scope="module")
def stack():
    return case_study()


@pytest.fixture(scope="module")
def hundred_slots(stack):
    """24 stacks with Gaussian errors, 100 slots at 20 dB, noise known."""
    return study(stack, 24, slots=100, snr_db=20, imperfections=GAUSSIAN)


@pytest.mark.parametrize("noise_is_known", [True, False])
def test_without_noise_matrices_come_back_to_rounding(stack, noise_is_known):
    """By 200 dB at least: a matrix is then off by 1e-12 of itself, which is what rounding leaves of
    phases of 2800 turns, over the 1e-2 by which it was off before."""
    found = study(stack, 3, slots=100, snr_db=np.inf)
    if not noise_is_known:
        pilots = [eqx.tree_at(lambda p: p.noise_variance, p, None) for p in found.pilots]
        again = [calibrate(stack, p, expected=EXPECTED) for p in pilots]
        assert max(c.fit.noise_variance for c in again) < 1e-20 * np.mean(abs(pilots[0].received) ** 2)
        for one, other in zip(again, found.calibrations, strict=True):
            np.testing.assert_allclose(one.values, other.values, atol=1e-9)
    assert found.improvement_db > 200
