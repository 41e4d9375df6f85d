"""Interlayer models against the laws that each claims: power, distance, reciprocity, limits.

Lengths are in wavelengths, so the wave number is 2π.
"""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.integrate import quad

from metastack import (
    DenseHop,
    FourierHop,
    MirrorHop,
    PlanarArray,
    Plane,
    Pose,
    RayleighSommerfeld,
)
from metastack.propagation import GeometricRadar, NearField, hop_matrix, largest_gain

pytestmark = pytest.mark.usefixtures("double_precision")

AREA = 0.25
ALONG_Z = jnp.array([0.0, 0.0, 1.0])
FORMULAS = [
    RayleighSommerfeld(AREA),
    GeometricRadar(0.7, 0.8),
    GeometricRadar(0.0),
    NearField(AREA, 0.8),
]
by_formula = pytest.mark.parametrize("model", FORMULAS, ids=lambda model: type(model).__name__)


def link(model, towards):
    """From an element at the origin to some points."""
    towards = jnp.asarray(towards, float).reshape(-1, 3)
    w = model(jnp.zeros((1, 3)), towards, normal=ALONG_Z, wavelength_m=1.0)
    return np.asarray(w)[:, 0]


def at_angles(cosines, distance):
    sines = np.sqrt(1 - np.asarray(cosines) ** 2)
    return distance * np.stack([sines, 0 * sines, cosines], axis=-1)


@pytest.mark.parametrize("exponent", [0.0, 0.57, 1.0, 4.0, 30.0])
def test_a_radar_element_radiates_all_its_power(exponent):
    """∫ G dΩ = 4π over all directions, the half space behind included; quad's own 1e-8."""
    model = GeometricRadar(exponent)
    total, _ = quad(lambda u: float(model.directivity(jnp.asarray(u))), -1, 1, points=[0.0])
    assert 2 * np.pi * total == pytest.approx(4 * np.pi, rel=1e-8)


def collecting_area(model, cosines):
    """What an element collects from a direction: G λ²/4π, or its area projected."""
    if isinstance(model, NearField):
        return AREA * cosines
    return np.asarray(model.directivity(jnp.asarray(cosines))) / (4 * np.pi)


@pytest.mark.parametrize("distance", [0.7, 40.0])
@pytest.mark.parametrize("model", [GeometricRadar(0.6, 0.5), GeometricRadar(3), NearField(AREA)])
def test_power_through_a_hemisphere_is_what_is_radiated(model, distance):
    """|w|² over the receiving area is a density; times r² dΩ over the hemisphere, the gain g.

    64 Gauss-Legendre nodes in cos θ; of u^.6, which is not smooth at 0, they miss 1e-4.
    """
    node, weight = np.polynomial.legendre.leggauss(64)
    cosines, weight = (node + 1) / 2, weight / 2
    power = np.abs(link(model, at_angles(cosines, distance))) ** 2
    density = power / collecting_area(model, cosines)
    through = 2 * np.pi * distance**2 * weight @ density
    assert through == pytest.approx(model.gain, rel=1e-4)


def solid_angle_of_square(side, distance):
    """Of a square seen on its axis, exactly: 4 asin(h²/(h² + d²)), h half its side."""
    square = (side / 2) ** 2
    return 4 * np.arcsin(square / (square + distance**2))


@pytest.mark.parametrize("distance", [0.5, 1.0, 3.0])
def test_a_tiled_plane_takes_its_solid_angle_of_near_field_power(distance):
    """Σ|w|² over 81 x 81 cells is their square's solid angle over 2π: .92 to .99 of the power.

    Cells of λ/8 are points at λ/2 up to (1/4)²/24 of the nearest: 1e-3 altogether.
    """
    plane = PlanarArray(81, 81, 1 / 8, 1 / 8)
    places = Plane(plane, distance).positions_m
    power = np.sum(np.abs(link(NearField(1 / 64), places)) ** 2)
    exact = solid_angle_of_square(81 / 8, distance) / (2 * np.pi)
    assert power == pytest.approx(exact, rel=1e-3)


