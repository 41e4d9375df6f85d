"""Figures of devices: geometry, models, designs, networks."""

from itertools import pairwise
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from scipy.stats import unitary_group

import metastack as ms
from metastack.multiport import Cascade, MatchedAtoms, TwoSided
from metastack.propagation import InterlayerModel, hop_matrix
from metastack.report import phase_maps, tradeoff
from metastack.report.style import BLUE, GREEN, GREY, MARKERS, SERIES, VERMILION, new_figure, styled

_STACK_4X4 = Path(__file__).parents[3] / "examples" / "stack_4x4.toml"
_LOSSES_DB = (16.0, 12.0, 10.0, 9.0, 8.5, 8.0, 7.5)


def _small_stack() -> ms.Stack:
    """The stack of the tutorials."""
    return ms.make_uniform_stack(
        ports=2, atoms_per_side=7, layers=4, thickness_wavelengths=2.0, spacing_wavelengths=0.5
    )


def _published_stack() -> ms.Stack:
    """The 2x2 stack of the DOA paper."""
    return ms.make_uniform_stack(
        ports=2, atoms_per_side=11, layers=7, thickness_wavelengths=9.0, spacing_wavelengths=0.5
    )


@styled
def conventions() -> Figure:
    """Order of elements, and the planes of a stack."""
    figure = new_figure(2.1, width_in=6.0)
    grid, side = figure.subplots(1, 2, width_ratios=(1, 1.7))
    _draw_order(grid)
    _draw_planes(side)
    return figure


def _draw_order(axes: Axes) -> None:
    columns, rows = 4, 3
    for n in range(columns * rows):
        row, column = divmod(n, columns)
        axes.plot(column, row, "o", color=BLUE, markersize=15, fillstyle="none")
        axes.text(column, row, str(n), ha="center", va="center")
    axes.set(xlabel="column $n_x$, along x", ylabel="row $n_y$, along y (up)")
    axes.set(xlim=(-0.6, columns - 0.4), ylim=(-0.6, rows - 0.4), aspect="equal")
    axes.set_xticks(range(columns))
    axes.set_yticks(range(rows))
    axes.set_title("element $n = n_y N_x + n_x$")


def _draw_planes(axes: Axes) -> None:
    names = ("input\nlayer 0", "layer 1", "layer 2", "layer L", "receivers")
    colours = (GREEN, BLUE, BLUE, BLUE, VERMILION)
    heights = (0.5, 1.0, 1.0, 1.0, 0.5)
    places = (0.0, 1.0, 2.0, 3.6, 4.6)
    for z, name, colour, height in zip(places, names, colours, heights, strict=True):
        axes.plot([z, z], [-height, height], color=colour, linewidth=3)
        axes.text(z, 1.15, name, ha="center", va="bottom", fontsize=7)
    gaps = ("$W_0$", "$W_1$", "…", "$W_L$")
    for (start, end), gap in zip(pairwise(places), gaps, strict=True):
        axes.text((start + end) / 2, 0.08, gap, ha="center", va="bottom")
    axes.annotate("", (5.3, 0), (-0.8, 0), arrowprops={"arrowstyle": "->", "color": GREY})
    axes.text(5.35, 0, "z", va="center")
    axes.set(xlim=(-0.9, 5.6), ylim=(-1.2, 1.9))
    axes.set_axis_off()


@styled
def passivity() -> Figure:
    """Largest gain of a hop over the gap."""
    gaps = np.geomspace(0.15, 3, 25)
    figure = new_figure(2.6)
    axes = figure.add_subplot()
    cases = [
        ("Rayleigh-Sommerfeld, λ/2", ms.RayleighSommerfeld(0.25), 0.5),
        ("Rayleigh-Sommerfeld, λ/4", ms.RayleighSommerfeld(0.0625), 0.25),
        ("radar, λ/2", ms.GeometricRadar.of_area(0.25, 1.0), 0.5),
        ("near field, λ/2", ms.NearField(0.25), 0.5),
    ]
    for (label, model, spacing), colour, marker in zip(cases, SERIES, MARKERS, strict=False):
        gains = [np.linalg.norm(_hop(model, spacing, gap), 2) for gap in gaps]
        axes.plot(gaps, gains, marker=marker, markersize=3, color=colour, label=label)
    axes.axhline(1, color=GREY, linestyle="--", linewidth=0.9)
    axes.set(xscale="log", xlabel="gap (λ)", ylabel="largest gain of the field", ylim=(0.6, 2.6))
    axes.set_xticks([0.2, 0.5, 1, 2], labels=["0.2", "0.5", "1", "2"])
    axes.minorticks_off()
    axes.legend()
    return figure


def _hop(model: InterlayerModel, spacing: float, gap: float, side: int = 11) -> np.ndarray:
    """Between facing layers, everything in wavelengths."""
    array = ms.PlanarArray(side, side, spacing, spacing)
    with ms.float64():
        return np.asarray(hop_matrix(ms.Plane(array, 0.0), ms.Plane(array, gap), model, 1.0))


