"""Figures and page of a calibration show the numbers that were found, where they should be."""

import re
from dataclasses import replace
from functools import cache, partial
from importlib import import_module
from types import ModuleType

import jax
import numpy as np
import pytest
import scipy.stats

pytest.importorskip("matplotlib")

from matplotlib.collections import LineCollection, PolyCollection
from matplotlib.container import ErrorbarContainer
from matplotlib.patches import StepPatch, Wedge
from test_report_figures import images, rendered
from test_report_page import HOSTILE, WRITTEN, Reader

from metastack import report
from metastack.calibration.gains import OneGain
from metastack.calibration.geometric import calibration_of
from metastack.calibration.illumination import OntoFirstLayer, PlaneWaves
from metastack.calibration.least_squares import Ending, Fit
from metastack.calibration.links import Links
from metastack.calibration.pilot_model import PoseModel
from metastack.calibration.pilots import Pilots, random_plan
from metastack.calibration.unknowns import DEGREES_OF_FREEDOM, Expected, Unknowns
from metastack.errors import InputError
from metastack.geometry import PlanarArray, Plane, Pose
from metastack.imperfections import Imperfections, built
from metastack.precision import float64
from metastack.report import (
    Section,
    displacement_drawing,
    fit_history,
    link_matrices,
    pose_estimates,
    residual_figure,
    write_calibration_report,
)
from metastack.report.displacements import exaggeration
from metastack.report.residuals import Residuals
from metastack.stack import make_stack

WAVELENGTH_M = 0.01
BLUE, VERMILION, GREY = "#0072B2", "#D55E00", "#8A8A8A"
SHIFT_M, TURN_RAD = 2e-4, 2e-3
EVERYTHING = Pose(SHIFT_M, SHIFT_M, SHIFT_M / 4, TURN_RAD, TURN_RAD, TURN_RAD)
AS_PUBLISHED = Pose(dy_m=SHIFT_M, dz_m=SHIFT_M / 10, rz_rad=TURN_RAD)


@cache
def a_stack(layers=3):
    ports = PlanarArray(2, 2, WAVELENGTH_M / 2, WAVELENGTH_M / 2)
    return make_stack(
        input_array=ports,
        layer_array=PlanarArray(4, 3, 0.005, 0.006),
        receiver_array=ports,
        gaps_m=[0.004 + 0.001 * gap for gap in range(layers + 1)],
        frequency_hz=3e8 / WAVELENGTH_M,
        wave_speed_m_per_s=3e8,
    )


def noise(shape, seed=0):
    """Complex Gaussian of variance 1."""
    real, imag = np.random.default_rng(seed).normal(size=(2, *shape)) / np.sqrt(2)
    return real + 1j * imag


@cache
def a_calibration(tolerance=EVERYTHING, noise_variance=1e-3):
    """Made by hand: random values, some told well and some hardly, and the stack as it was built.

    What figures show must not depend on how good a fit is.
    """
    nominal = a_stack()
    truth = built(nominal, Imperfections(EVERYTHING), jax.random.key(1))
    users_at = OntoFirstLayer(PlaneWaves(np.array([[0.3, 0.2], [-0.4, 0.1]])))
    plan = random_plan(nominal, 60, users_at, seed=0)
    unknowns = Unknowns.of(nominal, users_at, Expected.within(Imperfections(tolerance)))
    generator = np.random.default_rng(3)
    # Each unknown told more than the one before, and every two of them correlated.
    root = np.geomspace(0.1, 100, unknowns.size)
    information = np.outer(root, root) * (0.7 * np.eye(unknowns.size) + 0.3)
    found = Fit(
        values=generator.normal(size=unknowns.size),
        matrix=noise_variance / 2 * information,
        precision=unknowns.precision,
        noise_variance=noise_variance,
        residual=np.sqrt(noise_variance) * noise((60, 4, 2)),
        gain=np.ones((1, 1, 1), complex),
        history=np.array([1e-1, 2e-3, noise_variance + 1e-20]),
        ending=Ending.CONVERGED,
    )
    pilots = Pilots.measured(plan, noise((60, 4, 2), seed=1), noise_variance)
    with float64():
        model = PoseModel.of(unknowns, plan)
        return calibration_of(nominal, pilots, unknowns, model, found, OneGain()), truth


