"""`metastack simulate built`: a stack as fabrication might make it."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .option_groups import option_groups
from .options import AsJson, Seed, StackPath, require_writable
from .output import emit
from .tolerances import PUBLISHED, SOUND_ATOMS, AtomErrors, Tolerances, imperfections_of

if TYPE_CHECKING:
    from ..geometry import Pose

_DEGREES_OF_FREEDOM = ("dx_wavelengths", "dy_wavelengths", "dz_wavelengths")
_TURNS = ("rx_deg", "ry_deg", "rz_deg")


@option_groups
def built(
    stack: StackPath,
    output: Annotated[Path, typer.Option("-o", "--output", help="Stack file to write (.toml).")],
    tolerances: Tolerances = PUBLISHED,
    atom_errors: AtomErrors = SOUND_ATOMS,
    seed: Seed = 0,
    json: AsJson = False,
) -> None:
    """Write a stack as fabrication might make it: a stack file like any other.

    Without options, within the tolerances of the calibration paper. Tolerances hold for every
    programmable layer.
    """
    from dataclasses import replace

    import jax
    import numpy as np

    from ..files import read_stack, write_stack
    from ..imperfections import built

    require_writable(output, ".toml")
    description = read_stack(stack)
    wavelength_m = float(description.stack.wavelength_m)
    imperfections = imperfections_of(description.stack, tolerances, atom_errors)
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
