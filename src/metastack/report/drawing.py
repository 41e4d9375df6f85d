"""The device in three dimensions and to scale: planes, atoms, ports and the way of the wave."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MultipleLocator
from mpl_toolkits.mplot3d import proj3d
from mpl_toolkits.mplot3d.art3d import Poly3DCollection
from mpl_toolkits.mplot3d.axes3d import Axes3D

from ..geometry import PlanarArray, Plane
from ..precision import float64
from ..stack import Stack
from .style import BLUE, COLUMN_WIDTH_IN, GREEN, GREY, VERMILION, styled

_ELEVATION_DEG, _AZIMUTH_DEG = 18.0, -55.0
_ARROW_SHARE = 0.15
_TICK_GAPS_IN = (0.3, 0.16, 0.25)
_WIDEST_IN, _TALLEST_IN, _MARGIN_IN = 2.6, 3.3, 1.0
_UNZOOMED_IN = 1.03 * COLUMN_WIDTH_IN  # a box's diagonal on axes as wide as the figure, measured


@dataclass(frozen=True)
class _Look:
    """How the elements of a plane are drawn: `share` is a marker's part of the spacing."""

    colour: str
    marker: str
    share: float
    label: str


_INPUTS = _Look(GREEN, "s", 0.5, "inputs")
_LAYER = _Look(BLUE, "o", 0.3, "atoms")
_RECEIVERS = _Look(VERMILION, "^", 0.6, "receivers")


@styled
def stack_drawing(stack: Stack) -> Figure:
    """Every element where it is, poses included, on equal axes in wavelengths.

    The stack axis z runs to the right and to the front, y up. Layers are planes with their atoms
    as dots; arrows show where the wave comes from and goes.
    """
    wavelength_m = float(stack.wavelength_m)
    elements, outlines = positions_m(stack), positions_m(stack, _corners)
    elements, outlines = ([m / wavelength_m for m in points] for points in (elements, outlines))
    low, high = _box(np.concatenate(outlines))
    scale_in = _scale_in(high - low)
    figure = _figure(_size_on_screen(high - low)[1] * scale_in + _MARGIN_IN, _scale_note(stack))
    axes = _axes(figure, low, high, scale_in)
    _draw_wave(axes, elements, low[2], high[2])
    arrays = [stack.input_array, *[stack.layer_array] * stack.layers, stack.receiver_array]
    looks = [_INPUTS, *[_LAYER] * stack.layers, _RECEIVERS]
    for index, (points, outline) in enumerate(zip(elements, outlines, strict=True)):
        spacing_pt = 72 * scale_in * float(arrays[index].spacing_x_m) / wavelength_m
        _draw_plane(axes, index, looks[index], points, outline, spacing_pt)
    figure.legend(handles=_legend(), loc="upper center", ncols=3, handletextpad=0.1)
    return figure


def positions_m(
    stack: Stack, of: Callable[[Plane], Plane] = lambda plane: plane
) -> list[Float[np.ndarray, "_ 3"]]:
    """Element centres of every plane, or of what `of` makes of it, in double precision, metres."""
    with float64():
        return [np.asarray(of(plane).positions_m) for plane in stack.planes]


def _corners(plane: Plane) -> Plane:
    """The plane with its four corners for elements: its outline half a cell beyond the grid."""
    grid = plane.array
    width_m, height_m = grid.columns * grid.spacing_x_m, grid.rows * grid.spacing_y_m
    return Plane(PlanarArray(2, 2, width_m, height_m, grid.rotation_rad), plane.z_m, plane.pose)


def _box(
    corners: Float[np.ndarray, "corners 3"],
) -> tuple[Float[np.ndarray, "3"], Float[np.ndarray, "3"]]:
    """Lowest and highest coordinates shown: the planes, and room for the arrows along z."""
    low, high = corners.min(axis=0), corners.max(axis=0)
    reach = np.array([0, 0, _ARROW_SHARE * (high - low).max()])
    return low - reach, high + reach


def _size_on_screen(extent: Float[np.ndarray, "3"]) -> tuple[float, float]:
    """Width and height of a box seen from the viewer's direction."""
    elevation, azimuth = np.radians([_ELEVATION_DEG, _AZIMUTH_DEG])
    away = np.array([np.sin(azimuth), 0, np.cos(azimuth)])
    right = np.array([np.cos(azimuth), 0, -np.sin(azimuth)])
    up = np.sin(elevation) * away + np.array([0, np.cos(elevation), 0])
    return float(np.abs(right) @ extent), float(np.abs(up) @ extent)


def _scale_in(extent: Float[np.ndarray, "3"]) -> float:
    """Inches a wavelength, such that the box fits the page."""
    width, height = _size_on_screen(extent)
    return min(_WIDEST_IN / width, _TALLEST_IN / height)