@cache
def of_users_alone():
    """One that took the planes to stand as designed."""
    calibration, truth = a_calibration()
    nominal, users_at = calibration.nominal, calibration.illumination
    unknowns = Unknowns.of(nominal, users_at, Expected(Pose(), users=0.01))
    found = {"values": np.zeros(4), "matrix": np.eye(4), "precision": np.ones(4)}
    fit = replace(calibration.fit, **found)
    return replace(calibration, stack=nominal, unknowns=unknowns, fit=fit), truth


def tables(stack, calibration):
    """Displacements and their deviations, [freedom, plane], by the names of the unknowns."""
    away = [
        np.asarray(getattr(stack.poses, name)) - getattr(calibration.nominal.poses, name)
        for name in DEGREES_OF_FREEDOM
    ]
    deviations = np.zeros((6, 5))
    unknowns = calibration.unknowns
    for value, unit, name in zip(
        calibration.deviation, unknowns.unit, unknowns.names(), strict=False
    ):
        freedom, layer = re.fullmatch(r"(\w+) of layer (\d)", name).groups()
        deviations[DEGREES_OF_FREEDOM.index(freedom), int(layer)] = value * unit
    return np.stack(away), deviations


def without_information(calibration, unknown):
    """The same fit, had neither pilots nor prior told one of the unknowns."""
    matrix, precision = calibration.fit.matrix.copy(), calibration.fit.precision.copy()
    matrix[unknown], matrix[:, unknown], precision[unknown] = 0, 0, 0
    return replace(calibration, fit=replace(calibration.fit, matrix=matrix, precision=precision))


def lines(axes, colour, marker="o"):
    return [
        line
        for line in axes.get_lines()
        if line.get_color() == colour and line.get_marker() == marker
    ]


def scales(figure):
    """What the figure says that displacements are multiplied by: along z, across, turns."""
    text = " ".join(part.get_suptitle() for part in figure.subfigs)
    along, across, turns = (
        re.search(pattern, text)
        for pattern in (r"× (\S+) along z", r"× (\S+) along [xy]", r"plane × ([^ ,]+)")
    )
    return [None if found is None else float(found[1]) for found in (along, across, turns)]


def three_points(stack, axis):
    """Lower edge, middle and upper edge of every layer, in metres, by its own geometry."""
    grid = stack.layer_array
    row = {
        0: PlanarArray(3, 1, grid.columns * grid.spacing_x_m / 2, 1.0),
        1: PlanarArray(1, 3, 1.0, grid.rows * grid.spacing_y_m / 2),
    }[axis]
    with float64():
        return [np.asarray(Plane(row, p.z_m, p.pose).positions_m) for p in stack.planes[1:-1]]


@pytest.mark.parametrize(("colour", "is_truth"), [(BLUE, False), (VERMILION, True)])
def test_planes_stand_at_their_nominal_place_plus_the_stated_multiple_of_their_displacement(
    colour, is_truth
):
    """Oracle: exact positions by `Plane`; the drawing is of first order in turns of 2 mrad.

    What it leaves out, u r² with u = 1 wavelength, is 4e-6 wavelengths before exaggeration.
    """
    calibration, truth = a_calibration()
    figure = rendered(displacement_drawing(calibration, truth))
    along, across, _ = scales(figure)
    for axes, axis in zip(figure.axes[:2], (1, 0), strict=True):
        assert axes.get_ylabel() == f"${'xy'[axis]}/λ$"
        drawn = np.concatenate([np.stack(line.get_data(), -1) for line in lines(axes, colour)])
        designed = np.concatenate(three_points(calibration.nominal, axis))
        found = np.concatenate(three_points(truth if is_truth else calibration.stack, axis))
        expected = designed + (found - designed) * [across, across, along]
        expected = expected[:, [2, axis]] / WAVELENGTH_M
        np.testing.assert_allclose(drawn, expected, atol=1e-5 * max(along, across))


