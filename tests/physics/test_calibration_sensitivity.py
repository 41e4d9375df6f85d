"""Pilots as a function of poses and users, its derivatives, and gains that are projected out.

Oracles: central differences of the pilots, plain products of matrices in NumPy, least squares by
small steps away from the solution.
"""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from calibration_case import (
    EXPECTED,
    ONE_USER,
    THREE_USERS,
    WAVELENGTH_M,
    case_study,
    everywhere,
)

import metastack as ms
from metastack import Pose
from metastack.calibration import (
    Expected,
    FromInputPorts,
    GainPerPort,
    GainPerSlot,
    KnownGain,
    Links,
    OneGain,
    OntoFirstLayer,
    OntoInputLayer,
    PlaneWaves,
    SphericalWaves,
    Unknowns,
    random_plan,
    through_layers,
)
from metastack.calibration.links import received, states
from metastack.calibration.pilot_model import PoseAndAtomModel, PoseModel
from metastack.calibration.sensitivity import link_slopes, links_at, pilots_and_slopes, pilots_at

pytestmark = pytest.mark.usefixtures("double_precision")

NEAR = SphericalWaves(np.array([[0.01, -0.004, -0.02], [-0.005, 0.006, -0.05]]))
PLANE = PlaneWaves.from_angles(np.radians([20.0, 50.0]), np.radians([35.0, -110.0]))
LIT = {
    "far": ONE_USER,
    "near": OntoFirstLayer(NEAR),
    "plane waves through the input layer": OntoInputLayer(PLANE),
    "near, through the input layer": OntoInputLayer(NEAR),
    "ports": FromInputPorts(),
}
RNG = np.random.default_rng(0)


def complex_normal(*shape):
    return (RNG.normal(size=shape) + 1j * RNG.normal(size=shape)) / np.sqrt(2)


def small(layers=3):
    return case_study(2, atoms_per_side=3, layers=layers)


def central_differences(function, values, step=0.02):
    """Of fourth order: with unknowns of order one in which functions bend over some tens of units,
    what is left out is (step / 10)^4 of the derivative, and rounding 1e-12 / step of the value."""
    columns = []
    for along in step * np.eye(len(values)):
        near, far = (function(values + k * along) - function(values - k * along) for k in (1, 2))
        columns.append((8 * near - far) / (12 * step))
    return np.stack(columns, axis=-1)


def assert_slopes(found, expected, tolerance=1e-6):
    """Every column to a share of its largest entry, or of the largest of all if it should be 0."""
    found, expected = np.asarray(found), np.asarray(expected)
    largest = np.abs(expected).max(axis=tuple(range(expected.ndim - 1)))
    scale = np.maximum(largest, 1e-6 * largest.max())
    assert (np.abs(found - expected) / scale).max() < tolerance


@pytest.mark.parametrize("lit", LIT)
def test_slopes_of_pilots_are_their_central_differences(lit):
    """All six degrees of freedom of input layer, layers and receivers, and users' coordinates,
    away from the nominal stack. Unknowns are .01 wavelengths, 1 mrad, and of users 1e-4: m or
    direction cosines. 1e-6: waves from 30 m are rounded to 2e-12 of a turn, over a step of .02
    units of which each turns a wave by .06 rad and less."""
    stack = small()
    deviation = everywhere(0.01 * WAVELENGTH_M, 1e-3, stack)
    users = 0.0 if lit == "ports" else 1e-4
    unknowns = Unknowns.of(stack, LIT[lit], Expected(deviation, users))
    transmission = stack.atoms(jnp.asarray(random_plan(stack, 4, LIT[lit], seed=0).phases_rad))
    values = RNG.uniform(-1, 1, unknowns.size)

    def pilots(at):
        return np.asarray(pilots_at(unknowns, jnp.asarray(at), transmission))

    y, slopes = pilots_and_slopes(unknowns, jnp.asarray(values), transmission)
    np.testing.assert_allclose(y, pilots(values), rtol=1e-12)
    assert unknowns.size == 30 + (0 if lit == "ports" else LIT[lit].waves.coordinates.size)
    assert_slopes(slopes, central_differences(pilots, values))
    moves_pilots = np.abs(slopes).max(axis=(0, 1, 2)) > 0
    is_of_input = np.array([*(plane == 0 for plane in unknowns.planes), *[False] * 6])
    through_input = not isinstance(LIT[lit], OntoFirstLayer)
    assert (moves_pilots | (is_of_input[: unknowns.size] & (not through_input))).all()


