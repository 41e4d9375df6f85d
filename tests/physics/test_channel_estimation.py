"""Channel estimation through a stack: estimators on their bounds, patterns that tell more."""

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import metastack as ms
from metastack.atoms import QuantisedAtoms
from metastack.design import Outcome
from metastack.doa import matched_steering
from metastack.systems.channel_estimation import (
    ChannelPrior,
    OneAfterTheOther,
    OrthogonalPilots,
    Sensing,
    bayesian_bound,
    best_subspace,
    compared,
    cramer_rao,
    design_patterns,
    direction_bound_rad2,
    expected_error,
    fourier_patterns,
    judge,
    least_squares,
    lmmse,
    pattern_model,
    random_patterns,
    sensing_matrix,
    subspace_bound,
    subspace_least_squares,
)
from metastack.systems.channel_estimation.pattern_design import told_db
from metastack.systems.fronts import Receiver

SLOTS, DRAWS, NOISE = 8, 600, 1e-2


def make_stack(layers=2, ports=2, spacing_wavelengths=0.5):
    """4x4 atoms a layer."""
    return ms.make_uniform_stack(
        ports=ports,
        atoms_per_side=4,
        layers=layers,
        thickness_wavelengths=1.0 * layers,
        spacing_wavelengths=spacing_wavelengths,
    )


@pytest.fixture(scope="module")
def stack():
    return make_stack()


@pytest.fixture(scope="module")
def receiver(stack):
    return Receiver.of(stack)


@pytest.fixture(scope="module")
def prior(stack, receiver):
    return ChannelPrior.isotropic(receiver.positions_m, float(stack.wavelength_m))


@pytest.fixture(scope="module")
def patterns(stack):
    return random_patterns(SLOTS, stack.phases_shape, jax.random.key(0))


@pytest.fixture(scope="module")
def sensing(receiver, patterns):
    return sensing_matrix(receiver, patterns)


@pytest.fixture(scope="module")
def channels(prior):
    return np.asarray(prior.draw(jax.random.key(1), DRAWS))[:, None]


def judged(estimators, sensing, channels, power=16.0, pilots=None, noise_variance=NOISE):
    return judge(
        estimators,
        sensing,
        channels,
        pilots=pilots or OrthogonalPilots(channels.shape[1]),
        noise_variance=noise_variance,
        power=power,
        key=jax.random.key(2),
    )


def assert_holds(ratio, value, power=16.0):
    """A mean error is what it should be within its interval, widened from 95 % to 99.9 %."""
    reach_db = (ratio.high_db - ratio.low_db) / 2 * 3.29 / 1.96
    assert abs(ratio.db - 10 * np.log10(value / power)) < reach_db < 0.5


@pytest.mark.parametrize("layers", [1, 3])
def test_sensing_matrix_is_the_response_slot_by_slot(layers):
    """Oracle: every atom's unit field sent forward through hops and layers by `propagate`."""
    stack = make_stack(layers)
    receiver = Receiver.of(stack)
    phases = random_patterns(3, stack.phases_shape, jax.random.key(3))
    forward = receiver.behind(np.eye(16, dtype=complex))
    with ms.float64():
        slots = [np.asarray(forward(jnp.asarray(each))) for each in phases]
    A = sensing_matrix(receiver, phases)
    assert A.shape == (3 * 4, 16)
    np.testing.assert_allclose(A, np.concatenate(slots), atol=1e-12 * np.abs(A).max())


def test_least_squares_are_on_the_cramer_rao_bound(prior, sensing, channels):
    bound = cramer_rao(sensing, NOISE)
    direct = NOISE * np.trace(np.linalg.inv(sensing.conj().T @ sensing)).real
    assert bound == pytest.approx(direct, rel=1e-6)
    estimator = least_squares(sensing)
    assert expected_error(estimator, sensing, prior, NOISE) == pytest.approx(bound, rel=1e-9)
    assert_holds(judged({"ls": estimator}, sensing, channels)["ls"].nmse, bound)


def test_lmmse_is_on_the_bayesian_bound(prior, sensing, channels):
    bound = bayesian_bound(sensing, prior, NOISE)
    estimator = lmmse(sensing, prior, NOISE)
    assert expected_error(estimator, sensing, prior, NOISE) == pytest.approx(bound, rel=1e-9)
    assert_holds(judged({"lmmse": estimator}, sensing, channels)["lmmse"].nmse, bound)


