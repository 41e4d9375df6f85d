"""Figures of direction finding show the numbers that they were given, where they should be."""

import subprocess
import sys
from itertools import pairwise

import numpy as np
import pytest

pytest.importorskip("matplotlib")

from matplotlib.contour import ContourSet
from matplotlib.patches import Rectangle

from metastack.errors import InputError
from metastack.report import (
    BoundCurve,
    EstimatorKind,
    MarkedEstimate,
    SimulatedCurve,
    Surface,
    angular_response_maps,
    bound_map,
    error_ellipse,
    likelihood_surface,
    mse_against_snr,
)

SNR_DB = np.array([0.0, 10.0, 20.0])
LABELS = {"snr_label": "SNR (dB)", "mse_label": "MSE of $ψ/π$"}
COVARIANCE_RAD2 = np.array([[4e-4, 1e-4], [1e-4, 1e-4]])


def rendered(figure):
    """Draw it, so that warnings of the layout become errors, and hand it back."""
    figure.savefig("/dev/null", format="png", dpi=50)
    return figure


def simulated(label, scale=1.0, kind=EstimatorKind.PEAK, group=None):
    mse = scale * np.array([1e-1, 1e-3, 1e-8])
    return SimulatedCurve(label, SNR_DB, mse, 0.5 * mse, 1.8 * mse, kind, group)


def bound(label, scale=1.0, group=None):
    return BoundCurve(label, SNR_DB, scale * 10 ** (-SNR_DB / 10), group)


def study(devices):
    """Peak, maximum likelihood and bound of every device."""
    return [
        curve
        for device in range(devices)
        for curve in (
            simulated(f"device {device}, peak", group=f"{device}"),
            simulated(
                f"device {device}, ML", kind=EstimatorKind.MAXIMUM_LIKELIHOOD, group=f"{device}"
            ),
            bound(f"device {device}, bound", group=f"{device}"),
        )
    ]


def labelled(axes):
    return {line.get_label(): line for line in axes.get_lines()}


def look(line):
    """What a reader without colours has to tell curves by."""
    open_marker = line.get_markerfacecolor() == "white"
    # No public way to ask a line for its dashes.
    return line.get_marker(), line.get_fillstyle(), open_marker, str(line._dash_pattern)


def test_every_curve_and_interval_of_the_study_is_drawn_as_given():
    """Bars reach from `low` to `high`: exact up to the rounding of two subtractions."""
    curve, limit = simulated("peak", group="a"), bound("bound", group="a")
    (axes,) = rendered(mse_against_snr([curve, limit], **LABELS)).axes
    lines = labelled(axes)
    for given in (curve, limit):
        np.testing.assert_array_equal(lines[given.label].get_xdata(), given.snr_db)
        np.testing.assert_array_equal(lines[given.label].get_ydata(), given.mse)
    (bars,) = axes.containers[0].lines[2]
    ends = np.array([segment[:, 1] for segment in bars.get_segments()])
    np.testing.assert_allclose(ends, np.stack([curve.low, curve.high], axis=1), rtol=1e-14)
    assert axes.get_yscale() == "log"
    assert axes.get_xlabel() == "SNR (dB)"
    assert axes.get_ylabel() == "MSE of $ψ/π$"


def test_curves_of_a_group_share_a_colour_and_no_two_curves_look_alike_without_it():
    (axes,) = rendered(mse_against_snr(study(4), **LABELS)).axes
    lines = {label: line for label, line in labelled(axes).items() if label.startswith("device")}
    assert len({look(line) for line in lines.values()}) == 12
    for device in range(4):
        ours = {line.get_color() for label, line in lines.items() if f"device {device}" in label}
        assert len(ours) == 1
    assert len({line.get_color() for line in lines.values()}) == 4


@pytest.mark.parametrize("devices", [1, 2, 4, 6])
def test_the_legend_names_every_curve_inside_the_figure_and_below_the_axes(devices):
    figure = rendered(mse_against_snr(study(devices), **LABELS))
    (legend,) = figure.legends
    assert len(legend.get_texts()) == 3 * devices
    box, panel = legend.get_window_extent(), figure.axes[0].get_window_extent()
    assert box.x0 >= 0
    assert box.x1 <= figure.bbox.width
    assert box.y1 < panel.y0
    assert figure.get_figwidth() == (3.5 if devices <= 2 else 7.16)


