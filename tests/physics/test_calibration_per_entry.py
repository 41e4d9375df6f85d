"""Fitting every coefficient of the links: gradients, ways down, stages, what the gauge leaves."""

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import metastack as ms
from metastack import InputError
from metastack.calibration import (
    Adam,
    CumulativeStages,
    GaussNewton,
    GradientDescent,
    Nesterov,
    SeparateStages,
    ThreeFigures,
    all_alike,
    calibrate_entries,
    each_entry,
    each_matrix,
    entry_descent,
    gauge_floor,
    in_nearest_gauge,
    noise_nmse,
    regauged,
)
from metastack.calibration.entry_problem import EntryProblem, largest_curvature
from metastack.calibration.illumination import OntoFirstLayer, SphericalWaves
from metastack.calibration.least_squares import Ending
from metastack.calibration.links import Links
from metastack.calibration.pilots import random_plan, simulate_pilots

WAVELENGTH_M = 299792458 / 28e9
ONE_STAGE = CumulativeStages(1)
# Few settings, used again and again: each is compiled once a shape.
EXACT = GaussNewton(inner_iterations=400, accuracy=1e-7)
MOMENTUM, DESCENT, ADAM = Nesterov(1500), GradientDescent(20_000), Adam(1, coarse_rate=1e-3)
SHORT_STEPS = GradientDescent(300, coarse_step=1.0, fine_step=1.0)


def study(*, atoms_per_side, layers, antennas_per_side, gap_m=0.01 / 3):
    """A stack at half-wave spacing and a user 30 m away, as in the calibration paper."""
    half_m = WAVELENGTH_M / 2
    antennas = ms.PlanarArray(antennas_per_side, antennas_per_side, half_m, half_m)
    stack = ms.make_stack(
        input_array=antennas,
        layer_array=ms.PlanarArray(atoms_per_side, atoms_per_side, half_m, half_m),
        receiver_array=antennas,
        gaps_m=[gap_m] * (layers + 1),
        frequency_hz=28e9,
    )
    user = SphericalWaves.from_directions(*np.radians([[30.0], [20.0]]), np.array([30.0]))
    return stack, OntoFirstLayer(user)


def links_of(stack, illumination):
    return jax.tree.map(np.asarray, Links.of_stack(stack, illumination))


@pytest.fixture(scope="module")
def small():
    """3 x 3 atoms in three layers: 207 coefficients, 180 once gauges are counted out."""
    return study(atoms_per_side=3, layers=3, antennas_per_side=2)


@pytest.fixture(scope="module")
def built(small):
    imperfections = ms.published_imperfections(WAVELENGTH_M)
    return ms.built(small[0], imperfections, jax.random.key(0))


def pilots_of(built, small, slots=200, *, snr_db=np.inf, gain=1.0, seed=0):
    plan = random_plan(small[0], slots, small[1], seed=seed)
    return simulate_pilots(built, plan, snr_db=snr_db, key=jax.random.key(seed), gain=gain)


def received(links, phases_rad):
    """A second formulation: NumPy, one slot and one layer at a time."""
    first, *others = [np.asarray(A) for A in links]
    result = []
    for slot in np.exp(1j * phases_rad):
        field = first
        for shown, A in zip(slot, others, strict=True):
            field = A @ (shown[:, None] * field)
        result.append(field)
    return np.array(result)


def nmse(found, truth):
    return np.sum(np.abs(found - truth) ** 2) / np.sum(np.abs(truth) ** 2)


def improvement_db(found, nominal, truth):
    """Raw and aligned, of the mean over the matrices between layers."""
    before, after = (ThreeFigures.of(links, truth) for links in (nominal, found))
    pairs = ((before.raw, after.raw), (before.aligned, after.aligned))
    return [10 * np.log10(b[1:-1].mean() / a[1:-1].mean()) for b, a in pairs]


# ---- derivatives


