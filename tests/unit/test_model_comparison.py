"""The comparison of models says what the matrices say, and its figure shows it."""

from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("matplotlib")

from test_report_figures import rendered

from metastack import (
    GeometricRadar,
    InputError,
    MeasuredHop,
    MeasuredHops,
    NearField,
    Pose,
    RayleighSommerfeld,
    make_uniform_stack,
)
from metastack.precision import float64
from metastack.propagation import hop_matrix
from metastack.report import models_figure
from metastack.study import candidate_models, compare_models, hop_kinds, model_profiles


def a_stack(gap=0.8, atoms_per_side=3, layers=3):
    """Lengths in wavelengths of 1 m."""
    return make_uniform_stack(
        ports=2,
        atoms_per_side=atoms_per_side,
        layers=layers,
        thickness_wavelengths=gap * layers,
        spacing_wavelengths=0.5,
        frequency_hz=1.0,
        wave_speed_m_per_s=1.0,
    )


def matrix(stack, model, leaves):
    with float64():
        pair = stack.planes[leaves : leaves + 2]
        return np.asarray(hop_matrix(*pair, model, stack.wavelength_m))


def test_hops_that_are_alike_are_one_kind():
    kinds = hop_kinds(a_stack())
    assert [(kind.name, kind.alike) for kind in kinds] == [("0-1", 1), ("1-2", 2), ("3-4", 1)]
    moved = replace(
        a_stack(), poses=Pose(*[np.zeros(5)] * 2, np.array([0, 0, 0.1, 0, 0]), *[np.zeros(5)] * 3)
    )
    assert [kind.name for kind in hop_kinds(moved)] == ["0-1", "1-2", "2-3", "3-4"]
    assert [kind.gap_m for kind in hop_kinds(moved)] == pytest.approx([0.8, 0.9, 0.7, 0.8])


def test_the_own_model_comes_first_with_its_own_parameters():
    stack = replace(a_stack(), model=NearField(0.1, 0.5))
    found = candidate_models(stack)
    assert list(found) == ["near_field", "rayleigh_sommerfeld", "radar", "dipoles"]
    assert found["near_field"] is stack.model
    assert found["rayleigh_sommerfeld"].element_area_m2 == 0.25
    assert found["radar"].exponent == pytest.approx(np.pi / 2 - 1)


def test_figures_of_a_comparison_are_those_of_its_matrices():
    """NumPy: 1 - |<A, B>|²/(‖A‖²‖B‖²), singular values; power iteration to 1 %, see there."""
    stack = a_stack()
    rows = compare_models(stack)
    models = candidate_models(stack)
    assert [row.hop for row in rows] == ["0-1"] * 4 + ["1-2"] * 4 + ["3-4"] * 4
    for row in rows:
        A, B = (matrix(stack, m, int(row.hop[0])) for m in (models[row.model], stack.model))
        match = abs(np.vdot(A, B)) ** 2 / np.linalg.norm(A) ** 2 / np.linalg.norm(B) ** 2
        if row.model == "rayleigh_sommerfeld":
            assert row.difference_db == -np.inf
        else:
            assert row.difference_db == pytest.approx(10 * np.log10(1 - match), abs=1e-9)
        loss = -10 * np.log10(np.linalg.norm(A) ** 2 / min(A.shape))
        assert row.insertion_loss_db == pytest.approx(loss, abs=1e-9)
        assert row.largest_gain == pytest.approx(np.linalg.norm(A, 2), rel=1e-9)
        assert row.is_passive == (row.largest_gain <= 1)


@pytest.mark.parametrize(
    ("gap", "holding"),
    [
        (0.29, set()),
        (0.4, {"dipoles"}),
        (0.5, {"dipoles", "rayleigh_sommerfeld"}),
        (0.75, {"dipoles", "rayleigh_sommerfeld", "near_field"}),
        (1.0, {"dipoles", "rayleigh_sommerfeld", "near_field", "radar"}),
    ],
)
def test_models_hold_from_their_nearest_gap_on(gap, holding):
    """λ/2 cells: .3 λ, λ/2, the diagonal .707 λ, and 2D²/λ = λ; at the very gap, to rounding."""
    rows = compare_models(a_stack(gap))
    assert {row.model for row in rows if row.is_in_range} == holding


def test_a_profile_is_the_model_at_each_distance():
    """A (1/2πr - j/λ) cosχ/r for Rayleigh-Sommerfeld, G λ/4πr for radar, at six distances."""
    stack = a_stack()
    own, radar, *_ = model_profiles(stack, hop_kinds(stack)[1])
    r = np.sqrt(0.64 + np.array([0, 1, 2, 4, 5, 8]) / 4)
    np.testing.assert_allclose(own.distance_wavelengths, r, rtol=1e-12)
    exact = 0.25 * 0.8 / r**2 * np.abs(1 / (2 * np.pi * r) - 1j)
    np.testing.assert_allclose(own.magnitude_db, 20 * np.log10(exact), atol=1e-9)
    gain = np.pi * (0.8 / r) ** (np.pi / 2 - 1)
    np.testing.assert_allclose(radar.magnitude_db, 20 * np.log10(gain / (4 * np.pi * r)), atol=1e-9)
    assert np.abs(own.phase_deg).max() < 1e-9
    lag = np.degrees(np.angle(1 / (2 * np.pi * r) - 1j))
    np.testing.assert_allclose(np.diff(radar.phase_deg), -np.diff(lag), atol=1e-9)


