"""The report of a design for directions: its sections, its numbers, its maps, its pictures."""

import re
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache
from itertools import pairwise
from math import pi, sqrt

import numpy as np
import pytest

pytest.importorskip("matplotlib")

from matplotlib.ticker import AutoLocator
from test_report_page import Reader

from metastack import make_uniform_stack
from metastack.design.solution import Outcome
from metastack.doa import (
    DirectionDesign,
    DirectionGoal,
    DirectionModel,
    FreePatterns,
    KnownNoise,
    PhysicalSnr,
    Protocol,
    SwitchedPatterns,
    Worst,
    bound_over_view,
    cramer_rao,
    energy_information,
)
from metastack.doa.maps import bound_over_grid, energy_maps, ideal_dft, psi_axis_rad
from metastack.doa.reprogrammed import reprogrammed
from metastack.report import (
    convergence,
    likelihood_surface,
    pattern_maps,
    phase_maps,
    write_direction_report,
)
from metastack.report.direction_report import bound_facts
from metastack.targets import dft_2d, insertion_loss_db

WRITTEN = datetime(2025, 1, 2, 3, 4, tzinfo=UTC)


@cache
def a_design(patterns=FreePatterns, start=0, ports=2):
    """Random phases and patterns on a small stack, with the bounds that belong to them."""
    stack = make_uniform_stack(
        ports=ports,
        atoms_per_side=5,
        layers=3,
        thickness_wavelengths=4,
        spacing_wavelengths=0.5,
    )
    protocol = Protocol(ports, ports, 2, 2)
    generator = np.random.default_rng(start)
    shown = generator.uniform(-9, 9, (protocol.snapshots, protocol.elements))
    empty = DirectionDesign(
        stack=stack,
        goal=DirectionGoal(protocol, PhysicalSnr(40), 0.6 * pi, patterns=patterns),
        phases_rad=np.zeros(stack.phases_shape),
        input_phases_rad=np.zeros(shown.shape),
        response=np.eye(protocol.elements, dtype=complex),
        insertion_loss_db=0.0,
        bound_rad2=1.0,
        worst_bound_rad2=1.0,
        history_db=np.array([-20.0, -30.0 - start, -29.0]),
        outcome=Outcome.FINISHED,
        seconds=1.234,
        method="none",
        seed=7,
        start=start,
    )
    free = patterns is FreePatterns
    phases_rad = generator.uniform(-9, 9, stack.phases_shape)
    return reprogrammed(empty, phases_rad, shown if free else protocol.input_phases_rad)


@cache
def _page(folder, patterns):
    path = folder / f"{patterns.__name__}.html"
    starts = [a_design(patterns), a_design(patterns, start=1)]
    facts = {"Command": "metastack design <b>"}
    write_direction_report(
        path, title="<i>", design=starts[0], facts=facts, starts=starts, written=WRITTEN
    )
    return path.read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def page_of(tmp_path_factory):
    folder = tmp_path_factory.mktemp("report")
    return lambda patterns: _page(folder, patterns)


@pytest.mark.parametrize(("patterns", "figures"), [(SwitchedPatterns, 5), (FreePatterns, 6)])
def test_the_page_has_its_sections_and_figures(page_of, patterns, figures):
    """Designed patterns bring one figure more; everything is inside the file and escaped."""
    page = page_of(patterns)
    assert re.findall(r"<h2>([^<]*)</h2>", page) == [
        "Result",
        "Stack",
        "Phases",
        "Convergence",
        "Angular response",
        "Bound",
        "Provenance",
    ]
    reader = Reader(page)
    assert len(reader.addresses) == figures
    assert all(address.startswith("data:image/") for address in reader.addresses)
    assert "<b>" not in page.replace("<b>Figure", "")
    assert "metastack design <b>" in reader.text


