"""Poses from links in any gauge, and the figures by which links are judged."""

from itertools import pairwise

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import metastack as ms
from metastack import InputError
from metastack.calibration import (
    CumulativeStages,
    GaussNewton,
    ThreeFigures,
    calibrate_entries,
    matrix_nmse,
    poses_on_gauge_orbit,
    regauged,
    stack_on_gauge_orbit,
    swept_gauge,
)
from metastack.calibration.illumination import OntoFirstLayer, SphericalWaves
from metastack.calibration.links import Links
from metastack.calibration.pilots import random_plan, simulate_pilots
from metastack.calibration.unknowns import DEGREES_OF_FREEDOM, Expected, Unknowns

WAVELENGTH_M = 299792458 / 28e9
IMPERFECTIONS = ms.published_imperfections(WAVELENGTH_M)
GAIN = 0.3 - 2.0j


def study(*, atoms_per_side, layers, antennas_per_side):
    """A stack at half-wave spacing and a user 30 m away, as in the calibration paper."""
    half_m = WAVELENGTH_M / 2
    antennas = ms.PlanarArray(antennas_per_side, antennas_per_side, half_m, half_m)
    stack = ms.make_stack(
        input_array=antennas,
        layer_array=ms.PlanarArray(atoms_per_side, atoms_per_side, half_m, half_m),
        receiver_array=antennas,
        gaps_m=[0.01 / 3] * (layers + 1),
        frequency_hz=28e9,
    )
    user = SphericalWaves.from_directions(*np.radians([[30.0], [20.0]]), np.array([30.0]))
    return stack, OntoFirstLayer(user)


def links_of(stack, illumination):
    return jax.tree.map(np.asarray, Links.of_stack(stack, illumination))


def at(unknowns, values):
    with ms.float64():
        return links_of(*unknowns.applied(jnp.asarray(values)))


def known_beforehand(case, **more):
    return Unknowns.of(*case, Expected.within(IMPERFECTIONS, **more))


def without_prior(unknowns):
    return eqx.tree_at(lambda each: each.precision, unknowns, 0 * unknowns.precision)


def in_some_gauge(links, seed=0):
    """Amplitudes over an octave and more, any phases, and an overall gain."""
    rng = np.random.default_rng(seed)
    layers, atoms = len(links) - 1, len(links.first)
    turns, nepers = rng.random((layers, atoms)), rng.standard_normal((layers, atoms))
    first, *between, last = regauged(list(links), list(np.exp(0.4 * nepers + 2j * np.pi * turns)))
    return Links(first, np.array(between, complex).reshape(links.between.shape), GAIN * last)


