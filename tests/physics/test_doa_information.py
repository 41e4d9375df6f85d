"""Fisher information of directions: against scores, closed forms, and what more knowledge does."""

from functools import cache
from itertools import pairwise

import jax.numpy as jnp
import numpy as np
import pytest
from scipy.stats import ncx2

from metastack.doa import (
    DirectionModel,
    FadingPower,
    KnownNoise,
    KnownPower,
    Protocol,
    SteadyPower,
    UnknownNoise,
    angle_information,
    angle_jacobian,
    cramer_rao,
    electrical_angles,
    energy_information,
    field_information,
)
from metastack.rician import information_by_quadrature
from metastack.targets import dft_2d

RNG = np.random.default_rng(11)
COLUMNS, ROWS = 2, 3
STEADY_PHASES = RNG.uniform(0, 2 * np.pi, (5, COLUMNS * ROWS))
RANDOM_RESPONSE = (RNG.standard_normal((4, 6)) + 1j * RNG.standard_normal((4, 6))) / np.sqrt(2)
PSI = np.array([0.7, -1.9])
# The same number of directions everywhere: JAX compiles once.
PSIS = np.concatenate([PSI[None], RNG.uniform(-np.pi, np.pi, (39, 2))])

POWERS = [KnownPower(), SteadyPower(), FadingPower()]
NOISES = [KnownNoise, UnknownNoise]
VARIANCES = [10.0, 0.5, 1e-3]
SPACING = {"spacing_x_m": 0.4, "spacing_y_m": 0.45, "wavelength_m": 1.0}


def random_model(snapshots=5):
    return DirectionModel.of_patterns(
        RANDOM_RESPONSE, STEADY_PHASES[:snapshots], columns=COLUMNS, rows=ROWS
    )


def dft_model(side, snapshots_a_side):
    protocol = Protocol(side, side, snapshots_a_side, snapshots_a_side)
    return DirectionModel.of_stack(dft_2d(side, side), protocol)


def field_by_hand(psi):
    """G Υ a for the random device: Kronecker steering, matrices only."""
    a = np.kron(np.exp(1j * psi[1] * np.arange(ROWS)), np.exp(1j * psi[0] * np.arange(COLUMNS)))
    return np.exp(1j * STEADY_PHASES) * a @ RANDOM_RESPONSE.T


def is_at_least(more, less):
    """Whether `more` - `less` is positive semidefinite, to the rounding of 1e-10 of the larger."""
    more, less = np.asarray(more), np.asarray(less)
    smallest = np.linalg.eigvalsh(more - less).min(axis=-1)
    return bool((smallest >= -1e-10 * np.trace(more, axis1=-2, axis2=-1)).all())


def log_likelihood_by_hand(energies, psi, log_powers, log_noise):
    """Log-density of energies by SciPy; `log_powers` is a column, one a snapshot."""
    variance = np.exp(log_noise)
    signal = np.exp(log_powers) * np.abs(field_by_hand(psi)) ** 2
    return ncx2.logpdf(2 * energies / variance, 2, 2 * signal / variance) + np.log(2 / variance)


def scores_by_hand(energies, variance, power, noise):
    """Central differences of the log-likelihood: (unknowns, runs). Directions come first."""
    snapshots, step = len(STEADY_PHASES), 1e-4
    groups = {KnownPower: 0, SteadyPower: 1, FadingPower: snapshots}[type(power)]
    unknowns = 2 + groups + (noise is UnknownNoise)

    def value(theta):
        log_powers = np.zeros((snapshots, 1))
        if groups:
            log_powers += theta[2 : 2 + groups, None]
        log_noise = np.log(variance) + (theta[-1] if noise is UnknownNoise else 0)
        densities = log_likelihood_by_hand(energies, PSI + theta[:2], log_powers, log_noise)
        return densities.sum(axis=(-2, -1))

    steps = step * np.eye(unknowns)
    return np.stack([(value(s) - value(-s)) / (2 * step) for s in steps])


def schur(F):
    """Information about the first two unknowns when the others have to be found as well."""
    if len(F) == 2:
        return F
    return F[:2, :2] - F[:2, 2:] @ np.linalg.solve(F[2:, 2:], F[2:, :2])