def test_long_labels_get_fewer_columns_instead_of_leaving_the_figure():
    names = [f"a stack with {layers} layers, maximum likelihood" for layers in range(5)]
    figure = rendered(mse_against_snr([bound(name) for name in names], **LABELS))
    box = figure.legends[0].get_window_extent()
    assert box.width <= figure.bbox.width


def test_points_that_are_not_known_are_left_out_of_the_study():
    mse = np.array([1e-1, np.nan, 0.0])
    curve = SimulatedCurve("peak", SNR_DB, mse, 0.5 * mse, 2 * mse, EstimatorKind.PEAK)
    (axes,) = rendered(mse_against_snr([curve], **LABELS)).axes
    assert axes.get_ylim()[0] > 1e-3


@pytest.mark.parametrize(
    ("curves", "message"),
    [
        ([], "at least one curve"),
        ([bound(f"{n}") for n in range(7)], "at most 6 groups, but form 7"),
        ([bound("one", group="a"), bound("two", group="a")], "'one' and 'two' would look the same"),
        ([BoundCurve("short", SNR_DB, np.ones(2))], r"each of the 3 SNRs, but has shape \(2,\)"),
        (
            [SimulatedCurve("odd", SNR_DB, *np.ones((2, 3)), np.zeros(3), EstimatorKind.PEAK)],
            "between `low` and `high`",
        ),
    ],
)
def test_a_study_that_would_mislead_is_refused(curves, message):
    with pytest.raises(InputError, match=message):
        mse_against_snr(curves, **LABELS)


@pytest.mark.parametrize("probability", [0.5, 0.95])
def test_the_error_ellipse_holds_its_share_of_gaussian_errors(probability):
    """Oracle: Monte Carlo. The share of 40 000 draws has a deviation below .0025; 4 of them."""
    outline = error_ellipse(COVARIANCE_RAD2, probability)
    draws = np.random.default_rng(1).multivariate_normal([0, 0], COVARIANCE_RAD2, 40_000)
    # In coordinates where the covariance is a circle, inside is nearer than every outline point.
    whiten = np.linalg.inv(np.linalg.cholesky(COVARIANCE_RAD2)).T
    radii = np.linalg.norm(outline @ whiten, axis=1)
    np.testing.assert_allclose(radii, radii[0], rtol=1e-12)
    inside = np.linalg.norm(draws @ whiten, axis=1) < radii[0]
    assert abs(inside.mean() - probability) < 0.01


def test_the_error_ellipse_is_closed_and_has_the_quantile_of_chi_square():
    """Oracle: scipy's χ² with two degrees of freedom; rounding only."""
    chi2 = pytest.importorskip("scipy.stats").chi2
    outline = error_ellipse(COVARIANCE_RAD2, 0.95)
    np.testing.assert_allclose(outline[0], outline[-1], atol=1e-15)
    squared = np.einsum("pi,ij,pj->p", outline, np.linalg.inv(COVARIANCE_RAD2), outline)
    np.testing.assert_allclose(squared, chi2.ppf(0.95, 2), rtol=1e-12)


@pytest.mark.parametrize(
    "covariance",
    [np.eye(3), np.array([[1.0, 2.0], [2.0, 1.0]]), np.array([[1.0, 0.5], [0.0, 1.0]])],
)
def test_an_ellipse_of_no_covariance_is_refused(covariance):
    with pytest.raises(InputError, match="2x2, symmetric and positive definite"):
        error_ellipse(covariance, 0.95)


def test_an_ellipse_of_certainty_is_refused():
    with pytest.raises(InputError, match="between 0 and 1, but is 1"):
        error_ellipse(COVARIANCE_RAD2, 1.0)