@pytest.fixture(scope="module")
def problem():
    """Two users, two layers of three atoms, four antennas, six slots in two blocks; any numbers."""
    rng = np.random.default_rng(0)

    def normal(*shape):
        return rng.standard_normal(shape) + 1j * rng.standard_normal(shape)

    with ms.float64():
        start = Links(*map(jnp.asarray, (normal(3, 2), normal(1, 3, 3), normal(4, 3))))
        shown = jnp.asarray(np.exp(2j * np.pi * rng.random((2, 3, 2, 3))))
        measured = jnp.asarray(normal(2, 3, 4, 2))
        numbers = (jnp.asarray(number, float) for number in (1.0, 0.0, 0.0))
        blocks = jnp.asarray(0), jnp.asarray(2)
        unit = each_matrix(start)
        return EntryProblem(start, unit, shown, measured, *blocks, *numbers)


def flat(links):
    return np.concatenate([np.ravel(A) for A in (links.first, links.between, links.last)])


def unflat(vector, like):
    ends = np.cumsum([np.size(A) for A in (like.first, like.between)])
    parts = zip(np.split(vector, ends), (like.first, like.between, like.last), strict=True)
    return Links(*(jnp.asarray(part.reshape(A.shape)) for part, A in parts))


def jacobian(problem):
    """Each column by a central difference of the NumPy formulation.

    The pilots are linear in every single coefficient, so that a difference of any width is exact.
    """
    phases_rad = np.angle(np.asarray(problem.transmission)).reshape(-1, 2, 3)
    size = flat(problem.start).size

    def pilots(moved):
        return received(problem.links(unflat(moved, problem.start)), phases_rad).ravel()

    with ms.float64():
        columns = [(pilots(e) - pilots(-e)) / 2 for e in np.eye(size, dtype=complex)]
        return np.array(columns).T, pilots(np.zeros(size, complex))


def test_the_descent_is_the_adjoint_jacobian_times_the_residual(problem):
    """Against NumPy and central differences, which are exact here: only rounding is left."""
    J, predicted = jacobian(problem)
    residual = np.asarray(problem.measured).ravel() - predicted
    with ms.float64():
        misfit, descent = problem.descent(jax.tree.map(jnp.zeros_like, problem.start))
    np.testing.assert_allclose(misfit, np.sum(np.abs(residual) ** 2), rtol=1e-12)
    np.testing.assert_allclose(flat(descent), J.conj().T @ residual, rtol=1e-11, atol=1e-10)


def test_the_curvature_is_the_adjoint_jacobian_times_the_jacobian(problem):
    """Against the same differences."""
    J, _ = jacobian(problem)
    rng = np.random.default_rng(1)
    along = rng.standard_normal(J.shape[1]) + 1j * rng.standard_normal(J.shape[1])
    with ms.float64():
        nothing = jax.tree.map(jnp.zeros_like, problem.start)
        found = problem.curvature(nothing, unflat(along, problem.start))
    np.testing.assert_allclose(flat(found), J.conj().T @ J @ along, rtol=1e-11, atol=1e-10)


def test_power_iteration_finds_the_largest_curvature(problem):
    """Never above the largest squared singular value, and after 20 rounds within 3 % of it: a
    step of 1.5 over it stays below the limit of 2."""
    J, _ = jacobian(problem)
    with ms.float64():
        found = largest_curvature(problem, jax.tree.map(jnp.zeros_like, problem.start))
    largest = np.linalg.svd(J, compute_uv=False)[0] ** 2
    assert 0.97 * largest < float(found) <= (1 + 1e-12) * largest


def test_blocks_that_are_not_in_use_say_nothing(problem):
    """The descents of both blocks, each alone, add up to that of both."""
    with ms.float64():
        nothing = jax.tree.map(jnp.zeros_like, problem.start)
        parts = [
            replace(problem, first_block=jnp.asarray(b), end_block=jnp.asarray(b + 1))
            for b in (0, 1)
        ]
        alone = [flat(part.descent(nothing)[1]) for part in parts]
        both = flat(problem.descent(nothing)[1])
    np.testing.assert_allclose(alone[0] + alone[1], both, rtol=1e-12)


# ---- what a fit reaches