@pytest.fixture(scope="module")
def recordings():
    """10 000 runs of the random device, by NumPy, at 3 dB per element: λ from 0 to 40."""
    rng, variance = np.random.default_rng(5), 0.5
    field = field_by_hand(PSI)
    u = rng.standard_normal((2, 10_000, *field.shape)) * np.sqrt(variance / 2)
    return variance, np.abs(field + u[0] + 1j * u[1]) ** 2


@pytest.mark.parametrize("noise", NOISES)
@pytest.mark.parametrize("power", POWERS)
def test_energy_information_is_the_covariance_of_scores(recordings, power, noise):
    """E[s sᵀ], s by finite differences of SciPy's likelihood on NumPy's draws, then a Schur
    complement of the dense matrix.

    Twenty batches give the statistical error of each entry; five standard errors, and .1 % of
    an entry's scale for the bias of a Schur complement of estimated blocks (6 nuisances in 10 000
    runs: .06 %).
    """
    variance, energies = recordings
    scores = scores_by_hand(energies, variance, power, noise)
    whole = schur(scores @ scores.T / scores.shape[1])
    batches = [schur(s @ s.T / s.shape[1]) for s in np.split(scores, 20, axis=1)]
    error = np.std(batches, axis=0, ddof=1) / np.sqrt(20)
    found = np.asarray(
        energy_information(random_model(), PSIS, noise=noise(variance), power=power)[0]
    )
    scale = np.sqrt(np.outer(np.diag(found), np.diag(found)))
    assert (error < 0.03 * scale).all()
    assert (np.abs(found - whole) < 5 * error + 1e-3 * scale).all()


@pytest.mark.parametrize("noise", NOISES)
@pytest.mark.parametrize("power", POWERS)
def test_energy_information_is_the_curvature_of_the_mean_log_likelihood(power, noise):
    """Second differences of E log p(energy; θ) under the true law: no scores, no sampling.

    The mean by Gauss-Legendre quadrature over each amplitude; steps of 1e-3 leave 1e-6 of the
    curvature's own fourth derivatives (N² times larger at most: 4e-5), rounding 1e-15 / 1e-6.
    """
    variance, snapshots, h = 0.5, len(STEADY_PHASES), 1e-3
    field = field_by_hand(PSI)
    nodes, weights = np.polynomial.legendre.leggauss(100)
    centre = np.abs(field) / np.sqrt(variance)
    low, high = np.maximum(centre - 8, 0), centre + 8
    amplitude = low + (high - low) * (nodes[:, None, None] + 1) / 2
    energies = variance * amplitude**2
    measure = weights[:, None, None] * (high - low) / 2 * 2 * amplitude * variance
    zero = np.zeros((snapshots, 1))
    measure *= np.exp(log_likelihood_by_hand(energies, PSI, zero, np.log(variance)))
    groups = {KnownPower: 0, SteadyPower: 1, FadingPower: snapshots}[type(power)]
    unknowns = 2 + groups + (noise is UnknownNoise)

    def mean_value(theta):
        log_powers = zero + (theta[2 : 2 + groups, None] if groups else 0)
        log_noise = np.log(variance) + (theta[-1] if noise is UnknownNoise else 0)
        log_p = log_likelihood_by_hand(energies, PSI + theta[:2], log_powers, log_noise)
        return np.sum(measure * log_p)

    steps = h * np.eye(unknowns)
    hessian = np.array(
        [
            [
                mean_value(a + b) - mean_value(a - b) - mean_value(b - a) + mean_value(-a - b)
                for b in steps
            ]
            for a in steps
        ]
    ) / (4 * h**2)
    found = energy_information(random_model(), PSIS, noise=noise(variance), power=power)[0]
    scale = np.trace(np.asarray(found))
    np.testing.assert_allclose(found, schur(-hessian), rtol=0, atol=1e-4 * scale)


@cache
def of_energies(power, noise, variance):
    return energy_information(random_model(), PSIS, noise=noise(variance), power=power)


@cache
def of_fields(power, variance):
    return field_information(random_model(), PSIS, noise_variance=variance, power=power)


