"""Schedules on stacks that move: what they spend, when they answer, how near they stay.

Pilots are those of the true stack. 9 atoms, 2 layers and 4 antennas at 20 dB unless told; the case
study is slow.
"""

import jax
import jax.numpy as jnp
import numpy as np
import pilots_in_numpy
import pytest
from calibration_case import EXPECTED, ONE_USER, PUBLISHED, case_study

from metastack import InputError, float64
from metastack.calibration import Unknowns, matrix_nmse
from metastack.calibration.schedule import (
    Action,
    Alarms,
    CoherenceBlock,
    Jumps,
    PeriodicMultiStage,
    PeriodicSingleStage,
    RandomPilots,
    RandomWalk,
    Stage,
    StateDriven,
    Together,
    Tracking,
    Vibration,
    Walk,
    links_nmse,
    run_schedule,
)

KEY = jax.random.key(0)
HOW = {"illumination": ONE_USER, "imperfections": PUBLISHED, "snr_db": 20.0}
# Of rare alarms, but quick to simulate.
ALARMS = Alarms(false_alarms=2e-3)


@pytest.fixture(scope="module")
def stack():
    return case_study(2, 3, 2)


def test_nmse_is_that_of_the_matrices(stack):
    """Against matrices that are computed in NumPy."""
    unknowns = Unknowns.of(stack, ONE_USER, EXPECTED)
    truth, found = np.random.default_rng(2).uniform(-1, 1, (2, 3, unknowns.size))
    with float64():
        stacks = [
            [unknowns.applied(jnp.asarray(v))[0] for v in values] for values in (found, truth)
        ]
    hops = [[pilots_in_numpy.hop(each, 1) for each in made] for made in stacks]
    np.testing.assert_allclose(links_nmse(unknowns, found, truth), matrix_nmse(*hops), rtol=1e-9)


@pytest.mark.parametrize(
    ("schedule", "pilots"),
    [
        (PeriodicSingleStage(20, 5), [20, 0, 0, 0, 0] * 2),
        (PeriodicMultiStage(5, (Stage(20, 1), Stage(3))), [20, 0, 3, 0, 0] * 2),
        (StateDriven(20, 3, ALARMS), [20] + [3] * 9),
        (Tracking(20, 2, 0, ALARMS), [20] + [2] * 9),
        (Tracking(20, 2, 0, ALARMS, RandomPilots()), [20] + [2] * 9),
    ],
)
def test_schedules_send_what_they_say(stack, schedule, pilots):
    """On a stack that does not move, and at a rate of false alarms at which ten blocks raise one
    with a chance of 2 %."""
    run = run_schedule(stack, Jumps(0.0), schedule, blocks=10, key=KEY, **HOW)
    assert [decision.pilots for decision in run.decisions] == pilots
    assert [decision.block for decision in run.decisions] == list(range(10))
    assert run.pilots_per_block == np.mean(pilots)
    assert run.delays.size == 0
    assert run.nmse.mean() < run.uncalibrated_nmse.mean()


@pytest.mark.slow
def test_alarms_answer_jumps_and_say_so(stack):
    """Jumps of twice the tolerance, one in 40 blocks: every alarm in the block of a jump or soon
    after is true, an answer is counted from 1, and after it the stack is known again."""
    run = run_schedule(
        stack, Jumps(1 / 40, 2.0), StateDriven(32, 4, ALARMS), blocks=120, key=KEY, **HOW
    )
    assert run.path.jumps.any()
    assert (run.delays >= 1).all()
    assert np.isfinite(run.delays).mean() > 0.5
    for block in np.flatnonzero(run.alarms):
        assert run.decisions[block].pilots == 36
        assert run.decisions[block].statistic > run.decisions[block].threshold
    assert not run.is_false[np.isin(np.arange(120), np.flatnonzero(run.path.jumps))].any()