def test_a_profile_adds_up_to_the_difference_of_the_matrices():
    """Errors over the power at each distance, weighed by that power: the whole NMSE."""
    stack = a_stack(atoms_per_side=7)
    kind = hop_kinds(stack)[1]
    own, radar, *_ = model_profiles(stack, kind)
    assert len(own.distance_wavelengths) <= 40
    row = next(row for row in compare_models(stack) if (row.hop, row.model) == ("1-2", "radar"))
    r = own.distance_wavelengths
    counts = np.zeros(len(r))
    first, second = (plane.positions_m for plane in (kind.start, kind.end))
    every = np.linalg.norm(np.asarray(second)[:, None] - np.asarray(first), axis=-1).ravel()
    np.add.at(counts, np.abs(every[:, None] - r).argmin(axis=1), 1)
    power = counts * 10 ** (own.magnitude_db / 10)
    total = power @ 10 ** (radar.difference_db / 10) / power.sum()
    assert 10 * np.log10(total) == pytest.approx(row.difference_db, abs=0.01)


def measured(stack, matrices):
    pairs = stack.planes[:2], stack.planes[1:3], stack.planes[-2:]
    given = zip(pairs, matrices, strict=True)
    return MeasuredHops.of([MeasuredHop.between(*p, m, wavelength_m=1.0) for p, m in given])


def test_given_matrices_are_compared_with_every_formula():
    """Those of a radar, times a complex factor, are the radar: what is left is rounding."""
    stack = a_stack()
    radar = candidate_models(stack)["radar"]
    factor = 0.5 * np.exp(2j)
    with float64():
        own = measured(stack, [factor * matrix(stack, radar, leaves) for leaves in (0, 1, 3)])
    rows = compare_models(replace(stack, model=own))
    assert [row.model for row in rows[:4]] == [
        "measured",
        "rayleigh_sommerfeld",
        "radar",
        "near_field",
    ]
    assert all(row.difference_db < -290 for row in rows if row.model == "radar")
    assert all(row.is_in_range for row in rows if row.model == "measured")


def test_what_cannot_be_compared_is_refused():
    stack = a_stack()
    shapes = [(9, 4), (9, 9), (4, 9)]
    with float64():
        own = measured(stack, [np.ones(shape, complex) for shape in shapes])
    wider = replace(stack, model=own, gaps_m=stack.gaps_m * 1.1)
    with pytest.raises(InputError, match="hop 0-1 of measured is not; mind gaps and poses"):
        compare_models(wider)
    with pytest.raises(InputError, match="up to 4096 elements a plane, but hop 0-1 has 4225"):
        compare_models(a_stack(atoms_per_side=65, layers=1))


def test_the_figure_shows_every_model_and_the_departures_of_others():
    """Oracle: the profiles themselves; the own model departs from nothing."""
    stack = replace(a_stack(), model=GeometricRadar(0.5))
    profiles = model_profiles(stack, hop_kinds(stack)[1])
    figure = rendered(models_figure(profiles, "one hop"))
    magnitudes, phases, differences = figure.axes
    for line, profile in zip(magnitudes.get_lines(), profiles, strict=True):
        np.testing.assert_array_equal(line.get_ydata(), profile.magnitude_db)
        np.testing.assert_array_equal(line.get_xdata(), profile.distance_wavelengths)
    for axes, name in ((phases, "phase_deg"), (differences, "difference_db")):
        for line, profile in zip(axes.get_lines(), profiles[1:], strict=True):
            np.testing.assert_array_equal(line.get_ydata(), getattr(profile, name))
    looks = [(line.get_linestyle(), line.get_marker()) for line in magnitudes.get_lines()]
    assert len(set(looks)) == len(looks) == 4
    (legend,) = figure.legends
    shown = [text.get_text() for text in legend.get_texts()]
    assert shown == ["Radar (own)", "Rayleigh-Sommerfeld", "Near field", "Dipoles"]


def test_a_model_has_one_look_whoever_owns_the_stack():
    colours = []
    for own in (RayleighSommerfeld(0.25), NearField(0.25)):
        stack = replace(a_stack(), model=own)
        profiles = model_profiles(stack, hop_kinds(stack)[1])
        lines = models_figure(profiles, "").axes[0].get_lines()
        colours.append({p.model: line.get_color() for p, line in zip(profiles, lines, strict=True)})
    assert colours[0] == colours[1]
