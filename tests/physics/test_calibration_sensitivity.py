"""Pilots as a function of poses and users, its derivatives, and gains that are projected out.

Oracles: central differences of the pilots, plain products of matrices in NumPy, least squares by
small steps away from the solution.
"""

import equinox as eqx
import jax.numpy as jnp
import numpy as np
import pilots_in_numpy
import pytest
from calibration_case import (
    EXPECTED,
    ONE_USER,
    THREE_USERS,
    WAVELENGTH_M,
    case_study,
    everywhere,
)
from pilots_in_numpy import central_differences

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
    noiseless,
    random_plan,
    through_layers,
)
from metastack.calibration.links import received, states
from metastack.calibration.pilot_model import PoseAndAtomModel, PoseModel, linearised
from metastack.calibration.sensitivity import link_slopes, links_at

pytestmark = pytest.mark.usefixtures("double_precision")

PLANE = PlaneWaves.from_angles(np.radians([20.0, 50.0]), np.radians([35.0, -110.0]))
NEAR_AND_FAR = np.array(
    [[0.01, -0.004, -0.02], [-0.005, 0.006, -0.05], *ONE_USER.waves.coordinates]
)
LIT = {
    "users near and far": OntoFirstLayer(SphericalWaves(NEAR_AND_FAR)),
    "plane waves through the input layer": OntoInputLayer(PLANE),
}
RNG = np.random.default_rng(0)


def complex_normal(*shape):
    return (RNG.normal(size=shape) + 1j * RNG.normal(size=shape)) / np.sqrt(2)


def small(layers=3):
    return case_study(2, atoms_per_side=3, layers=layers)


class Case:
    """Some unknowns, a plan, values away from nominal, and pilots in NumPy."""

    def __init__(self, stack, illumination, expected, slots=4):
        self.unknowns = Unknowns.of(stack, illumination, expected)
        self.plan = random_plan(stack, slots, illumination, seed=0)
        self.model = PoseModel.of(self.unknowns, self.plan)
        self.values = RNG.uniform(-1, 1, self.unknowns.size)

    def pilots(self, values):
        moved = pilots_in_numpy.applied(self.unknowns, values)
        return pilots_in_numpy.pilots(*moved, self.model.transmission)

    def slopes(self):
        y, slopes = linearised(self.model, jnp.asarray(self.values))
        np.testing.assert_allclose(y, self.pilots(self.values), rtol=1e-9)
        return np.asarray(slopes)


def everything(lit):
    """All degrees of freedom of all planes and users' coordinates: units of .01 wavelengths, 1 mrad
    and 1e-4 m or direction cosines."""
    stack = small()
    expected = Expected(everywhere(0.01 * WAVELENGTH_M, 1e-3, stack), users=1e-4)
    return Case(stack, LIT[lit], expected)


def assert_slopes(found, expected):
    """Every column to 1e-6 of its largest entry: differences of fourth order over .1 unit leave out
    that much and less. And to 2e-9 of the largest of all: a wave from 30 m makes 2800 turns, of
    which 1e-16 each is rounding, 4e-12 rad; over .1 unit, 1e-10 and less of a pilot."""
    largest = np.abs(expected).max(axis=tuple(range(expected.ndim - 1)))
    assert (np.abs(found - expected) < 1e-6 * largest + 2e-9 * largest.max()).all()


@pytest.mark.parametrize("lit", LIT)
def test_slopes_of_pilots_are_their_central_differences(lit):
    """All six degrees of freedom of input layer, layers and receivers, and users' coordinates,
    away from the nominal stack. What does not meet the input layer does not move with it."""
    case = everything(lit)
    assert case.unknowns.size == 30 + LIT[lit].waves.coordinates.size
    slopes = case.slopes()
    assert_slopes(slopes, central_differences(case.pilots, case.values))
    is_still = ~np.abs(slopes).max(axis=(0, 1, 2)).astype(bool)
    is_of_input = np.array(case.unknowns.planes) == 0
    assert (is_still[:30] == (is_of_input & isinstance(LIT[lit], OntoFirstLayer))).all()
    assert not is_still[30:].any()


def test_a_stack_of_one_layer_has_slopes():
    """It has no matrix between layers."""
    stack = small(layers=1)
    expected = Expected(everywhere(0.01 * WAVELENGTH_M, 1e-3, stack, planes=(1, 2)))
    case = Case(stack, FromInputPorts(), expected)
    assert_slopes(case.slopes(), central_differences(case.pilots, case.values))


def test_users_can_be_all_that_is_unknown():
    """Slopes are central differences, and no link between layers changes."""
    case = Case(small(), THREE_USERS, Expected(Pose(), users=1e-3))
    assert case.unknowns.size == 9
    assert_slopes(case.slopes(), central_differences(case.pilots, case.values))
    slopes = link_slopes(case.unknowns, jnp.asarray(case.values))
    assert not np.asarray(slopes.between).any()