@pytest.mark.parametrize("noise", NOISES)
@pytest.mark.parametrize("variance", VARIANCES)
def test_knowing_less_never_raises_energy_information(variance, noise):
    """Known power, one power, a power a snapshot: each adds unknowns to the one before."""
    known, steady, fading = (of_energies(power, noise, variance) for power in POWERS)
    assert is_at_least(known, steady)
    assert is_at_least(steady, fading)
    assert is_at_least(fading, np.zeros((2, 2)))


@pytest.mark.parametrize("power", POWERS)
@pytest.mark.parametrize("variance", VARIANCES)
def test_knowing_the_noise_never_lowers_energy_information(variance, power):
    known, unknown = (of_energies(power, noise, variance) for noise in NOISES)
    assert is_at_least(known, unknown)


def test_knowing_less_never_raises_field_information():
    known, steady, fading = (of_fields(power, 0.5) for power in POWERS)
    assert is_at_least(known, steady)
    assert is_at_least(steady, fading)
    assert is_at_least(fading, np.zeros((2, 2)))


@pytest.mark.parametrize("power", POWERS)
@pytest.mark.parametrize("variance", VARIANCES)
def test_fields_tell_at_least_what_their_energies_tell(variance, power):
    """Energies are a function of the fields: data processing never creates information."""
    for noise in NOISES:
        assert is_at_least(of_fields(power, variance), of_energies(power, noise, variance))


@pytest.mark.parametrize("power", POWERS)
def test_more_snapshots_never_lower_information(power):
    """Independent measurements more, with a power of their own at most."""
    psi = PSIS
    informations = [
        [
            energy_information(random_model(count), psi, noise=KnownNoise(0.5), power=power),
            energy_information(random_model(count), psi, noise=UnknownNoise(0.5), power=power),
            field_information(random_model(count), psi, noise_variance=0.5, power=power),
        ]
        for count in (3, 5)
    ]
    for fewer, more in pairwise(informations):
        for less, at_least in zip(fewer, more, strict=True):
            assert is_at_least(at_least, less)


