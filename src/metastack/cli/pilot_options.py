"""Options that say what pilots are and in whose convention they are written, and reading them."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeAlias

import typer

from .illumination import Lighting, illumination_of
from .output import warn

if TYPE_CHECKING:
    from ..calibration import Pilots, WidebandPilots
    from ..files import StoredProbedPilots
    from ..stack import Stack

PilotsPath: TypeAlias = Annotated[
    Path,
    typer.Argument(
        metavar="PILOTS",
        help="Pilots (.nc, .npz, .mat), or a folder of .csv files.",
        show_default=False,
    ),
]


@dataclass(frozen=True)
class Convention:
    """In which convention pilots are written, and how noisy they are."""

    conjugate: Annotated[
        bool,
        typer.Option(
            "--conjugate", help="Responses are of time e^{+jwt}, as network analysers give."
        ),
    ] = False
    negate_phases: Annotated[
        bool, typer.Option("--negate-phases", help="Phases are counted the other way, as delays.")
    ] = False
    noise_variance: Annotated[
        float | None,
        typer.Option(help="Noise power of one response; else the file's, or estimated."),
    ] = None


OURS = Convention()


def read_measured(
    path: Path,
    stack: "Stack",
    lighting: Lighting,
    given: Convention = OURS,
) -> "Pilots":
    """Pilots in our convention, checked against the stack; warns of what is odd.

    Raises:
        InputError: a file that holds no pilots of this stack, or pilots in another convention.
    """
    from ..calibration import FromInputPorts
    from ..files import check_frequency, read_pilots

    stored = read_pilots(path, illumination=illumination_of(lighting), otherwise=FromInputPorts())
    check_frequency(stored, stack)
    for warning in stored.warnings:
        warn(warning)
    return _in_ours(stored.pilots, stack, path, given)


def read_measured_probes(
    path: Path,
    stack: "Stack",
    lighting: Lighting,
    given: Convention = OURS,
) -> "StoredProbedPilots":
    """As `read_measured`, of pilots with what probes read meanwhile; powers know no convention.

    Raises:
        InputError: as `read_measured`; probes that this stack cannot have.
    """
    from ..calibration import FromInputPorts, check_probes
    from ..files import check_frequency, read_probed_pilots

    lit = illumination_of(lighting)
    stored = read_probed_pilots(path, illumination=lit, otherwise=FromInputPorts())
    check_frequency(stored, stack)
    for warning in stored.warnings:
        warn(warning)
    check_probes(stored.probes, stack)
    return replace(stored, pilots=_in_ours(stored.pilots, stack, path, given))


def read_measured_band(
    path: Path,
    stack: "Stack",
    lighting: Lighting,
    given: Convention = OURS,
) -> "WidebandPilots":
    """As `read_measured`, of pilots of several frequencies.

    Raises:
        InputError: as `read_measured`.
    """
    import numpy as np

    from .. import calibration
    from ..calibration import FromInputPorts, WidebandPilots, check_pilots
    from ..calibration.wideband_pilots import at_frequency
    from ..files import check_frequency, read_wideband_pilots

    lit = illumination_of(lighting)
    stored = read_wideband_pilots(path, illumination=lit, otherwise=FromInputPorts())
    check_frequency(stored, stack)
    for warning in stored.warnings:
        warn(warning)
    pilots = calibration.Convention(given.conjugate, given.negate_phases).read(stored.pilots)
    if given.noise_variance is not None:
        pilots = WidebandPilots.measured(
            pilots.plan, pilots.frequencies_hz, pilots.received, given.noise_variance
        )
    check_pilots(pilots.at(0), stack)
    # Where atoms disperse least.
    nearest = int(np.argmin(np.abs(pilots.frequencies_hz - float(stack.frequency_hz))))
    there = at_frequency(stack, float(pilots.frequencies_hz[nearest]))
    _check_convention(pilots.at(nearest), there, path)
    return pilots


def _in_ours(pilots: "Pilots", stack: "Stack", path: Path, given: Convention) -> "Pilots":
    """Pilots in our convention, checked against the stack."""
    from .. import calibration
    from ..calibration import Pilots, check_pilots

    pilots = calibration.Convention(given.conjugate, given.negate_phases).read(pilots)
    if given.noise_variance is not None:
        pilots = Pilots.measured(pilots.plan, pilots.received, given.noise_variance)
    check_pilots(pilots, stack)
    _check_convention(pilots, stack, path)
    return pilots


def _check_convention(pilots: "Pilots", stack: "Stack", path: Path) -> None:
    from ..calibration import OURS, likelier_convention
    from ..errors import require

    likelier = likelier_convention(stack, pilots)
    require(
        likelier == OURS,
        f"`{path}` must be in the convention e^{{-jwt}}, but the stack explains it far better if "
        f"{likelier.words}: toggle {likelier.option}, or the fit would find a stack that does not "
        "exist.",
    )