@pytest.mark.parametrize("layers", [1, 2])
def test_stacks_without_inner_links_or_with_one_have_slopes(layers):
    """One layer has no matrix between layers. Central differences, 1e-6 as above."""
    stack = small(layers)
    unknowns = Unknowns.of(stack, ONE_USER, Expected(everywhere(1e-4, 1e-3, stack)))
    transmission = stack.atoms(jnp.asarray(random_plan(stack, 3, ONE_USER, seed=1).phases_rad))
    values = RNG.uniform(-1, 1, unknowns.size)
    _, slopes = pilots_and_slopes(unknowns, jnp.asarray(values), transmission)
    pilots = lambda at: np.asarray(pilots_at(unknowns, jnp.asarray(at), transmission))  # noqa: E731
    assert_slopes(slopes, central_differences(pilots, values))


def test_users_can_be_all_that_is_unknown():
    """Central differences, and no link between layers changes."""
    stack = small()
    unknowns = Unknowns.of(stack, THREE_USERS, Expected(Pose(), users=1e-3))
    transmission = stack.atoms(jnp.asarray(random_plan(stack, 4, THREE_USERS, seed=0).phases_rad))
    values = RNG.uniform(-1, 1, 9)
    _, slopes = pilots_and_slopes(unknowns, jnp.asarray(values), transmission)
    pilots = lambda at: np.asarray(pilots_at(unknowns, jnp.asarray(at), transmission))  # noqa: E731
    assert_slopes(slopes, central_differences(pilots, values))
    assert not np.asarray(link_slopes(unknowns, jnp.asarray(values)).between).any()


def test_slopes_along_gains_of_atoms_are_central_differences():
    """Of unequal and of stuck atoms, beside poses. Pilots are linear in the gain of any one atom,
    so that differences have rounding alone: 1e-6 as for the poses."""
    stack = small()
    unknowns = Unknowns.of(stack, ONE_USER, EXPECTED)
    is_stuck = np.zeros(stack.phases_shape, bool)
    is_stuck[1, 4] = is_stuck[2, 0] = True
    model = PoseAndAtomModel.of(unknowns, random_plan(stack, 4, ONE_USER, seed=0), is_stuck)
    values = 0.2 * RNG.uniform(-1, 1, unknowns.size + 2 * is_stuck.size)
    y, slopes = model.linearise(jnp.asarray(values))
    predict = eqx.filter_jit(lambda at: model.predict(at))
    pilots = lambda at: np.asarray(predict(jnp.asarray(at)))  # noqa: E731
    np.testing.assert_allclose(y, pilots(values), rtol=1e-12)
    assert_slopes(slopes, central_differences(pilots, values))


def test_the_stack_with_gains_of_atoms_receives_what_the_model_says():
    """`applied` against `predict`: stuck atoms show 1 + e whatever is asked of them. To rounding of
    waves from 30 m."""
    stack = small()
    unknowns = Unknowns.of(stack, ONE_USER, EXPECTED)
    is_stuck = RNG.random(stack.phases_shape) < 0.2
    plan = random_plan(stack, 5, ONE_USER, seed=0)
    model = PoseAndAtomModel.of(unknowns, plan, is_stuck)
    values = jnp.asarray(0.2 * RNG.normal(size=unknowns.size + 2 * is_stuck.size))
    applied, illumination = model.applied(values)
    expected = ms.calibration.noiseless(
        applied, eqx.tree_at(lambda p: p.illumination, plan, illumination)
    )
    np.testing.assert_allclose(model.predict(values), expected, rtol=1e-9)
    _, errors = model.split(values)
    shown = np.asarray(applied.atoms(jnp.asarray(plan.phases_rad)))
    np.testing.assert_allclose(
        shown[:, is_stuck], np.broadcast_to((1 + errors)[is_stuck], (5, is_stuck.sum()))
    )


def test_pilots_are_products_of_links():
    """NumPy, one slot at a time, and `through_layers`. 1e-12: sums of 9 terms, 4 times."""
    stack = small()
    links = Links.of_stack(stack, THREE_USERS)
    shown = np.exp(2j * np.pi * RNG.random((7, *stack.phases_shape)))
    A = [np.asarray(link) for link in links]
    assert len(A) == len(links) == stack.layers + 1
    slots = [A[3] * t[2] @ (A[2] * t[1]) @ (A[1] * t[0]) @ A[0] for t in shown]
    found = np.asarray(received(links, jnp.asarray(shown)))
    np.testing.assert_allclose(found, slots, rtol=1e-12, atol=1e-12 * np.abs(slots).max())
    np.testing.assert_allclose(
        found, through_layers(A, shown), rtol=1e-12, atol=1e-12 * np.abs(slots).max()
    )


