"""The DOA paper's gradient descent against the authors' own curves (`metastack.study.published`).

Their start phases are not published, so curves are compared as draws from one distribution:
Fig. 5(a) and 6(a) show one start each, Fig. 5(b) the mean, best and worst of 21.
"""

import numpy as np
import pytest
from scipy.io import loadmat

from metastack import GradientDescent, RandomPhases, design_phases
from metastack.study.published import published_folder

DATA = published_folder()
NEVER_DB = -1000.0


def published(figure, name):
    return loadmat(DATA / figure / f"{name}.mat")[name].ravel()


def descend(stack, target, decay, starts, iterations=200):
    return design_phases(
        stack,
        target,
        methods=[GradientDescent(decay=decay, iterations=iterations)],
        starts=starts,
        start_phases=RandomPhases(),
        goal_db=NEVER_DB,
    )


@pytest.fixture(scope="module")
def designs_80(stack_2x2, dft_2x2):
    return descend(stack_2x2, dft_2x2, 0.8, 21)


def check_curve(designs, curve, moments):
    """The published start lies between our best and worst of 21 at each moment, but for chance.

    A 22nd draw falls outside the extremes of 21 once in eleven moments, 1.4 of 15; as moments of
    one curve hang together, up to 3 may. None may leave the band by more than a quarter of its
    width and 1.5 dB, a ripple of the error while steps are still as long as a turn.
    """
    history = np.array([design.history_db for design in designs])[:, moments]
    lowest, highest = history.min(axis=0), history.max(axis=0)
    shown = 10 * np.log10(curve[moments])
    outside = np.maximum(lowest - shown, shown - highest)
    table = list(zip(moments, lowest, shown, highest, strict=True))
    assert np.sum(outside > 0) <= 3, table
    assert (outside <= 1.5 + (highest - lowest) / 4).all(), table


MOMENTS = [0, 1, 2, 4, 9, 14, 19, 24, 29, 39, 49, 74, 99, 149, 199]


def test_fig_5a_decay_80(designs_80):
    """Published start within the spread of 21 of ours, over 200 iterations and 300 dB."""
    check_curve(designs_80, published("Fig_5a", "NMSE_80"), MOMENTS)


@pytest.mark.slow
@pytest.mark.parametrize("decay", [75, 90])
def test_fig_5a_other_decays(stack_2x2, dft_2x2, decay):
    """As decay .80: too fast stalls above the floor, too slow is not done after 200."""
    designs = descend(stack_2x2, dft_2x2, decay / 100, 21)
    check_curve(designs, published("Fig_5a", f"NMSE_{decay}"), MOMENTS)


def test_fig_5b_at_decay_80(designs_80):
    """21 starts after 100 iterations at decay .8, index 1000 of the published .7:1e-4:1.

    Published: mean -184.2, best -192.0, worst -182.1 dB, so none of their 21 stalled. Of 210 of
    ours one in six stalls above -150 dB, and the mean of linear errors is then that of the
    stalled ones, so stalled starts are left out of it. Resampling 21 of the 210 gives standard
    deviations of 2.2 dB for the median, 4.5 dB for the mean of those that did not stall and
    6.6 dB for the best: three of each, the best on one side only (further down is rounding).
    """
    best, mean, worst = (
        10 * np.log10(published("Fig_5b", f"NMSE_{name}")[1000])
        for name in ("lower_bound", "mean", "upper_bound")
    )
    after_100 = np.array([design.history_db[100] for design in designs_80])
    finished = after_100[after_100 < -150]
    assert len(finished) > 21 / 2
    assert best - 6.6 < np.median(after_100) < worst + 6.6
    assert abs(10 * np.log10(np.mean(10 ** (finished / 10))) - mean) < 13.5
    assert after_100.min() < best + 20


def test_default_design_loses_no_more_than_the_papers_descent(stack_2x2, dft_2x2, designs_80):
    """Median insertion loss over 20 starts against 21 of the paper's (22.7 dB in DESIGN).

    The start near uniform saves several dB, so the plain order of medians is a safe test; the
    descent's own median within 1 dB of DESIGN's checks the baseline.
    """
    ours = np.median([d.insertion_loss_db for d in design_phases(stack_2x2, dft_2x2, starts=20)])
    paper = np.median([d.insertion_loss_db for d in designs_80])
    assert abs(paper - 22.7) < 1
    assert ours < paper


@pytest.fixture(scope="module")
def designs_4x4(stack_4x4, dft_4x4):
    return {decay: descend(stack_4x4, dft_4x4, decay / 100, 21) for decay in (90, 95, 99)}


@pytest.mark.slow
@pytest.mark.parametrize("decay", [90, 95, 99])
def test_fig_6a(designs_4x4, decay):
    """The 4x4 stack, 200 iterations: published start within the spread of 21 of ours."""
    check_curve(designs_4x4[decay], published("Fig_6a", f"NMSE_{decay}"), MOMENTS)


@pytest.mark.slow
def test_default_4x4_design_loses_no_more_than_the_papers_descent(stack_4x4, dft_4x4, designs_4x4):
    """As for 2x2, over 10 starts; DESIGN gives the descent a median of 44.6 dB, here within 2."""
    ours = np.median([d.insertion_loss_db for d in design_phases(stack_4x4, dft_4x4, starts=10)])
    paper = np.median([d.insertion_loss_db for d in designs_4x4[95]])
    assert abs(paper - 44.6) < 2
    assert ours < paper
