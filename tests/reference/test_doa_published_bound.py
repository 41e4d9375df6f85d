"""The published bound and simulation of the peak estimator: the DOA paper's Fig. 9a.

Mean squared error of ψ/π over 10, 11, …, 30 dB, 2x2 elements, T_x = T_y = 2 and 4, 1000 trials.
Data: J. An, MIT licence, `metastack.study.published`.
"""

from functools import cache

import numpy as np
import pytest
from scipy.io import loadmat

from metastack.doa import EffectiveSnr, PhysicalSnr, Protocol, energies, peak_estimate
from metastack.doa.pairwise import probability_to_beat
from metastack.doa.peak_bound import peak_bound, plain_difference, wrapped_difference
from metastack.doa.published_bound import published_bound, published_probability
from metastack.doa.snapshots import simulate_snapshots
from metastack.study.published import published_folder
from metastack.study.published.doa.peak_trials import (
    published_directions as drawn_by_the_authors,
)
from metastack.targets import dft_2d

DATA = published_folder() / "Fig_9a"
SNR_DB = range(10, 31)
DEVICE = dft_2d(2, 2)
DIFFERENCES = {"plain": plain_difference, "wrapped": wrapped_difference}
BOUNDS = {"published": published_bound, "exact": peak_bound}
TRIALS, PUBLISHED_TRIALS = 20_000, 1000


def published(axis, steps, kind):
    name = f"mse_{axis}_{steps}_{kind}"
    return loadmat(DATA / f"{name}.mat")[name].ravel()


def published_directions():
    """What the authors drew."""
    psi_x, psi_y = drawn_by_the_authors()
    return {"psi_x_rad": psi_x, "psi_y_rad": psi_y}


@cache
def mean_bound(kind, steps, **options):
    """Averaged over the published directions, in (ψ/π)²: (axis, SNR)."""
    protocol, directions = Protocol(2, 2, steps, steps), published_directions()
    if kind == "exact":
        options["difference"] = plain_difference
    bounds = [
        BOUNDS[kind](DEVICE, protocol, **directions, noise_variance=10 ** (-db / 10), **options)
        for db in SNR_DB
    ]
    return np.array([(b.psi_x_rad2.mean(), b.psi_y_rad2.mean()) for b in bounds]).T / np.pi**2


@cache
def squared_errors(steps):
    """Of our simulation, in (ψ/π)², steady source: difference -> (SNR, axis, trial)."""
    protocol = Protocol(2, 2, steps, steps)
    generator = np.random.default_rng(9)
    errors = {name: [] for name in DIFFERENCES}
    for seed, db in enumerate(SNR_DB):
        psi = generator.uniform(-0.7 * np.pi, 0.7 * np.pi, (2, TRIALS))
        directions = {"psi_x_rad": psi[0], "psi_y_rad": psi[1]}
        received = simulate_snapshots(
            DEVICE, protocol, **directions, noise=EffectiveSnr(db), seed=seed
        )
        estimate = peak_estimate(energies(received), protocol)
        found = np.stack([estimate.psi_x_rad, estimate.psi_y_rad])
        for name, difference in DIFFERENCES.items():
            errors[name].append((difference(found, psi) / np.pi) ** 2)
    return {name: np.array(values) for name, values in errors.items()}


def inside_interval(axis, steps, difference):
    """At which SNRs the published simulation is where 99 % of our runs of 1000 trials are.

    The interval is that of the means of 2000 draws of 1000 out of our 20000 trials. No normal
    one: a handful of trials across ±π, at a hundred times the usual error, decide the mean.
    """
    pick = np.random.default_rng(5).integers(TRIALS, size=(2000, PUBLISHED_TRIALS))
    ours = squared_errors(steps)[difference][:, "xy".index(axis)]
    low, high = np.transpose([np.quantile(e[pick].mean(axis=-1), [0.005, 0.995]) for e in ours])
    theirs = published(axis, steps, "SIM")
    return (low <= theirs) & (theirs <= high)


@pytest.mark.parametrize("steps", [2, 4])
def test_theorem_2_gives_the_published_curve(steps):
    """At all 21 SNRs, to 1e-9: the sums hold 1000 x 64 terms, and a difference of 1e-12 is seen."""
    np.testing.assert_allclose(
        mean_bound("published", steps)[0], published("x", steps, "theo"), rtol=1e-9
    )


