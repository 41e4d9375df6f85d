"""Laws of MUSIC, ESPRIT and the covariances that feed them."""

from itertools import permutations

import numpy as np
import pytest

from metastack.doa.covariance import forward_backward, sample_covariance, signal_space, subarrays
from metastack.doa.esprit import esprit
from metastack.doa.model import DirectionModel
from metastack.doa.music import music, music_spectrum
from metastack.doa.source import complex_normal
from metastack.doa.steering import steering_vector
from metastack.errors import InputError

# Apart; one ψ_x; one ψ_y; mirror images, which equal weights of the two shifts cannot pair; three
# of them, two with one ψ_x; at the edge of the interval, on both sides of it.
SCENES = [
    [(0.3, 1.0), (-2.0, 0.5)],
    [(0.3, 1.0), (0.3, -2.0)],
    [(-1.0, 2.5), (1.5, 2.5)],
    [(0.5, -1.0), (-1.0, 0.5)],
    [(0.4, 1.2), (0.4, -1.2), (-2.2, 1.2)],
    [(np.pi - 1e-3, -np.pi + 1e-4), (0.2, np.pi - 1e-4), (-np.pi, 1.5)],
]


def array_music(covariance, *, sources):
    return music(covariance, DirectionModel.of_array(4, 3), sources=sources)


def array_esprit(covariance, *, sources):
    return esprit(covariance, 4, 3, sources=sources)


ESTIMATES = (array_music, array_esprit)


def snapshots(generator, psi, columns, rows, *, count, variance=0.0, coherent=False):
    """Sources of unit power in white noise; coherent ones send multiples of one signal."""
    A = steering_vector(psi[..., 0], psi[..., 1], columns, rows)
    s = complex_normal(generator, (*psi.shape[:-2], count, psi.shape[-2]))
    if coherent:
        s = s[..., :1] * np.exp(2j * np.arange(psi.shape[-2]))
    r = s @ A
    return r + np.sqrt(variance) * complex_normal(generator, r.shape)


def noisy_covariances(generator, psi, columns, rows, *, count, variance):
    """Sample covariances of one Gaussian source in noise, without drawing the snapshots.

    They are complex Wishart: R = L B Bᴴ Lᴴ / T, L Lᴴ the true covariance, B triangular with
    normals below and roots of gammas on the diagonal. N. Goodman, Ann. Math. Statist. 34, 1963.
    """
    a = steering_vector(psi[:, 0], psi[:, 1], columns, rows)
    N = columns * rows
    L = np.linalg.cholesky(a[:, :, None] * a[:, None, :].conj() + variance * np.eye(N))
    B = np.tril(complex_normal(generator, (len(psi), N, N)), -1)
    diagonal = np.sqrt(generator.gamma(count - np.arange(N), size=(len(psi), N)))
    root = L @ (B + diagonal[:, None] * np.eye(N))
    return root @ root.conj().swapaxes(-1, -2) / count


def circular(errors):
    return (errors + np.pi) % (2 * np.pi) - np.pi


def assert_directions(found, psi, tolerance):
    """Every source once, in any order, angles compared on the circle and given in [-π, π)."""
    assert np.all((found >= -np.pi) & (found < np.pi))
    pairings = [
        np.abs(circular(found[list(order)] - psi)) for order in permutations(range(len(psi)))
    ]
    assert min(pairing.max() for pairing in pairings) < tolerance


def assert_mean_square(errors, variance):
    """Normal errors of variance v have a mean square of v ± v √(2 / M): four of these."""
    spread = 4 * np.sqrt(2 / len(errors))
    assert np.mean(errors**2) / variance == pytest.approx(1, abs=spread)


@pytest.mark.parametrize("scene", SCENES)
def test_music_and_esprit_are_exact_without_noise(scene):
    """The signal space is known to 1e-15, and the scenes' condition is below 1e4: 1e-11."""
    psi = np.array(scene)
    R = sample_covariance(snapshots(np.random.default_rng(0), psi, 4, 3, count=20))
    K = len(scene)
    assert_directions(music(R, DirectionModel.of_array(4, 3), sources=K), psi, 1e-11)
    assert_directions(esprit(R, 4, 3, sources=K), psi, 1e-11)