@pytest.mark.slow
def test_slopes_along_gains_of_atoms_are_central_differences():
    """Of unequal and of stuck atoms, beside poses. A stack that is calibrated so receives what the
    model says: stuck atoms show 1 + e whatever is asked of them."""
    stack = small()
    is_stuck = np.zeros(stack.phases_shape, bool)
    is_stuck[1, 4] = is_stuck[2, 0] = True
    plan = random_plan(stack, 4, ONE_USER, seed=0)
    model = PoseAndAtomModel.of(Unknowns.of(stack, ONE_USER, EXPECTED), plan, is_stuck)
    poses = model.poses.unknowns.size
    values = 0.2 * RNG.uniform(-1, 1, poses + 2 * is_stuck.size)

    def pilots(at):
        moved = pilots_in_numpy.applied(model.poses.unknowns, at[:poses])
        real, imaginary = at[poses:].reshape(2, *is_stuck.shape)
        asked = np.where(is_stuck, 1, np.exp(1j * plan.phases_rad))
        return pilots_in_numpy.pilots(*moved, asked * (1 + real + 1j * imaginary))

    y, slopes = linearised(model, jnp.asarray(values))
    np.testing.assert_allclose(y, pilots(values), rtol=1e-9)
    assert_slopes(np.asarray(slopes), central_differences(pilots, values))
    applied, _ = model.applied(jnp.asarray(values))
    np.testing.assert_allclose(noiseless(applied, plan), y, rtol=1e-9)


def test_pilots_are_products_of_links():
    """NumPy, one slot at a time, and `through_layers`. 1e-12: sums of 9 terms, 4 times."""
    stack = small()
    links = Links.of_stack(stack, THREE_USERS)
    shown = np.exp(2j * np.pi * RNG.random((7, *stack.phases_shape)))
    A = [np.asarray(link) for link in links]
    assert len(A) == len(links) == stack.layers + 1
    slots = np.array([A[3] * t[2] @ (A[2] * t[1]) @ (A[1] * t[0]) @ A[0] for t in shown])
    rounding = 1e-12 * np.abs(slots).max()
    found = np.asarray(received(links, jnp.asarray(shown)))
    np.testing.assert_allclose(found, slots, rtol=0, atol=rounding)
    np.testing.assert_allclose(through_layers(A, shown), slots, rtol=0, atol=rounding)


@pytest.mark.parametrize("lit", [*LIT.values(), FromInputPorts()], ids=lambda i: type(i).__name__)
def test_links_are_the_waves_formula_between_displaced_points(lit):
    """Once more in NumPy, of planes that are shifted and turned about every axis. 1e-9: a wave from
    30 m makes 2800 turns, of which 1e-13 each is rounding."""
    errors = RNG.normal(size=(6, 5)) * np.repeat([[1e-4], [0.03]], 3, axis=0)
    stack = eqx.tree_at(lambda s: s.poses, small(), Pose(*errors))
    expected = pilots_in_numpy.links(stack, lit)
    for found, link in zip(Links.of_stack(stack, lit), expected, strict=True):
        np.testing.assert_allclose(found, link, rtol=1e-9)


def test_a_user_far_away_is_a_plane_wave():
    """At 1e5 m the wavefront bends by R²/2r < 1e-9 m over the layer: phases agree to 1e-6 rad, and
    the amplitude falls by R/r < 1e-7."""
    azimuth, elevation = np.radians([30.0]), np.radians([20.0])
    spherical = SphericalWaves.from_directions(azimuth, elevation, np.array([1e5]))
    across = -spherical.coordinates[0, :2] / 1e5
    theta, phi = np.arcsin(np.hypot(*across)), np.arctan2(across[1], across[0])
    plane = PlaneWaves.from_angles(np.array([theta]), np.array([phi]))
    near, far = (OntoFirstLayer(waves).first_link(small()) for waves in (spherical, plane))
    np.testing.assert_allclose(near, far, atol=2e-6)


def test_what_leaves_and_arrives_at_any_layer_makes_the_pilots():
    """y = leaving diag(t) arriving, the same at every layer, to rounding."""
    stack = small()
    links = Links.of_stack(stack, THREE_USERS)
    shown = jnp.asarray(np.exp(2j * np.pi * RNG.random((6, *stack.phases_shape))))
    passing = states(links, shown)
    y = np.asarray(received(links, shown))
    for layer in range(stack.layers):
        ahead, after = passing.arriving[layer], passing.leaving[layer]
        made = np.einsum("tmn,tn,tun->tmu", after, shown[:, layer], ahead)
        np.testing.assert_allclose(made, y, rtol=0, atol=1e-12 * np.abs(y).max())