@pytest.mark.parametrize(
    "method",
    [
        pytest.param(GaussNewton(), marks=pytest.mark.slow),
        pytest.param(MOMENTUM, marks=pytest.mark.slow),
        DESCENT,
    ],
    ids=lambda method: type(method).__name__,
)
def test_a_fit_without_noise_ends_at_the_gauge_floor(small, built, method):
    """800 responses tell 180 coefficients: 60 dB nearer in the best gauge. Raw, the matrices end in
    the gauge nearest to nominal, steps in units of each matrix's norm having no part along gauges;
    the figure is that of the true matrices there, to .1 dB for what is not linear."""
    truth, nominal = links_of(built, small[1]), links_of(*small)
    found = calibrate_entries(small[0], pilots_of(built, small), method=method, stages=ONE_STAGE)
    raw_db, aligned_db = improvement_db(found.links, nominal, truth)
    in_reach = nearest_to_nominal(truth, nominal, 1 / found.gain)
    assert aligned_db > 60
    assert raw_db == pytest.approx(improvement_db(in_reach, nominal, truth)[0], abs=0.1)


def nearest_to_nominal(truth, nominal, gain):
    """True links, times what the fit took for an overall gain, in the gauge nearest to nominal."""
    first, *between, last = in_nearest_gauge([*list(truth)[:-1], truth.last * gain], list(nominal))
    return Links(first, np.array(between), last)


@pytest.mark.slow
def test_the_published_case_ends_at_its_gauge_floor():
    """6 x 6 atoms, four layers, 16 antennas, 1000 slots without noise, mean of three stacks; as
    above, and within 1 dB of the floor that knows nothing of the gain that is fitted."""
    case = study(atoms_per_side=6, layers=4, antennas_per_side=4)
    imperfections, nominal = ms.published_imperfections(WAVELENGTH_M), links_of(*case)
    raw, in_reach, floors, before, aligned_db = [], [], [], [], []
    for seed in range(3):
        truth_stack = ms.built(case[0], imperfections, jax.random.key(seed))
        truth = links_of(truth_stack, case[1])
        pilots = pilots_of(truth_stack, case, 1000, seed=seed)
        fitted = calibrate_entries(case[0], pilots, stages=ONE_STAGE)
        found, nearest = fitted.links, nearest_to_nominal(truth, nominal, 1 / fitted.gain)
        before.append(ThreeFigures.of(nominal, truth).raw[1:-1])
        raw.append(ThreeFigures.of(found, truth).raw[1:-1])
        in_reach.append(ThreeFigures.of(nearest, truth).raw[1:-1])
        floors.append(gauge_floor(list(truth), list(nominal))[1:-1])
        aligned_db.append(improvement_db(found, nominal, truth)[1])
    raw_db, in_reach_db, floor_db = (
        10 * np.log10(np.mean(before) / np.mean(after)) for after in (raw, in_reach, floors)
    )
    assert np.mean(aligned_db) > 60
    assert raw_db == pytest.approx(in_reach_db, abs=0.1)
    assert raw_db == pytest.approx(floor_db, abs=1)


def test_what_a_fit_predicts_does_not_know_the_gauge_of_its_start(small, built):
    """The least-squares fit to noisy pilots is one point of the pilots' space, whatever the gauge
    of the links that lead there; to what is left of the equations, squared."""
    pilots, nominal = pilots_of(built, small, snr_db=30.0), links_of(*small)
    rng = np.random.default_rng(0)
    gains = [np.exp(0.3 * (rng.standard_normal(9) + 1j * rng.standard_normal(9))) for _ in range(3)]
    first, *between, last = regauged(list(nominal), gains)
    plain, other = (
        calibrate_entries(small[0], pilots, method=EXACT, stages=ONE_STAGE, start=start, goal=0.0)
        for start in (nominal, Links(first, np.array(between), last))
    )
    held_out = pilots_of(built, small, seed=5).plan.phases_rad
    one, two = (received(each.links, held_out) * each.gain for each in (plain, other))
    assert nmse(plain.links.between, other.links.between) > 1e-3
    assert nmse(one, two) < 1e-8


def test_an_overall_gain_does_not_change_the_links(small, built):
    """It is divided out before anything is fitted: the same links, to rounding that iterations
    carry on, and the gain in front of them."""
    plain, other = (
        calibrate_entries(small[0], pilots_of(built, small, gain=gain), stages=ONE_STAGE)
        for gain in (1.0, 0.3 - 2.0j)
    )
    assert other.gain / plain.gain == pytest.approx(0.3 - 2.0j, rel=1e-12)
    assert nmse(flat(other.links), flat(plain.links)) < 1e-16