@pytest.mark.parametrize("noise_variance", [1e-4, 1.0])
def test_bayesian_bound_is_the_direct_inverse(sensing, noise_variance):
    """tr (R⁻¹ + AᴴA/σ²)⁻¹ for R = 1 and for an R that has an inverse."""
    generator = np.random.default_rng(0)
    X = generator.standard_normal((16, 16, 2)) @ [1, 1j]
    for R in (np.eye(16), X @ X.conj().T + np.eye(16)):
        inverse = np.linalg.inv(R) + sensing.conj().T @ sensing / noise_variance
        direct = np.trace(np.linalg.inv(inverse)).real
        bound = bayesian_bound(sensing, ChannelPrior.of_covariance(R), noise_variance)
        assert bound == pytest.approx(direct, rel=1e-8)


def test_bayesian_bound_of_a_singular_covariance_is_that_of_its_coordinates(sensing):
    """h = U c with c of unit covariance: the error is that of c, U orthonormal."""
    U = np.linalg.qr(np.random.default_rng(1).standard_normal((16, 5)))[0].astype(complex)
    bound = bayesian_bound(sensing, ChannelPrior.of_covariance(U @ U.conj().T), NOISE)
    seen = sensing @ U
    direct = np.trace(np.linalg.inv(np.eye(5) + seen.conj().T @ seen / NOISE)).real
    assert bound == pytest.approx(direct, rel=1e-9)


def test_lmmse_becomes_least_squares_as_noise_goes(prior, sensing):
    """The difference falls with the noise: a hundredth of it, a hundredth of the difference."""
    expected = least_squares(sensing)
    off = [np.linalg.norm(lmmse(sensing, prior, each) - expected) for each in (1e-7, 1e-9)]
    assert off[1] < 1e-3 * np.linalg.norm(expected)
    assert off[1] == pytest.approx(off[0] / 100, rel=0.05)


def test_subspace_estimates_are_on_their_bound_for_channels_in_it(sensing):
    """Six dimensions hold the channel: nothing is lost, and six unknowns take six readings."""
    U = np.linalg.qr(np.random.default_rng(2).standard_normal((16, 6)))[0].astype(complex)
    prior = ChannelPrior.of_covariance(16 / 6 * U @ U.conj().T)
    channels = np.asarray(prior.draw(jax.random.key(4), DRAWS))[:, None]
    few = sensing[:8]
    estimator = subspace_least_squares(few, prior.subspace(6))
    bound = subspace_bound(few, prior.subspace(6), prior, NOISE)
    assert bound == pytest.approx(cramer_rao(few @ U, NOISE), rel=1e-9)
    assert expected_error(estimator, few, prior, NOISE) == pytest.approx(bound, rel=1e-9)
    assert_holds(judged({"subspace": estimator}, few, channels)["subspace"].nmse, bound)
    assert cramer_rao(few, NOISE) == np.inf


@pytest.mark.parametrize("noise_variance", [1e-3, 1e-1])
def test_best_subspace_is_the_best_of_all_ranks(prior, sensing, noise_variance):
    """Oracle: the expected error of every rank in turn, each with a pseudo-inverse of its own."""
    tried = [
        expected_error(
            subspace_least_squares(sensing, prior.subspace(rank)), sensing, prior, noise_variance
        )
        for rank in range(1, 17)
    ]
    basis = best_subspace(sensing, prior, noise_variance)
    assert basis.shape[1] == 1 + int(np.argmin(tried))


@pytest.mark.parametrize(
    ("spacing_wavelengths", "least", "most"), [(0.25, 0.0, 0.1), (0.5, 0.2, 1)]
)
def test_atoms_closer_than_half_a_wavelength_need_fewer_slots(spacing_wavelengths, least, most):
    """12 readings of 16 atoms. At λ/4 eight dimensions hold 98.6 % of the power, and a tenth is
    lost; at λ/2, where all count, no estimate is better than the four least of them, 15 %."""
    stack = make_stack(spacing_wavelengths=spacing_wavelengths)
    receiver = Receiver.of(stack)
    prior = ChannelPrior.isotropic(receiver.positions_m, float(stack.wavelength_m))
    A = sensing_matrix(receiver, random_patterns(3, stack.phases_shape, jax.random.key(0)))
    basis = best_subspace(A, prior, 1e-6)
    error = expected_error(subspace_least_squares(A, basis), A, prior, 1e-6)
    bound = bayesian_bound(A, prior, 1e-6)
    assert least * prior.power < bound < error < most * prior.power
    with pytest.raises(ms.InputError, match="has 12"):
        least_squares(A)