def test_links_are_rayleigh_sommerfeld_between_displaced_points():
    """The formula in NumPy, one pair of atoms at a time, with the first plane's own normal; a user's
    wave is e^{jkr}/r relative to the origin's. 1e-9: of r/λ = 2800 turns, 1e-13 of each."""
    stack = eqx.tree_at(
        lambda s: s.poses,
        small(),
        Pose(*(1e-4 * RNG.normal(size=(6, 5)) * [[1], [1], [1], [9], [9], [9]])),
    )
    links = Links.of_stack(stack, ONE_USER)
    start, end = stack.planes[1:3]
    k, area_m2 = 2 * np.pi / WAVELENGTH_M, (WAVELENGTH_M / 2) ** 2
    for m, n in [(0, 0), (3, 7), (8, 2)]:
        d = np.asarray(end.positions_m[m]) - np.asarray(start.positions_m[n])
        r = np.linalg.norm(d)
        cosine = d @ np.asarray(start.normal) / r
        w = area_m2 * cosine / r * (1 / (2 * np.pi * r) - 1j / WAVELENGTH_M) * np.exp(1j * k * r)
        np.testing.assert_allclose(links.between[0, m, n], w, rtol=1e-10)
        user_m = ONE_USER.waves.coordinates[0]
        r, origin_m = (
            np.linalg.norm(np.asarray(start.positions_m[n]) - user_m),
            np.linalg.norm(user_m),
        )
        wave = origin_m / r * np.exp(1j * k * (r - origin_m))
        np.testing.assert_allclose(links.first[n, 0], wave, rtol=1e-9)


def test_a_user_far_away_is_a_plane_wave():
    """At 1e5 m the wavefront bends by R²/2r < 1e-9 m: phases agree to 1e-6 rad, and the amplitude
    falls by R/r < 1e-7. Rounding of 1e7 turns: 1e-8."""
    stack, azimuth, elevation = small(), np.radians([30.0]), np.radians([20.0])
    spherical = SphericalWaves.from_directions(azimuth, elevation, np.array([1e5]))
    across = -spherical.coordinates[0, :2] / 1e5
    plane = PlaneWaves(across[None])
    near, far = (OntoFirstLayer(waves).first_link(stack) for waves in (spherical, plane))
    np.testing.assert_allclose(near, far, atol=2e-6)
    theta, phi = np.arcsin(np.hypot(*across)), np.arctan2(across[1], across[0])
    by_angles = PlaneWaves.from_angles(np.array([theta]), np.array([phi]))
    np.testing.assert_allclose(by_angles.coordinates, plane.coordinates, rtol=1e-12)


def test_what_leaves_and_arrives_at_any_layer_makes_the_pilots():
    """y = leaving diag(t) arriving, the same at every layer."""
    stack = small()
    links = Links.of_stack(stack, THREE_USERS)
    shown = jnp.asarray(np.exp(2j * np.pi * RNG.random((6, *stack.phases_shape))))
    passing = states(links, shown)
    y = np.asarray(received(links, shown))
    for layer in range(stack.layers):
        made = np.einsum(
            "tmn,tn,tun->tmu", passing.leaving[layer], shown[:, layer], passing.arriving[layer]
        )
        np.testing.assert_allclose(made, y, atol=1e-12 * np.abs(y).max())


def test_planes_that_would_pass_through_each_other_have_no_links():
    """A mirrored gap has the same distances; it must not be taken for the true one."""
    stack = small()
    unknowns = Unknowns.of(stack, ONE_USER, Expected(Pose(dz_m=1e-3)))
    crossed = jnp.zeros(3).at[1].set(-4.0)
    assert not unknowns.in_order(crossed)
    assert np.isnan(links_at(unknowns, crossed).first).all()
    assert unknowns.in_order(-crossed / 2)
    assert np.isfinite(links_at(unknowns, -crossed / 2).first).all()


