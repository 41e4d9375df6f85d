"""Currents of thin wires by the method of moments, against NEC-2, images and induced EMF."""

from pathlib import Path

import numpy as np
import pytest

from metastack.multiport import (
    Motion,
    MovingWires,
    WireBody,
    centre_fed_wires,
    mutual_impedance,
    solve_wires,
    wire_grid,
)

MOM = Path(__file__).parents[1] / "data" / "mom"
UP, AHEAD = np.array([0.0, 0.0, 1.0]), np.array([0.0, 1.0, 0.0])
SQUARE = np.array([[x, 0.0, z] for z in (-0.25, 0.25) for x in (-0.25, 0.25)])


def off_diagonal(Z):
    return Z[~np.eye(len(Z), dtype=bool)]


def relative(found, expected):
    return np.linalg.norm(found - expected) / np.linalg.norm(expected)


@pytest.mark.parametrize(("kind", "most"), [("short", 5e-4), ("quarter", 3e-3)])
def test_facing_arrays_are_those_of_nec_but_for_the_feeds(kind, most):
    """The charge about a feed, which every solver models in its own way, is one factor for all."""
    data = np.load(MOM / "facing3x3_28GHz.npz")
    length, radius, _ = data[f"{kind}_LaP"]
    at = 3
    places, expected = data[f"{kind}_pos"][at] / data["lam"], data[f"{kind}_Z"][at].conj()
    halves = [centre_fed_wires(part, UP, length, radius, 10) for part in np.split(places, 2)]
    found, wanted = off_diagonal(solve_wires(halves).impedance_ohm), off_diagonal(expected)
    scale = np.vdot(found, wanted) / np.vdot(found, found)
    assert abs(scale - 1) < 0.2
    assert relative(scale * found, wanted) < most


def test_a_gap_of_the_nec_device_with_its_screen():
    """Feeds and the first layer's elements before its screen: within 5 % even on a coarse grid,
    where the wires alone, without the screen, are off by more than half."""
    data = np.load(MOM / "device_nominal_network.npz")
    places = data["port_position_m"][:13] / data["wavelength_m"]
    expected = data["Z_ohm"][:13, :13].conj()
    elements = centre_fed_wires(places, UP, 0.46, 1e-3, 16)
    centre = np.array([0.0, places[-1, 1] + 0.2, 0.0])
    screen = wire_grid(centre, np.array([1.7, 0, 0]), 1.7 * UP, (13, 13))
    for bodies, least, most in (([elements, screen], 0, 0.05), ([elements], 0.5, np.inf)):
        Z = solve_wires(bodies).impedance_ohm
        shunted = np.linalg.inv(np.linalg.inv(Z) + 2.2e-4j * np.eye(13))
        assert least <= relative(off_diagonal(shunted), off_diagonal(expected)) < most


def test_a_screen_reflects_as_a_mirror():
    """A wire λ/4 before it gains what its image, turned over, does to it: -Z₁₂ of half a
    wavelength, here within 10 % of a screen of 2 λ, from whose edges there is a tenth."""
    wire = centre_fed_wires(np.zeros((1, 3)), UP, 0.46, 1e-3, 16)
    screen = wire_grid(0.25 * AHEAD, np.array([2.0, 0, 0]), 2 * UP, (21, 21))
    gained = solve_wires([wire, screen]).impedance_ohm - solve_wires([wire]).impedance_ohm
    pair = centre_fed_wires(np.array([[0, 0, 0], 0.5 * AHEAD]), UP, 0.46, 1e-3, 16)
    image = solve_wires([pair]).impedance_ohm[0, 1]
    assert abs(gained[0, 0] + image) < 0.1 * abs(image)


def test_far_wires_couple_as_by_induced_emf():
    """Currents keep their shape far from each other; one factor is the feeds', as above."""
    places = np.array([[0.0, 0.0, 0.0], [1.0, 0.0, 0.0], [0.0, 1.5, 0.0]])
    found = solve_wires([centre_fed_wires(places, UP, 0.1, 1e-4, 8)]).impedance_ohm
    here = np.array([found[0, 1], found[0, 2]])
    expected = np.array([mutual_impedance(d, 0.0, 0.1, 1.0) for d in (1.0, 1.5)])
    np.testing.assert_allclose(here[1] / here[0], expected[1] / expected[0], rtol=1e-3)


