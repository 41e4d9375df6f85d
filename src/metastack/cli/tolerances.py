"""Options that say within which tolerances a stack is built."""

from typing import TYPE_CHECKING, Annotated, TypeAlias

import typer

if TYPE_CHECKING:
    from ..imperfections import Imperfections

DzWavelengths: TypeAlias = Annotated[float, typer.Option(help="Axial tolerance, E-I.")]
DyWavelengths: TypeAlias = Annotated[float, typer.Option(help="Vertical tolerance, E-V.")]
RzDeg: TypeAlias = Annotated[float, typer.Option(help="Tolerance of the turn in plane, E-P.")]
DxWavelengths: TypeAlias = Annotated[float, typer.Option(help="Lateral tolerance.")]
RxDeg: TypeAlias = Annotated[float, typer.Option(help="Tolerance of the tilt about x.")]
RyDeg: TypeAlias = Annotated[float, typer.Option(help="Tolerance of the tilt about y.")]
Gaussian: TypeAlias = Annotated[
    bool, typer.Option("--gaussian", help="Tolerances are standard deviations, not limits.")
]
AmplitudeDeviation: TypeAlias = Annotated[
    float, typer.Option(help="Standard deviation of the atoms' amplitudes, relative.")
]
PhaseDeviationDeg: TypeAlias = Annotated[
    float, typer.Option(help="Standard deviation of the atoms' phases.")
]
StuckShare: TypeAlias = Annotated[float, typer.Option(help="Share of atoms that stick.")]
DeadShare: TypeAlias = Annotated[
    float, typer.Option(help="Share of atoms that let nothing through.")
]

# Those of the calibration paper's case study.
DZ_WAVELENGTHS, DY_WAVELENGTHS, RZ_DEG = 1e-3, 1e-2, 0.01


def imperfections_of(
    wavelength_m: float,
    shifts_wavelengths: tuple[float, float, float],
    turns_deg: tuple[float, float, float],
    *,
    gaussian: bool,
    amplitude_deviation: float = 0.0,
    phase_deviation_deg: float = 0.0,
    stuck_share: float = 0.0,
    dead_share: float = 0.0,
) -> "Imperfections":
    """What the options allow to be wrong; shifts along x, y, z, turns about x, y, z.

    Raises:
        InputError: a tolerance that is negative or not finite, shares that are no probabilities.
    """
    from math import radians

    from ..geometry import Pose
    from ..imperfections import GaussianErrors, Imperfections, UniformErrors

    shifts_m = (each * wavelength_m for each in shifts_wavelengths)
    return Imperfections(
        Pose(*shifts_m, *map(radians, turns_deg)),
        GaussianErrors() if gaussian else UniformErrors(),
        amplitude_deviation,
        radians(phase_deviation_deg),
        stuck_share,
        dead_share,
    )