def test_unknowns_are_named_and_put_where_they_belong():
    """One of each unknown at a time: only its own number changes, by its unit."""
    stack = small()
    expected = Expected(Pose(dy_m=2e-4, rz_rad=np.array([0, 0, np.inf, 0, 3e-3])), users=0.5)
    unknowns = Unknowns.of(stack, ONE_USER, expected)
    assert unknowns.names() == [
        "dy_m of layer 1",
        "dy_m of layer 2",
        "rz_rad of layer 2",
        "dy_m of layer 3",
        "rz_rad of the receivers",
        "coordinate 0 of the users",
        "coordinate 1 of the users",
        "coordinate 2 of the users",
    ]
    np.testing.assert_array_equal(unknowns.has_prior, [1, 1, 0, 1, 1, 1, 1, 1])
    np.testing.assert_allclose(unknowns.unit, [2e-4, 2e-4, 1e-3, 2e-4, 3e-3, 0.5, 0.5, 0.5])
    for number, (name, unit) in enumerate(zip(unknowns.names(), unknowns.unit, strict=True)):
        moved, lit = unknowns.applied(jnp.eye(unknowns.size)[number])
        poses = np.array([getattr(moved.poses, f) for f in ("dy_m", "rz_rad")])
        shift = np.asarray(lit.waves.coordinates) - ONE_USER.waves.coordinates
        changes = np.concatenate([poses.ravel(), shift.ravel()])
        assert np.count_nonzero(changes) == 1, name
        np.testing.assert_allclose(changes[changes != 0], unit, rtol=1e-9)


GAINS = [OneGain(), GainPerPort(), GainPerSlot()]


@pytest.mark.parametrize("gains", GAINS, ids=lambda g: g.sentence)
def test_the_best_gains_are_least_squares(gains):
    """Any gain away from them leaves more, by |step|² times the model's energy: exact for a
    quadratic, to rounding."""
    model, measured = (jnp.asarray(complex_normal(6, 3, 2)) for _ in range(2))
    best = gains.fitted(model, measured)
    energy = lambda g: np.sum(np.abs(measured - g * model) ** 2)  # noqa: E731
    for step in 0.1 * complex_normal(5, *best.shape):
        more = np.sum(np.abs(step * model) ** 2)
        np.testing.assert_allclose(energy(best + step) - energy(best), more, rtol=1e-10)


@pytest.mark.parametrize("gains", GAINS, ids=lambda g: g.sentence)
def test_what_gains_leave_is_orthogonal_to_what_they_reach(gains):
    """Of derivatives too: nothing can be fitted to it, and leaving it again changes nothing."""
    model, slopes = jnp.asarray(complex_normal(6, 3, 2)), jnp.asarray(complex_normal(6, 3, 2, 4))
    left = gains.projected(model, slopes)
    for column in range(4):
        assert np.abs(gains.fitted(model, left[..., column])).max() < 1e-14
    np.testing.assert_allclose(gains.projected(model, left), left, atol=1e-14)
    one = gains.projected(model, slopes[..., 0])
    np.testing.assert_allclose(one, left[..., 0], atol=1e-15)


def test_a_known_gain_is_one_and_takes_nothing():
    model, slopes = jnp.asarray(complex_normal(6, 3, 2)), jnp.asarray(complex_normal(6, 3, 2, 4))
    np.testing.assert_array_equal(KnownGain().fitted(model, 5 * model), np.ones((1, 1, 1)))
    np.testing.assert_array_equal(KnownGain().projected(model, slopes), slopes)


@pytest.mark.parametrize("gains", [*GAINS, KnownGain()], ids=lambda g: g.sentence)
def test_projected_slopes_are_those_of_the_energy_that_is_left(gains):
    """Variable projection: the gradient of min_g ||y - g f(v)||² is -2 Re (g P ∂f)ᴴ r, P what gains
    leave. Central differences of the energy, 1e-6 as above."""
    stack = small()
    unknowns = Unknowns.of(stack, THREE_USERS, Expected(everywhere(1e-4, 1e-3, stack)))
    model = PoseModel.of(unknowns, random_plan(stack, 5, THREE_USERS, seed=0))
    values = RNG.uniform(-1, 1, unknowns.size)
    f, slopes = model.linearise(jnp.asarray(values))
    measured = f + 0.3 * np.abs(f).max() * jnp.asarray(complex_normal(*f.shape))

    @jax.jit
    def left(at):
        predicted = model.predict(at)
        return measured - gains.fitted(predicted, measured) * predicted

    energy = lambda at: np.sum(np.abs(left(jnp.asarray(at))) ** 2)  # noqa: E731
    J = gains.fitted(f, measured)[..., None] * gains.projected(f, slopes)
    r = left(jnp.asarray(values))
    gradient = -2 * np.einsum("tmup,tmu->p", np.conj(J), r).real
    expected = central_differences(energy, values)
    np.testing.assert_allclose(gradient, expected, atol=1e-6 * np.abs(expected).max())
