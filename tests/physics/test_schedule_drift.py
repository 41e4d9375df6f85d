"""Drift: what a stack does in service, block after block, in tolerances."""

import jax
import numpy as np
import pytest

from metastack import InputError
from metastack.calibration.schedule import (
    Jumps,
    RandomWalk,
    Thermal,
    Together,
    Vibration,
    drift_path,
    gain_path,
)

KEY = jax.random.key(0)
DRIFTS = (RandomWalk(0.2), Thermal(0.8, 300, 2e-3), Jumps(0.02), Vibration(0.3))


@pytest.mark.parametrize("drift", [*DRIFTS, Together(DRIFTS)])
def test_layers_stay_within_their_tolerances_and_the_key_tells_all(drift):
    path = drift_path(drift, KEY, 400, 5)
    assert np.abs(path.values).max() <= 1
    np.testing.assert_array_equal(drift_path(drift, KEY, 400, 5).values, path.values)
    assert not np.array_equal(drift_path(drift, jax.random.key(1), 400, 5).values, path.values)


def test_a_random_walk_that_turns_back_stays_uniform():
    """Reflected steps keep the uniform law: variance 1/3 at any time. 4000 unknowns tell it to
    (4/45/4000)^.5 = .0047 in one deviation; four are allowed."""
    values = drift_path(RandomWalk(0.2), KEY, 60, 4000).values
    for block in (0, 5, 59):
        assert abs(values[block].var() - 1 / 3) < 4 * 0.0047


def test_steps_of_a_walk_have_their_deviation():
    """Of .01, away from the ends. 4000 x 9 steps tell it to .4 %; five deviations are allowed."""
    values = drift_path(RandomWalk(0.01), KEY, 10, 4000).values
    steps = np.diff(values, axis=0)[:, np.abs(values).max(axis=0) < 0.9]
    assert steps.std() == pytest.approx(0.01, rel=0.02)


def test_between_jumps_nothing_moves_and_jumps_are_told():
    path = drift_path(Jumps(0.02, 0.5), KEY, 2000, 3)
    steps = np.diff(path.values, axis=0)
    np.testing.assert_array_equal(np.any(steps != 0, axis=1), path.jumps[1:])
    assert np.abs(steps).max() <= 0.5
    # 40 jumps expected; six deviations of a Poisson count.
    assert abs(path.jumps.sum() - 40) < 6 * 40**0.5


def test_heat_moves_everything_along_one_line():
    """One temperature: displacements of all unknowns are one course times a factor each, away from
    the ends, to rounding."""
    values = drift_path(Thermal(0.05, 100, 0), KEY, 200, 6).values
    inside = values[:, np.abs(values).max(axis=0) < 0.89]
    singular = np.linalg.svd(inside - inside[0], compute_uv=False)
    assert singular[1] < 1e-12 * singular[0]


def test_vibration_comes_back_after_a_period():
    values = drift_path(Vibration(0.05, 8.0), KEY, 33, 6).values
    np.testing.assert_allclose(values[::8], np.tile(values[0], (5, 1)), atol=1e-12)
    # |2 A sin(π / T)| over the square root of two is the deviation between neighbouring blocks.
    inside = np.abs(values).max(axis=0) < 0.9
    assert np.diff(values[:, inside], axis=0).std() == pytest.approx(
        Vibration(0.05, 8.0).step_deviation, rel=0.02
    )


@pytest.mark.parametrize(
    ("wrong", "word"),
    [
        (lambda: RandomWalk(-1.0), "`step` must be finite and not negative, but is -1.0"),
        (lambda: Jumps(2.0), "`rate` must be a probability, but is 2.0"),
        (lambda: Thermal(period_blocks=0), "`period_blocks` must be positive, but is 0"),
        (lambda: Vibration(period_blocks=-1), "`period_blocks` must be positive, but is -1"),
        (lambda: Together(()), "`drifts` must be at least one, but are none"),
        (lambda: drift_path(RandomWalk(), KEY, 0, 1), "`blocks` must be at least 1, but is 0"),
    ],
)
def test_what_cannot_be_is_refused(wrong, word):
    with pytest.raises(InputError, match=word):
        wrong()


def test_a_gain_starts_at_one_and_its_level_stays_near():
    """Steps of phase and level have their deviation: 4000 of each tell it to 1.1 %, five deviations
    are allowed; the level turns back half a neper away."""
    gains = gain_path(0.02, KEY, 4000)
    assert gains[0] == 1
    assert np.abs(np.log(np.abs(gains))).max() <= 0.5 + 1e-12
    steps = np.angle(gains[1:] / gains[:-1])
    assert steps.std() == pytest.approx(0.02, rel=0.06)
    levels = np.log(np.abs(gains[1:] / gains[:-1]))
    inside = np.abs(np.log(np.abs(gains[:-1]))) < 0.4
    assert levels[inside].std() == pytest.approx(0.02, rel=0.06)
    for step in (-0.1, np.nan, 11.0):
        with pytest.raises(InputError, match="`gain_step` must be"):
            gain_path(step, KEY, 3)
