"""Figures show the numbers that they were given, where they should be."""

import subprocess
import sys
from functools import cache

import numpy as np
import pytest

pytest.importorskip("matplotlib")

from mpl_toolkits.mplot3d import proj3d
from mpl_toolkits.mplot3d.art3d import Path3DCollection

from metastack.design.solution import Design, Outcome
from metastack.errors import InputError
from metastack.geometry import PlanarArray, Pose
from metastack.precision import float64
from metastack.report import (
    angular_spectrum_map,
    convergence,
    phase_maps,
    response_against_target,
    stack_drawing,
    tradeoff,
)
from metastack.stack import make_stack, response
from metastack.targets import best_scale, dft_2d, insertion_loss_db, nmse

WAVELENGTH_M = 0.005


@cache
def a_design(layers=2, ports=2, start=0, columns=4, rows=3):
    """Random phases on a stack whose grids are not square and whose layers stand askew."""
    ports_array = PlanarArray(ports, ports, 0.5 * WAVELENGTH_M, 0.5 * WAVELENGTH_M)
    stack = make_stack(
        input_array=ports_array,
        layer_array=PlanarArray(columns, rows, 0.0020, 0.0025, 0.1),
        receiver_array=ports_array,
        gaps_m=[0.004 + 0.001 * gap for gap in range(layers + 1)],
        frequency_hz=3e8 / WAVELENGTH_M,
        wave_speed_m_per_s=3e8,
        poses=Pose(dx_m=np.linspace(0, 1e-3, layers + 2), rz_rad=0.2, rx_rad=0.1),
    )
    phases = np.random.default_rng(start).uniform(-9, 9, stack.phases_shape)
    G, F = np.asarray(response(stack, phases)), dft_2d(ports, ports)
    return Design(
        stack=stack,
        target=F,
        phases_rad=phases,
        response=G,
        nmse_db=float(10 * np.log10(nmse(G, F))) - start,
        insertion_loss_db=float(insertion_loss_db(G)),
        history_db=np.array([0.0, -3.0, -4.0 - start]),
        outcome=Outcome.BUDGET_SPENT,
        seconds=0.1,
        method="none",
        seed=start,
        start=start,
    )


def rendered(figure):
    """Draw it, so that warnings of the layout become errors, and hand it back."""
    figure.savefig("/dev/null", format="png", dpi=50)
    return figure


def images(figure):
    """Every image with its axes, in the order of the panels."""
    return [image for axes in figure.axes for image in axes.get_images()]


def test_every_element_is_drawn_where_the_stack_says_it_is_in_wavelengths():
    """Oracle: `Plane.positions_m`; exact in double precision but for one division."""
    design = a_design()
    (axes,) = rendered(stack_drawing(design.stack)).axes
    dots = [item for item in axes.collections if isinstance(item, Path3DCollection)]
    with float64():
        expected = [np.asarray(plane.positions_m) / WAVELENGTH_M for plane in design.stack.planes]
    for points, drawn in zip(expected, dots, strict=True):
        # No public way back from a 3D scatter to its data.
        drawn_at = np.stack(np.broadcast_arrays(*drawn._offsets3d), axis=-1)
        np.testing.assert_allclose(drawn_at, points, atol=1e-12)


def on_screen(axes, *points):
    """Pixels and depth of points of the stack's frame, in wavelengths."""
    projected = np.array([proj3d.proj_transform(*point, axes.get_proj()) for point in points])
    return axes.transData.transform(projected[:, :2]), projected[:, 2]


def test_the_drawing_is_to_scale():
    """The orthographic picture P of three equal perpendicular edges has P P^T = s^2 I.

    An axis stretched by 1 % would break it by about 1 %; rounding leaves 1e-10.
    """
    (axes,) = rendered(stack_drawing(a_design().stack)).axes
    pixels, _ = on_screen(axes, (0, 0, 0), (1, 0, 0), (0, 1, 0), (0, 0, 1))
    edges = (pixels[1:] - pixels[0]).T
    gram = edges @ edges.T
    np.testing.assert_allclose(gram / gram[0, 0], np.eye(2), atol=1e-6)


def test_planes_nearer_to_the_viewer_are_drawn_later_and_the_frame_is_right_handed():
    """Oracle: matplotlib's own projection, whose depth grows away from the viewer."""
    (axes,) = rendered(stack_drawing(a_design().stack)).axes
    pixels, depth = on_screen(axes, (0, 0, 0), (1, 0, 0), (0, 1, 0), (0, 0, 1))
    right, up = pixels[3] - pixels[0], pixels[2] - pixels[0]
    order = [item.get_zorder() for item in axes.collections if isinstance(item, Path3DCollection)]
    assert order == sorted(order)
    assert depth[3] < depth[0] < depth[1]
    assert right[0] > 0
    assert up[1] > 0