CASES = {
    "published": study(atoms_per_side=6, layers=4, antennas_per_side=2),
    "one layer": study(atoms_per_side=3, layers=1, antennas_per_side=2),
    "two layers": study(atoms_per_side=3, layers=2, antennas_per_side=3),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
@pytest.mark.parametrize("change", [lambda each: each, without_prior], ids=["prior", "no prior"])
def test_poses_come_back_from_any_gauge(case, change):
    """Without noise they are exact, to 1e-8 of what is expected of each: logarithms are good to
    1e-15, and no pose that is looked for tells itself by less than 1e-6 of what others do."""
    unknowns = change(known_beforehand(case))
    values = np.random.default_rng(0).uniform(-1.7, 1.7, unknowns.size)
    found = poses_on_gauge_orbit(in_some_gauge(at(unknowns, values)), unknowns)
    np.testing.assert_allclose(found, values, atol=1e-8)


@pytest.mark.slow
def test_users_come_back_with_the_poses():
    """A user's position, too, is on the orbit: known to 30 cm beforehand, found to 1e-6 of that."""
    stack, illumination = CASES["published"]
    with ms.float64():
        waves = SphericalWaves(jnp.asarray(illumination.waves.coordinates))
    unknowns = known_beforehand((stack, OntoFirstLayer(waves)), users=0.3)
    values = np.random.default_rng(1).uniform(-1.7, 1.7, unknowns.size)
    found = poses_on_gauge_orbit(in_some_gauge(at(unknowns, values)), unknowns)
    np.testing.assert_allclose(found, values, atol=1e-6)


def test_the_stack_on_the_orbit_has_the_poses_found():
    """Nominal poses plus values times units, of the stack that is handed out, in NumPy."""
    case = CASES["two layers"]
    unknowns = known_beforehand(case)
    links = in_some_gauge(links_of(ms.built(case[0], IMPERFECTIONS, jax.random.key(1)), case[1]))
    stack, illumination = stack_on_gauge_orbit(links, unknowns)
    moved = poses_on_gauge_orbit(links, unknowns) * unknowns.unit
    for plane, freedom, value in zip(unknowns.planes, unknowns.freedoms, moved, strict=True):
        table = getattr(stack.poses, DEGREES_OF_FREEDOM[freedom])
        assert isinstance(table, np.ndarray)
        assert table[plane] == pytest.approx(value)
    assert eqx.tree_equal(illumination, case[1])


@pytest.mark.slow
def test_poses_take_their_share_of_noise_and_no_more():
    """Noise that is alike on all coefficients, in units of their matrix's norm: of its energy, P
    real unknowns take P/2 complex numbers' worth. Mean of 100 draws: χ² of 600 degrees of freedom
    for P = 6, 5.8 % of deviation, and three of them."""
    case = CASES["two layers"]
    unknowns = without_prior(known_beforehand(case))
    truth, deviation, taken = links_of(*case), 1e-4, []
    for seed in range(100):
        rng = np.random.default_rng(seed)
        noisy = jax.tree.map(
            lambda A, rng=rng: (
                A
                + deviation
                * np.linalg.norm(A, axis=(-2, -1), keepdims=True)
                * (rng.standard_normal(A.shape) + 1j * rng.standard_normal(A.shape))
                / np.sqrt(2)
            ),
            truth,
        )
        found = poses_on_gauge_orbit(noisy, unknowns)
        taken.append(ThreeFigures.of(at(unknowns, found), truth, slots=50).aligned.sum())
    assert np.mean(taken) == pytest.approx(deviation**2 * unknowns.size / 2, rel=0.174)


def test_what_is_known_beforehand_holds_poses_where_links_are_noise():
    """Coefficients off by a third of themselves: the prior keeps values within its deviation, in
    the mean square, where without it they go astray."""
    unknowns = known_beforehand(CASES["two layers"])
    rng = np.random.default_rng(2)
    noisy = jax.tree.map(
        lambda A: A * (1 + 0.3 * rng.standard_normal(A.shape) + 0.0j),
        links_of(*CASES["two layers"]),
    )
    held = poses_on_gauge_orbit(noisy, unknowns)
    astray = poses_on_gauge_orbit(noisy, without_prior(unknowns))
    assert np.mean(held**2) < 1 < np.mean(astray**2)


def improvement_db(found, nominal, truth):
    before, after = (ThreeFigures.of(each, truth).raw[1:-1].mean() for each in (nominal, found))
    return 10 * np.log10(before / after)


def pilots_of(case, seed, slots, snr_db):
    built = ms.built(case[0], IMPERFECTIONS, jax.random.key(seed))
    plan = random_plan(case[0], slots, case[1], seed=seed)
    key = jax.random.key(seed)
    return built, simulate_pilots(built, plan, snr_db=snr_db, key=key, gain=GAIN)


@pytest.mark.parametrize(
    ("case", "slots", "seeds", "at_least_db"),
    [
        (study(atoms_per_side=3, layers=3, antennas_per_side=2), 200, 3, 15),
        pytest.param(
            study(atoms_per_side=6, layers=4, antennas_per_side=4),
            1000,
            4,
            25,
            marks=pytest.mark.slow,
        ),
    ],
    ids=["small", "published"],
)
def test_poses_are_told_by_links_that_are_no_better_than_nominal(case, slots, seeds, at_least_db):
    """Pilots at 30 dB SNR, every coefficient fitted to the end: raw, hardly nearer to the truth or
    further off, while the poses on the orbit are nearer by tens of dB. DESIGN: 30 dB from -2.5 for
    the published case with 16 antennas, one stack; here the mean of some, and a margin."""
    unknowns, nominal = known_beforehand(case), links_of(*case)
    raw, on_orbit = [], []
    for seed in range(seeds):
        built, pilots = pilots_of(case, seed, slots, 30.0)
        truth = links_of(built, case[1])
        links = calibrate_entries(
            case[0], pilots, method=GaussNewton(), stages=CumulativeStages(1), goal=0.0
        ).links
        raw.append(improvement_db(links, nominal, truth))
        found = at(unknowns, poses_on_gauge_orbit(links, unknowns))
        on_orbit.append(improvement_db(found, nominal, truth))
    assert np.mean(raw) < 5
    assert np.mean(on_orbit) > at_least_db


# ---- gauges


def random_links(users=2, atoms=5, layers=3, antennas=4, seed=0):
    rng = np.random.default_rng(seed)
    sizes = [users, *[atoms] * layers, antennas]
    first, *between, last = [
        rng.standard_normal((b, a)) + 1j * rng.standard_normal((b, a)) for a, b in pairwise(sizes)
    ]
    return Links(first, np.array(between, complex).reshape(layers - 1, atoms, atoms), last)


@pytest.mark.parametrize("layers", [1, 3])
def test_the_sweep_undoes_any_gauge(layers):
    """Whatever phases and amplitudes, and the overall gain with them: back to rounding."""
    links = random_links(layers=layers)
    back = swept_gauge(in_some_gauge(links), links)
    assert matrix_nmse(list(back), list(links)).max() < 1e-24


def test_the_sweep_leaves_what_is_dark():
    """An atom that nothing reaches has no gain to be found; it stays dark."""
    links = random_links()
    first = links.first.copy()
    first[2] = 0
    dark = Links(first, links.between, links.last)
    back = swept_gauge(in_some_gauge(dark), dark)
    assert matrix_nmse([back.first], [first]).max() < 1e-24
    assert np.isfinite(back.between).all()


def test_links_of_another_stack_are_refused():
    unknowns = known_beforehand(CASES["two layers"])
    with pytest.raises(InputError, match="must have the shapes of the reference"):
        poses_on_gauge_orbit(random_links(), unknowns)


# ---- three figures


def off(links, share=1e-2, seed=3):
    rng = np.random.default_rng(seed)
    return jax.tree.map(lambda A: A * (1 + share * rng.standard_normal(A.shape) + 0j), links)


def test_true_links_have_no_error():
    truth = random_links()
    figures = ThreeFigures.of(truth, truth)
    assert max(figures.raw.max(), figures.aligned.max(), figures.held_out) < 1e-25
    assert figures.gain == pytest.approx(1)


def test_only_the_raw_figures_know_gauge_and_gain():
    """The others are those of the links before they were put into another gauge, to 1e-6: the
    nearest gauge is the same point, however it is approached."""
    truth = random_links()
    found = off(truth)
    plain, other = (ThreeFigures.of(each, truth) for each in (found, in_some_gauge(found)))
    assert other.raw.min() > 10 * plain.raw.max()
    np.testing.assert_allclose(other.aligned, plain.aligned, rtol=1e-6)
    assert other.held_out == pytest.approx(plain.held_out, rel=1e-9)
    assert other.gain / plain.gain == pytest.approx(GAIN, rel=1e-9)


def test_raw_figures_are_of_the_matrices_as_they_are():
    """Twice a matrix is off by all of itself."""
    truth = random_links()
    twice = Links(truth.first, 2 * truth.between, truth.last)
    np.testing.assert_allclose(ThreeFigures.of(twice, truth).raw, [0, 1, 1, 0])


def test_held_out_is_the_share_of_responses_that_no_gain_explains():
    """1 - |<f, y>|² / (||f||² ||y||²), in NumPy, of the same random patterns."""
    truth = random_links()
    found = off(truth, 0.1)
    shown = np.exp(2j * np.pi * np.random.default_rng(4).random((70, 3, 5)))

    def received(links):
        A = list(links)
        slots = [
            A[3] @ np.diag(c) @ A[2] @ np.diag(b) @ A[1] @ np.diag(a) @ A[0] for a, b, c in shown
        ]
        return np.ravel(slots)

    f, y = received(found), received(truth)
    share = 1 - np.abs(np.vdot(f, y)) ** 2 / (np.vdot(f, f) * np.vdot(y, y)).real
    assert ThreeFigures.of(found, truth, slots=70, seed=4).held_out == pytest.approx(share)