def test_the_page_states_the_numbers_of_the_design_with_units(page_of):
    design, text = a_design(), Reader(page_of(FreePatterns)).text
    for value in (
        f"{sqrt(design.bound_rad2) / pi:.3g} π",
        f"{sqrt(design.worst_bound_rad2) / pi:.3g} π",
        f"{design.insertion_loss_db:.2f} dB",
        "40 dB",
        "4 (2 × 2)",
        "±0.6 π in ψ_x and in ψ_y",
        "1.23 s",
        "All iterations were made.",
        "60 GHz",
        "2025-01-02 03:04 UTC",
    ):
        assert value in text, value


def test_exact_dfts_stand_beside_the_design():
    """From 0 to 26 dB of loss the bound of an exact DFT rises by 26 dB and a little at least.

    The information in an energy rises at least in proportion to its SNR.
    """
    design, facts = a_design(), bound_facts(a_design())
    assert list(facts) == [
        "This design",
        "Exact DFT without loss",
        "Exact DFT, 26 dB insertion loss",
    ]
    of_design = design.bound_rad2
    ratios_db = []
    for text in list(facts.values())[1:]:
        size, side = re.fullmatch(r".* π: ([\d.]+) dB (more|less) squared error", text).groups()
        ratios_db.append(float(size) if side == "more" else -float(size))
        over_pi = float(text.split()[0])
        assert 10 * np.log10((over_pi * pi) ** 2 / of_design) == pytest.approx(
            ratios_db[-1], abs=0.1
        )
    assert ratios_db[1] - ratios_db[0] >= 25.8


def test_an_ideal_dft_has_the_loss_that_is_asked_for():
    protocol = Protocol(3, 2, 1, 1)
    for loss_db in (0.0, 26.0):
        (weights,) = ideal_dft(protocol, insertion_loss_db=loss_db).weights
        assert float(insertion_loss_db(weights)) == pytest.approx(loss_db, abs=1e-9)
        scale = weights[0, 0]
        np.testing.assert_allclose(weights / scale, dft_2d(3, 2), atol=1e-12)


def test_maps_are_what_the_model_says_at_each_pair_of_angles():
    """One direction off the diagonal, computed alone: exact but for the order of sums."""
    design = a_design()
    x, y = psi_axis_rad(4), psi_axis_rad(3)
    np.testing.assert_allclose(x / pi, [-0.75, -0.25, 0.25, 0.75], atol=1e-15)
    psi_rad = np.array([x[3], y[0]])
    steering = np.exp(1j * (np.array([0, 1, 0, 1]) * x[3] + np.array([0, 0, 1, 1]) * y[0]))
    for snapshot in (0, 2):
        shown = np.exp(1j * design.input_phases_rad[snapshot])
        expected = np.abs(design.response @ (shown * steering)) ** 2
        found = energy_maps(design.model, x, y, snapshot=snapshot)
        assert found.shape == (4, 3, 4)
        np.testing.assert_allclose(found[:, 0, 3], expected, rtol=1e-12)
    noise = KnownNoise(design.goal.snr.variance)
    bounds = bound_over_grid(design.model, x, y, noise=noise)
    alone = cramer_rao(energy_information(design.model, psi_rad, noise=noise))
    assert bounds[0, 3] == pytest.approx(np.trace(alone) / 2, rel=1e-9)


def test_the_bound_over_the_view_is_the_mean_of_the_map():
    """Two ways to one number: the judging sample of a design, and the map within the view."""
    design = a_design()
    half = design.goal.field_of_view_rad
    axis = half * (2 * np.arange(20) + 1 - 20) / 20
    noise = KnownNoise(design.goal.snr.variance)
    bounds = bound_over_grid(design.model, axis, axis, noise=noise)
    assert np.mean(bounds) == pytest.approx(design.bound_rad2, rel=1e-6)


def test_a_bound_that_tells_nothing_is_not_printed_as_a_number():
    """A deviation of 1.1 π is more than that of a guess anywhere on the circle, π/√3."""
    design = a_design(SwitchedPatterns)
    blind = replace(design, bound_rad2=12.0, worst_bound_rad2=40.0)
    assert bound_facts(blind)["This design"].startswith("none")


