"""`metastack simulate built`: a stack as fabrication might make it."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .options import AsJson, Seed, StackPath, require_writable
from .output import emit

if TYPE_CHECKING:
    from ..geometry import Pose

_DEGREES_OF_FREEDOM = ("dx_wavelengths", "dy_wavelengths", "dz_wavelengths")
_TURNS = ("rx_deg", "ry_deg", "rz_deg")


def built(
    stack: StackPath,
    output: Annotated[Path, typer.Option("-o", "--output", help="Stack file to write (.toml).")],
    dz_wavelengths: Annotated[float, typer.Option(help="Axial tolerance, E-I.")] = 1e-3,
    dy_wavelengths: Annotated[float, typer.Option(help="Vertical tolerance, E-V.")] = 1e-2,
    rz_deg: Annotated[float, typer.Option(help="Tolerance of the turn in plane, E-P.")] = 0.01,
    dx_wavelengths: Annotated[float, typer.Option(help="Lateral tolerance.")] = 0.0,
    rx_deg: Annotated[float, typer.Option(help="Tolerance of the tilt about x.")] = 0.0,
    ry_deg: Annotated[float, typer.Option(help="Tolerance of the tilt about y.")] = 0.0,
    gaussian: Annotated[
        bool, typer.Option("--gaussian", help="Tolerances are standard deviations, not limits.")
    ] = False,
    amplitude_deviation: Annotated[
        float, typer.Option(help="Standard deviation of the atoms' amplitudes, relative.")
    ] = 0.0,
    phase_deviation_deg: Annotated[
        float, typer.Option(help="Standard deviation of the atoms' phases.")
    ] = 0.0,
    stuck_share: Annotated[float, typer.Option(help="Share of atoms that stick.")] = 0.0,
    dead_share: Annotated[float, typer.Option(help="Share of atoms that let nothing through.")] = 0,
    seed: Seed = 0,
    json: AsJson = False,
) -> None:
    """Write a stack as fabrication might make it: a stack file like any other.

    Without options, within the tolerances of the calibration paper. Tolerances hold for every
    programmable layer.
    """
    from dataclasses import replace
    from math import radians

    import jax
    import numpy as np

    from ..files import read_stack, write_stack
    from ..geometry import Pose
    from ..imperfections import GaussianErrors, Imperfections, UniformErrors, built

    require_writable(output, ".toml")
    description = read_stack(stack)
    wavelength_m = float(description.stack.wavelength_m)
    shifts_m = (each * wavelength_m for each in (dx_wavelengths, dy_wavelengths, dz_wavelengths))
    imperfections = Imperfections(
        Pose(*shifts_m, *map(radians, (rx_deg, ry_deg, rz_deg))),
        GaussianErrors() if gaussian else UniformErrors(),
        amplitude_deviation,
        radians(phase_deviation_deg),
        stuck_share,
        dead_share,
    )
    made = built(description.stack, imperfections, jax.random.key(seed))
    name = f"{description.name}, built (seed {seed})"
    write_stack(replace(description, stack=made, name=name), output)
    faults = np.asarray(getattr(made.atoms, "is_stuck", False))
    answer = {"seed": seed, "stuck_or_dead_atoms": int(faults.sum()), "output": str(output)}
    emit({**answer, "layers": _layers(made.poses, wavelength_m)}, as_json=json)


def _layers(poses: "Pose", wavelength_m: float) -> list[dict[str, Any]]:
    """Where each programmable layer came to stand."""
    import numpy as np

    shifts = np.stack([poses.dx_m, poses.dy_m, poses.dz_m]) / wavelength_m
    turns_deg = np.degrees(np.stack([poses.rx_rad, poses.ry_rad, poses.rz_rad]))
    names = _DEGREES_OF_FREEDOM + _TURNS
    values = np.concatenate([shifts, turns_deg]).T[1:-1]
    return [
        {"layer": layer, **dict(zip(names, map(float, row), strict=True))}
        for layer, row in enumerate(values, start=1)
    ]