def test_slope_of_what_patterns_tell_is_that_of_finite_differences(receiver, prior, patterns):
    """Central differences along a random way: rounding and curvature leave 1e-6 of it."""
    with ms.float64():
        sensing, root = Sensing.of(receiver), jnp.asarray(prior.root) / np.sqrt(NOISE)
        told = jax.jit(lambda phases: told_db(sensing, root, phases))
        slope = np.asarray(jax.grad(told)(jnp.asarray(patterns)))
        way = np.random.default_rng(3).standard_normal(patterns.shape)
        ahead, behind = (float(told(jnp.asarray(patterns + h * way))) for h in (1e-5, -1e-5))
    assert np.sum(slope * way) == pytest.approx((ahead - behind) / 2e-5, rel=1e-6)


@pytest.fixture(scope="module")
def designed(receiver, prior, patterns):
    return design_patterns(receiver, prior, [NOISE, 1e-3], patterns, rounds=2)


def test_designed_patterns_beat_random_ones(receiver, prior, sensing, channels, designed):
    """The same channels and noise: the paired interval stays below half the error (-3 dB)."""
    better = sensing_matrix(receiver, designed.phases_rad[0])
    one, other = (
        judged({"lmmse": lmmse(A, prior, NOISE)}, A, channels)["lmmse"] for A in (better, sensing)
    )
    assert compared(one, other).high_db < -3
    assert_holds(one.nmse, bayesian_bound(better, prior, NOISE))


def test_what_the_design_says_is_what_the_bound_says(receiver, prior, designed):
    """Every noise level has its own merit, which rises; both ends against the bound itself."""
    assert (np.diff(designed.history, axis=0) >= 0).all()
    for level, noise_variance in enumerate((NOISE, 1e-3)):
        A = sensing_matrix(receiver, designed.phases_rad[level])
        told = 10 * np.log10(prior.power / bayesian_bound(A, prior, noise_variance))
        assert designed.history[-1, level] == pytest.approx(told, abs=1e-6)


def test_rounded_patterns_are_never_worse_than_their_start(stack, prior, patterns):
    """One bit, as coarse as it can be: what is shown is judged as rounded."""

    receiver = replace(Receiver.of(stack), atoms=QuantisedAtoms(1))
    found = design_patterns(receiver, prior, [NOISE], patterns, rounds=1)
    bounds = [
        bayesian_bound(sensing_matrix(receiver, each), prior, NOISE)
        for each in (found.phases_rad[0], patterns)
    ]
    assert bounds[0] <= bounds[1]
    A = sensing_matrix(receiver, found.phases_rad[0])
    nearest = np.pi * np.round(found.phases_rad[0] / np.pi)
    np.testing.assert_allclose(A, sensing_matrix(Receiver.of(stack), nearest), atol=1e-12)


def test_ctrl_c_returns_the_patterns_until_then(receiver, prior, patterns):
    def stop(done, merit):
        raise KeyboardInterrupt

    found = design_patterns(receiver, prior, [NOISE], patterns, rounds=9, on_round=stop)
    assert found.outcome is Outcome.INTERRUPTED
    assert found.history[-1, 0] > found.history[0, 0]


def test_fourier_patterns_of_one_layer_are_orthogonal():
    """Behind one antenna AᴴA = T |w|², w the last hop: no two atoms are mixed up."""
    stack = make_stack(layers=1, ports=1)
    receiver = Receiver.of(stack)
    A = sensing_matrix(receiver, fourier_patterns(20, stack.phases_shape))
    last = sensing_matrix(receiver, np.zeros((1, 1, 16)))
    expected = np.diag(20 * np.abs(last[0]) ** 2)
    np.testing.assert_allclose(A.conj().T @ A, expected, atol=1e-12 * expected.max())


def test_orthogonal_users_each_have_the_noise_shared_by_all(prior, sensing):
    """Three at once: no user disturbs another, and each is on its bound at a third of the noise."""
    channels = np.asarray(prior.draw(jax.random.key(5), 3 * DRAWS)).reshape(DRAWS, 3, 16)
    estimator = {"ls": least_squares(sensing)}
    for pilots in (OrthogonalPilots(3), OneAfterTheOther(3)):
        found = judged(estimator, sensing, channels, pilots=pilots)["ls"]
        assert_holds(found.nmse, cramer_rao(sensing, pilots.noise_share * NOISE))
        silent = judged(estimator, sensing, channels, pilots=pilots, noise_variance=0.0)["ls"]
        assert silent.errors.max() < 1e-20
    assert OrthogonalPilots(3).noise_share == pytest.approx(1 / 3)