@styled
def own_model() -> Figure:
    """A hop's entries over distance, for the model of the tutorial."""
    figure = new_figure(2.4)
    axes = figure.add_subplot()
    gap, across = 0.5, np.linspace(0, 3, 100)
    r = np.hypot(gap, across)
    wave = 0.25 * gap / r**2 * np.abs(1 / (2 * np.pi * r) - 1j)
    for power, colour, style in zip((0, 1, 2), SERIES, ("-", "--", ":"), strict=False):
        level = 20 * np.log10((gap / r) ** power * wave)
        axes.plot(across, level, style, color=colour, label=f"p = {power}")
    axes.set(xlabel="lateral distance (λ), gap λ/2", ylabel="magnitude of an entry (dB)")
    axes.legend()
    return figure


@styled
def convergence() -> Figure:
    """The published descent and the default, on the published 4x4 stack, over their time.

    Both are run twice: the first run compiles.
    """
    stack, target = ms.read_stack(_STACK_4X4).stack, ms.dft_2d(4, 4)
    descent = {"methods": [ms.GradientDescent(decay=0.8)], "start_phases": ms.RandomPhases()}
    figure = new_figure(2.6)
    axes = figure.add_subplot()
    runs = (("published descent", VERMILION, "s-", descent), ("default", BLUE, "o-", {}))
    for name, colour, style, options in runs:
        for _ in range(2):
            (design,) = ms.design_phases(stack, target, **options)
        seconds = np.linspace(0, design.seconds, len(design.history_db))
        axes.plot(seconds, design.history_db, style, color=colour, markersize=3, label=name)
    axes.set(xlabel="time (s), on the machine that built this page", ylabel="NMSE (dB)")
    axes.legend()
    return figure


def design_phases() -> Figure:
    """Phases of the tutorial's design."""
    return phase_maps(ms.design_phases(_small_stack(), ms.dft_2d(2, 2), insertion_loss_db=9.0)[0])


def insertion_loss() -> Figure:
    """Error over prescribed loss, published stack."""
    found = list(ms.insertion_loss_tradeoff(_published_stack(), ms.dft_2d(2, 2), _LOSSES_DB))
    return tradeoff([d.insertion_loss_db for d in found], [d.nmse_db for d in found])


@styled
def sweep() -> Figure:
    """The sweep of the tutorial."""
    figure = new_figure(2.5)
    axes = figure.add_subplot()
    layers, target = (2, 3, 4, 5), ms.dft_2d(2, 2)
    for side, colour, marker in zip((5, 7, 9), SERIES, MARKERS, strict=False):
        stacks = [_with(side, count) for count in layers]
        nmse_db = [
            ms.best_design(ms.design_phases(s, target, insertion_loss_db=14.0, starts=2)).nmse_db
            for s in stacks
        ]
        axes.plot(layers, nmse_db, marker=marker, color=colour, label=f"{side} x {side} atoms")
    axes.axhline(-100, color=GREY, linestyle="--", linewidth=0.9)
    axes.set(xlabel="layers", ylabel="NMSE (dB)", xticks=layers)
    axes.legend()
    return figure


def _with(side: int, layers: int) -> ms.Stack:
    return ms.make_uniform_stack(
        ports=2,
        atoms_per_side=side,
        layers=layers,
        thickness_wavelengths=9.0,
        spacing_wavelengths=0.5,
    )


@styled
def reflections() -> Figure:
    """Error of the product of matrices over the reflections of the gaps."""
    levels_db = np.arange(-50, -4, 5)
    figure = new_figure(2.5)
    axes = figure.add_subplot()
    for layers, colour, marker in zip((1, 2, 4), SERIES, MARKERS, strict=False):
        errors = [_product_error(layers, 10 ** (level / 20)) for level in levels_db]
        label = f"{layers} layer{'s' if layers > 1 else ''}"
        axes.plot(levels_db, 20 * np.log10(errors), marker=marker, color=colour, label=label)
    axes.plot(levels_db, 2 * levels_db, ":", color=GREY, label="square of the reflection")
    axes.set(xlabel="reflection of a gap (dB)", ylabel="error of the product (dB)")
    axes.legend()
    return figure


def _product_error(layers: int, reflection: float, atoms: int = 16) -> float:
    """Relative, of the response: gaps pass half of the power and reflect as much as said."""
    rng = np.random.default_rng(0)
    gaps = tuple(_random_gap(rng, atoms, reflection) for _ in range(layers + 1))
    shown = rng.uniform(0, 2 * np.pi, (20, layers, atoms))
    phases, cascade = MatchedAtoms.of_phases(shown), Cascade(gaps)
    whole = np.asarray(cascade.response(phases))
    product = np.asarray(cascade.without_reflections().response(phases))
    return float(np.linalg.norm(product - whole) / np.linalg.norm(whole))


def _random_gap(rng: np.random.Generator, atoms: int, reflection: float) -> TwoSided:
    """Reciprocal; the largest reflection is as said, transmission is unitary but for √(1/2)."""
    left, right = (each + each.T for each in rng.normal(size=(2, atoms, atoms)))
    left, right = (reflection * each / np.linalg.norm(each, 2) for each in (left, right))
    across = np.sqrt(0.5) * unitary_group.rvs(atoms, random_state=rng)
    return TwoSided(left + 0j, across.T, across, right + 0j)