def test_music_reaches_its_large_sample_variance_on_a_line():
    """One source on a line of N: 6 / (T SNR N (N² - 1)) · (1 + 1 / (N SNR)).

    P. Stoica, A. Nehorai, IEEE Trans. ASSP 37(5), 1989: σ²/(2T) [1/P + σ²/(P² aᴴa)] / h, aᴴa = N,
    h = dᴴ(I - a aᴴ/aᴴa)d = N (N² - 1) / 12 for d = da/dψ. At 0 dB the bracket adds 20 %, twice
    the tolerance; T = 2000 leaves terms of order 1 / T out.
    """
    generator = np.random.default_rng(1)
    N, T, M = 5, 2000, 3000
    psi = np.stack([generator.uniform(-np.pi, np.pi, M), np.zeros(M)], axis=-1)
    R = noisy_covariances(generator, psi, N, 1, count=T, variance=1.0)
    errors = circular(music(R, DirectionModel.of_array(N, 1), sources=1)[:, 0] - psi)
    assert_mean_square(errors[:, 0], 6 / (T * N * (N**2 - 1)) * (1 + 1 / N))
    assert not errors[:, 1].any()


def test_esprit_reaches_its_large_sample_variance():
    """One source, least squares, largest subarrays: (1 + 1/(N SNR)) / (T SNR N_y (N_x - 1)²).

    The eigenvector errs by e ~ CN(0, v I) off a, v = σ²/T (1 + σ²/N) at unit power (Stoica &
    Nehorai 1989). To first order ψ errs by Im Σ_n (ẽ_shifted - ẽ_first) / (N_y (N_x - 1)) with
    ẽ_n = e_n e^{-jψ·n}; all but the last and first columns cancel, 2 N_y terms of variance v / 2.
    Such closed forms: B. Rao, K. Hari, IEEE Trans. ASSP 37(12), 1989; F. Roemer, M. Haardt,
    arXiv:1209.3253. Here v is 33 % above σ²/T, and the variance in x 25 % above the bound: well
    past the tolerance of 10 %. Terms of second order add 2 v = 1 %.
    """
    generator = np.random.default_rng(2)
    columns, rows, T, M = 5, 3, 2000, 3000
    N, variance = columns * rows, 5.0
    psi = generator.uniform(-np.pi, np.pi, (M, 2))
    R = noisy_covariances(generator, psi, columns, rows, count=T, variance=variance)
    errors = circular(esprit(R, columns, rows, sources=1)[:, 0] - psi)
    v = variance / T * (1 + variance / N)
    assert_mean_square(errors[:, 0], v / (rows * (columns - 1) ** 2))
    assert_mean_square(errors[:, 1], v / (columns * (rows - 1) ** 2))


@pytest.mark.parametrize("scene", SCENES)
def test_smoothing_separates_coherent_sources_in_one_snapshot(scene):
    """Rank 1 becomes full rank with enough subarrays (Hua 1992), whatever ψ they share: exact.

    The subarrays' signals are worse conditioned than independent ones: 1e-9.
    """
    psi, K = np.array(scene), len(scene)
    r = snapshots(np.random.default_rng(3), psi, 8, 6, count=1, coherent=True)
    views = subarrays(r, 8, 6, subarray_columns=5, subarray_rows=4)
    assert views.shape == (4 * 3, 5 * 4)
    for R in (sample_covariance(views), forward_backward(sample_covariance(views))):
        assert_directions(music(R, DirectionModel.of_array(5, 4), sources=K), psi, 1e-9)
        assert_directions(esprit(R, 5, 4, sources=K), psi, 1e-9)