@pytest.mark.parametrize("power", POWERS)
def test_dark_snapshots_tell_nothing(power):
    """Dark snapshots add no information, and no NaN: groups of their own without energy."""
    lit, weights = random_model(3), random_model().weights.copy()
    weights[3:] = 0
    dark = DirectionModel(weights, COLUMNS, ROWS)
    with_dark = energy_information(dark, PSIS, noise=KnownNoise(0.5), power=power)
    without = energy_information(lit, PSIS, noise=KnownNoise(0.5), power=power)
    np.testing.assert_allclose(with_dark, without, rtol=1e-12, atol=1e-12)
    fields = [field_information(m, PSIS, noise_variance=0.5, power=power) for m in (dark, lit)]
    np.testing.assert_allclose(*fields, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("power", POWERS)
def test_only_the_ratio_of_signal_and_noise_matters(power):
    """Response times √g and noise times g: another unit of energy. Exact but for rounding."""
    gain = 1e-6
    scaled = DirectionModel.of_patterns(
        np.sqrt(gain) * RANDOM_RESPONSE, STEADY_PHASES, columns=COLUMNS, rows=ROWS
    )
    for noise in NOISES:
        np.testing.assert_allclose(
            energy_information(scaled, PSIS, noise=noise(0.5 * gain), power=power),
            energy_information(random_model(), PSIS, noise=noise(0.5), power=power),
            rtol=1e-10,
        )
    np.testing.assert_allclose(
        field_information(scaled, PSIS, noise_variance=0.5 * gain, power=power),
        field_information(random_model(), PSIS, noise_variance=0.5, power=power),
        rtol=1e-10,
    )


@pytest.mark.parametrize("power", [SteadyPower(), FadingPower()])
@pytest.mark.parametrize(("columns", "rows", "snapshots"), [(4, 4, 1), (5, 3, 7)])
def test_coherent_bound_of_a_planar_array_is_the_closed_form(columns, rows, snapshots, power):
    """6 / (T SNR N_x N_y (N_x² - 1)) and its mirror image; no correlation. To rounding.

    P. Stoica and A. Nehorai (1989), eq. (4.10) for a line, with N_y T lines of N_x elements.
    Unknown amplitudes of snapshots cost the same as one of all: every snapshot is centred alike.
    """
    snr, psi = 3.0, RNG.uniform(-3, 3, (4, 2))
    model = DirectionModel.of_array(columns, rows, snapshots=snapshots)
    bound = cramer_rao(field_information(model, psi, noise_variance=1 / snr, power=power))
    elements = columns * rows
    closed_form = [6 / (snapshots * snr * elements * (n**2 - 1)) for n in (columns, rows)]
    np.testing.assert_allclose(
        bound, np.broadcast_to(np.diag(closed_form), (4, 2, 2)), rtol=1e-11, atol=1e-15
    )


def test_coherent_information_with_a_known_amplitude_is_the_closed_form():
    """2 T SNR Σ n nᵀ with the indices counted from element 0, the reference of phase."""
    model = DirectionModel.of_array(3, 4, snapshots=5)
    found = field_information(model, PSI, noise_variance=0.5, power=KnownPower())
    n_y, n_x = np.divmod(np.arange(12), 3)
    n = np.stack([n_x, n_y])
    np.testing.assert_allclose(found, 2 * 5 / 0.5 * n @ n.T, rtol=1e-12)


def test_energies_of_an_array_s_own_elements_tell_nothing():
    """|a_n|² = 1 in every direction: an array without a DFT before its detectors is blind.

    Zero but for the rounding of slopes, 1e-15, squared.
    """
    model = DirectionModel.of_array(3, 2, snapshots=4)
    information = energy_information(model, PSI, noise=KnownNoise(0.1))
    np.testing.assert_allclose(information, 0, atol=1e-26)


@pytest.mark.parametrize("side", [2, pytest.param(4, marks=pytest.mark.slow)])
def test_energies_of_a_dft_tell_at_high_snr_what_its_fields_tell(side):
    """Dirichlet kernels are real but for a linear phase that every bin knows and one amplitude
    that takes it out: all information is in magnitudes.

    What is lost is lost by directions with bins so near a zero that λ < 1 there; the share of
    such directions falls as the square root of the noise, tenfold in 20 dB. 1.3 and .6 % at 30 dB
    for 2 x 2 and 4 x 4; 400 directions average the ratio to .16 %.
    """
    model, lost = dft_model(side, 4), []
    psi = np.random.default_rng(2).uniform(-0.7 * np.pi, 0.7 * np.pi, (400, 2))
    for db in (10, 30, 50):
        variance = 10 ** (-db / 10)
        field = cramer_rao(field_information(model, psi, noise_variance=variance))
        energy = cramer_rao(energy_information(model, psi, noise=KnownNoise(variance)))
        ratio = np.trace(energy, axis1=1, axis2=2) / np.trace(field, axis1=1, axis2=2)
        assert (ratio > 1).all()
        lost.append(ratio.mean() - 1)
    assert lost[1] < 0.02
    assert 5 < lost[0] / lost[1] < 20
    assert 5 < lost[1] / lost[2] < 20


@pytest.mark.parametrize(("theta", "phi"), [(0.4, 0.3), (1.2, -2.5), (0.05, 1.5)])
def test_jacobian_of_the_angles_is_their_slope(theta, phi):
    """Central differences of `electrical_angles`, eq. (1), (2); step 1e-6, 1e-10 of error."""
    h = 1e-6

    def slope(d_theta, d_phi):
        upper = electrical_angles(theta + d_theta, phi + d_phi, **SPACING)
        lower = electrical_angles(theta - d_theta, phi - d_phi, **SPACING)
        return (np.array(upper) - np.array(lower)) / (2 * h)

    expected = np.stack([slope(h, 0), slope(0, h)], axis=-1)
    np.testing.assert_allclose(angle_jacobian(theta, phi, **SPACING), expected, atol=2e-9)


@pytest.mark.parametrize(("theta", "phi"), [(0.4, 0.3), (1.2, -2.5)])
def test_angle_information_is_the_one_computed_in_angles(theta, phi):
    """Energies as functions of (ϑ, φ) by hand, their slopes by central differences, and the
    information of each energy by quadrature: Σ I(λ) ∂λ ∂λᵀ with known power and noise.

    Step 1e-5: 1e-9 of truncation with N = 6 elements; 1e-7 is a hundred times more.
    """
    variance, h = 0.5, 1e-5

    def snr(t, p):
        return np.abs(field_by_hand(np.array(electrical_angles(t, p, **SPACING)))) ** 2 / variance

    slopes = np.stack(
        [
            (snr(theta + h, phi) - snr(theta - h, phi)) / (2 * h),
            (snr(theta, phi + h) - snr(theta, phi - h)) / (2 * h),
        ]
    )
    each = information_by_quadrature(snr(theta, phi).ravel())[0].reshape(slopes.shape[1:])
    expected = np.einsum("itp,jtp,tp->ij", slopes, slopes, each)
    psi = np.array(electrical_angles(theta, phi, **SPACING))
    information = energy_information(
        random_model(), psi, noise=KnownNoise(variance), power=KnownPower()
    )
    found = angle_information(information, angle_jacobian(theta, phi, **SPACING))
    np.testing.assert_allclose(found, expected, rtol=1e-7)


def test_azimuth_has_no_bound_at_broadside():
    """∂ψ/∂φ = 0 at ϑ = 0: the information is singular, and the bound infinite.

    Close to it the bound of φ grows as 1/sin²ϑ: that of ψ across, seen from a small circle.
    """
    model, phi = dft_model(2, 2), 0.3
    bounds = []
    for theta in (0.0, 1e-3, 1e-2):
        psi = np.array(electrical_angles(theta, phi, **SPACING))
        information = energy_information(model, psi, noise=KnownNoise(0.1))
        bounds.append(
            cramer_rao(angle_information(information, angle_jacobian(theta, phi, **SPACING)))
        )
    assert np.isinf(bounds[0]).all()
    # ψ moves by 6e-2 at most, over which the information changes by a percent.
    np.testing.assert_allclose(bounds[1][1, 1] / bounds[2][1, 1], 100, rtol=0.05)


def test_bound_of_a_broadcast_grid_of_angles():
    """Jacobians broadcast ϑ against φ; each entry is that of its own pair."""
    theta, phi = np.array([[0.2], [0.9]]), np.array([0.1, 1.0, -2.0])
    jacobian = angle_jacobian(theta, phi, **SPACING)
    assert jacobian.shape == (2, 3, 2, 2)
    np.testing.assert_array_equal(jacobian[1, 2], angle_jacobian(0.9, -2.0, **SPACING))


def test_bound_is_the_inverse_and_infinite_where_there_is_none():
    """Against NumPy's inverse; singular and zero matrices have infinite bounds, without warning."""
    F = RNG.standard_normal((50, 2, 2))
    F = F @ np.swapaxes(F, -1, -2) + 0.01 * np.eye(2)
    np.testing.assert_allclose(cramer_rao(F), np.linalg.inv(F), rtol=1e-9, atol=1e-12)
    singular = np.array(
        [[[1.0, 2.0], [2.0, 4.0]], [[0.0, 0.0], [0.0, 0.0]], [[1.0, 0.0], [0.0, 0.0]]]
    )
    assert np.isinf(cramer_rao(singular)).all()
    mixed = cramer_rao(np.stack([singular[0], np.eye(2)]))
    np.testing.assert_array_equal(mixed[1], np.eye(2))


def test_informations_enter_double_precision_by_themselves():
    """Called outside of `float64`, on NumPy and on JAX arrays: doubles, and no warning."""
    for psi in (PSI, jnp.asarray(PSI)):
        energy = energy_information(random_model(), psi, noise=KnownNoise(0.5))
        field = field_information(random_model(), psi, noise_variance=0.5)
        assert energy.dtype == field.dtype == np.float64
        assert energy.shape == field.shape == (2, 2)
    batch = energy_information(random_model(), np.zeros((3, 1, 2)), noise=KnownNoise(0.5))
    assert batch.shape == (3, 1, 2, 2)