def test_pilots_are_the_gain_times_what_the_links_give(small, built):
    """Held-out ones: NMSE below -100 dB, where a fit without noise has long arrived."""
    found = calibrate_entries(small[0], pilots_of(built, small, gain=2j), stages=ONE_STAGE)
    held_out = pilots_of(built, small, seed=7, gain=2j)
    assert nmse(found.gain * received(found.links, held_out.plan.phases_rad), held_out.received) < (
        1e-10
    )


# ---- ways down


def test_the_first_step_of_adam_is_its_rate(small, built):
    """Every coefficient moves by the coarse rate times the root mean square of its matrix, to the
    share of Adam's regularisation, 1e-8 over gradients of 1e-5 and more."""
    nominal = links_of(*small)
    found = calibrate_entries(small[0], pilots_of(built, small), method=ADAM, stages=ONE_STAGE)
    for before, after in zip(nominal, found.links, strict=True):
        rms = np.sqrt(np.mean(np.abs(before) ** 2))
        np.testing.assert_allclose(np.abs(after - before), 1e-3 * rms, rtol=0.01)


@pytest.mark.slow
def test_adam_comes_down(small, built):
    """By 30 dB within its default iterations: not a figure, only that it goes the right way."""
    found = calibrate_entries(small[0], pilots_of(built, small), method=Adam(), stages=ONE_STAGE)
    assert found.nmse_after_stage[-1] < 1e-3 * found.nmse_after_stage[0]


@pytest.mark.slow
@pytest.mark.parametrize("method", [GaussNewton(), SHORT_STEPS])
def test_descent_is_monotone(small, built, method):
    """Gauss-Newton takes no step that does not gain, and a step of one over the largest curvature
    cannot overshoot; within every stage, to rounding."""
    found = calibrate_entries(small[0], pilots_of(built, small, snr_db=20.0), method=method, goal=0)
    for stage in found.history:
        assert (np.diff(stage) <= 1e-12 * stage[:-1]).all()


@pytest.mark.parametrize("scale", [each_entry, each_matrix, all_alike])
def test_whatever_the_units_pilots_are_fitted(small, built, scale):
    """Without noise and in any unit: 60 dB below the start, with iterations to spare."""
    found = calibrate_entries(
        small[0], pilots_of(built, small), method=EXACT, stages=ONE_STAGE, scale=scale
    )
    assert found.nmse_after_stage[-1] < 1e-6 * found.nmse_after_stage[0]


def test_what_is_zero_stays_so_in_units_of_each_entry(small, built):
    """A coefficient that is known not to exist is not invented."""
    nominal = links_of(*small)
    between = nominal.between.copy()
    between[0, 2, 3] = 0
    start = Links(nominal.first, between, nominal.last)
    found = calibrate_entries(
        small[0],
        pilots_of(built, small),
        method=EXACT,
        stages=ONE_STAGE,
        start=start,
        scale=each_entry,
    )
    assert found.links.between[0, 2, 3] == 0


# ---- stages


def test_every_stage_begins_where_the_last_one_ended(small, built):
    """Against NumPy: 50 slots in 7 uneven blocks; the NMSE at the beginning of a stage is that of
    its slots with the links of the stage before."""
    pilots = pilots_of(built, small, 50, snr_db=30.0)
    ends = np.arange(8) * 50 // 7
    for stages in (CumulativeStages(7), SeparateStages(7)):
        found = calibrate_entries(small[0], pilots, method=ADAM, stages=stages)
        for stage, history in enumerate(found.history):
            first = 0 if isinstance(stages, CumulativeStages) else ends[stage]
            slots = slice(first, ends[stage + 1])
            y = found.gain * received(found.after_stage[stage], pilots.plan.phases_rad[slots])
            assert history[0] == pytest.approx(nmse(y, pilots.received[slots]), rel=1e-10)


def test_the_last_cumulative_stage_is_of_all_pilots(small, built):
    """What its last iteration left is what all pilots have left, computed anew."""
    pilots = pilots_of(built, small, snr_db=20.0)
    found = calibrate_entries(small[0], pilots, method=SHORT_STEPS)
    assert found.history[-1][-1] == pytest.approx(found.nmse_after_stage[-1], rel=1e-10)
    y = found.gain * received(found.links, pilots.plan.phases_rad)
    assert found.nmse_after_stage[-1] == pytest.approx(nmse(y, pilots.received), rel=1e-10)