def test_planes_that_would_pass_through_each_other_have_no_links():
    """A mirrored gap has the same distances; it must not be taken for the true one."""
    unknowns = Unknowns.of(small(), ONE_USER, Expected(Pose(dz_m=1e-3)))
    crossed = jnp.zeros(3).at[1].set(-4.0)
    assert not unknowns.in_order(crossed)
    assert np.isnan(links_at(unknowns, crossed).first).all()
    assert unknowns.in_order(-crossed / 2)
    assert np.isfinite(links_at(unknowns, -crossed / 2).first).all()


def test_unknowns_are_named_and_put_where_they_belong():
    """One of each unknown at a time: only its own number changes, by its unit. What has no prior
    counts in natural units, a hundredth of a wavelength and a milliradian."""
    stack = small()
    nowhere_known = Pose(dy_m=2e-4, rz_rad=np.array([0, 0, np.inf, 0, 3e-3]))
    unknowns = Unknowns.of(stack, ONE_USER, Expected(nowhere_known, users=0.5))
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
    for number, unit in enumerate(unknowns.unit):
        moved, lit = unknowns.applied(jnp.eye(unknowns.size)[number])
        poses = np.array([getattr(moved.poses, name) for name in ("dy_m", "rz_rad")])
        shift = np.asarray(lit.waves.coordinates) - ONE_USER.waves.coordinates
        changes = np.concatenate([poses.ravel(), shift.ravel()])
        assert np.count_nonzero(changes) == 1
        np.testing.assert_allclose(changes[changes != 0], unit, rtol=1e-9)
        assert np.flatnonzero(changes)[0] == [1, 2, 7, 3, 9, 10, 11, 12][number]


GAINS = [OneGain(), GainPerPort(), GainPerSlot()]
ALL_GAINS = [*GAINS, KnownGain()]


@pytest.mark.parametrize("gains", GAINS, ids=lambda each: each.sentence)
def test_the_best_gains_are_least_squares(gains):
    """Any gain away from them leaves more, by |step|² times the model's energy: exact for a
    quadratic, to rounding."""
    model, measured = (jnp.asarray(complex_normal(6, 3, 2)) for _ in range(2))
    best = gains.fitted(model, measured)
    least = np.sum(np.abs(measured - best * model) ** 2)
    for step in 0.1 * complex_normal(5, *best.shape):
        more = np.sum(np.abs(measured - (best + step) * model) ** 2) - least
        np.testing.assert_allclose(more, np.sum(np.abs(step * model) ** 2), rtol=1e-10)


@pytest.mark.parametrize("gains", GAINS, ids=lambda each: each.sentence)
def test_what_gains_leave_is_orthogonal_to_what_they_reach(gains):
    """Of derivatives too: nothing can be fitted to it, and leaving it again changes nothing."""
    model, slopes = jnp.asarray(complex_normal(6, 3, 2)), jnp.asarray(complex_normal(6, 3, 2, 4))
    left = gains.projected(model, slopes)
    for column in range(4):
        assert np.abs(gains.fitted(model, left[..., column])).max() < 1e-14
        alone = gains.projected(model, slopes[..., column])
        np.testing.assert_allclose(alone, left[..., column], atol=1e-14)
    np.testing.assert_allclose(gains.projected(model, left), left, atol=1e-14)


def test_a_known_gain_is_one_and_takes_nothing():
    model, slopes = jnp.asarray(complex_normal(6, 3, 2)), jnp.asarray(complex_normal(6, 3, 2, 4))
    np.testing.assert_array_equal(KnownGain().fitted(model, 5 * model), np.ones((1, 1, 1)))
    np.testing.assert_array_equal(KnownGain().projected(model, slopes), slopes)


@pytest.mark.parametrize("gains", ALL_GAINS, ids=lambda each: each.sentence)
def test_projected_slopes_are_those_of_the_energy_that_is_left(gains):
    """Variable projection: the gradient of min_g ||y - g f(v)||² is -2 Re (g P ∂f)ᴴ r, P what gains
    leave. Central differences of the energy."""
    case = everything("users near and far")
    f, slopes = linearised(case.model, jnp.asarray(case.values))
    measured = f + 0.3 * np.abs(f).max() * jnp.asarray(complex_normal(*f.shape))

    def left(values):
        predicted = jnp.asarray(case.pilots(values))
        return np.asarray(measured - gains.fitted(predicted, measured) * predicted)

    J = gains.fitted(f, measured)[..., None] * gains.projected(f, slopes)
    gradient = -2 * np.einsum("tmup,tmu->p", np.conj(J), left(case.values)).real
    energy = lambda values: np.sum(np.abs(left(values)) ** 2)  # noqa: E731
    expected = central_differences(energy, case.values)
    assert_slopes(gradient, expected)
