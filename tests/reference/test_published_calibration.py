"""Figs. 2, 4, 5 and Table I of the calibration paper as studies: laws, and verdicts can fail."""

import numpy as np
import pytest

from metastack.study.published import Judgement
from metastack.study.published.calibration import fig_2, fig_4a, fig_4b, fig_5
from metastack.study.published.calibration.staged import ENTRIES, OWN_SLOTS

WAYS = (ENTRIES,)


def judgements(verdicts, word):
    found = [verdict.judgement for verdict in verdicts if word in verdict.sentence]
    assert found
    return found


@pytest.fixture(scope="module")
def few():
    """Two stacks, one unit."""
    return fig_4a.STUDY.compute(fig_4a.Parameters(stacks=2, at_once=2, ways=WAYS))


def of_layers_db(data):
    mean = fig_4a.of_layers(data).mean("stack")
    return 10 * np.log10(mean.nmse.values[0]), float(10 * np.log10(mean.floor))


def test_coefficients_end_at_their_gauge_floor(few):
    """Within 1 dB of what is computed without any pilot, also of few stacks; and they began 3 dB
    above it at least."""
    nmse_db, floor_db = of_layers_db(few)
    assert abs(nmse_db[-1] - floor_db) < 1
    assert nmse_db[0] - floor_db > 3


def test_verdicts_on_the_floor_follow_the_data(few):
    assert judgements(fig_4a.judge(few), "whose only error is its gauge") == [Judgement.AGREES]
    worse = few.assign(floor=few.floor / 2)
    assert judgements(fig_4a.judge(worse), "whose only error is its gauge") == [Judgement.DIFFERS]


def test_numbers_of_the_paper_are_judged_by_single_stacks(few):
    """Improvements fabricated about 9.25 dB, ± .1 and then 3 dB higher."""
    for shift_db, expected in ((0.0, Judgement.AGREES), (3.0, Judgement.DIFFERS)):
        around_db = 9.25 + shift_db + np.linspace(-0.1, 0.1, 10)
        data = few.isel(stack=np.zeros(10, int)).copy(deep=True)
        data["nmse"][:] = 1.0
        data["nmse"][:, :, -1] = (10 ** (-around_db / 10))[None, :, None]
        assert judgements(fig_4a.judge(data), "by 9.25 dB") == [expected]


def test_the_error_rises_with_e_v():
    """Fourfold shifts, the same in units: 12 dB more to first order, uncalibrated; a verdict on
    falling data says that it differs."""
    study = fig_4b.STUDY
    sizes = fig_4b.Parameters(
        e_v_percent=(0.5, 2.0), stacks=1, at_once=1, ways=WAYS, with_bound=False
    )
    data = study.compute(sizes)
    before = fig_4a.of_layers(data).nmse.sel(when="before").values.ravel()
    assert 10 * np.log10(before[1] / before[0]) == pytest.approx(12, abs=0.5)
    assert judgements(study.judge(data), "rise") == [Judgement.AGREES]
    assert judgements(study.judge(data), "more slots") == [Judgement.PAPER_WRONG]
    far = data.assign(floor=data.floor / 100)
    assert judgements(study.judge(far), "more slots") == [Judgement.AGREES]
    falling = data.assign(nmse=1 / data.nmse)
    assert judgements(study.judge(falling), "rise") == [Judgement.DIFFERS]


def test_an_axial_error_changes_magnitudes_both_ways():
    """|w| is g / r² and more: entries rise with the gap g where atoms are far apart sideways."""
    data = fig_2.STUDY.compute()
    assert judgements(fig_2.judge(data), "one way") == [Judgement.PAPER_WRONG]
    ideal = data.magnitude.sel(error="ideal")
    one_way = data.copy(deep=True)
    one_way["magnitude"].loc[{"error": "E-I"}] = 0.9 * ideal.values
    assert judgements(fig_2.judge(one_way), "one way")[0] is Judgement.AGREES


def test_calibrated_is_compared_with_built():
    """Fabricated: what equals the built matrix is nearer to it; what equals the ideal is not."""
    rng = np.random.default_rng(0)
    ideal, built = rng.normal(size=(2, 9, 9)) + 1j * rng.normal(size=(2, 9, 9))
    for calibrated, expected in (
        (0.99 * built, Judgement.PAPER_WRONG),
        (ideal * 1.01, Judgement.DIFFERS),
    ):
        matrices = np.array([ideal, built, calibrated])
        told = {"real": matrices.real, "imag": matrices.imag, "floor": np.array(0.1)}
        data = fig_5.gather(fig_5.Parameters(), [told])
        assert fig_5.judge(data)[0].judgement is expected


@pytest.mark.slow
def test_a_hundred_stacks_end_at_their_gauge_floor():
    """Mean of 100 stacks within 1 dB of the floor; separate stages stay above it."""
    data = fig_4a.STUDY.compute(fig_4a.Parameters(ways=(ENTRIES, OWN_SLOTS)))
    nmse_db, floor_db = of_layers_db(data)
    assert abs(nmse_db[-1] - floor_db) < 1
    own = fig_4a.of_layers(data.sel(way=OWN_SLOTS)).nmse.isel(stage=-1).mean("stack")
    assert 10 * np.log10(float(own)) > floor_db + 1
