"""Options that say within which tolerances a stack is built."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from ..imperfections import Imperfections
    from ..stack import Stack


@dataclass(frozen=True)
class Tolerances:
    """How far layers may be off; by default as in the calibration paper's case study."""

    dz_wavelengths: Annotated[float, typer.Option(help="Axial tolerance, E-I.")] = 1e-3
    dy_wavelengths: Annotated[float, typer.Option(help="Vertical tolerance, E-V.")] = 1e-2
    rz_deg: Annotated[float, typer.Option(help="Tolerance of the turn in plane, E-P.")] = 0.01
    dx_wavelengths: Annotated[float, typer.Option(help="Lateral tolerance.")] = 0.0
    rx_deg: Annotated[float, typer.Option(help="Tolerance of the tilt about x.")] = 0.0
    ry_deg: Annotated[float, typer.Option(help="Tolerance of the tilt about y.")] = 0.0
    gaussian: Annotated[
        bool, typer.Option("--gaussian", help="Tolerances are standard deviations, not limits.")
    ] = False


@dataclass(frozen=True)
class AtomErrors:
    """What may be wrong with atoms; by default nothing."""

    amplitude_deviation: Annotated[
        float, typer.Option(help="Standard deviation of the atoms' amplitudes, relative.")
    ] = 0.0
    phase_deviation_deg: Annotated[
        float, typer.Option(help="Standard deviation of the atoms' phases.")
    ] = 0.0
    stuck_share: Annotated[float, typer.Option(help="Share of atoms that stick.")] = 0.0
    dead_share: Annotated[float, typer.Option(help="Share of atoms that let nothing through.")] = (
        0.0
    )


PUBLISHED, SOUND_ATOMS = Tolerances(), AtomErrors()


def imperfections_of(
    stack: "Stack", tolerances: Tolerances, atoms: AtomErrors = SOUND_ATOMS
) -> "Imperfections":
    """What the options allow to be wrong with a stack.

    Raises:
        InputError: a tolerance that is negative or not finite, shares that are no probabilities.
    """
    from math import radians

    from ..geometry import Pose
    from ..imperfections import GaussianErrors, Imperfections, UniformErrors

    given, wavelength_m = tolerances, float(stack.wavelength_m)
    shifts = given.dx_wavelengths, given.dy_wavelengths, given.dz_wavelengths
    turns_deg = given.rx_deg, given.ry_deg, given.rz_deg
    return Imperfections(
        Pose(*(each * wavelength_m for each in shifts), *map(radians, turns_deg)),
        GaussianErrors() if given.gaussian else UniformErrors(),
        atoms.amplitude_deviation,
        radians(atoms.phase_deviation_deg),
        atoms.stuck_share,
        atoms.dead_share,
    )
