"""Thin wires: impedances against published numbers, quadrature, energy, and NEC-2."""

from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.integrate

import metastack as ms
from metastack import InputError
from metastack.multiport import ThinWires, impedance_matrix, in_our_time, mutual_impedance
from metastack.multiport.thin_wire import FREE_SPACE_OHM

K = 2 * np.pi
FACING = Path(__file__).parents[1] / "data" / "mom" / "facing3x3_28GHz.npz"


@pytest.mark.parametrize(
    ("distance", "published"),
    [
        (1e-9, 73.0790 + 42.5151j),
        (0.5, -12.52341 - 29.90794j),
        (0.25, 40.75750 - 28.32944j),
    ],
)
def test_half_wave_dipoles_have_their_published_impedances(distance, published):
    """DESIGN.md's anchors, to the digits that are given; books count time as e^{+jωt}."""
    found = complex(mutual_impedance(distance, 0.0, 0.5, 1.0))
    assert abs(np.conj(found) - published) < 1e-4


def field(z, rho, half):
    """Along the wire and away from it, in volts a wavelength for a unit terminal current."""
    waves = [
        (np.exp(1j * K * R) / R, z - place, factor)
        for place, factor in ((half, 1), (-half, 1), (0, -2 * np.cos(K * half)))
        for R in (np.hypot(rho, z - place),)
    ]
    scale = 1j * FREE_SPACE_OHM / (4 * np.pi * np.sin(K * half))
    along = sum(factor * wave for wave, _, factor in waves)
    away = -sum(factor * step * wave for wave, step, factor in waves) / rho
    return scale * along, scale * away


def integrated(function, half, places):
    """By adaptive quadrature with its breaks where the integrand is steep."""
    inside = sorted({float(place) for place in places if -half < place < half} | {0.0})
    parts = [
        scipy.integrate.quad(
            lambda s, part=part: part(function(s)), -half, half, points=inside, limit=400,
            epsabs=1e-13, epsrel=1e-13,
        )[0]
        for part in (np.real, np.imag)
    ]  # fmt: skip
    return parts[0] + 1j * parts[1]


@pytest.mark.parametrize("length", [0.1, 0.46, 0.5])
@pytest.mark.parametrize(
    ("distance", "offset"), [(1e-3, 0.0), (0.01, 0.1), (0.2, 0.3), (0.5, 0.0), (1e-6, 0.52), (3, 2)]
)
def test_impedances_are_the_integral_of_the_field(length, distance, offset):
    """On a wire's own surface, side by side, staggered, in one line, and far: 1e-10."""
    half = length / 2

    def voltage(s):
        along, _ = field(offset + s, distance, half)
        return -along * np.sin(K * (half - abs(s))) / np.sin(K * half)

    expected = integrated(voltage, half, (half - offset, -half - offset, -offset))
    found = complex(mutual_impedance(distance, offset, length, 1.0))
    assert abs(found - expected) < 1e-10 * abs(expected)


def test_skew_wires_are_the_double_integral_of_both_currents():
    """Of the vector and scalar potentials of both currents, in which no field is written out, for
    wires that stand askew to each other: 1e-10."""
    half, there = 0.23, np.array([0.4, 0.3, 0.25])
    along, towards = np.array([0.0, 0.0, 1.0]), np.array([0.3, -0.2, 0.9])
    towards = towards / np.linalg.norm(towards)
    nodes, weights = np.polynomial.legendre.leggauss(60)
    s = np.concatenate([(nodes - 1) * half / 2, (nodes + 1) * half / 2])
    w = np.concatenate([weights, weights]) * half / 2
    current = np.sin(K * (half - np.abs(s))) / np.sin(K * half)
    charge = -K * np.sign(s) * np.cos(K * (half - np.abs(s))) / np.sin(K * half)
    R = np.linalg.norm(there + s[:, None, None] * towards - s[:, None] * along, axis=-1)
    G = np.exp(1j * K * R) / (4 * np.pi * R)
    by_current = (w * current) @ G @ (w * current) * (along @ towards)
    by_charge = (w * charge) @ G @ (w * charge) / K**2
    expected = -1j * K * FREE_SPACE_OHM * (by_current - by_charge)
    wires = ThinWires.checked(np.array([0 * there, there]), np.array([along, towards]), 0.46, 1e-3)
    Z = np.asarray(impedance_matrix(wires, 1.0))
    assert abs(Z[1, 0] - expected) < 1e-10 * abs(expected)
    assert abs(Z[0, 1] - Z[1, 0]) < 1e-12 * abs(expected)