def gaussian_surface(psi_x_rad, psi_y_rad, centre):
    """Log-likelihood whose covariance is `COVARIANCE_RAD2`, plus a constant that must not show."""
    x, y = np.meshgrid(psi_x_rad - centre[0], psi_y_rad - centre[1])
    errors = np.stack([x, y], axis=-1)
    precision = np.linalg.inv(COVARIANCE_RAD2)
    return 321.0 - 0.5 * np.einsum("yxi,ij,yxj->yx", errors, precision, errors)


def a_likelihood_figure(**changes):
    """Coarse over everything, fine around the peak; the grids hold the peak."""
    centre = (0.25 * np.pi, -0.5 * np.pi)
    psi_x, psi_y = np.linspace(-1, 1, 17) * np.pi, np.linspace(-1, 0.5, 13) * np.pi
    fine_x, fine_y = centre[0] + np.linspace(-0.1, 0.1, 81), centre[1] + np.linspace(-0.1, 0.1, 81)
    settings = {
        "estimates": [MarkedEstimate(*centre, COVARIANCE_RAD2)],
        "true_psi": (0.26 * np.pi, -0.5 * np.pi),
        "zoom": Surface(fine_x, fine_y, gaussian_surface(fine_x, fine_y, centre)),
    }
    surface = gaussian_surface(psi_x, psi_y, centre)
    return surface, rendered(likelihood_surface(psi_x, psi_y, surface, **(settings | changes)))


def test_the_likelihood_is_shown_relative_to_its_maximum_down_to_the_floor():
    surface, figure = a_likelihood_figure(floor_nats=-200.0)
    axes = figure.axes[0]
    shown = np.asarray(axes.collections[0].get_array())
    np.testing.assert_array_equal(shown, np.maximum(surface - 321.0, -200.0))
    assert shown.max() == 0
    assert axes.collections[0].get_clim() == (-200, 0)
    marks = labelled(axes)
    np.testing.assert_allclose(np.ravel(marks["estimate"].get_data()), [0.25, -0.5], atol=1e-15)
    np.testing.assert_allclose(
        np.ravel(marks["true direction"].get_data()), [0.26, -0.5], atol=1e-15
    )
    assert any("nats" in axes.get_xlabel() for axes in figure.axes)


def test_contours_and_ellipse_of_a_gaussian_likelihood_are_the_same_curve():
    """Law: for a Gaussian likelihood the 95 % region is the 95 % error ellipse.

    The contour is interpolated between cells 0.0025 rad wide: its squared radius is off by less
    than (cell / smallest deviation)^2 / 4 = 2 %, of about 6.
    """
    _, figure = a_likelihood_figure()
    axes = figure.axes[1]
    (contours,) = [item for item in axes.collections if isinstance(item, ContourSet)]
    np.testing.assert_allclose(contours.levels, [-5.81, -3.00, -1.15], atol=0.005)
    unit_rad = np.pi * 1e-2
    precision = np.linalg.inv(COVARIANCE_RAD2) * unit_rad**2
    for points in (contours.get_paths()[1].vertices, labelled_ellipse(axes)):
        squared = np.einsum("pi,ij,pj->p", points, precision, points)
        np.testing.assert_allclose(squared, 5.99, rtol=0.02)


def labelled_ellipse(axes):
    return np.stack(labelled(axes)["95 % error ellipse"].get_data(), axis=-1)


def test_the_neighbourhood_counts_from_the_estimate_and_says_in_which_unit():
    _, figure = a_likelihood_figure()
    axes = figure.axes[1]
    assert "10^{-2}" in axes.get_xlabel()
    marks = labelled(axes)
    np.testing.assert_allclose(np.ravel(marks["estimate"].get_data()), [0, 0], atol=1e-12)
    np.testing.assert_allclose(np.ravel(marks["true direction"].get_data()), [1, 0], atol=1e-12)
    np.testing.assert_allclose(axes.get_xlim(), np.array([-0.1, 0.1]) / np.pi * 100)