def test_reprogramming_with_its_own_phases_changes_nothing():
    design = a_design()
    again = reprogrammed(design, design.phases_rad, design.input_phases_rad)
    np.testing.assert_array_equal(again.response, design.response)
    assert again.bound_rad2 == design.bound_rad2
    model = DirectionModel.of_patterns(design.response, design.input_phases_rad, columns=2, rows=2)
    assert again.bound_rad2 == pytest.approx(np.mean(bound_over_view(model, design.goal)))


def test_small_maps_show_phases_within_one_turn_where_they_belong():
    """Element n = n_y N_x + n_x is pixel [n_y, n_x], row 0 lowest, in every panel."""
    design = a_design()
    for figure, phases, shape in (
        (phase_maps(design), design.phases_rad, (5, 5)),
        (pattern_maps(design), design.input_phases_rad, (2, 2)),
    ):
        drawn = [axes.get_images()[0] for axes in figure.axes if axes.get_images()]
        assert len(drawn) == len(phases)
        for image, expected in zip(drawn, phases, strict=True):
            assert image.origin == "lower"
            np.testing.assert_allclose(
                image.get_array(), np.mod(expected, 2 * pi).reshape(shape), atol=1e-12
            )


@pytest.mark.slow
def test_of_many_patterns_the_first_64_are_drawn():
    design = a_design()
    many = replace(design, input_phases_rad=np.zeros((100, 4)))
    figure = pattern_maps(many)
    assert sum(bool(axes.get_images()) for axes in figure.axes) == 64
    figure.savefig("/dev/null", format="png", dpi=50)


def test_convergence_names_the_best_start_by_the_error_of_psi():
    """Start 1 reaches -31 dB, start 0 only -30; neither has an NMSE."""
    (axes,) = convergence([a_design(), a_design(start=1)]).axes
    labels = [line.get_label() for line in axes.get_lines()]
    assert "start 1: error -31.0 dB, best" in labels
    assert "start 0: error -30.0 dB" in labels
    assert "NMSE" not in axes.get_title()
    assert "ψ/π" in axes.get_ylabel()


@pytest.mark.slow
def test_more_probes_than_can_be_drawn_are_left_out_in_words(tmp_path):
    design = a_design(ports=5)
    path = tmp_path / "report.html"
    write_direction_report(path, title="t", design=design, facts={}, written=WRITTEN)
    assert "25 probes are too many" in path.read_text(encoding="utf-8")


def test_goals_are_said_in_words(tmp_path):
    design = a_design(SwitchedPatterns)
    goal = replace(design.goal, summary=Worst(), sources=2)
    path = tmp_path / "report.html"
    write_direction_report(path, title="t", design=replace(design, goal=goal), facts={})
    text = Reader(path.read_text(encoding="utf-8")).text
    assert "the worst log-error" in text
    assert "for several sources at a time" in text


@pytest.mark.parametrize("floor_nats", [-50.0, -1234.0, -125e3, -87654.0, -999e4])
def test_long_numbers_on_a_colour_bar_do_not_run_into_each_other(floor_nats):
    """Every label ends before the next begins, whatever the range of the likelihood."""
    axis = psi_axis_rad(9)
    values = floor_nats * np.linspace(0, 1, 81).reshape(9, 9)
    figure = likelihood_surface(axis, axis, values, floor_nats=floor_nats)
    figure.savefig("/dev/null", format="png", dpi=150)
    bar = next(axes for axes in figure.axes if "nats" in axes.get_xlabel())
    assert not isinstance(bar.xaxis.get_major_locator(), AutoLocator)
    low, high = sorted(bar.get_xlim())
    shown = [
        label.get_window_extent()
        for label, place in zip(bar.get_xticklabels(), bar.get_xticks(), strict=True)
        if low <= place <= high
    ]
    assert 2 <= len(shown) <= 5
    boxes = sorted(shown, key=lambda box: box.x0)
    assert all(left.x1 < right.x0 for left, right in pairwise(boxes))
