"""Fig. 5 of the calibration paper: one matrix as designed, as built and as calibrated, 3x3 atoms.

The paper applies larger errors than before and does not tell them: five times those of its case
study, here. Shown is the matrix from layer 2 to layer 3, as in the paper.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import jax
import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.image import AxesImage

from ....calibration import (
    CumulativeStages,
    GaussNewton,
    Links,
    calibrate_entries,
    gauge_floor,
    random_plan,
    simulate_pilots,
)
from ....geometry import Pose
from ....imperfections import Imperfections
from ....report.style import MAGNITUDE_MAP, index_ticks, new_figure, styled
from ...units import Results, Unit
from ..study import Judgement, Paper, Study, Verdict
from .case_study import WAVELENGTH_M, case_study, stacks_built, user

_SHOWN = 2


@dataclass(frozen=True)
class Parameters:
    """Largest errors in wavelengths and degrees; slots, antennas and SNR as in Fig. 4."""

    e_i_wavelengths: float = 0.005
    e_v_wavelengths: float = 0.05
    e_p_deg: float = 0.05
    slots: int = 1000
    antennas_per_side: int = 4
    snr_db: float = 60.0
    seed: int = 0


def units(parameters: Parameters) -> list[Unit]:
    """One calibration."""
    return [Unit(calibrated_matrix, dict(vars(parameters)))]


def calibrated_matrix(
    *,
    e_i_wavelengths: float,
    e_v_wavelengths: float,
    e_p_deg: float,
    slots: int,
    antennas_per_side: int,
    snr_db: float,
    seed: int,
) -> dict[str, np.ndarray]:
    """The matrix from layer 2 to 3 of one stack: `matrices` (ideal, built, calibrated), `floor`."""
    stack = case_study(antennas_per_side, atoms_per_side=3)
    errors = Imperfections(
        Pose(
            dz_m=e_i_wavelengths * WAVELENGTH_M,
            dy_m=e_v_wavelengths * WAVELENGTH_M,
            rz_rad=float(np.radians(e_p_deg)),
        )
    )
    ((_, made),) = stacks_built(stack, errors, first=0, count=1, seed=seed)
    plan = random_plan(stack, slots, user(), seed=seed)
    pilots = simulate_pilots(made, plan, snr_db=snr_db, key=jax.random.key(seed))
    method, stages = GaussNewton(iterations=100), CumulativeStages(1)
    found = calibrate_entries(stack, pilots, method=method, stages=stages).links
    ideal, built, calibrated = (
        [np.asarray(link) for link in links]
        for links in (Links.of_stack(stack, user()), Links.of_stack(made, user()), found)
    )
    shown = np.array([each[_SHOWN] for each in (ideal, built, calibrated)])
    floor = gauge_floor(built, ideal)[_SHOWN]
    return {"real": np.real(shown), "imag": np.imag(shown), "floor": np.array(floor)}


def gather(parameters: Parameters, results: Sequence[Results]) -> xr.Dataset:
    """Complex entries in two parts, over `which` and atoms, and the gauge floor, linear."""
    del parameters
    (found,) = results
    dims = ("which", "to", "from")
    return xr.Dataset(
        {"real": (dims, found["real"]), "imag": (dims, found["imag"]), "floor": found["floor"]},
        coords={"which": ["ideal", "built", "calibrated"]},
    )


def _matrix(data: xr.Dataset, which: str) -> np.ndarray:
    chosen = data.sel(which=which)
    return chosen["real"].values + 1j * chosen["imag"].values


@styled
def draw(data: xr.Dataset) -> Figure:
    """The paper's four panels, and the complex difference, which magnitudes hide."""
    figure = new_figure(2.5, 7.16)
    panels: list[Axes] = figure.subplots(1, 5, sharex=True, sharey=True).tolist()
    ideal, built, calibrated = (_matrix(data, str(which)) for which in data.which.values)
    most = max(float(np.abs(each).max()) for each in (ideal, built, calibrated))
    shown = {"ideal": np.abs(ideal), "built": np.abs(built), "calibrated": np.abs(calibrated)}
    magnitudes = _images(panels[:3], shown, MAGNITUDE_MAP, most)
    figure.colorbar(magnitudes, ax=panels[:3], label="magnitude", location="bottom")
    differences = {
        "||built| − |calibrated||": np.abs(np.abs(built) - np.abs(calibrated)),
        "|built − calibrated|": np.abs(built - calibrated),
    }
    limit = max(float(each.max()) for each in differences.values())
    left = _images(panels[3:], differences, "cividis", limit)
    figure.colorbar(left, ax=panels[3:], label="difference", location="bottom")
    for axes in panels:
        index_ticks(axes, 4)
        axes.set_xlabel("from, layer 2")
    panels[0].set_ylabel("to, layer 3")
    return figure


def _images(
    panels: Sequence[Axes], shown: Mapping[str, np.ndarray], colours: str, most: float
) -> AxesImage:
    """Matrices on one scale; the last image."""
    images = list[AxesImage]()
    for axes, (name, values) in zip(panels, shown.items(), strict=True):
        images.append(axes.imshow(values, cmap=colours, vmin=0, vmax=most))
        axes.set_title(name)
    return images[-1]


def judge(data: xr.Dataset) -> list[Verdict]:
    """Nearer to which: by magnitudes, as the paper shows them, then as complex numbers."""
    ideal, built, calibrated = (_matrix(data, str(which)) for which in data.which.values)
    return [
        _judge_aligned(ideal, built, calibrated),
        _judge_complex(ideal, built, calibrated, float(data.floor)),
    ]


def _nmse_db(one: np.ndarray, other: np.ndarray) -> float:
    return float(10 * np.log10(np.sum(np.abs(one - other) ** 2) / np.sum(np.abs(other) ** 2)))


def _judge_aligned(ideal: np.ndarray, built: np.ndarray, calibrated: np.ndarray) -> Verdict:
    """'Closely aligned with the ideal case', which is not what calibration is for."""
    shown = np.abs(calibrated)
    to_ideal, to_built = (_nmse_db(shown, np.abs(each)) for each in (ideal, built))
    wrong = to_built < to_ideal
    return Verdict(
        Judgement.PAPER_WRONG if wrong else Judgement.DIFFERS,
        "The paper says that calibrated magnitudes become aligned with the ideal ones. They have "
        f"to become those of the stack as built, and {'do' if wrong else 'do not'}: "
        f"{to_built:.1f} dB from the built ones, {to_ideal:.1f} dB from the ideal ones.",
    )


def _judge_complex(
    ideal: np.ndarray, built: np.ndarray, calibrated: np.ndarray, floor: float
) -> Verdict:
    before, after = _nmse_db(ideal, built), _nmse_db(calibrated, built)
    magnitudes = _nmse_db(np.abs(calibrated), np.abs(built))
    return Verdict(
        Judgement.AGREES if after < before else Judgement.DIFFERS,
        f"What is left after calibration is {after:.1f} dB, {before:.1f} dB before, and "
        f"{magnitudes:.1f} dB if magnitudes alone are compared, as the paper does. A fit whose "
        f"only error is its gauge ends at {10 * np.log10(floor):.1f} dB.",
    )


STUDY = Study(
    name="calibration-fig-5",
    paper=Paper.CALIBRATION,
    title="One matrix as designed, as built and as calibrated, 3x3 atoms",
    claim="After calibration magnitudes are closely aligned with the ideal ones, and differ little "
    "from those of the practical stack.",
    published=Parameters(),
    quick=Parameters(slots=500),
    units=units,
    gather=gather,
    draw=draw,
    judge=judge,
)