def test_directions_on_the_other_side_of_the_period_are_near():
    """An estimate at 0.999 π and a truth at -0.999 π are 0.002 π apart."""
    estimate = MarkedEstimate(0.999 * np.pi, 0.0, COVARIANCE_RAD2)
    _, figure = a_likelihood_figure(
        zoom=None, estimates=[estimate, estimate], true_psi=(-0.999 * np.pi, 0.0)
    )
    x, _ = labelled(figure.axes[1])["true direction"].get_data()
    np.testing.assert_allclose(x, 0.2, rtol=1e-12)
    names = [text.get_text() for text in figure.legends[0].get_texts()]
    assert len(names) == len(set(names)) == 3


def test_regions_at_the_edge_of_what_is_possible_are_drawn_where_they_are():
    """Half of the neighbourhood is impossible, at -inf: its contours end there."""
    fine = np.linspace(-0.1, 0.1, 81)
    values = gaussian_surface(fine, fine, (0.0, 0.0))
    values[:, fine < -0.0101] = -np.inf
    _, figure = a_likelihood_figure(
        zoom=Surface(fine, fine, values), estimates=[MarkedEstimate(0.0, 0.0)]
    )
    (contours,) = [item for item in figure.axes[1].collections if isinstance(item, ContourSet)]
    x = np.concatenate([path.vertices[:, 0] for path in contours.get_paths()])
    assert np.all(x * np.pi * 1e-2 > -0.0126)


def test_without_surface_and_covariance_there_is_no_neighbourhood():
    """The panels: the map and its colour bar; a covariance alone adds the third."""
    estimate = MarkedEstimate(0.1, 0.2)
    assert len(a_likelihood_figure(zoom=None, estimates=[estimate])[1].axes) == 2
    assert len(a_likelihood_figure(zoom=None, estimates=[])[1].axes) == 2
    assert len(a_likelihood_figure(zoom=None)[1].axes) == 3


def test_a_zoom_that_meets_no_region_and_impossible_directions_are_drawn_all_the_same():
    """A wrong estimate far below the maximum, and -inf where no direction is."""
    away = np.linspace(1.0, 1.1, 5)
    low = Surface(away, away, np.full((5, 5), -np.inf))
    low.log_likelihood[2, 2] = 0.0
    _, figure = a_likelihood_figure(zoom=low)
    assert not figure.axes[1].collections


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"estimates": []}, "must hold the estimate that `zoom` surrounds"),
        ({"zoom": Surface(np.zeros(1), np.zeros(1), np.zeros((1, 1)))}, r"has shape \(1, 1\)"),
        ({"floor_nats": 0.0}, "must be negative, but is 0"),
        ({"zoom": Surface(np.arange(2.0), np.arange(3.0), np.zeros((2, 3)))}, r"\(3, 2\), but has"),
        ({"zoom": Surface(np.arange(2.0), np.arange(2.0), np.full((2, 2), np.nan))}, "finite max"),
        ({"estimates": [MarkedEstimate(0, 0, -COVARIANCE_RAD2)]}, "positive definite"),
    ],
)
def test_a_likelihood_that_cannot_be_drawn_is_refused(changes, message):
    with pytest.raises(InputError, match=message):
        a_likelihood_figure(**changes)


@pytest.mark.parametrize(("probes", "columns"), [(1, 1), (6, 3), (16, 4)])
def test_every_probe_has_its_map_where_it_stands(probes, columns):
    """Oracle: probe n = n_y * columns + n_x stands in column n_x, row n_y from below."""
    psi_x, psi_y = np.array([0.5, -0.5, 0.0]) * np.pi, np.array([-0.25, 0.25]) * np.pi
    energy = np.arange(probes * 6.0).reshape(probes, 2, 3) - 10
    energy[0, 0, 0] = -np.inf
    figure = rendered(angular_response_maps(psi_x, psi_y, energy, columns=columns))
    panels = {axes.texts[0].get_text(): axes for axes in figure.axes if axes.texts}
    top = energy.max()
    for probe in range(probes):
        axes = panels[f"{probe}"]
        shown = np.asarray(axes.collections[0].get_array())
        expected = np.maximum(energy[probe], top - 40)[:, [1, 2, 0]]
        np.testing.assert_array_equal(shown, expected)
        assert axes.collections[0].get_clim() == (top - 40, top)
        place = axes.get_subplotspec()
        rows = probes // columns
        assert (rows - 1 - place.rowspan.start, place.colspan.start) == divmod(probe, columns)
    assert figure.get_supxlabel() == "$ψ_x/π$"
    assert any("(dB)" in axes.get_xlabel() for axes in figure.axes)