@pytest.mark.parametrize("steps", [2, 4])
def test_published_curve_of_y_is_that_of_x(steps):
    """The two files are equal to the bit, which no 1000 random directions bring about: the sum
    over ψ_x was saved under both names. Theorem 2 for ψ_y on the same directions is .6 to 4 % off.
    """
    theirs = published("y", steps, "theo")
    np.testing.assert_array_equal(theirs, published("x", steps, "theo"))
    ours = mean_bound("published", steps)[1]
    assert 1e-3 < abs(ours / theirs - 1).max() < 5e-2


@pytest.mark.parametrize("steps", [2, 4])
@pytest.mark.parametrize("axis", "xy")
def test_published_simulation_is_ours_with_plain_differences(axis, steps):
    """Inside the 99 % interval of 1000 trials at 19 or more of 21 SNRs.

    One miss in five runs of 21 is what 1 % means; the SNRs of one published curve share their
    trials (it falls without a kink) and miss together, so two are allowed.
    """
    assert np.count_nonzero(inside_interval(axis, steps, "plain")) >= 19


@pytest.mark.parametrize("axis", "xy")
def test_published_simulation_did_not_wrap_its_differences(axis):
    """With T_x = T_y = 2 noise carries estimates across ±π; wrapped, they would count for little.

    At 10 dB the published errors are then outside the 99 % interval on both axes.
    """
    assert not inside_interval(axis, 2, "wrapped")[0]
    assert np.count_nonzero(inside_interval(axis, 2, "wrapped")) < 19


def test_published_simulation_exceeds_the_published_bound_only_by_chance():
    """T_x = T_y = 2: .0523 simulated against .0481 at 10 dB, and above it at 11, 12, 14 dB.

    With twenty times the trials the error is below the bound there: so says the upper end of its
    99 % interval, which some hundred trials across ±π make nearly normal.
    """
    simulated, bound = (published("x", 2, kind) for kind in ("SIM", "theo"))
    np.testing.assert_allclose([simulated[0], bound[0]], [0.0523, 0.0481], atol=5e-5)
    above = np.flatnonzero(simulated > bound)
    assert above.tolist() == [0, 1, 2, 4]
    ours = squared_errors(2)["plain"][above, 0]
    upper = ours.mean(axis=-1) + 2.576 * ours.std(axis=-1) / np.sqrt(TRIALS)
    assert (upper < bound[above]).all()


def test_published_bound_fails_for_a_device_whose_probes_are_nearly_tied():
    """Two probes and one snapshot: the error is π² times the probability that the other probe
    beats the one that listens to ψ = 0. Theorem 2 puts that 8 % below what 10⁵ trials find.

    Their 99 % interval is 1 % wide. The exact pairwise probability is inside: with two
    candidates, and no error at the peak, the bound is the error.
    """
    protocol, here = Protocol(2, 1, 1, 1), {"psi_x_rad": 0.0, "psi_y_rad": 0.0}
    device = np.array([[1, 1], [0.2, 0.2]], complex) / 2
    trials, noise = 100_000, PhysicalSnr(10 * np.log10(0.5))
    received = simulate_snapshots(
        device, protocol, psi_x_rad=np.zeros(trials), psi_y_rad=0.0, noise=noise, seed=1
    )
    squared = peak_estimate(energies(received), protocol).psi_x_rad ** 2
    half_width = 2.576 * squared.std() / np.sqrt(trials)
    setting = {**here, "noise_variance": noise.variance}
    wrong, right = (bound(device, protocol, **setting).psi_x_rad2 for bound in BOUNDS.values())
    assert wrong < squared.mean() - half_width
    assert abs(right - squared.mean()) < half_width


def test_published_probability_is_too_small_near_a_tie_and_too_large_in_the_tail():
    """Against the exact probability, on both sides of the border at c = .8 p for p = 100.

    A tie is 1 by decree, right next to it ½, where the argument of Q is near 0.
    """
    near, far = published_probability(np.array([90.0, 10.0]), 100.0)
    exact_near, exact_far = probability_to_beat(np.array([90.0, 10.0]), 100.0)
    assert near < exact_near
    assert far > 100 * exact_far
    assert published_probability(100.0, 100.0) == 1
    np.testing.assert_allclose(published_probability(100 * (1 - 1e-12), 100.0), 0.5, atol=1e-10)


@pytest.mark.parametrize("steps", [2, 4])
def test_exact_probabilities_tighten_the_published_bound_of_the_dft(steps):
    """Averaged over the published directions: smaller at every SNR, by less than 10 %."""
    ratio = mean_bound("exact", steps) / mean_bound("published", steps)
    assert (ratio < 1).all()
    assert (ratio > 0.9).all()