def test_radar_on_axis_is_the_friis_link():
    """λ = .1 m, r = 5 m, q = 1.5: G = 5, 7 dBi each; loss 56 dB of free space, less 14 dB.

    The exact numbers: 20 log10(4π 50) = 55.9635 dB, 2 · 10 log10 5 = 13.9794 dB.
    """
    w = GeometricRadar(1.5)(
        jnp.zeros((1, 3)), jnp.array([[0.0, 0.0, 5.0]]), normal=ALONG_Z, wavelength_m=0.1
    )
    assert -20 * np.log10(abs(w[0, 0])) == pytest.approx(55.9635 - 13.9794, abs=1e-4)
    assert np.angle(w[0, 0]) == pytest.approx(0.0, abs=1e-12)  # 50 whole turns


@by_formula
@pytest.mark.parametrize("cosine", [1.0, 0.5])
def test_far_field_is_a_spherical_wave(model, cosine):
    """w r e^{-jkr} is constant: of Rayleigh-Sommerfeld's 1/r² is left λ/(2πr), 1.6e-6 at 1e5 λ."""
    distances = np.array([1e5, 3e5, 1e6])
    w = np.concatenate([link(model, at_angles([cosine], r)) for r in distances])
    constant = w * distances * np.exp(-2j * np.pi * distances)
    np.testing.assert_allclose(constant, constant[-1], rtol=2e-6)


def test_models_agree_on_axis_far_away():
    """Rayleigh-Sommerfeld → -j A/(λr), radar of the same area A/(λr), near field sqrt(A/2π)/r.

    At 1e4 λ Rayleigh-Sommerfeld has λ/(2πr) left: 1.6e-5.
    """
    r = 1e4
    wave = np.exp(2j * np.pi * r) / r
    far = {
        RayleighSommerfeld(AREA): -1j * AREA,
        GeometricRadar.of_area(AREA, 1.0): AREA,
        NearField(AREA): np.sqrt(AREA / (2 * np.pi)),
    }
    for model, constant in far.items():
        assert link(model, [0, 0, r])[0] == pytest.approx(constant * wave, rel=2e-5)


@by_formula
def test_a_hop_back_is_the_transpose(model):
    """Reciprocity: other plane first, normal turned round; the same numbers, rounding only."""
    start = Plane(PlanarArray(3, 2, 0.5, 0.6), 0.0, Pose(dx_m=0.2))
    end = Plane(PlanarArray(2, 4, 0.4, 0.7), 1.1, Pose(dy_m=-0.1, rz_rad=0.3))
    back = model(end.positions_m, start.positions_m, normal=-end.normal, wavelength_m=1.0)
    forth = hop_matrix(start, end, model, 1.0)
    np.testing.assert_allclose(back, np.asarray(forth).T, rtol=1e-12)


@pytest.mark.parametrize("model", [GeometricRadar(0.7), GeometricRadar(0.0), NearField(AREA)])
def test_nothing_is_radiated_backwards(model):
    """Nor is there NaN at grazing angles, or in gradients where cos θ to a power is not smooth."""
    assert np.all(link(model, [[0.3, 0, -1.0], [1.0, 0, 0]])[0] == 0)

    def power(z):
        towards = jnp.stack([0.3 * jnp.ones(()), 0.0 * z, z])[None]
        w = model(jnp.zeros((1, 3)), towards, normal=ALONG_Z, wavelength_m=1.0)
        return jnp.sum(w.real**2 + w.imag**2)

    assert jax.grad(power)(-1.0) == 0