def test_bands_and_bars_are_one_posterior_deviation_times_the_stated_scale():
    """Oracle: the variance of dz + r u by the covariance of the fit, number by number."""
    calibration, _ = a_calibration()
    figure = rendered(displacement_drawing(calibration))
    along, across, _ = scales(figure)
    axes, unknowns = figure.axes[0], calibration.unknowns
    unit, names = unknowns.unit, unknowns.names()
    bands = [each for each in axes.collections if isinstance(each, PolyCollection)]
    bars = [each for each in axes.collections if isinstance(each, LineCollection)]
    for layer, (band, bar) in enumerate(zip(bands, bars, strict=True), start=1):
        dz, rx = (names.index(f"{name} of layer {layer}") for name in ("dz_m", "rx_rad"))
        slope = np.zeros(unknowns.size)
        slope[dz], slope[rx] = unit[dz], unit[rx] * 0.009
        deviation_m = np.sqrt(slope @ calibration.fit.covariance @ slope)
        outline = band.get_paths()[0].vertices
        top = outline[outline[:, 1] == outline[:, 1].max(), 0]
        np.testing.assert_allclose(np.ptp(top), 2 * along * deviation_m / WAVELENGTH_M, rtol=1e-9)
        dy = names.index(f"dy_m of layer {layer}")
        height = np.ptp(bar.get_segments()[0][:, 1])
        expected = 2 * across * calibration.deviation[dy] * unit[dy] / WAVELENGTH_M
        np.testing.assert_allclose(height, expected, rtol=1e-9)


def test_turns_in_the_plane_are_drawn_at_the_stated_scale():
    calibration, truth = a_calibration()
    figure = rendered(displacement_drawing(calibration, truth))
    _, _, times = scales(figure)
    (found, deviations), (true, _) = (
        tables(calibration.stack, calibration),
        tables(truth, calibration),
    )
    for layer, axes in enumerate(figure.axes[2:], start=1):
        assert axes.get_title() == str(layer)
        (arm,) = lines(axes, BLUE, "None")
        (mark,) = lines(axes, VERMILION)
        (wedge,) = [patch for patch in axes.patches if isinstance(patch, Wedge)]
        angle = np.arctan2(arm.get_ydata()[1], arm.get_xdata()[1])
        np.testing.assert_allclose(angle, times * found[5, layer], rtol=1e-9)
        np.testing.assert_allclose(
            np.arctan2(*np.ravel(mark.get_data())[::-1]), times * true[5, layer], rtol=1e-9
        )
        opening = np.radians(wedge.theta2 - wedge.theta1)
        np.testing.assert_allclose(opening, 2 * times * deviations[5, layer], rtol=1e-9)


def test_views_without_news_are_left_out():
    """The published errors, dy dz rz, are seen from the side and from the front, not from above."""
    calibration, truth = a_calibration(AS_PUBLISHED)
    labels = [axes.get_ylabel() for axes in displacement_drawing(calibration).axes]
    assert labels == ["$y/λ$", "", "", ""]
    labels = [axes.get_ylabel() for axes in displacement_drawing(calibration, truth).axes]
    assert labels[:2] == ["$y/λ$", "$x/λ$"]


def test_what_is_not_determined_is_drawn_as_designed_and_says_so():
    calibration, _ = a_calibration(AS_PUBLISHED)
    untold = without_information(calibration, calibration.unknowns.names().index("dy_m of layer 2"))
    figure = rendered(displacement_drawing(untold))
    drawn = lines(figure.axes[0], BLUE)
    assert [line.get_linestyle() for line in drawn] == ["-", "--", "-"]
    assert drawn[1].get_ydata()[1] == 0
    assert "partly undetermined" in [text.get_text() for text in figure.legends[0].get_texts()]
    marks = lines(rendered(pose_estimates(untold)).axes[0], "black", "$?$")
    assert [list(mark.get_xdata()) for mark in marks] == [[2]]


@pytest.mark.parametrize("largest", [1e-9, 3e-4, 0.05, 0.099, 0.1, 0.7, 30.0])
def test_exaggeration_is_the_largest_round_number_that_fits_and_never_shrinks(largest):
    """Of 1, 2, 5, 10 no neighbour is more than 2.5 times as large; beyond 1e6 nobody looks."""
    times = exaggeration(largest, 0.1)
    assert f"{times:e}"[:2] in ("1.", "2.", "5.")
    assert times == 1 or times * largest <= 0.1
    assert times == 1e6 or 2.5 * times * largest > 0.1


def test_nothing_displaced_is_drawn_to_scale():
    assert exaggeration(0.0, 0.1) == 1


UNITS = {
    "λ": WAVELENGTH_M,
    "% λ": WAVELENGTH_M / 100,
    "°": np.radians(1),
    "mdeg": np.radians(1e-3),
}