def test_more_slots_predict_better(small, built):
    """Without noise, held-out pilots are the nearer the more slots were fitted, stage by stage
    until all coefficients are told, which needs 45 slots of four antennas."""
    found = calibrate_entries(small[0], pilots_of(built, small))
    truth = links_of(built, small[1])
    held_out = [ThreeFigures.of(links, truth).held_out for links in found.after_stage]
    assert (np.diff(held_out[:3]) < 0).all()
    assert held_out[-1] < 1e-6 * held_out[0]


def test_a_fit_stops_at_the_noise_where_it_is_known(small, built):
    """More iterations would bring the pilots nearer, and the links further off."""
    pilots = pilots_of(built, small, snr_db=20.0)
    truth = links_of(built, small[1])
    stopped, on = (
        calibrate_entries(small[0], pilots, method=MOMENTUM, stages=ONE_STAGE, goal=goal)
        for goal in (None, 0.0)
    )
    assert stopped.ending is Ending.CONVERGED
    assert stopped.history[-1][-1] <= noise_nmse(pilots) < stopped.history[-1][-2]
    assert on.nmse_after_stage[-1] < stopped.nmse_after_stage[-1]
    kept, lost = (ThreeFigures.of(each.links, truth).held_out for each in (stopped, on))
    assert kept < lost


def test_noise_is_the_share_of_it_in_the_pilots(small, built):
    """At 20 dB SNR about 1 %, of what is received with noise: 1/101, to 5 % for 200 slots."""
    pilots = pilots_of(built, small, snr_db=20.0)
    assert noise_nmse(pilots) == pytest.approx(1 / 101, rel=0.05)


# ---- how it ends


def test_iterations_that_were_too_few_are_told(small, built):
    """One step of Adam is not the end."""
    found = calibrate_entries(small[0], pilots_of(built, small), method=ADAM, stages=ONE_STAGE)
    assert found.ending is Ending.BUDGET_SPENT
    assert len(found.history[0]) == 2


def test_an_interrupt_between_stages_keeps_them(small, built):
    def stop(done, stages):
        assert stages == 10
        if done == 2:
            raise KeyboardInterrupt

    found = calibrate_entries(small[0], pilots_of(built, small), on_stage=stop)
    assert found.ending is Ending.INTERRUPTED
    assert len(found.after_stage) == len(found.nmse_after_stage) == 3


def test_an_interrupt_within_a_stage_keeps_what_was_found(small, built, monkeypatch):
    """The links are those after the last whole chunk: their NMSE is the last of the history."""
    advance, chunks = entry_descent._advance, []

    def interrupted(*arguments):
        if len(chunks) == 3:
            raise KeyboardInterrupt
        chunks.append(advance(*arguments))
        return chunks[-1]

    monkeypatch.setattr(entry_descent, "_advance", interrupted)
    pilots = pilots_of(built, small)
    found = calibrate_entries(small[0], pilots, method=DESCENT, stages=ONE_STAGE)
    assert found.ending is Ending.INTERRUPTED
    assert found.history[0][-1] == pytest.approx(found.nmse_after_stage[-1], rel=1e-10)
    assert found.nmse_after_stage[-1] < found.nmse_after_stage[0]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"stages": CumulativeStages(0)}, "`stages` must be from 1 to"),
        ({"stages": SeparateStages(51)}, "number of slots, 50, but are 51"),
        ({"start": Links(np.ones((9, 1)) + 0j, np.ones((1, 9, 9)) + 0j, np.ones((4, 9)) + 0j)},
         "must have the shapes"),
        ({"start": Links(np.ones((9, 1)) + 0j, np.zeros((2, 9, 9)) + 0j, np.ones((4, 9)) + 0j)},
         "Something must pass"),
    ],
)  # fmt: skip
def test_what_cannot_be_fitted_is_refused(small, built, change, message):
    with pytest.raises(InputError, match=message):
        calibrate_entries(small[0], pilots_of(built, small, 50), **change)


def test_steps_that_cannot_be_stable_are_refused():
    with pytest.raises(InputError, match="must be between 0 and 2"):
        GradientDescent(coarse_step=2.5)


def test_noise_that_is_not_known_has_no_share(small, built):
    pilots = pilots_of(built, small, 50)
    with pytest.raises(InputError, match="must be known"):
        noise_nmse(replace(pilots, noise_variance=None))
