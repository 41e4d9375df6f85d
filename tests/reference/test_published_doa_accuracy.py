"""Figs. 6 to 9 of the DOA paper as studies: what is published comes out, and verdicts can fail."""

import numpy as np
import pytest

from metastack.study.published import Judgement
from metastack.study.published.doa import beamforming, fig_8a, fig_8b, fig_9a, spectra
from metastack.study.published.doa.our_accuracy import LARGE_ARRAY, SMALL_ARRAY, STACK
from metastack.study.published.doa.peak_trials import interval_of_means, theory

SMALL = fig_8a.Parameters(snrs_db=(10.0, 20.0), trials=1000, our_steps=())


def judgements(verdicts, word):
    found = [verdict.judgement for verdict in verdicts if word in verdict.sentence]
    assert found
    return found


@pytest.fixture(scope="module")
def small():
    return fig_8a.STUDY.compute(SMALL)


def test_theory_is_the_published_curve(small):
    """On ψ_x to 1e-9, two SNRs and both numbers of snapshots; on ψ_y 1e-3 off at least."""
    off = abs(small.theorem_mse / small.shown_bound - 1)
    assert float(off.sel(axis="x").max()) < 1e-9
    assert float(off.sel(axis="y").max()) > 1e-3


def test_verdicts_on_theory_follow_the_data(small):
    """A curve that is 1e-8 away differs; a second axis of its own is no copy."""
    assert set(judgements(fig_8a.judge(small), "generator")) == {Judgement.AGREES}
    other = small.assign(theorem_mse=small.theorem_mse * (1 + 1e-8))
    assert set(judgements(fig_8a.judge(other), "generator")) == {Judgement.DIFFERS}
    assert set(judgements(fig_8a.judge(small), "every digit")) == {Judgement.PAPER_WRONG}
    own = small.assign(shown_bound=small.theorem_mse)
    assert not any("every digit" in verdict.sentence for verdict in fig_8a.judge(own))


def test_verdicts_on_points_follow_the_data(small):
    """Published points half as large are outside; below the bound, the bound holds."""
    low = small.assign(shown_mse=small.shown_mse / 2)
    assert set(judgements(fig_8a.judge(low), "simulated points published")) == {Judgement.DIFFERS}
    assert set(judgements(fig_8a.judge(low), "below the bound")) == {Judgement.AGREES}


def test_the_published_bound_is_below_a_published_point(small):
    """At 2x2 snapshots and 10 dB, .0523 against .0481."""
    (wrong,) = [v for v in fig_8a.judge(small) if "own simulation" in v.sentence]
    assert wrong.judgement is Judgement.PAPER_WRONG
    assert "0.0523 simulated, 0.0481 bound" in wrong.sentence


def test_a_bound_below_the_simulation_is_named():
    """Fig. 8b: fabricated trials above Theorem 2 by far more than their errors."""
    study = fig_8b.STUDY
    data = study.compute(fig_8b.Parameters(snrs_db=(10.0, 30.0), trials=2000, our_steps=()))
    assert judgements(study.judge(data), "Theorem 2 is") == [Judgement.AGREES]
    wrong = data.assign(mse=data.theorem_mse * 1.5)
    assert judgements(study.judge(wrong), "Theorem 2 is") == [Judgement.PAPER_WRONG]


def test_exact_pairs_are_below_theorem_2():
    found = theory(side=2, steps=2, snrs_db=[10.0, 30.0], directions=100)
    assert (found["exact_mse"] < found["theorem_mse"]).all()


def test_the_interval_of_means_holds_its_share():
    """Means of 100 of a normal population: ± 2.576 / 10 to a tenth, of 2000 draws."""
    low, high = interval_of_means(np.random.default_rng(0).normal(size=(2, 50_000)), 100, seed=1)
    np.testing.assert_allclose([low, high], [[-0.2576] * 2, [0.2576] * 2], rtol=0.15)


def test_fields_against_energies():
    """Fig. 9a at 10 dB: the digital arrays are better, by more than 1 dB, and the verdict says so;
    a stack as good as they are is similar."""
    data = fig_9a.STUDY.compute(fig_9a.Parameters(snrs_db=(10.0, 30.0), trials=1000, ours=()))
    mse = {device: beamforming._bins(data, device).mse.values for device in (STACK, SMALL_ARRAY)}
    assert mse[STACK][0] > 1.26 * mse[SMALL_ARRAY][0]
    assert judgements(fig_9a.STUDY.judge(data), "similar") == [Judgement.DIFFERS]
    alike = data.copy(deep=True)
    alike["mse"][:] = beamforming._bins(data, LARGE_ARRAY).mse.values
    assert judgements(fig_9a.STUDY.judge(alike), "similar") == [Judgement.AGREES]


def test_published_spectra_keep_their_bound():
    """Fig. 6's direction: the peak is in the nearest bin, and amplitudes differ by no more than the
    error of the response allows."""
    told = spectra.published_spectra(
        response="Fig_8a/DFT_4.mat", side=4, steps=8, psi_over_pi=(0.41702, 0.72032)
    )
    np.testing.assert_allclose(told["found_over_pi"], [0.4375, 0.75], rtol=1e-12)
    one, other = (10 ** (told[name] / 20) for name in ("power_db", "digital_power_db"))
    assert 1e-6 < np.abs(one - other).max() <= told["bound"]


@pytest.mark.slow
def test_19_of_21_published_points_are_where_ours_are():
    """20 000 trials at every SNR, both axes and numbers of snapshots."""
    data = fig_8a.STUDY.compute(fig_8a.Parameters(our_steps=()))
    inside = ((data.low <= data.shown_mse) & (data.shown_mse <= data.high)).sum("snr_db")
    assert int(inside.min()) >= 19
    assert float(abs(data.theorem_mse / data.shown_bound - 1).sel(axis="x").max()) < 1e-9
