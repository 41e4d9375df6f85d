"""Options that say how a stack is lit while pilots are sent."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    import numpy as np
    from jaxtyping import Float

    from ..calibration.illumination import Illumination


@dataclass(frozen=True)
class Lighting:
    """Who lights the stack; by default nobody says."""

    near: Annotated[
        list[str] | None,
        typer.Option(
            "--near",
            metavar="AZIMUTH_DEG,ELEVATION_DEG,METRES",
            help="A user nearby, seen from the stack; again for more.",
        ),
    ] = None
    far: Annotated[
        list[str] | None,
        typer.Option(
            "--far",
            metavar="THETA_DEG,PHI_DEG",
            help="A plane wave: angle from the stack axis, azimuth from x; again for more.",
        ),
    ] = None
    past_input: Annotated[
        bool,
        typer.Option(
            "--past-input", help="Waves meet the first programmable layer, not the input."
        ),
    ] = False


NOT_TOLD = Lighting()


def illumination_of(lighting: Lighting) -> "Illumination | None":
    """What `--near`, `--far` and `--past-input` say; nothing if none of them is given.

    Raises:
        InputError: users both near and far, none for `--past-input`, or an impossible one.
    """
    from ..errors import require

    near, far, past_input = lighting.near, lighting.far, lighting.past_input
    require(not (near and far), "Give users by either `--near` or `--far`, not both.")
    if not near and not far:
        require(not past_input, "`--past-input` must go with users: give `--near` or `--far`.")
        return None
    import numpy as np

    from ..calibration.illumination import (
        OntoFirstLayer,
        OntoInputLayer,
        PlaneWaves,
        SphericalWaves,
    )

    onto = OntoFirstLayer if past_input else OntoInputLayer
    if near:
        azimuth_deg, elevation_deg, distance_m = _columns("near", near, 3)
        radians = np.radians(azimuth_deg), np.radians(elevation_deg)
        return onto(SphericalWaves.from_directions(*radians, distance_m))
    theta_deg, phi_deg = _columns("far", far or [], 2)
    return onto(PlaneWaves.from_angles(np.radians(theta_deg), np.radians(phi_deg)))


def _columns(option: str, texts: list[str], size: int) -> "Float[np.ndarray, 'numbers users']":
    """The first numbers of all users, the second numbers, and so on."""
    import numpy as np

    return np.array([_numbers(option, text, size) for text in texts]).T


def _numbers(option: str, text: str, size: int) -> list[float]:
    from math import isfinite

    from ..errors import InputError

    try:
        numbers = [float(part) for part in text.split(",")]
    except ValueError:
        numbers = []
    if len(numbers) != size or not all(map(isfinite, numbers)):
        raise InputError(
            f"`--{option}` must be {size} numbers separated by commas, but is {text!r}."
        )
    return numbers
