"""Calibration in stages and at once: what order pilots are taken in is not information."""

import numpy as np
import pytest
from calibration_case import EXPECTED, ONE_USER, PUBLISHED, case_study

from metastack import InputError
from metastack.calibration import GaussNewton, GradientDescent, random_plan
from metastack.study import compare_staging, staged_ways


def scores(stack, slots, *, stages, snr_db, stacks, method):
    plan = random_plan(stack, slots, ONE_USER, seed=0)
    ways = staged_ways(method, EXPECTED, stages)
    how = {"snr_db": snr_db, "stacks": stacks, "seed": 0}
    *_, found = compare_staging(stack, plan, ways, PUBLISHED, **how)
    return {each.name: each for each in found}


def test_poses_in_stages_are_those_of_all_pilots_at_once():
    """Bayes: a posterior is the prior of what comes next. Both end at one mean, to a tenth of its
    deviation, within which Gauss-Newton stops: 1 % in NMSE, twice 10 % of it at worst. Before the
    first stage both are the nominal stack, exactly."""
    found = scores(
        case_study(2, 3, 2), 60, stages=3, snr_db=30, stacks=2, method=GaussNewton(iterations=2)
    )
    staged, at_once = found["poses, in stages"], found["poses, at once"]
    assert staged.raw.shape == (2, 4)
    assert at_once.raw.shape == (2, 2)
    np.testing.assert_array_equal(staged.raw[:, 0], at_once.raw[:, 0])
    np.testing.assert_allclose(staged.raw[:, -1], at_once.raw[:, -1], rtol=0.2)
    assert (staged.raw[:, -1] < 0.1 * staged.raw[:, 0]).all()


def test_fewer_slots_than_stages_are_refused():
    with pytest.raises(InputError, match="from 1 to the number of slots, 2, but are 3"):
        scores(case_study(2, 3, 2), 2, stages=3, snr_db=30, stacks=1, method=GaussNewton(2))


@pytest.mark.slow
def test_stages_buy_nothing_at_equal_total_pilots():
    """The published case, 4 antennas, 30 dB, ten stages of 100 slots, three stacks, the paper's
    descent. In the last stage the matrices of free coefficients are as near as after one stage of
    all 1000 pilots, to .3 dB, and in the best gauge too: the descent stops where the noise explains
    what is left, and different ways there differ by less than the last stage but one (.1 dB a
    stage). Poses agree to .1 dB. Against the first stage alone, the paper's comparison, every way
    gains: ten times the pilots."""
    found = scores(case_study(), 1000, stages=10, snr_db=30, stacks=3, method=GradientDescent())
    for figure in ("raw", "aligned"):
        last = {name: 10 * np.log10(getattr(s, figure)[:, -1].mean()) for name, s in found.items()}
        for staged in ("entries, own slots", "entries, all so far"):
            assert last[staged] == pytest.approx(last["entries, at once"], abs=0.3)
            first = 10 * np.log10(getattr(found[staged], figure)[:, 1].mean())
            assert last[staged] < first - 0.5
        assert last["poses, in stages"] == pytest.approx(last["poses, at once"], abs=0.1)
        assert last["poses, at once"] < last["entries, at once"] - 20
