"""One matrix of a stack as designed, as built and as calibrated: where they differ, and how.

Displaced layers change the phases of coefficients far more than their magnitudes, so that
pictures of magnitudes alone, as published, hide most of the error.

Source: calibration paper, Fig. 5; complex differences and phases are ours.
"""

from collections.abc import Mapping
from typing import Any, TypeAlias

import numpy as np
from jaxtyping import Complex, Float
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure
from matplotlib.image import AxesImage

from ..calibration.gauge import matrix_nmse
from ..calibration.links import Links
from ..errors import require
from .style import MAGNITUDE_MAP, index_ticks, new_figure, styled

_ERROR_MAP, _SIGNED_MAP = "cividis", "RdBu_r"
_SHOWN_RANGE_DB = 50.0
_SMALLEST = 1e-17
_LEAST_SCALE_DEG = 1e-9
_PANELS_IN, _AROUND_IN, _LABEL_IN = 2.25, 0.5, 0.15
_Matrices: TypeAlias = Mapping[str, Complex[np.ndarray, "to from"]]
_Panels: TypeAlias = Mapping[str, Float[np.ndarray, "to from"]]


@styled
def link_matrices(
    nominal_links: Links,
    calibrated_links: Links,
    truth_links: Links | None = None,
    link: int = 1,
) -> Figure:
    """Magnitudes of link number `link` on one scale, then what differs, complex and in phase.

    Link 1 leads from layer 1 to layer 2. Differences are those from the built link, before and
    after calibration, or, where the truth is not known, of the calibrated link from the ideal one.
    Complex ones are drawn against the root mean square of all entries: the mean of their powers is
    the NMSE.

    Raises:
        InputError: links of different stacks; no link of this number.
    """
    named = {"ideal": nominal_links, "built": truth_links, "calibrated": calibrated_links}
    matrices = _matrices({name: each for name, each in named.items() if each is not None}, link)
    figure, rows = _rows(matrices)
    for row, draw in zip(rows, (_draw_magnitudes, _draw_errors, _draw_phases), strict=True):
        draw(row, matrices)
    last = len(nominal_links) - 1
    figure.supxlabel("from user" if link == 0 else f"from atom of layer {link}")
    figure.supylabel("to antenna" if link == last else f"to atom of layer {link + 1}")
    return figure


def _rows(matrices: _Matrices) -> tuple[Figure, list[SubFigure]]:
    """Room for magnitudes, errors and phases; a panel that is alone stands in the middle."""
    squeezed = _squeezed(matrices["ideal"].shape)
    heights_in = [_PANELS_IN / each * squeezed + _AROUND_IN for each in (len(matrices), 2, 2)]
    figure = new_figure(sum(heights_in) + _LABEL_IN)
    above, *below = figure.subfigures(3, 1, height_ratios=heights_in, squeeze=False)[:, 0]
    if len(_pairs(matrices)) == 1:
        below = [row.subfigures(1, 3, width_ratios=(1, 4, 1))[1] for row in below]
    return figure, [above, *below]


def _squeezed(shape: tuple[int, ...]) -> float:
    """Height over width of a panel."""
    return min(max(shape[0] / shape[1], 0.4), 1.6)


def error_db(
    one: Complex[np.ndarray, "to from"], other: Complex[np.ndarray, "to from"]
) -> Float[np.ndarray, "to from"]:
    """|one - other| of every entry against the root mean square of |other|, dB."""
    reference = np.sqrt(np.mean(np.abs(other) ** 2))
    return 20 * np.log10(np.maximum(np.abs(one - other) / reference, _SMALLEST))


def phase_difference_deg(
    one: Complex[np.ndarray, "to from"], other: Complex[np.ndarray, "to from"]
) -> Float[np.ndarray, "to from"]:
    """How far the phase of every entry of `one` is ahead of that of `other`, degrees, to ±180."""
    return np.degrees(np.angle(one * other.conj()))


def _matrices(links: Mapping[str, Links], link: int) -> _Matrices:
    many = len(links["ideal"])
    require(
        all(len(each) == many for each in links.values()),
        f"All links must be of one number of matrices, but are of {[*map(len, links.values())]}.",
    )
    require(0 <= link < many, f"`link` must be from 0 to {many - 1}, but is {link}.")
    matrices = {name: np.asarray([*each][link]) for name, each in links.items()}
    shapes = {matrix.shape for matrix in matrices.values()}
    require(len(shapes) == 1, f"All matrices must have one shape, but have {sorted(shapes)}.")
    return matrices


def _pairs(matrices: _Matrices) -> list[tuple[str, str]]:
    """What is compared with what."""
    if "built" in matrices:
        return [("ideal", "built"), ("calibrated", "built")]
    return [("calibrated", "ideal")]


def _draw_magnitudes(figure: SubFigure, matrices: _Matrices) -> None:
    shown = {name: np.abs(matrix) for name, matrix in matrices.items()}
    most = max(float(each.max()) for each in shown.values())
    images = _images(figure, shown, cmap=MAGNITUDE_MAP, vmin=0, vmax=most)
    figure.colorbar(images[-1], ax=figure.axes, label="magnitude")


def _draw_errors(figure: SubFigure, matrices: _Matrices) -> None:
    """The worst 50 dB of the differences; over each its NMSE."""
    shown: dict[str, Float[np.ndarray, "to from"]] = {}
    for one, other in _pairs(matrices):
        nmse = float(matrix_nmse([matrices[one]], [matrices[other]])[0])
        name = f"{one} − {other}\nNMSE {10 * np.log10(max(nmse, _SMALLEST**2)):.1f} dB"
        shown[name] = error_db(matrices[one], matrices[other])
    most = max(float(each.max()) for each in shown.values())
    least = min(float(each.min()) for each in shown.values())
    floor = max(least, most - _SHOWN_RANGE_DB)
    images = _images(figure, shown, cmap=_ERROR_MAP, vmin=floor, vmax=most)
    extend = "min" if floor > least else "neither"
    figure.colorbar(images[-1], ax=figure.axes, label="difference / rms (dB)", extend=extend)


def _draw_phases(figure: SubFigure, matrices: _Matrices) -> None:
    shown = {
        f"{one} / {other}": phase_difference_deg(matrices[one], matrices[other])
        for one, other in _pairs(matrices)
    }
    most = max(_LEAST_SCALE_DEG, *(float(np.abs(each).max()) for each in shown.values()))
    images = _images(figure, shown, cmap=_SIGNED_MAP, vmin=-most, vmax=most)
    figure.colorbar(images[-1], ax=figure.axes, label="phase (°)")


def _images(figure: SubFigure, panels: _Panels, **colours: Any) -> list[AxesImage]:
    """Matrices beside each other on one colour scale; long ones are squeezed."""
    axes: list[Axes] = figure.subplots(1, len(panels), sharey=True, squeeze=False)[0].tolist()
    images: list[AxesImage] = []
    for panel, (title, values) in zip(axes, panels.items(), strict=True):
        images.append(panel.imshow(values, aspect="auto", **colours))
        panel.set_box_aspect(_squeezed(values.shape))
        panel.set_title(title)
        index_ticks(panel, 4)
    return images