def panels(figure):
    """Every panel with its degree of freedom and the unit of its axis."""
    for axes in figure.axes:
        if axes.get_visible():
            name, unit = re.fullmatch(r"(\w\w) \((.*)\)", axes.get_ylabel()).groups()
            yield axes, [n[:2] for n in DEGREES_OF_FREEDOM].index(name), UNITS[unit]


@pytest.mark.parametrize("tolerance", [EVERYTHING, AS_PUBLISHED])
def test_estimates_stand_in_their_unit_with_bars_of_two_deviations(tolerance):
    """Oracle: `Calibration` itself, by the names of its unknowns."""
    calibration, truth = a_calibration(tolerance)
    found, deviations = tables(calibration.stack, calibration)
    true, _ = tables(truth, calibration)
    figure = rendered(pose_estimates(calibration, truth))
    assert sorted(freedom for _, freedom, _ in panels(figure)) == list(range(6))
    for axes, freedom, unit in panels(figure):
        (crosses,) = lines(axes, VERMILION, "x")
        np.testing.assert_allclose(crosses.get_ydata() * unit, true[freedom], atol=1e-15)
        bars = [each for each in axes.containers if isinstance(each, ErrorbarContainer)]
        assert bool(bars) == bool(deviations[freedom].any()) == (axes.get_title("right") == "")
        for container in bars:
            layers, values = container.lines[0].get_data()
            low, high = np.stack(container.lines[2][0].get_segments())[:, :, 1].T
            np.testing.assert_allclose(values * unit, found[freedom, layers], rtol=1e-12)
            np.testing.assert_allclose(
                (high - low) * unit, 4 * deviations[freedom, layers], rtol=1e-9
            )


def test_the_band_is_what_was_expected_and_what_rests_on_it_is_hollow():
    """Two deviations of the uniform law are 2/√3 of the tolerance."""
    calibration, _ = a_calibration()
    _, deviations = tables(calibration.stack, calibration)
    expected = np.array([*vars(EVERYTHING).values()]) / np.sqrt(3)
    kinds = set()
    for axes, freedom, unit in panels(rendered(pose_estimates(calibration))):
        (band,) = [patch for patch in axes.patches if isinstance(patch, StepPatch)]
        values, edges, baseline = band.get_data()
        np.testing.assert_array_equal(edges, np.arange(6) - 0.5)
        np.testing.assert_array_equal(np.isfinite(values), [False, True, True, True, False])
        np.testing.assert_allclose(values[1:-1] * unit, 2 * expected[freedom], rtol=1e-12)
        np.testing.assert_array_equal(baseline[1:-1], -values[1:-1])
        for line in lines(axes, BLUE):
            hollow = line.get_markerfacecolor() == "white"
            layers = line.get_xdata()
            is_vague = deviations[freedom, layers] ** 2 > expected[freedom] ** 2 / 2
            np.testing.assert_array_equal(is_vague, hollow)
            kinds.add(hollow)
    assert kinds == {True, False}


def test_users_alone_have_no_poses_to_draw():
    calibration, _ = of_users_alone()
    for draw in (pose_estimates, displacement_drawing):
        with pytest.raises(InputError, match="must have looked for poses"):
            draw(calibration)


def test_a_truth_of_another_stack_is_refused():
    calibration, _ = a_calibration()
    with pytest.raises(InputError, match=r"must have 3 layers, .* has 2"):
        pose_estimates(calibration, a_stack(2))


def some_links(seed):
    generator = np.random.default_rng(seed)
    shapes = (2, 12, 2), (2, 2, 12, 12), (2, 4, 12)
    return Links(
        *(
            np.apply_along_axis(lambda z: z[0] + 1j * z[1], 0, generator.normal(size=shape))
            for shape in shapes
        )
    )


