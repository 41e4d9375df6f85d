"""Fig. 2 of the calibration paper: what each kind of error does to a matrix between layers.

The paper shows magnitudes and does not tell how large its errors are. Here they are large enough to
be seen; what they do to phases, which decides the NMSE, is told beside.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import equinox as eqx
import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.image import AxesImage

from ....calibration import Links
from ....geometry import Pose
from ....report.style import MAGNITUDE_MAP, index_ticks, new_figure, styled
from ...units import Results, Unit
from ..study import Judgement, Paper, Study, Verdict
from .case_study import WAVELENGTH_M, case_study, user

IDEAL, KINDS = "ideal", ("E-I", "E-V", "E-P")
_NAMES = {"E-I": "axial", "E-V": "vertical", "E-P": "turned"}
_SIGNED_MAP = "RdBu_r"
# Changes of magnitude smaller than this share of themselves are rounding.
_ROUNDING = 1e-9


@dataclass(frozen=True)
class Parameters:
    """Of layer 4 alone: wavelengths towards +z, wavelengths upwards, degrees."""

    axial_wavelengths: float = 0.02
    vertical_wavelengths: float = 0.1
    turn_deg: float = 5.0


def units(parameters: Parameters) -> list[Unit]:
    """One: four matrices."""
    p = parameters
    shifts = {"axial": p.axial_wavelengths, "vertical": p.vertical_wavelengths}
    return [Unit(displaced_matrices, {**shifts, "turn_deg": p.turn_deg})]


def displaced_matrices(*, axial: float, vertical: float, turn_deg: float) -> dict[str, np.ndarray]:
    """The matrix from layer 3 to layer 4: ideal, then each error alone; (error, to, from)."""
    errors = (
        {},
        {"dz_m": axial * WAVELENGTH_M},
        {"dy_m": vertical * WAVELENGTH_M},
        {"rz_rad": float(np.radians(turn_deg))},
    )
    matrices = np.array([_last_matrix(each) for each in errors])
    return {"real": np.real(matrices), "imag": np.imag(matrices)}


def _last_matrix(displaced: dict[str, float]) -> np.ndarray:
    stack = case_study()
    planes = stack.layers + 2
    moved = {
        name: np.where(np.arange(planes) == stack.layers, by, 0.0) for name, by in displaced.items()
    }
    zeros = {name: np.zeros(planes) for name in vars(stack.poses)}
    built = eqx.tree_at(lambda s: s.poses, stack, Pose(**{**zeros, **moved}))
    return np.asarray(Links.of_stack(built, user()).between[-1])


def gather(parameters: Parameters, results: Sequence[Results]) -> xr.Dataset:
    """`magnitude` and `phase_rad` over errors and atoms."""
    (found,) = results
    matrices = found["real"] + 1j * found["imag"]
    p = parameters
    return xr.Dataset(
        {
            "magnitude": (("error", "to", "from"), np.abs(matrices)),
            "phase_rad": (("error", "to", "from"), np.angle(matrices)),
            "size": ("error", [0.0, p.axial_wavelengths, p.vertical_wavelengths, p.turn_deg]),
        },
        coords={"error": [IDEAL, *KINDS]},
    )


def _size(data: xr.Dataset) -> str:
    size = float(data["size"])
    kind = str(data.error.item())
    return f"{size:g}°" if kind == "E-P" else f"{size:g}λ"


@styled
def draw(data: xr.Dataset) -> Figure:
    """Magnitudes on one scale, below them what each error changes of them and of the phases."""
    figure = new_figure(5.4, 7.16)
    panels = figure.subplots(3, 4, sharex=True, sharey=True)
    most, ideal = float(data.magnitude.max()), data.sel(error=IDEAL)
    shown = [data.sel(error=error) for error in data.error.values]
    images = [
        _image(a, d.magnitude, MAGNITUDE_MAP, 0, most)
        for a, d in zip(panels[0], shown, strict=True)
    ]
    figure.colorbar(images[-1], ax=panels[0].tolist(), label="magnitude")
    for axes, each in zip(panels[0], shown, strict=True):
        kind = str(each.error.item())
        axes.set_title(kind if kind == IDEAL else f"{kind}, {_NAMES[kind]} by {_size(each)}")
    differences = [(each.magnitude - ideal.magnitude) for each in shown[1:]]
    turns = [_turned_deg(each, ideal) for each in shown[1:]]
    for row, values, label in (
        (panels[1], differences, "magnitude − ideal"),
        (panels[2], turns, "phase − ideal (°)"),
    ):
        row[0].set_axis_off()
        limit = max(float(abs(each).max()) for each in values)
        drawn = [
            _image(a, v, _SIGNED_MAP, -limit, limit) for a, v in zip(row[1:], values, strict=True)
        ]
        figure.colorbar(drawn[-1], ax=row.tolist(), label=label)
    figure.supxlabel("from atom of layer 3")
    figure.supylabel("to atom of layer 4")
    return figure


def _image(axes: Axes, values: xr.DataArray, colours: str, least: float, most: float) -> AxesImage:
    image = axes.imshow(values, cmap=colours, vmin=least, vmax=most)
    index_ticks(axes, 4)
    return image


def _turned_deg(data: xr.Dataset, ideal: xr.Dataset) -> xr.DataArray:
    turn = data.phase_rad - ideal.phase_rad
    return np.degrees((turn + np.pi) % (2 * np.pi) - np.pi)


def judge(data: xr.Dataset) -> list[Verdict]:
    """What the text says of each kind, and what magnitudes hide."""
    return [
        _judge_axial(data),
        *(_judge_uneven(data, kind) for kind in ("E-V", "E-P")),
        _judge_phases(data),
    ]


def _changes(data: xr.Dataset, kind: str) -> np.ndarray:
    """Of magnitudes, relative."""
    magnitude = data.magnitude
    return (magnitude.sel(error=kind) / magnitude.sel(error=IDEAL)).values - 1


def _judge_axial(data: xr.Dataset) -> Verdict:
    """'A global increase or decrease in the magnitude of the entries'."""
    change = _changes(data, "E-I")
    rising, falling = (100 * float((sign * change > _ROUNDING).mean()) for sign in (1, -1))
    is_global = min(rising, falling) == 0
    return Verdict(
        Judgement.AGREES if is_global else Judgement.PAPER_WRONG,
        f"A gap wider by {_size(data.sel(error='E-I'))} is said to change all magnitudes one way; "
        f"it raises {rising:.0f} % of them and lowers {falling:.0f} %, by {100 * change.min():.1f} "
        f"to {100 * change.max():+.1f} %"
        + ("." if is_global else ": atoms that face each other lose, oblique pairs gain."),
    )


def _judge_uneven(data: xr.Dataset, kind: str) -> Verdict:
    """'Non-uniform amplitude variations', 'spatial misregistration'."""
    change = _changes(data, kind)
    uneven = bool((change > _ROUNDING).any() and (change < -_ROUNDING).any())
    return Verdict(
        Judgement.AGREES if uneven else Judgement.DIFFERS,
        f"{kind} of {_size(data.sel(error=kind))} changes magnitudes unevenly, by "
        f"{100 * change.min():.0f} to {100 * change.max():+.0f} %."
        if uneven
        else f"{kind} changes all magnitudes one way.",
    )


def _judge_phases(data: xr.Dataset) -> Verdict:
    """How much of the NMSE would be left if magnitudes were right, and only phases wrong."""
    ideal = data.sel(error=IDEAL)
    shares = {kind: _share_of_phases(data.sel(error=kind), ideal) for kind in KINDS}
    told = ", ".join(f"{100 * share:.0f} % of {kind}'s" for kind, share in shares.items())
    hidden = all(share > 0.5 for share in shares.values())
    return Verdict(
        Judgement.DIFFERS if hidden else Judgement.AGREES,
        f"Magnitudes, all that the paper shows, hide {'most of' if hidden else 'part of'} the "
        f"damage: phases alone make {told} NMSE.",
    )


def _share_of_phases(data: xr.Dataset, ideal: xr.Dataset) -> float:
    one, other = (d.magnitude.values * np.exp(1j * d.phase_rad.values) for d in (data, ideal))
    turned = ideal.magnitude.values * np.exp(1j * data.phase_rad.values)
    return float(np.sum(np.abs(turned - other) ** 2) / np.sum(np.abs(one - other) ** 2))


STUDY = Study(
    name="calibration-fig-2",
    paper=Paper.CALIBRATION,
    title="What axial, vertical and rotation errors do to the matrix from layer 3 to layer 4",
    claim="An axial error raises or lowers all magnitudes together, a vertical one changes them "
    "unevenly, and a rotation misregisters the layers.",
    published=Parameters(),
    quick=Parameters(),
    units=units,
    gather=gather,
    draw=draw,
    judge=judge,
)