def _figure(height_in: float, note: str) -> Figure:
    """A page of the right height: three-dimensional axes cannot arrange themselves."""
    figure = Figure(figsize=(COLUMN_WIDTH_IN, height_in))
    figure.text(0.5, 0.04 / height_in, note, ha="center", va="bottom")
    return figure


def _axes(
    figure: Figure, low: Float[np.ndarray, "3"], high: Float[np.ndarray, "3"], scale_in: float
) -> Axes3D:
    """Equal axes on a square as wide as the figure, `scale_in` inches a wavelength."""
    height = COLUMN_WIDTH_IN / figure.get_figheight()
    square = (-0.05, 0.52 - height / 2, 1.0, height)
    axes = figure.add_axes(square, projection="3d", computed_zorder=False)
    assert isinstance(axes, Axes3D)
    axes.set_proj_type("ortho")
    axes.view_init(_ELEVATION_DEG, _AZIMUTH_DEG, vertical_axis="y")
    axes.set(xlim=(low[0], high[0]), ylim=(low[1], high[1]), zlim=(low[2], high[2]))
    extent = high - low
    zoom = float(scale_in * np.linalg.norm(extent) / _UNZOOMED_IN)
    axes.set_box_aspect(extent, zoom=zoom)  # pyright: ignore[reportArgumentType]  # any float
    for axis, least_in in zip((axes.xaxis, axes.yaxis, axes.zaxis), _TICK_GAPS_IN, strict=True):
        axis.set_major_locator(MultipleLocator(_tick_step(least_in / scale_in)))
    axes.tick_params(pad=-3)
    _name_axes(axes, low, high)
    return axes


def _name_axes(axes: Axes3D, low: Float[np.ndarray, "3"], high: Float[np.ndarray, "3"]) -> None:
    """Names beside the middles of the edges with ticks; matplotlib's own hit them on long boxes."""
    middle = (low + high) / 2
    edges = {
        "$x/λ$": ((middle[0], low[1], high[2]), (14, -22)),
        "$y/λ$": ((high[0], middle[1], high[2]), (29, 0)),
        "$z/λ$": ((low[0], low[1], middle[2]), (-10, -25)),
    }
    for name, (point, offset_pt) in edges.items():
        at = proj3d.proj_transform(*point, axes.get_proj())[:2]
        text = axes.annotate(name, at, xytext=offset_pt, textcoords="offset points")
        text.set(ha="center", va="center", annotation_clip=False)


def _tick_step(least: float) -> float:
    """The smallest of 1, 2, 5 times a power of ten that is not below `least`."""
    decade = 10 ** np.floor(np.log10(least))
    return float(min(step for step in decade * np.array([1, 2, 5, 10]) if step >= least))


def _draw_plane(
    axes: Axes3D,
    index: int,
    look: _Look,
    points: Float[np.ndarray, "elements 3"],
    outline: Float[np.ndarray, "4 3"],
    spacing_pt: float,
) -> None:
    """One plane with its elements; the viewer stands beyond the receivers, so they come last."""
    face = Poly3DCollection([outline[[0, 1, 3, 2]]], facecolor=look.colour, alpha=0.12)
    face.set(zorder=2 * index + 1, edgecolor=look.colour, linewidth=0.6)
    axes.add_collection3d(face)
    dots = axes.scatter(*points.T, c=look.colour, marker=look.marker, depthshade=False)
    dots.set(zorder=2 * index + 2, linewidths=0, label=look.label)
    dots.set_sizes([min(4.5, look.share * spacing_pt) ** 2])


def _legend() -> list[Line2D]:
    """One entry a kind of element, in a size that can be read."""
    looks = (_INPUTS, _LAYER, _RECEIVERS)
    handles = [
        Line2D([], [], color=look.colour, marker=look.marker, markersize=4) for look in looks
    ]
    for handle, look in zip(handles, looks, strict=True):
        handle.set(linestyle="none", label=look.label)
    return handles


def _draw_wave(
    axes: Axes3D, elements: list[Float[np.ndarray, "_ 3"]], low: float, high: float
) -> None:
    """The stack axis, dashed, and the direction of the wave as an arrow before and behind."""
    start, end = float(elements[0][:, 2].mean()), float(elements[-1][:, 2].mean())
    axes.plot([0, 0], [0, 0], [start, end], "--", color=GREY, linewidth=0.8, zorder=0)
    for tail, tip, order in ((low, start, 0), (end, high, 3 * len(elements))):
        arrow = axes.quiver(0, 0, tail, 0, 0, tip - tail, color="black", arrow_length_ratio=0.35)
        arrow.set(linewidth=1.0, zorder=order)


def _scale_note(stack: Stack) -> str:
    wavelength_mm = float(stack.wavelength_m) * 1e3
    length_mm = float(np.sum(stack.gaps_m)) * 1e3
    return f"to scale: λ = {wavelength_mm:.4g} mm, stack {length_mm:.4g} mm long"