@pytest.mark.parametrize("link", [0, 1, 3])
def test_matrices_stand_beside_each_other_and_their_errors_average_to_the_nmse(link):
    """Oracle: plain NumPy on the entries; exact but for the rounding of logarithms."""
    links = [some_links(seed) for seed in range(3)]
    ideal, calibrated, true = ([*each][link] for each in links)
    figure = rendered(link_matrices(*links, link=link))
    shown = [np.asarray(image.get_array()) for image in images(figure)]
    for magnitude, matrix in zip(shown[:3], (ideal, true, calibrated), strict=True):
        np.testing.assert_allclose(magnitude, np.abs(matrix), rtol=1e-12)
    assert len({image.get_clim() for image in images(figure)[:3]}) == 1
    assert len({image.get_clim() for image in images(figure)[3:5]}) == 1
    for found, error, phase in zip((ideal, calibrated), shown[3:5], shown[5:], strict=True):
        nmse = np.sum(np.abs(found - true) ** 2) / np.sum(np.abs(true) ** 2)
        np.testing.assert_allclose(np.mean(10 ** (error / 10)), nmse, rtol=1e-9)
        turned = np.exp(1j * np.radians(phase)) * true / np.abs(true)
        np.testing.assert_allclose(turned, found / np.abs(found), atol=1e-12)
        title = f"NMSE {10 * np.log10(nmse):.1f} dB"
        assert any(title in axes.get_title() for part in figure.subfigs for axes in part.axes)


def test_without_the_truth_the_change_is_shown_also_if_there_is_none():
    links = some_links(0)
    ideal, calibrated, error, phase = (
        np.asarray(image.get_array()) for image in images(rendered(link_matrices(links, links)))
    )
    np.testing.assert_array_equal(ideal, calibrated)
    assert (error <= -300).all()
    np.testing.assert_allclose(phase, 0, atol=1e-12)


def test_links_that_do_not_fit_are_refused():
    links = some_links(0)
    with pytest.raises(InputError, match="from 0 to 3, but is 4"):
        link_matrices(links, links, link=4)
    with pytest.raises(InputError, match="one number of matrices"):
        link_matrices(links, Links(links.first, links.between[:1], links.last))


def with_residual(residual, gain):
    """A fit that found nothing but gains and left this, of unit noise."""
    calibration, _ = a_calibration()
    silent = {"matrix": 0 * calibration.fit.matrix, "precision": 0 * calibration.fit.precision}
    fit = replace(calibration.fit, residual=residual, gain=gain, noise_variance=1.0, **silent)
    return replace(calibration, fit=fit)


@pytest.mark.parametrize("gains", [(1, 1, 1), (4000, 1, 1)])
def test_noise_stays_in_its_band_also_where_every_slot_has_a_gain(gains):
    """A gain a slot takes one of four complex numbers, exactly: the gamma law has shape 3.

    Monte Carlo of 4000 slots: their mean within 5 deviations of 1, and so many outside the band as
    a binomial law of 1 % allows at 1 in 10⁴.
    """
    residual = noise((4000, 2, 2))
    if gains[0] > 1:
        model = noise((4000, 2, 2), seed=1)
        share = np.sum(model.conj() * residual, (1, 2)) / np.sum(np.abs(model) ** 2, (1, 2))
        residual = residual - share[:, None, None] * model
    residuals = Residuals.of(with_residual(residual, np.ones(gains, complex)).fit)
    by_slot, (low, high) = residuals.by_slot, residuals.band
    freedom = 3 if gains[0] > 1 else 4
    assert abs(by_slot.mean() - 1) < 5 / np.sqrt(4000 * freedom)
    outside = int(((by_slot < low) | (by_slot > high)).sum())
    least, most = scipy.stats.binom.interval(1 - 1e-4, 4000, 0.01)
    assert least <= outside <= most


def test_a_bad_slot_stands_out_and_every_response_is_counted():
    """The histogram's bins and the responses beyond its axis add up to all of them."""
    residual = noise((300, 2, 2))
    residual[17] *= 30
    calibration = with_residual(residual, np.ones((1, 1, 1), complex))
    above, below = rendered(residual_figure(calibration)).axes
    (red,) = lines(below, VERMILION)
    slot, power_db = np.array(red.get_data())[:, np.argmax(red.get_ydata())]
    assert slot == 17
    share = 1 - 1 / 1200
    expected_db = 10 * np.log10(np.mean(np.abs(residual[17]) ** 2) / share)
    np.testing.assert_allclose(power_db, expected_db, rtol=1e-9)
    assert f"{len(red.get_xdata())} of 300 slots outside, by chance 3" == below.get_title()
    density, edges, _ = above.patches[-1].get_data()
    counted = np.sum(density[density > 0.5 / 600] * 600)
    beyond = int(re.match(r"(\d+) of 1200 responses beyond", above.get_title())[1])
    assert round(counted) + beyond == 1200
    assert beyond == np.sum(np.abs(residual) ** 2 / share > edges[-1])