def test_smoothed_covariance_is_the_mean_of_the_subarrays_blocks():
    """Shan, Wax & Kailath 1985: blocks of the full covariance, here cut out in loops.

    Sums of 30 products of order 1: 1e-14.
    """
    generator = np.random.default_rng(4)
    columns, rows, c, r = 4, 3, 2, 2
    x = complex_normal(generator, (5, columns * rows))
    full = np.einsum("ti,tj->ij", x, x.conj()) / 5
    blocks = []
    for top in range(rows - r + 1):
        for left in range(columns - c + 1):
            n = [(top + j) * columns + left + i for j in range(r) for i in range(c)]
            blocks.append(full[np.ix_(n, n)])
    smoothed = sample_covariance(subarrays(x, columns, rows, subarray_columns=c, subarray_rows=r))
    np.testing.assert_allclose(smoothed, np.mean(blocks, axis=0), atol=1e-14)


def test_forward_backward_doubles_the_rank_of_one_snapshot():
    """J a* is a multiple of a: the signal space stays, and the mirrored snapshot is a second.

    Two snapshots of 12 elements, well conditioned: 1e-10.
    """
    psi = np.array(SCENES[0])
    R = sample_covariance(snapshots(np.random.default_rng(5), psi, 4, 3, count=1))
    both = forward_backward(R)
    ranks = np.linalg.matrix_rank(np.stack([R, both]), hermitian=True)
    assert ranks.tolist() == [1, 2]
    assert_directions(esprit(both, 4, 3, sources=2), psi, 1e-10)
    assert_directions(music(both, DirectionModel.of_array(4, 3), sources=2), psi, 1e-10)


@pytest.mark.parametrize(("count", "probes"), [(1, 10), (4, 3)])
def test_music_sees_through_any_response(count, probes):
    """Beamspace: h = W a in place of a, for one pattern or a protocol's. Exact without noise.

    A random response of few probes is worse conditioned than the array: 1e-10.
    """
    generator = np.random.default_rng(6)
    model = DirectionModel(complex_normal(generator, (count, probes, 12)), 4, 3)
    W = model.weights.reshape(-1, 12)
    for scene in SCENES:
        psi = np.array(scene)
        R = sample_covariance(snapshots(generator, psi, 4, 3, count=20) @ W.T)
        assert_directions(music(R, model, sources=len(scene)), psi, 1e-10)


def test_spectrum_is_the_distance_from_the_noise_space():
    """Oracle: 1 / ‖Uᴴ a‖² by its definition, U the eigenvectors that `music` leaves out.

    1 - share against a sum of squares: both good to 1e-15 of values above 1e-4, so 1e-10 dB.
    """
    psi = np.array(SCENES[0])
    r = snapshots(np.random.default_rng(7), psi, 4, 3, count=50, variance=0.1)
    R = sample_covariance(np.stack([r, 2 * r[::-1]]))
    spectrum = music_spectrum(R, DirectionModel.of_array(4, 3), sources=2, bins_x=16, bins_y=10)
    U = np.linalg.eigh(R[0])[1][:, :-2]
    a = steering_vector(spectrum.psi_x_rad[None, :], spectrum.psi_y_rad[:, None], 4, 3)
    expected = 1 / (np.abs(a.conj() @ U) ** 2).sum(axis=-1)
    assert spectrum.power_db.shape == (2, 10, 16)
    for power_db in spectrum.power_db:
        np.testing.assert_allclose(power_db, 10 * np.log10(expected / expected.max()), atol=1e-10)
    assert np.all(np.diff(spectrum.psi_x_rad) > 0)
    assert np.all(np.diff(spectrum.psi_y_rad) > 0)


def test_signal_space_is_spanned_by_the_steering_vectors():
    """Without noise the projector onto it leaves them as they are; the largest comes first."""
    psi = np.array(SCENES[4])
    R = sample_covariance(snapshots(np.random.default_rng(8), psi, 4, 3, count=9))
    E = signal_space(R, 3)
    A = steering_vector(psi[:, 0], psi[:, 1], 4, 3).T
    # Eigenvectors are good to 1e-15 over the smallest signal eigenvalue, about 1.
    np.testing.assert_allclose(E @ (E.conj().T @ A), A, atol=1e-12)
    powers = np.diagonal(E.conj().T @ R @ E).real
    assert np.all(np.diff(powers) < 0)