@pytest.mark.parametrize(
    ("shape", "columns", "message"),
    [
        ((17, 2, 3), 1, "1 to 16 probes, but holds 17"),
        ((4, 2, 3), 3, "divide the number of probes, 4, but is 3"),
        ((4, 3, 2), 2, r"\(2, 3\), but has \(3, 2\)"),
    ],
)
def test_responses_that_do_not_fit_their_probes_or_angles_are_refused(shape, columns, message):
    with pytest.raises(InputError, match=message):
        angular_response_maps(np.arange(3.0), np.arange(2.0), np.zeros(shape), columns=columns)


def test_silent_probes_are_refused():
    silence = np.full((1, 2, 3), -np.inf)
    with pytest.raises(InputError, match="finite maximum, but has -inf"):
        angular_response_maps(np.arange(3.0), np.arange(2.0), silence, columns=1)


def test_the_bound_map_shows_standard_deviations_in_the_unit_that_it_states():
    """A variance of (0.002 π)^2 is drawn as 2 where the colour bar counts in 10^-3."""
    psi_x, psi_y = np.array([0.5, -0.5]) * np.pi, np.array([-0.25, 0.25]) * np.pi
    deviation = np.array([[0.002, 0.004], [0.008, np.inf]])
    figure = rendered(
        bound_map(psi_x, psi_y, (deviation * np.pi) ** 2, field_of_view_rad=0.4 * np.pi)
    )
    axes, bar = figure.axes
    shown = np.ma.filled(axes.collections[0].get_array(), np.inf)
    np.testing.assert_allclose(shown, [[4, 2], [np.inf, 8]], rtol=1e-12)
    assert bar.get_xlabel().endswith("/π$ ($10^{-3}$)")
    (square,) = [patch for patch in axes.patches if isinstance(patch, Rectangle)]
    np.testing.assert_allclose(square.get_bbox().get_points(), [[-0.4, -0.4], [0.4, 0.4]])
    texts = [text.get_text() for text in figure.legends[0].get_texts()]
    assert sorted(texts) == ["field of view", "no finite bound"]


@pytest.mark.parametrize("span", [1.0, 1.02, 1.5, 4.9, 5.1, 30.0, 1e5])
def test_the_colour_bar_of_a_bound_is_readable_whatever_the_bound_spans(span):
    """Two decades above the best have their own colours; ticks are there and do not touch."""
    angles = np.arange(3.0)
    crb = np.geomspace(2e-6, 2e-6 * span**2, 9).reshape(3, 3)
    figure = rendered(bound_map(angles, angles, crb))
    axes, bar = figure.axes
    least, shown = axes.collections[0].get_clim()
    assert 1 <= least < 10
    np.testing.assert_allclose(shown / least, np.clip(span, 1.1, 100))
    ticks = zip(bar.get_xticks(), bar.get_xticklabels(), strict=True)
    boxes = [text.get_window_extent() for tick, text in ticks if least <= tick <= shown]
    assert len(boxes) >= 2
    assert all(left.x1 < right.x0 for left, right in pairwise(boxes))
    assert not figure.legends


@pytest.mark.parametrize(
    ("crb", "message"),
    [
        (np.ones((3, 2)), r"\(2, 3\), but has \(3, 2\)"),
        (np.full((2, 3), np.inf), "finite somewhere"),
        (np.zeros((2, 3)), "must be positive, but is as small as 0"),
    ],
)
def test_bounds_that_are_none_are_refused(crb, message):
    with pytest.raises(InputError, match=message):
        bound_map(np.arange(3.0), np.arange(2.0), crb)


def test_every_name_stays_what_it_is_once_its_neighbours_are_loaded():
    """A file called like a function in it would take its place in the package."""
    code = (
        "import metastack.report as report\n"
        "for _ in range(2): things = [getattr(report, name) for name in report.__all__]\n"
        "assert not any(type(thing) is type(report) for thing in things)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