@pytest.mark.slow
@pytest.mark.parametrize("gain_step", [0.3, 2.0])
def test_jumps_are_seen_beside_a_gain_that_walks(stack, gain_step):
    """Jumps of twice the tolerance, one in 40 blocks, watched with 8 pilots a block: as many are
    answered as with a constant gain but for one, no false alarm more than one, and a schedule that
    takes the gain for constant raises one in most blocks."""
    drift, schedule = Jumps(1 / 40, 2.0), StateDriven(32, 8, ALARMS)

    def run(step, assumed=None):
        return run_schedule(
            stack, drift, schedule, blocks=120, key=KEY, gain_step=step, assumed=assumed, **HOW
        )

    constant, walking, wrong = run(0.0), run(gain_step), run(gain_step, Walk())
    np.testing.assert_array_equal(walking.path.values, constant.path.values)
    answered, as_constant = (np.isfinite(each.delays).sum() for each in (walking, constant))
    assert answered >= as_constant - 1 >= 1
    assert walking.is_false.sum() <= 1
    assert wrong.alarms.mean() > 0.5


@pytest.mark.slow
def test_tracking_follows_what_a_calibration_forgets(stack):
    """A walk of .1 tolerances a block: after 50 blocks one calibration is of no use, a filter of
    four pilots a block stays near: 7 to 13 dB nearer on four paths, 3 dB are asked for."""
    once = PeriodicSingleStage(32, 1000)
    runs = [
        run_schedule(stack, RandomWalk(0.1), each, blocks=300, key=KEY, **HOW)
        for each in (once, Tracking(32, 4, 0, ALARMS))
    ]
    np.testing.assert_array_equal(runs[0].path.values, runs[1].path.values)
    late = slice(50, None)
    assert runs[1].nmse[late].mean() < 0.5 * runs[0].nmse[late].mean()


def test_what_does_not_fit_is_refused_in_one_line(stack):
    def run(schedule, **changed):
        how = {**HOW, "coherence": CoherenceBlock(50), **changed}
        return run_schedule(stack, Vibration(), schedule, blocks=2, key=KEY, **how)

    for schedule, many in (
        (PeriodicSingleStage(60), 60),
        (PeriodicMultiStage(10, (Stage(51), Stage(9))), 51),
        (StateDriven(48, 4), 52),
        (Tracking(20, 4, 60), 64),
    ):
        with pytest.raises(InputError, match=f"fit a coherence block of 50 .* sends {many} "):
            run(schedule)
    with pytest.raises(InputError, match="from 1 to the blocks of a period, 1, but are 2"):
        PeriodicMultiStage(1, (Stage(5), Stage(5)))
    with pytest.raises(InputError, match="`snr_db` must be within ±300, but is inf"):
        run(PeriodicSingleStage(5), snr_db=np.inf)


@pytest.mark.slow
@pytest.mark.parametrize(
    "drift",
    [RandomWalk(), Jumps(), Together((RandomWalk(), Jumps()))],
    ids=["walk", "jumps", "both"],
)
def test_tracking_needs_a_quarter_of_the_pilots(drift):
    """The case study, 20 dB, five paths of 400 blocks: with 2.5 pilots a block at most, all
    counted, tracking with restart comes nearer than 100 pilots every ten blocks do, on the same
    paths, by more than the standard error of the difference of their means. It was 1.7 of them on
    the walk, whose weakest directions change but once a path, and 3 with jumps."""
    runs = [
        [
            run_schedule(case_study(), drift, each, blocks=400, key=jax.random.key(path), **HOW)
            for each in (PeriodicSingleStage(100, 10), Tracking())
        ]
        for path in range(1, 6)
    ]
    nmse = np.array([[run.nmse.mean() for run in both] for both in runs])
    excess = nmse[:, 1] - nmse[:, 0]
    assert excess.mean() < -excess.std(ddof=1) / len(excess) ** 0.5
    pilots = np.array([[run.pilots_per_block for run in both] for both in runs])
    np.testing.assert_array_equal(pilots[:, 0], 10)
    assert pilots[:, 1].mean() <= 2.5
    for _, tracked in runs:
        assert all(d.action is not Action.CALIBRATION for d in tracked.decisions[1:])