@pytest.mark.parametrize("layers", [1, 7, 20])
def test_phase_maps_show_every_layer_as_programmed_with_y_up(layers):
    """Oracle: element n = n_y * columns + n_x stands in column n_x and row n_y, modulo one turn."""
    design = a_design(layers=layers)
    maps = images(rendered(phase_maps(design)))
    assert len(maps) == layers
    for layer, image in enumerate(maps):
        shown = np.asarray(image.get_array())
        n_y, n_x = 2, 1
        expected = design.phases_rad[layer].reshape(3, 4)
        assert shown[n_y, n_x] == np.mod(design.phases_rad[layer, n_y * 4 + n_x], 2 * np.pi)
        np.testing.assert_allclose(np.exp(1j * shown), np.exp(1j * expected), atol=1e-12)
        assert image.origin == "lower"
        assert image.axes.get_ylim() == (-0.5, 2.5)
        assert image.axes.get_title() == f"layer {layer + 1}"
        assert image.get_clim() == (0, 2 * np.pi)


@pytest.mark.parametrize("ports", [2, 4])
def test_response_stands_beside_its_target_and_the_errors_average_to_the_nmse(ports):
    """Oracle: eq. (17) and (24); the mean of the errors' powers is the NMSE up to rounding."""
    design = a_design(ports=ports)
    G, F, magnitude_F, phase_G, phase_F, error = _fit_panels(design)
    beta = np.asarray(best_scale(design.response, F))
    np.testing.assert_allclose(G, np.abs(beta * design.response), rtol=1e-6)
    np.testing.assert_allclose(magnitude_F, np.abs(F), rtol=1e-12)
    np.testing.assert_allclose(np.exp(1j * phase_F), F, atol=1e-12)
    assert phase_G.shape == F.shape
    np.testing.assert_allclose(
        10 * np.log10(np.mean(10 ** (error / 10))), design.nmse_db, atol=1e-4
    )


def _fit_panels(design):
    arrays = [np.asarray(i.get_array()) for i in images(rendered(response_against_target(design)))]
    magnitude_G, magnitude_F, phase_G, phase_F, error = arrays
    return magnitude_G, design.target, magnitude_F, phase_G, phase_F, error


@pytest.mark.parametrize("starts", [1, 3, 9])
def test_convergence_shows_every_history_and_names_the_best(starts):
    designs = [a_design(start=start) for start in range(starts)]
    best = min(designs, key=lambda design: design.nmse_db)
    figure = rendered(convergence(designs))
    curves = [line.get_ydata() for line in figure.axes[0].get_lines() if len(line.get_ydata()) > 1]
    assert sorted(curve[-1] for curve in curves) == sorted(d.history_db[-1] for d in designs)
    title = figure.axes[0].get_title().replace("\n", " ")
    assert f"{best.nmse_db:.1f} dB" in title
    assert "All iterations were used" in title
    if starts > 1:
        labels = [text.get_text() for text in figure.legends[0].get_texts()]
        assert sum("best" in label and f"start {best.start}" in label for label in labels) == 1
        assert len(labels) == (starts if starts <= 6 else 2)


def test_convergence_of_nothing_is_refused():
    with pytest.raises(InputError, match="at least one design"):
        convergence([])


def test_tradeoff_shows_every_design_and_the_best_at_each_loss():
    """Oracle: the running minimum by hand."""
    figure = rendered(tradeoff([20.0, 10.0, 15.0], [-120.0, -20.0, -10.0]))
    guide, front, points = figure.axes[0].get_lines()
    assert list(guide.get_ydata()) == [-100, -100]
    assert list(front.get_xdata()) == [10, 15, 20]
    assert list(front.get_ydata()) == [-20, -20, -120]
    assert list(points.get_ydata()) == [-120, -20, -10]


def test_tradeoff_refuses_lists_that_do_not_match():
    with pytest.raises(InputError, match="as long as each other"):
        tradeoff([1.0, 2.0], [1.0])


def test_spectrum_puts_psi_x_to_the_right_and_its_peak_at_zero_db():
    """A single bright bin, angles unsorted: it is found at its own angles, under both marks."""
    psi_x, psi_y = np.array([0.5, -0.5, 0.0]) * np.pi, np.array([0.25, -0.25]) * np.pi
    power = np.full((2, 3), -30.0)
    power[0, 1] = 7.0
    peak = (-0.5 * np.pi, 0.25 * np.pi)
    figure = rendered(angular_spectrum_map(psi_x, psi_y, power, peak, [peak]))
    axes = figure.axes[0]
    shown = np.asarray(axes.collections[0].get_array())
    np.testing.assert_array_equal(shown, [[-37, -37, -37], [0, -37, -37]])
    assert axes.collections[0].get_clim() == (-40, 0)
    for mark in axes.get_lines():
        np.testing.assert_allclose(np.ravel(mark.get_data()), [-0.5, 0.25], atol=1e-15)


def test_spectrum_refuses_a_transposed_map():
    with pytest.raises(InputError, match=r"\(2, 3\), but has \(3, 2\)"):
        angular_spectrum_map(np.arange(3.0), np.arange(2.0), np.zeros((3, 2)))


def test_drawing_leaves_the_settings_of_matplotlib_alone():
    import matplotlib as mpl

    before = dict(mpl.rcParams)
    tradeoff([1.0], [2.0])
    assert dict(mpl.rcParams) == before


def test_the_package_imports_without_matplotlib_and_says_what_to_install():
    """In a process of its own, where matplotlib cannot be found."""
    code = (
        "import sys; sys.modules['matplotlib'] = None\n"
        "import metastack.report as report\n"
        "from metastack.errors import InputError\n"
        "try: report.tradeoff\n"
        "except InputError as error: print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "Drawing figures needs matplotlib; install metastack[plots]."