def test_impedances_are_reciprocal_and_passive():
    """Zᵀ = Z to rounding; Re Z has no negative eigenvalue."""
    screen = wire_grid(0.2 * AHEAD, np.array([0.8, 0, 0]), 0.8 * UP, (5, 5))
    Z = solve_wires([centre_fed_wires(SQUARE, UP, 0.46, 1e-3, 8), screen]).impedance_ohm
    assert relative(Z.T, Z) < 1e-12
    assert np.linalg.eigvalsh(Z.real).min() > 0


def test_the_order_in_which_a_grid_is_told_is_no_matter():
    """Free currents at crossings differ with it; what they make together does not."""
    screen = wire_grid(0.2 * AHEAD, np.array([0.8, 0, 0]), 0.8 * UP, (4, 5))
    rng = np.random.default_rng(0)
    shuffled = rng.permutation(screen.segments)
    shuffled[::2] = shuffled[::2, ::-1]
    other = WireBody.checked(screen.nodes, shuffled, screen.radius)
    wires = centre_fed_wires(SQUARE, UP, 0.46, 1e-3, 6)
    first, second = (solve_wires([wires, each]).impedance_ohm for each in (screen, other))
    assert relative(second, first) < 1e-5


@pytest.fixture(scope="module")
def moving():
    """Feeds, a layer of two sides and a screen, receivers; four motions, in deviations."""
    sides = [
        centre_fed_wires(SQUARE + d * AHEAD, UP, 0.46, 1e-3, 8, pivot=0.7 * AHEAD)
        for d in (0.0, 0.5, 0.9, 1.4)
    ]
    screen = wire_grid(0.7 * AHEAD, np.array([0.8, 0, 0]), 0.8 * UP, (9, 9))
    nothing = np.zeros(3)
    motions = [
        Motion((1, 2, 3), 0.01 * AHEAD, nothing),
        Motion((1, 3), 0.03 * UP, nothing),
        Motion((1, 3), nothing, np.radians(0.6) * AHEAD),
        Motion((2,), 0.03 * UP, nothing),
    ]
    return MovingWires.prepared(solve_wires([sides[0], sides[1], screen, *sides[2:]]), motions)


VALUES = np.array([1.0, -1.0, 1.0, 0.5])


def test_moved_wires_are_those_solved_anew(moving):
    """What is left of a change is 1 to 2 % (segments as short dipoles), where a straight line is
    off by 14 and 25 %: currents that follow make impedances right to third order."""
    for size, most in ((1.0, 0.015), (2.0, 0.03)):
        anew = solve_wires(moving.moved(size * VALUES)).impedance_ohm
        change = anew - moving.at_rest
        left = moving.impedance_ohm(size * VALUES) - anew
        straight = np.tensordot(size * VALUES, moving.with_slopes_ohm(np.zeros(4))[1], axes=1)
        assert np.linalg.norm(left) < most * np.linalg.norm(change)
        assert np.linalg.norm(straight - change) > 5 * np.linalg.norm(left)


def test_slopes_are_those_of_the_impedance(moving):
    """Against differences, in single precision."""
    step, slopes = 0.02, moving.with_slopes_ohm(VALUES)[1]
    for number, unit in enumerate(np.eye(4)):
        forth, back = (moving.impedance_ohm(VALUES + each * step * unit) for each in (1, -1))
        assert relative((forth - back) / (2 * step), slopes[number]) < 2e-3


def test_slopes_at_rest_are_kept(moving):
    """Those of the preparation are those near by: the next ones differ by the curvature only."""
    near = moving.with_slopes_ohm(np.full(4, 1e-3))[1]
    assert relative(near, moving.with_slopes_ohm(np.zeros(4))[1]) < 2e-3


def test_what_moves_together_by_itself_changes_nothing(moving):
    """All bodies shifted alike: the network is the same."""
    all_bodies = Motion(tuple(range(5)), 0.05 * AHEAD + 0.02 * UP, np.zeros(3))
    together = MovingWires.prepared(solve_wires(moving.bodies), [all_bodies])
    change = together.impedance_ohm(np.ones(1)) - together.at_rest
    assert np.linalg.norm(change) < 1e-4 * np.linalg.norm(together.at_rest)