@pytest.mark.parametrize(("variance", "label"), [(1e-3, "noise, known"), (0.0, None)])
def test_the_history_falls_towards_the_dashed_noise(variance, label):
    calibration, _ = a_calibration(noise_variance=variance)
    axes = rendered(fit_history(calibration)).axes[0]
    history = axes.get_lines()[0]
    np.testing.assert_allclose(10 ** (history.get_ydata() / 10), calibration.fit.history, rtol=1e-9)
    guides = [line for line in axes.get_lines() if line.get_linestyle() == "--"]
    assert [guide.get_label() for guide in guides] == ([label] if label else [])
    if guides:
        power = np.mean(np.abs(calibration.pilots.received) ** 2)
        noise_db = 10 * np.log10(calibration.pilots.noise_variance / power)
        np.testing.assert_allclose(guides[0].get_ydata()[0], noise_db, rtol=1e-12)


def test_noise_that_had_to_be_estimated_is_called_so():
    calibration, _ = a_calibration()
    unsure = replace(calibration, pilots=replace(calibration.pilots, noise_variance=None))
    labels = [line.get_label() for line in fit_history(unsure).axes[0].get_lines()]
    assert "noise, estimated" in labels
    assert "estimated noise" in residual_figure(unsure).axes[0].get_xlabel()


def a_page(path, of=a_calibration, **more):
    calibration, truth = of()
    given = {"title": "A", "facts": {}, "verdict": "Yes.", "unseen": [], "truth": truth} | more
    write_calibration_report(path, calibration=calibration, written=WRITTEN, **given)
    return path.read_text(encoding="utf-8")


def test_the_page_is_whole_fetches_nothing_and_obeys_no_text(tmp_path):
    page = a_page(
        tmp_path / "report.html",
        title=HOSTILE,
        facts={HOSTILE: HOSTILE},
        verdict=HOSTILE,
        unseen=[HOSTILE],
        provenance={"Command": HOSTILE},
        extra=[Section(HOSTILE)],
    )
    reader = Reader(page)
    assert "<script" not in page
    # Title and heading; a fact and its name; verdict, sentence, command and section.
    assert reader.text.count(HOSTILE) == 8
    assert all(re.match(r"data:image/(svg\+xml|png);base64,", a) for a in reader.addresses)
    assert not {"script", "link", "iframe", "object"} & set(reader.tags)
    assert re.findall(r"Figure (\d+)\.", page) == list("123456")
    assert len(page) < 1_500_000


def test_the_page_tells_the_error_of_every_matrix_before_and_after(tmp_path):
    """Oracle: NMSE by its definition, on matrices made anew."""
    page = a_page(tmp_path / "report.html", unseen=["dx is not told", "rz neither."])
    calibration, truth = a_calibration()
    illumination = calibration.pilots.plan.illumination
    stacks = calibration.nominal, calibration.stack, truth
    triples = zip(*([*Links.of_stack(stack, illumination)] for stack in stacks), strict=True)
    for ideal, calibrated, true in (map(np.asarray, each) for each in triples):
        before, after = (
            10 * np.log10(np.sum(np.abs(each - true) ** 2) / np.sum(np.abs(true) ** 2))
            for each in (ideal, calibrated)
        )
        assert f"<td>{before:.1f} dB as designed, {after:.1f} dB as calibrated</td>" in page
    assert "dx is not told; rz neither." in page
    assert "60 slots of 2 users at 4 antennas" in page


@pytest.mark.slow
@pytest.mark.parametrize(
    ("case", "figures", "text"),
    [
        ({"truth": None}, 6, "changed by -"),
        ({"of": of_users_alone}, 4, "No displacement was looked for"),
        ({"of": partial(a_calibration, noise_variance=0.0)}, 6, "as calibrated"),
    ],
)
def test_there_is_a_page_for_every_kind_of_calibration(tmp_path, case, figures, text):
    page = a_page(tmp_path / "report.html", **case)
    assert len(Reader(page).addresses) == figures
    assert text in page


@pytest.mark.slow
def test_the_same_calibration_gives_the_same_page(tmp_path):
    assert a_page(tmp_path / "a.html") == a_page(tmp_path / "b.html")


def test_every_name_of_the_package_is_what_it_says_and_no_file():
    """A file of the same name would hide what it holds, once it has been imported."""
    import_module("metastack.report.calibration_report")
    for name in report.__all__:
        assert not isinstance(getattr(report, name), ModuleType)