def test_a_source_without_a_peak_of_its_own_is_not_a_number():
    """Two sources a hundredth of a beam apart on a line of 3 leave one peak: nothing invented."""
    psi = np.array([(-0.01, 0.0), (0.01, 0.0)])
    R = sample_covariance(snapshots(np.random.default_rng(9), psi, 3, 1, count=20))
    first, second = music(R, DirectionModel.of_array(3, 1), sources=2)
    # The peak is that of one of the two, or between them.
    assert np.all(np.abs(first) < 0.0101)
    assert np.all(np.isnan(second))


@pytest.mark.parametrize("estimate", ESTIMATES)
def test_covariances_in_a_batch_do_not_change_each_other(estimate):
    """Alone or among others, in any arrangement of the batch: compiled differently, 1e-10."""
    psi = np.broadcast_to(SCENES[0], (2, 3, 2, 2))
    r = snapshots(np.random.default_rng(10), psi, 4, 3, count=20, variance=0.1)
    together = estimate(sample_covariance(r), sources=2)
    assert together.shape == (2, 3, 2, 2)
    alone = estimate(sample_covariance(r[1, 2]), sources=2)
    assert_directions(together[1, 2], alone, 1e-10)


def test_more_sources_than_can_be_resolved_are_refused():
    """MUSIC needs one dimension of noise, ESPRIT its sources in the array less a row or column."""
    R = np.eye(12, dtype=complex)
    for sources in (0, 12):
        with pytest.raises(InputError, match=rf"`sources` must be from 1 to 11.*is {sources}"):
            music(R, DirectionModel.of_array(4, 3), sources=sources)
    # More probes than the elements behind which they stand add no dimension.
    tall = DirectionModel(complex_normal(np.random.default_rng(12), (1, 12, 4)), 2, 2)
    with pytest.raises(InputError, match=r"`sources` must be from 1 to 3, .*is 4"):
        music(R, tall, sources=4)
    for sources in (0, 9):
        with pytest.raises(InputError, match=rf"`sources` must be from 1 to 8.*is {sources}"):
            esprit(R, 4, 3, sources=sources)
    with pytest.raises(InputError, match="`sources` must be from 1 to 3"):
        esprit(R[:4, :4], 1, 4, sources=4)


@pytest.mark.parametrize("estimate", ESTIMATES)
@pytest.mark.parametrize(("count", "coherent"), [(1, False), (30, True)])
def test_too_low_a_rank_is_refused_with_what_to_do(estimate, count, coherent):
    """One snapshot, or coherent sources in many: rank 1, which tells one source only."""
    generator = np.random.default_rng(11)
    r = snapshots(generator, np.array(SCENES[0]), 4, 3, count=count, coherent=coherent)
    with pytest.raises(InputError, match=r"must have rank 2 .* but has 1: .*`subarrays`"):
        estimate(sample_covariance(r), sources=2)


@pytest.mark.parametrize("estimate", ESTIMATES)
def test_covariances_that_cannot_be_used_are_refused(estimate):
    """One sentence that names the thing and the value seen."""
    R = np.eye(12, dtype=complex)
    for bad, words in (
        (R[:3, :3], r"`covariance` must end in \(12, 12\).*has shape \(3, 3\)"),
        (R + 1j, "`covariance` must be Hermitian"),
        (R * np.nan, "`covariance` must be finite"),
        (R * 0, "`covariance` must have rank 1 .* but has 0"),
    ):
        with pytest.raises(InputError, match=words):
            estimate(bad, sources=1)


def test_sizes_that_do_not_fit_are_refused():
    """One sentence that names the thing, the rule and the value seen."""
    R = np.eye(12, dtype=complex)
    with pytest.raises(InputError, match=r"`subarray_rows` must be from 1 to 3.*but is 4"):
        subarrays(R, 4, 3, subarray_columns=2, subarray_rows=4)
    with pytest.raises(InputError, match="one reading for each of the 4 x 4 elements"):
        subarrays(R, 4, 4, subarray_columns=2, subarray_rows=4)
    with pytest.raises(InputError, match="`bins_x` must be at least 1, but is 0"):
        music_spectrum(R, DirectionModel.of_array(4, 3), sources=1, bins_x=0, bins_y=2)