def test_a_stack_that_is_not_the_believed_one_costs_what_is_expected(
    stack, prior, patterns, sensing, channels
):
    """Layers 5 % of a wavelength off: simulated and expected errors agree, above the bound."""
    tolerance = ms.Pose(dx_m=0.05 * stack.wavelength_m, dy_m=0.05 * stack.wavelength_m)
    built = ms.built(stack, ms.Imperfections(tolerance), jax.random.key(6))
    true = sensing_matrix(Receiver.of(built), patterns)
    estimators = {"nominal": lmmse(sensing, prior, NOISE), "true": lmmse(true, prior, NOISE)}
    found = judged(estimators, true, channels)
    for name, estimator in estimators.items():
        assert_holds(found[name].nmse, expected_error(estimator, true, prior, NOISE))
    assert compared(found["true"], found["nominal"]).high_db < 0


def test_covariance_of_draws_serves_as_well_as_the_true_one(sensing):
    """A channel in six dimensions, known from 4000 draws only: 36 of 4000 is .04 dB, with a margin
    .1; the flat prior, which does not know the dimensions, loses more than 3 dB."""
    U = np.linalg.qr(np.random.default_rng(5).standard_normal((16, 6)))[0].astype(complex)
    prior = ChannelPrior.of_covariance(16 / 6 * U @ U.conj().T)
    learned = ChannelPrior.of_draws(np.asarray(prior.draw(jax.random.key(7), 4000)))
    bound = bayesian_bound(sensing, prior, 0.1)
    learned_error, flat_error = (
        expected_error(lmmse(sensing, each, 0.1), sensing, prior, 0.1)
        for each in (learned, ChannelPrior.flat(16))
    )
    assert bound <= learned_error < bound * 10**0.01
    assert flat_error > 2 * bound


def test_directions_are_on_their_bound(stack, receiver):
    """Four antennas, eight patterns, maximum likelihood: 99.9 % of 400 mean squares of two
    Gaussian errors are within 17 % (χ², 800 or fewer degrees of freedom)."""
    patterns = random_patterns(SLOTS, stack.phases_shape, jax.random.key(9))
    model = pattern_model(receiver, stack.layer_array, patterns)
    psi, noise_variance = np.array([0.5, -1.1]), 1e-4
    with ms.float64():
        field = np.asarray(model.field(jnp.asarray(psi)))
    parts = np.random.default_rng(4).standard_normal((400, *field.shape, 2))
    received = 1j * field + np.sqrt(noise_variance / 2) * parts @ [1, 1j]
    missed = matched_steering(received, model) - psi
    bound = direction_bound_rad2(model, psi, noise_variance=noise_variance)
    assert np.mean(np.sum(missed**2, axis=-1)) == pytest.approx(float(bound), rel=0.17)


def test_the_same_key_gives_the_same_draws(prior, sensing, channels):
    estimator = {"ls": least_squares(sensing)}
    first, second = (judged(estimator, sensing, channels)["ls"].errors for _ in range(2))
    np.testing.assert_array_equal(first, second)
    assert compared(*[judged(estimator, sensing, channels)["ls"]] * 2).low_db == 0


def test_what_cannot_be_is_refused_in_words(receiver, patterns, prior, channels, sensing):
    for wrong in (patterns[:, :1], patterns[:0]):
        with pytest.raises(ms.InputError, match=r"shape \(slots, 2, 16\)"):
            sensing_matrix(receiver, wrong)
    broken = patterns.copy()
    broken[0, 0, 0] = np.nan
    with pytest.raises(ms.InputError, match="1 of 256 phases"):
        sensing_matrix(receiver, broken)
    with pytest.raises(ms.InputError, match="tell 16 unknowns apart, but tell only 4"):
        least_squares(np.tile(sensing[:4], (4, 1)))
    with pytest.raises(ms.InputError, match="readings"):
        subspace_least_squares(sensing[:4], prior.subspace(5))
    for covariance, words in (
        (np.diag([1.0, -1.0]), "negative"),
        (np.array([[1, 1], [0, 1.0]]), "Hermitian"),
        (np.full((2, 2), np.nan), "finite"),
    ):
        with pytest.raises(ms.InputError, match=words):
            ChannelPrior.of_covariance(covariance)
    with pytest.raises(ms.InputError, match="rank"):
        prior.subspace(17)
    with pytest.raises(ms.InputError, match="positive"):
        design_patterns(receiver, prior, [0.0], patterns)
    with pytest.raises(ms.InputError, match="slot"):
        fourier_patterns(0, (1, 4))
    with pytest.raises(ms.InputError, match="user"):
        OrthogonalPilots(0)
    with pytest.raises(ms.InputError, match="two draws"):
        judged({}, sensing, channels[:1])