@by_formula
def test_gradients_are_those_of_finite_differences(model):
    """In both poses, the wavelength and every parameter of the model, of a random projection.

    Central differences over 2e-6 λ: h² k³ of truncation and 1e-16/h of rounding, 1e-9 of scale.
    """
    arrays = PlanarArray(2, 3, 0.5, 0.6), PlanarArray(3, 2, 0.4, 0.7)
    leaves, rebuild = jax.tree.flatten(model)
    generator = np.random.default_rng(0)
    weights = generator.normal(size=(2, 6, 6))

    def projection(values):
        poses = Pose(*values[:6]), Pose(*values[6:12])
        start, end = (Plane(arrays[n], 1.3 * n, poses[n]) for n in range(2))
        changed = jax.tree.unflatten(rebuild, list(values[13:]))
        W = hop_matrix(start, end, changed, values[12])
        return jnp.sum(weights[0] * W.real + weights[1] * W.imag)

    at = np.concatenate([generator.normal(size=12) * 0.05, [1.0], np.array(leaves, float)])
    gradient = np.asarray(jax.grad(projection)(jnp.asarray(at)))
    projected, step = jax.jit(projection), 2e-6
    moves = step * np.eye(len(at))
    numeric = np.array([(projected(at + m) - projected(at - m)) / (2 * step) for m in moves])
    np.testing.assert_allclose(gradient, numeric, atol=1e-8 * np.abs(gradient).max())


@by_formula
def test_fast_hops_are_the_matrix(model):
    """All depend on displacement and angle alone: mirror and FFT agree with it to rounding."""
    start = Plane(PlanarArray(5, 4, 0.5, 0.6), 0.0)
    end = Plane(PlanarArray(3, 6, 0.5, 0.6), 0.9)
    field = jnp.asarray(np.random.default_rng(1).normal(size=(3, 20, 2)) @ [1, 1j])
    exact = DenseHop.between(start, end, model, wavelength_m=1.0)(field)
    for kind in (MirrorHop, FourierHop):
        quick = kind.between(start, end, model, wavelength_m=1.0)(field)
        assert np.linalg.norm(quick - exact) < 1e-10 * np.linalg.norm(exact)


def test_near_field_is_within_half_a_decibel_from_its_diagonal_on():
    """On axis, where it is worst: 10 log10 of A/r² over the exact solid angle of a square."""
    for side in (0.5, 0.8, 2.0):
        nearest = float(NearField(side**2).nearest(1.0).distance_m)
        assert nearest == pytest.approx(max(side * np.sqrt(2), 0.5))
        for distance in (nearest, 1.5 * nearest, 4 * nearest):
            error_db = 10 * np.log10(side**2 / distance**2 / solid_angle_of_square(side, distance))
            assert 0 < error_db < 0.53


def test_radar_holds_where_a_wave_is_plane_over_an_element():
    """2D²/λ is where the edge of an aperture D lags π/8: D²/8r of path, λ/16; λ for λ/2 cells."""
    model = GeometricRadar.of_area(AREA, 1.0)
    nearest = float(model.nearest(1.0).distance_m)
    assert nearest == pytest.approx(1.0)
    diagonal = np.sqrt(2 * AREA)
    assert diagonal**2 / (8 * nearest) == pytest.approx(1 / 16)


def test_small_cells_radiate_forwards_at_least():
    """A gain of 4πA/λ² below 2 is not one of a half space."""
    assert GeometricRadar.of_area(0.1, 1.0).exponent == 0


@pytest.mark.parametrize(
    ("spacing", "gap", "is_passive"),
    [(0.25, 0.5, True), (0.25, 0.2, False), (0.5, 0.5, False), (0.5, 1.0, False), (0.5, 3.0, True)],
)
def test_rayleigh_sommerfeld_creates_power_between_planes_that_are_near(spacing, gap, is_passive):
    """15 x 15 cells of λ/4 are passive at its nearest, λ/2; those of λ/2 only much later.

    No closed form for finite planes: singular values are 1.03 at .2 λ; 1.27 at λ/2, 1.0005 at λ.
    """
    array = PlanarArray(15, 15, spacing, spacing)
    model = RayleighSommerfeld(spacing**2)
    assert model.nearest(1.0).distance_m == 0.5
    hop = DenseHop.between(Plane(array, 0.0), Plane(array, gap), model, wavelength_m=1.0)
    assert (largest_gain(hop) <= 1) == is_passive