def array_of_wires():
    """Two facing arrays, one turned in its plane and tilted."""
    grid = np.stack(np.meshgrid([-0.5, 0, 0.5], [0.0], [-0.5, 0, 0.5]), axis=-1).reshape(-1, 3)
    turn = np.radians(3.0)
    turned = grid @ np.array(
        [[np.cos(turn), 0, np.sin(turn)], [0, 1, 0], [-np.sin(turn), 0, np.cos(turn)]]
    )
    up = np.tile([0.0, 0.0, 1.0], (9, 1))
    leaning = np.tile([np.sin(turn), 0.05, np.cos(turn)], (9, 1))
    centres = np.concatenate([grid, turned + np.array([0.02, 0.6, 0.01])])
    return ThinWires.checked(centres, np.concatenate([up, leaning]), 0.46, 1e-3)


def test_a_network_of_wires_is_reciprocal_and_loses_power_by_radiation_only():
    """Z is symmetric to 1e-12 of its largest number, its real part positive."""
    Z = np.asarray(impedance_matrix(array_of_wires(), 1.0))
    assert np.abs(Z - Z.T).max() < 1e-12 * np.abs(Z).max()
    assert np.linalg.eigvalsh(Z.real).min() > 0


def test_impedances_are_differentiable_in_poses():
    """Against a central difference, wires in one line among them."""
    wires = array_of_wires()
    rng = np.random.default_rng(0)
    move, lean = rng.standard_normal((2, 18, 3))

    def loss(step):
        moved = ThinWires(wires.centre_m + step * move, wires.direction + step * lean, 0.46, 1e-3)
        return jnp.abs(impedance_matrix(moved, 1.0)[0, 9:]).sum()

    with ms.float64():
        slope = float(jax.grad(loss)(0.0))
        difference = float(loss(1e-6) - loss(-1e-6)) / 2e-6
    assert slope == pytest.approx(difference, rel=1e-6)


@pytest.mark.parametrize(("kind", "most"), [("short", 0.005), ("quarter", 0.03)])
def test_wires_couple_as_the_method_of_moments_has_it(kind, most):
    """Two facing 3x3 arrays at .3 λ and beyond: transmission, up to one scale, which a sine for a
    current may well get wrong. Short wires within .5 %, quarter-wave ones within 3 %."""
    data = np.load(FACING)
    wavelength_m = float(data["lam"])
    length, radius, _ = data[f"{kind}_LaP"] * wavelength_m
    places = np.flatnonzero(data["d_over_lambda"] >= 0.299)
    assert len(places) == 8
    for place in places:
        up = np.tile([0.0, 0.0, 1.0], (18, 1))
        wires = ThinWires.checked(data[f"{kind}_pos"][place], up, float(length), float(radius))
        ours = np.asarray(impedance_matrix(wires, wavelength_m))[9:, :9]
        theirs = in_our_time(data[f"{kind}_Z"][place])[9:, :9]
        scaled = ours * np.vdot(ours, theirs) / np.vdot(ours, ours)
        assert np.linalg.norm(scaled - theirs) < most * np.linalg.norm(theirs)


def test_wires_that_cannot_be_are_refused():
    one, up = np.zeros((1, 3)), np.array([[0.0, 0.0, 1.0]])
    with pytest.raises(InputError, match="must be at least ten radii long"):
        ThinWires.checked(one, up, 0.1, 0.02)
    with pytest.raises(InputError, match="`direction` must not be zero"):
        ThinWires.checked(one, 0 * up, 0.1, 1e-3)
    with pytest.raises(InputError, match="`centre_m` must be wires x 3 finite numbers"):
        ThinWires.checked(np.full((1, 3), np.nan), up, 0.1, 1e-3)
    with pytest.raises(InputError, match="`length_m` must be positive"):
        ThinWires.checked(one, up, np.inf, 1e-3)
